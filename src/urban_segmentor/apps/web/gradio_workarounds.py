"""What Gradio 6.31.0 does that this app cannot have, undone in one place.

Each says what Gradio does, and when it can go; `tests/apps/web/test_gradio_workarounds.py` fails
when Gradio has changed.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from urban_segmentor.apps.http.responses import error_response

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

API_PREFIX = "/gradio_api"
"""Path prefix of Gradio's own routes, which are available below `/api` as well."""

# Gradio's proxies, development tools and usage recording.
_BLOCKED_PATHS = re.compile(
    rf"({API_PREFIX}/(proxy=|custom_component|process_recording|vibe|undo-vibe|dev/|runs|run-history"
    r"|token|startup-events|profiling|component_server|deep_link)|/monitoring|/svelte"
    r"|/pwa_icon|/login|/logout)"
)

_TEXT_TYPES = (b"application/json", b"text/event-stream", b"text/html", b"text/plain")


def set_gradio_environment(temp_dir: Path) -> None:
    """Set where Gradio keeps uploads, and that it tells its makers nothing.

    Gradio reads the folder from the environment once, when it is imported, and asks the
    environment about usage data each time, whatever `Blocks(analytics_enabled=False)` says. It can
    go when `mount_gradio_app` takes both.

    Args:
        temp_dir: Folder of uploads, from which they are deleted.
    """
    os.environ["GRADIO_TEMP_DIR"] = str(temp_dir)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"


def undecoded_upload(upload: Any) -> Any:
    """Return an upload component whose value is the path of the file, not decoded.

    Gradio opens images with Pillow, and may hand videos to FFmpeg, before anything is checked. A
    subclass is no option, since Gradio writes a `.pyi` file beside the source of each one. It can
    go when components hand out the path alone.

    Args:
        upload: A `gr.Image` or `gr.Video`.
    """

    def path_of(payload: Any) -> Any:
        return None if payload is None else payload.path

    upload.preprocess = path_of
    return upload


class PathMaskingMiddleware:
    """ASGI middleware that replaces the path of a folder by another of the same length.

    Gradio tells visitors where their uploads lie on the server, and takes such paths back. Here
    the folder has another name outside, of the same length, so that nothing else of a message
    changes. It can go when uploads have names that say nothing of the server.

    Args:
        app: The wrapped app.
        folder: The folder to mask; its path is long and random, so that nothing else matches it.
        prefix: Path prefix of the requests to rewrite; others are forwarded unchanged.
    """

    def __init__(self, app: ASGIApp, *, folder: Path, prefix: str) -> None:
        self._app, self._prefix = app, prefix
        real_path = str(folder)
        masked_path = f"/{'files':-<{len(real_path) - 1}}"[: len(real_path)]
        self._real_path, self._masked_path = real_path, masked_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request with the real path, and its response with the masked one."""
        if scope["type"] != "http" or not self._is_masked(scope["path"]):
            await self._app(scope, receive, send)
            return
        inner = dict(scope)
        inner["path"] = scope["path"].replace(self._masked_path, self._real_path)
        raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
        inner["raw_path"] = raw.replace(self._masked_path.encode(), self._real_path.encode())
        # Compressed responses could not be rewritten.
        inner["headers"] = [
            pair for pair in scope["headers"] if pair[0].lower() != b"accept-encoding"
        ]
        await self._app(inner, self._unmasking_receive(scope, receive), self._masking_send(send))

    def _is_masked(self, path: str) -> bool:
        return path.startswith(self._prefix) or path in {"/", "/config"}

    def _unmasking_receive(self, scope: Scope, receive: Receive) -> Receive:
        is_json = any(
            name.lower() == b"content-type" and b"json" in value for name, value in scope["headers"]
        )
        return (
            ReplacingReceive(receive, self._masked_path.encode(), self._real_path.encode())
            if is_json
            else receive
        )

    def _masking_send(self, send: Send) -> Send:
        real_path, masked_path = self._real_path.encode(), self._masked_path.encode()
        is_text = False

        async def forward(message: Message) -> None:
            nonlocal is_text
            if message["type"] == "http.response.start":
                kinds = [v for k, v in message["headers"] if k.lower() == b"content-type"]
                is_text = any(kind.startswith(_TEXT_TYPES) for kind in kinds)
            elif is_text and "body" in message:
                message = {**message, "body": message["body"].replace(real_path, masked_path)}
            await send(message)

        return forward


class ReplacingReceive:
    """ASGI `receive` that replaces a text in the body by another of the same length.

    Args:
        receive: The wrapped `receive`; a match may lie across two chunks.
        old: The text to replace.
        new: Its replacement.
    """

    def __init__(self, receive: Receive, old: bytes, new: bytes) -> None:
        self._receive, self._old, self._new = receive, old, new
        self._pending = b""

    async def __call__(self) -> Message:
        """Return the next message, holding back the end, in which a match may begin."""
        message = await self._receive()
        if message["type"] != "http.request":
            return message
        body = (self._pending + message.get("body", b"")).replace(self._old, self._new)
        overlap = len(self._old) - 1 if message.get("more_body") else 0
        cut = len(body) - overlap if overlap else len(body)
        cut = max(cut, 0)
        self._pending = body[cut:]
        return {**message, "body": body[:cut]}


class GradioRoutesMiddleware:
    """ASGI middleware that closes routes nobody needs, and offers the others below `/api`.

    Gradio has them all open, below a prefix of its own. It can go when `mount_gradio_app` takes
    the routes that there shall be, and their prefix.

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
