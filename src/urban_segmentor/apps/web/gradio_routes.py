"""`GradioRoutesMiddleware`: which of Gradio's own routes there are, and under which names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from urban_segmentor.apps.http.responses import error_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

API_PREFIX = "/gradio_api"
"""Path prefix of Gradio's own routes, which are available below `/api` as well."""

# Gradio's proxies, development tools and usage recording.
_BLOCKED_PATHS = re.compile(
    rf"({API_PREFIX}/(proxy=|custom_component|process_recording|vibe|undo-vibe|dev/|runs|run-history"
    r"|token|startup-events|profiling|component_server|deep_link)|/monitoring|/svelte"
    r"|/pwa_icon|/login|/logout)"
)


class GradioRoutesMiddleware:
    """ASGI middleware that closes routes nobody needs, and offers the others below `/api`.

    Args:
        app: The wrapped app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request under Gradio's name for its path, or say that there is nothing."""
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
        app = self._app
        if _BLOCKED_PATHS.match(path):
            app = error_response(404, "there is nothing here")
        await app(scope, receive, send)
