"""Limits on the size of request bodies.

`BodyLimitMiddleware` is for all requests and answers in general terms; `size_limited_route` is
tighter, for the REST API alone, and answers with the limits of images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from urban_segmentor.errors import TooLargeError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from urban_segmentor.apps.web.limits import UploadLimits

_FORM_OVERHEAD_BYTES = 100_000  # of a form around its image


class _TooLargeError(Exception):
    """A body exceeds its limit."""


class BodyLimitMiddleware:
    """ASGI middleware that limits the size of request bodies.

    Args:
        app: The wrapped app.
        max_bytes_by_prefix: Maximum bytes of a body by path prefix; the first match counts.
    """

    def __init__(self, app: ASGIApp, *, max_bytes_by_prefix: Mapping[str, int]) -> None:
        self._app, self._max_bytes_by_prefix = app, dict(max_bytes_by_prefix)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, counting the bytes of its body."""
        max_bytes = self._limit(scope) if scope["type"] == "http" else None
        if max_bytes is None:
            await self._app(scope, receive, send)
            return
        response = JSONResponse(
            {"error": f"more than {max_bytes / 1e6:.0f} MB were sent", "hint": "send less"}, 413
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
            if (
                received > max_bytes and not response_started
            ):  # the app turned our error into its own response
                raise _TooLargeError
            response_started = True
            await send(message)

        try:
            await self._app(scope, counting_receive, guarded_send)
        except _TooLargeError:
            if not response_started:
                await response(scope, receive, send)

    def _limit(self, scope: Scope) -> int | None:
        path: str = scope["path"]
        return next(
            (
                max_bytes
                for prefix, max_bytes in self._max_bytes_by_prefix.items()
                if path.startswith(prefix)
            ),
            None,
        )


def size_limited_route(limits: UploadLimits) -> type[APIRoute]:
    """Return a route class that limits the size of request bodies to one image in a form.

    Args:
        limits: Has the maximum size of an image.
    """
    max_bytes = limits.image_bytes + _FORM_OVERHEAD_BYTES

    def too_large_error(size: int) -> TooLargeError:
        return TooLargeError(f"more than {size / 1e6:.1f} MB were sent", hint=limits.image_text)

    class SizeLimitedRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handler = super().get_route_handler()

            async def limited_handler(request: Request) -> Response:
                content_length = request.headers.get("content-length", "")
                if content_length.isdecimal() and int(content_length) > max_bytes:
                    raise too_large_error(max_bytes)
                received = 0

                async def receive() -> Message:
                    nonlocal received
                    message = await request.receive()
                    received += len(message.get("body", b""))
                    if received > max_bytes:
                        raise too_large_error(max_bytes)
                    return message

                try:
                    return await handler(Request(request.scope, receive))
                except HTTPException:
                    if received > max_bytes:  # the form parser reports it as an invalid form
                        raise too_large_error(max_bytes) from None
                    raise

            return limited_handler

    return SizeLimitedRoute
