"""The page as a Starlette app: HTML, state, controls, snapshots and stream."""

from __future__ import annotations

import re
import time
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from urban_segmentor.apps.http.access import AuthenticationMiddleware, OriginMiddleware
from urban_segmentor.apps.http.body_limits import BodyLimit, BodyLimitMiddleware
from urban_segmentor.apps.http.responses import error_response, http_error_response
from urban_segmentor.apps.live.browser.apply_controls import apply_controls
from urban_segmentor.apps.live.browser.login import LOGIN_PATH, redirect_without_token
from urban_segmentor.apps.live.browser.mjpeg import encode_png, encode_snapshot_jpeg
from urban_segmentor.apps.live.browser.request_body import MAX_BODY_BYTES, read_body
from urban_segmentor.apps.live.browser.viewer_streams import (
    MAX_VIEWERS,
    STREAM_MEDIA_TYPE,
    StreamResponse,
    ViewerStreams,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from urban_segmentor.apps.live.browser.login import Login
    from urban_segmentor.apps.live.browser.mjpeg import MjpegEncoder
    from urban_segmentor.apps.live.view_controls import ViewControls
    from urban_segmentor.structures.frame import Image, Yuv420

HEADERS = [
    ("Cache-Control", "no-store"),
    (
        "Content-Security-Policy",
        (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
    ),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
]
"""Headers of all responses."""

_VIEWER_NAME = re.compile(r"[0-9a-z]{1,32}")
_FILES = {
    "/live.js": "text/javascript",
    "/controls.js": "text/javascript",
    "/style.css": "text/css",
    "/icon.svg": "image/svg+xml",
}
_PUBLIC_PATHS = (LOGIN_PATH, "/style.css", "/icon.svg")  # the login page and its files


class PageRoutes:
    """Answers requests of the page.

    Args:
        controls: View controls, which viewers may change.
        title: Title above the image.
        images: Encoder of the newest frame.
        state: Returns the state as JSON values, without that of the viewer.
    """

    def __init__(
        self,
        controls: ViewControls,
        *,
        title: str,
        images: MjpegEncoder,
        state: Callable[[], dict[str, object]],
    ) -> None:
        self._controls, self._title = controls, title
        self._images, self._state = images, state
        self._viewers = ViewerStreams()

    def app(self, *, login: Login | None, host: str) -> ASGIApp:
        """Return the app.

        Args:
            login: Decides on access; None to give access to all who reach the page.
            host: Host name that the user chose; accepted as `Host`.
        """
        routes = [
            Route("/", self._page),
            Route("/state.json", self._get_state),
            Route("/control", self._control, methods=["POST"]),
            Route("/stream.mjpg", self._stream),
            Route("/picture.jpg", self._jpeg_snapshot),
            Route("/picture.png", self._png_snapshot),
            Route("/healthz", self._health),
            *(Route(path, _file) for path in _FILES),
        ]
        if login is not None:
            routes.append(Route(LOGIN_PATH, login.form, methods=["GET", "POST"]))
        starlette = Starlette(
            routes=routes,
            exception_handlers={HTTPException: _on_http_error, Exception: _on_failure},
        )
        starlette.router.redirect_slashes = False
        limit = BodyLimit(max_bytes=MAX_BODY_BYTES)
        app: ASGIApp = BodyLimitMiddleware(starlette, limits={"": limit})
        if login is not None:
            app = AuthenticationMiddleware(
                app, is_authorized=login.is_authorized, public_paths=_PUBLIC_PATHS, login=login
            )
        return OriginMiddleware(app, hosts=[host] if login is None else None, cross_site="links")

    async def _page(self, request: Request) -> Response:
        if "token" in request.query_params:
            return redirect_without_token(request)
        text = _read("page.html").decode("utf-8")
        return HTMLResponse(text.replace("{title}", escape(self._title)))

    async def _get_state(self, request: Request) -> Response:
        viewer = self._viewers.get(request.query_params.get("viewer", ""))
        viewer_state = None if viewer is None else {"sent": viewer.sent, "fps": viewer.fps}
        viewers_state = {
            "viewers": len(self._viewers),
            "max_viewers": MAX_VIEWERS,
            "viewer": viewer_state,
        }
        return JSONResponse(self._state() | viewers_state)

    async def _control(self, request: Request) -> Response:
        apply_controls(self._controls, await read_body(request, media_type="application/json"))
        return await self._get_state(request)

    async def _stream(self, request: Request) -> Response:
        if request.method == "HEAD":
            return Response(media_type=STREAM_MEDIA_TYPE)
        name = request.query_params.get("viewer", "")
        joined = self._viewers.join(name if _VIEWER_NAME.fullmatch(name) else "")
        if joined is None:
            raise HTTPException(
                503, "there are too many viewers; try again later", {"Retry-After": "5"}
            )
        return StreamResponse(self._images, viewer=joined, viewers=self._viewers)

    async def _health(self, _request: Request) -> Response:
        return JSONResponse({"ok": True})

    # Starlette runs functions that are not async in threads, where encoding holds up no viewer.
    def _jpeg_snapshot(self, _request: Request) -> Response:
        return self._snapshot("jpg", "image/jpeg", encode_snapshot_jpeg)

    def _png_snapshot(self, _request: Request) -> Response:
        return self._snapshot("png", "image/png", encode_png)

    def _snapshot(
        self, suffix: str, media_type: str, encode: Callable[[Image | Yuv420], bytes]
    ) -> Response:
        frame = self._images.frame
        if frame is None:
            raise HTTPException(503, "there is no picture yet", {"Retry-After": "1"})
        name = time.strftime(f"street-%Y%m%d-%H%M%S.{suffix}")
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(encode(frame.pixels), 200, headers, media_type)


async def _file(request: Request) -> Response:
    path = request.scope["path"]
    return Response(_read(path[1:]), media_type=_FILES[path])


def _on_http_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return http_error_response(error)


def _on_failure(_request: Request, _error: Exception) -> Response:
    return error_response(500, "this failed here")


def _read(name: str) -> bytes:
    return (resources.files("urban_segmentor.apps.live.browser") / "files" / name).read_bytes()
