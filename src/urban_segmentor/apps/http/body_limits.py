"""`BodyLimitMiddleware`: limits on the size of request bodies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from urban_segmentor.apps.http.responses import error_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimit:
    """How much may be sent.

    Attributes:
        max_bytes: Maximum size of a body.
        hint: What whoever sent more can do.
    """

    max_bytes: int
    hint: str = "send less"


class _TooLargeError(Exception):
    """A body exceeds its limit."""


class BodyLimitMiddleware:
    """ASGI middleware that limits the size of request bodies.

    Args:
        app: The wrapped app.
        limits: Limit by path prefix; the first match counts, and there must be one.
    """

    def __init__(self, app: ASGIApp, *, limits: Mapping[str, BodyLimit]) -> None:
        self._app, self._limits = app, dict(limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, counting the bytes of its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        limit = next(limit for prefix, limit in self._limits.items() if path.startswith(prefix))
        max_bytes = limit.max_bytes
        response = error_response(
            413, f"more than {max_bytes / 1e6:.3g} MB were sent", hint=limit.hint
        )
        content_length = dict(scope["headers"]).get(b"content-length", b"0")
        if content_length.isdigit() and int(content_length) > max_bytes:
            await response(scope, receive, send)
            return
        received, response_started = 0, False

        async def counting_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > max_bytes:
                raise _TooLargeError
            return message

        async def guarded_send(message: Message) -> None:
            nonlocal response_started
            if received > max_bytes and not response_started:
                raise _TooLargeError  # the app turned our error into its own response
            response_started = True
            await send(message)

        try:
            await self._app(scope, counting_receive, guarded_send)
        except _TooLargeError:
            if not response_started:
                await response(scope, receive, send)
