"""How much a request may send, counted while it comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class _TooLargeError(Exception):
    """A body goes on after its limit."""


class BodyLimitMiddleware:
    """ASGI middleware that ends what does not end by itself.

    Args:
        app: What it stands in front of.
        most: Bytes of a body, by the beginning of the path; the first that fits counts.
    """

    def __init__(self, app: ASGIApp, *, most: Mapping[str, int]) -> None:
        self._app, self._most = app, dict(most)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count what comes in with it."""
        most = self._limit(scope) if scope["type"] == "http" else None
        if most is None:
            await self._app(scope, receive, send)
            return
        refusal = JSONResponse(
            {"error": f"more than {most / 1e6:.0f} MB were sent", "hint": "send less"}, 413
        )
        said = dict(scope["headers"]).get(b"content-length", b"0")
        if said.isdigit() and int(said) > most:
            await refusal(scope, receive, send)
            return
        got, has_begun = 0, False

        async def counted() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > most:
                raise _TooLargeError
            return message

        async def noted(message: Message) -> None:
            nonlocal has_begun
            if got > most and not has_begun:  # the app made an answer of its own out of our error
                raise _TooLargeError
            has_begun = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except _TooLargeError:
            if not has_begun:
                await refusal(scope, receive, send)

    def _limit(self, scope: Scope) -> int | None:
        path: str = scope["path"]
        return next((most for start, most in self._most.items() if path.startswith(start)), None)
