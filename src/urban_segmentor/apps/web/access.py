"""Who may come in, and to which doors."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import re
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

API_PREFIX = "/gradio_api"
"""Where Gradio has its own doors; from outside they are below `/api` as well."""

_PAUSE_S = 0.5  # after each wrong password
# Gradio's ways to other servers, its development tools, and what records its users.
_SHUT = re.compile(
    rf"({API_PREFIX}/(proxy=|custom_component|process_recording|vibe|undo-vibe|dev/|runs|run-history"
    r"|token|startup-events|profiling|component_server|deep_link)|/monitoring|/svelte"
    r"|/pwa_icon|/login|/logout)"
)
_OPEN = "/health"


class AccessMiddleware:
    """ASGI middleware that turns away what has no business here.

    Args:
        app: What it stands in front of.
        password: What visitors must know, or None.
        is_local: True when only this machine is served, so that other pages may not post here.
    """

    def __init__(self, app: ASGIApp, *, password: str | None, is_local: bool) -> None:
        self._app, self._is_local = app, is_local
        self._password = None if password is None else password.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if path.startswith("/api/"):
            path = API_PREFIX + path.removeprefix("/api")
            raw: bytes = scope.get("raw_path") or path.encode()
            scope = {
                **scope,
                "path": path,
                "raw_path": API_PREFIX.encode() + raw.removeprefix(b"/api"),
            }
        if _SHUT.match(path):
            await JSONResponse({"error": "there is nothing here"}, 404)(scope, receive, send)
        elif self._is_local and _comes_from_elsewhere(scope):
            answer = JSONResponse({"error": "other pages may not use this one"}, 403)
            await answer(scope, receive, send)
        elif path != _OPEN and not self._knows(scope):
            if _header(scope, b"authorization"):
                await asyncio.sleep(_PAUSE_S)
            asks = {"WWW-Authenticate": 'Basic realm="Urban Segmentor", charset="UTF-8"'}
            await PlainTextResponse("a password is needed", 401, asks)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        """Return whether a request carries the password; the name beside it does not matter."""
        if self._password is None:
            return True
        scheme, _, coded = _header(scope, b"authorization").partition(b" ")
        if scheme.lower() != b"basic":
            return False
        try:
            given = base64.b64decode(coded.strip(), validate=True).partition(b":")[2]
        except binascii.Error:
            return False
        return hmac.compare_digest(given, self._password)


def _comes_from_elsewhere(scope: Scope) -> bool:
    """Return whether a page of another site sent a request that changes something."""
    site = _header(scope, b"sec-fetch-site")
    return scope["method"] not in {"GET", "HEAD"} and site in {b"cross-site", b"same-site"}


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key.lower() == name), b"")
