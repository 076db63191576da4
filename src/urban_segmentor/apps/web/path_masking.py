"""Other names for the server's folder in everything that goes in and out.

Gradio tells visitors where their uploads lie on the server, and takes such paths back. Here the
folder has another name outside, of the same length, so that nothing else of a message changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_REWRITTEN = (b"application/json", b"text/event-stream", b"text/html", b"text/plain")


class PathMaskingMiddleware:
    """ASGI middleware that swaps the name of a folder.

    Args:
        app: What it stands in front of.
        folder: Whose name stays inside; long and random, so that nothing else is called so.
        prefix: Paths below which messages are looked at; others go through as they are.
    """

    def __init__(self, app: ASGIApp, *, folder: Path, prefix: str) -> None:
        self._app, self._prefix = app, prefix
        inside = str(folder)
        outside = f"/{'files':-<{len(inside) - 1}}"[: len(inside)]
        self._inside, self._outside = inside, outside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with the inner name, and its answer back with the outer one."""
        if scope["type"] != "http" or not self._concerns(scope["path"]):
            await self._app(scope, receive, send)
            return
        inner = dict(scope)
        inner["path"] = scope["path"].replace(self._outside, self._inside)
        raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
        inner["raw_path"] = raw.replace(self._outside.encode(), self._inside.encode())
        # What is compressed cannot be read here.
        inner["headers"] = [
            pair for pair in scope["headers"] if pair[0].lower() != b"accept-encoding"
        ]
        await self._app(inner, self._incoming(scope, receive), self._outgoing(send))

    def _concerns(self, path: str) -> bool:
        return path.startswith(self._prefix) or path in {"/", "/config"}

    def _incoming(self, scope: Scope, receive: Receive) -> Receive:
        is_json = any(
            name.lower() == b"content-type" and b"json" in value for name, value in scope["headers"]
        )
        return (
            Swapped(receive, self._outside.encode(), self._inside.encode()) if is_json else receive
        )

    def _outgoing(self, send: Send) -> Send:
        inside, outside = self._inside.encode(), self._outside.encode()
        rewrites = False

        async def forward(message: Message) -> None:
            nonlocal rewrites
            if message["type"] == "http.response.start":
                kinds = [v for k, v in message["headers"] if k.lower() == b"content-type"]
                rewrites = any(kind.startswith(_REWRITTEN) for kind in kinds)
            elif rewrites and "body" in message:
                message = {**message, "body": message["body"].replace(inside, outside)}
            await send(message)

        return forward


class Swapped:
    """The body of a request with one text in the place of another of the same length.

    Args:
        receive: Gives the body part by part; a name may lie across two parts.
        old: What is replaced.
        new: What stands there instead.
    """

    def __init__(self, receive: Receive, old: bytes, new: bytes) -> None:
        self._receive, self._old, self._new = receive, old, new
        self._held = b""

    async def __call__(self) -> Message:
        """Return the next part, holding back an end in which a name may have begun."""
        message = await self._receive()
        if message["type"] != "http.request":
            return message
        body = (self._held + message.get("body", b"")).replace(self._old, self._new)
        keep = len(self._old) - 1 if message.get("more_body") else 0
        cut = len(body) - keep if keep else len(body)
        cut = max(cut, 0)
        self._held = body[cut:]
        return {**message, "body": body[:cut]}
