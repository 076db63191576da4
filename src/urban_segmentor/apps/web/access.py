"""`AccessMiddleware`: password, cross-site and path checks in front of the app."""

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
"""Path prefix of Gradio's own routes, which are available below `/api` as well."""

_FAILURE_DELAY_S = 0.5  # after each wrong password
# Gradio's proxies, development tools and usage recording.
_BLOCKED_PATHS = re.compile(
    rf"({API_PREFIX}/(proxy=|custom_component|process_recording|vibe|undo-vibe|dev/|runs|run-history"
    r"|token|startup-events|profiling|component_server|deep_link)|/monitoring|/svelte"
    r"|/pwa_icon|/login|/logout)"
)
_PUBLIC_PATH = "/health"


class AccessMiddleware:
    """ASGI middleware that rejects requests without access.

    Args:
        app: The wrapped app.
        password: Password of HTTP basic authentication, or None.
        is_local: True when only this machine is served; cross-site posts are rejected then.
    """

    def __init__(self, app: ASGIApp, *, password: str | None, is_local: bool) -> None:
        self._app, self._is_local = app, is_local
        self._password = None if password is None else password.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, or reject it."""
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
        if _BLOCKED_PATHS.match(path):
            await JSONResponse({"error": "there is nothing here"}, 404)(scope, receive, send)
        elif self._is_local and _is_cross_site(scope):
            response = JSONResponse({"error": "other pages may not use this one"}, 403)
            await response(scope, receive, send)
        elif path != _PUBLIC_PATH and not self._is_authorized(scope):
            if _header(scope, b"authorization"):
                await asyncio.sleep(_FAILURE_DELAY_S)
            headers = {"WWW-Authenticate": 'Basic realm="Urban Segmentor", charset="UTF-8"'}
            await PlainTextResponse("a password is needed", 401, headers)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_authorized(self, scope: Scope) -> bool:
        """Return whether a request carries the password; its user name is ignored."""
        if self._password is None:
            return True
        scheme, _, credentials = _header(scope, b"authorization").partition(b" ")
        if scheme.lower() != b"basic":
            return False
        try:
            password = base64.b64decode(credentials.strip(), validate=True).partition(b":")[2]
        except binascii.Error:
            return False
        return hmac.compare_digest(password, self._password)


def _is_cross_site(scope: Scope) -> bool:
    """Return whether a request is cross-site and not read-only."""
    site = _header(scope, b"sec-fetch-site")
    return scope["method"] not in {"GET", "HEAD"} and site in {b"cross-site", b"same-site"}


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key.lower() == name), b"")
