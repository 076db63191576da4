"""Routes of the page: HTML, state, controls, snapshots, login and stream."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from html import escape
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

from urban_segmentor.apps.live.browser.apply_controls import apply_controls
from urban_segmentor.apps.live.browser.mjpeg import encode_png, encode_snapshot_jpeg
from urban_segmentor.apps.live.browser.requests import RequestReader, RequestRefusedError
from urban_segmentor.apps.live.browser.responses import (
    HTML,
    JSON,
    Response,
    error_response,
    json_response,
)
from urban_segmentor.apps.live.browser.viewer_streams import (
    MAX_VIEWERS,
    STREAM_MEDIA_TYPE,
    ViewerStreams,
    send_stream,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from urban_segmentor.apps.live.browser.authenticator import Authenticator
    from urban_segmentor.apps.live.browser.mjpeg import MjpegEncoder
    from urban_segmentor.apps.live.browser.requests import Request
    from urban_segmentor.apps.live.view_controls import ViewControls
    from urban_segmentor.structures.frame import Frame, Image, Yuv420

_STREAM = "/stream.mjpg"
_RESPONSE_TIMEOUT_S = 10.0
_FORM = "application/x-www-form-urlencoded"
_VIEWER_NAME = re.compile(r"[0-9a-z]{1,32}")
_FILES = {
    "/live.js": "text/javascript; charset=utf-8",
    "/controls.js": "text/javascript; charset=utf-8",
    "/style.css": "text/css; charset=utf-8",
    "/icon.svg": "image/svg+xml",
}
_LOGIN = "/login"
_AUTH_HEADER = ("WWW-Authenticate", "Bearer")
_PUBLIC_PATHS = {
    _LOGIN,
    "/style.css",
    "/icon.svg",
}  # the login page and its files


class Routes:
    """Dispatches requests to handlers.

    Args:
        controls: View controls, which viewers may change.
        title: Title above the image.
        images: Encoder of the newest frame.
        authenticator: Decides on access.
        state: Returns the state as JSON values, without that of the viewer.
    """

    def __init__(
        self,
        controls: ViewControls,
        *,
        title: str,
        images: MjpegEncoder,
        authenticator: Authenticator,
        state: Callable[[], dict[str, object]],
    ) -> None:
        self._controls, self._title, self._images = controls, title, images
        self._authenticator, self._state = authenticator, state
        self._viewers = ViewerStreams()
        self._get: dict[str, Callable[[Request], Response]] = {
            "/": lambda _: self._page("page.html"),
            "/state.json": self._state_response,
            "/picture.jpg": lambda _: self._snapshot_response(
                "jpg", "image/jpeg", encode_snapshot_jpeg
            ),
            "/picture.png": lambda _: self._snapshot_response("png", "image/png", encode_png),
            "/healthz": lambda _: json_response({"ok": True}),
            **dict.fromkeys(_FILES, self._file),
        }
        self._post = {"/control": self._control_response}
        if authenticator.needs_token:
            self._get[_LOGIN] = lambda _: self._login_page()
            self._post[_LOGIN] = self._login_response

    def serve(self, connection: socket.socket, address: str, overloaded: bool) -> None:  # noqa: FBT001
        """Serve the requests of a connection until it ends.

        Args:
            connection: The socket; it is not closed here.
            address: Address of the client.
            overloaded: True to answer once with status 503.

        Raises:
            OSError: The connection broke.
        """
        reader = RequestReader(connection, address)
        keep_alive = True
        while keep_alive and not self._images.closed:
            head_only = keep_alive = False
            try:
                request = reader.read()
                if request is None:
                    return
                head_only, keep_alive = (
                    request.method == "HEAD",
                    request.keep_alive and not overloaded,
                )
                response = (
                    error_response(_overload_error("connections"))
                    if overloaded
                    else self._respond(request)
                )
                if response is None:
                    self._stream(connection, request)
                    return
            except RequestRefusedError as error:
                response = error_response(error)
            except OSError:
                raise
            except Exception:
                failed = error_response(RequestRefusedError(500, "this failed here"))
                connection.sendall(failed.encode(keep_alive=False))
                raise
            connection.settimeout(_RESPONSE_TIMEOUT_S)
            connection.sendall(response.encode(keep_alive=keep_alive, head_only=head_only))

    def _respond(self, request: Request) -> Response | None:
        """Return the response; None for the MJPEG stream, which has no end."""
        self._authenticator.check_host(request)
        self._authenticator.check_origin(request)
        is_read = request.method in {"GET", "HEAD"}
        gives_token = self._authenticator.needs_token and is_read and "token" in request.query
        if not (
            gives_token
            or request.path in _PUBLIC_PATHS
            or self._authenticator.is_authorized(request)
        ):
            if request.path == "/" and is_read:
                return self._login_page(status=401)
            raise RequestRefusedError(401, "this needs the token", headers=(_AUTH_HEADER,))
        self._check_method(request)
        if gives_token:
            return self._session_response(request, request.query["token"])
        if not is_read:
            return self._post[request.path](request)
        if request.path != _STREAM:
            return self._get[request.path](request)
        return Response(media_type=STREAM_MEDIA_TYPE) if request.method == "HEAD" else None

    def _check_method(self, request: Request) -> None:
        allowed = ["GET", "HEAD"] if request.path in {*self._get, _STREAM} else []
        allowed += ["POST"] if request.path in self._post else []
        if not allowed:
            raise RequestRefusedError(404, "there is no such page")
        if request.method not in allowed:
            names = ", ".join(allowed)
            raise RequestRefusedError(405, f"this takes {names} only", headers=(("Allow", names),))

    def _stream(self, connection: socket.socket, request: Request) -> None:
        name = request.query.get("viewer", "")
        joined = self._viewers.join(name if _VIEWER_NAME.fullmatch(name) else "")
        if joined is None:
            raise _overload_error("viewers")
        key, viewer = joined
        try:
            send_stream(connection, images=self._images, viewer=viewer)
        finally:
            self._viewers.leave(key, viewer)

    def _state_response(self, request: Request) -> Response:
        viewer = self._viewers.get(request.query.get("viewer", ""))
        viewer_state = None if viewer is None else {"sent": viewer.sent, "fps": viewer.fps}
        viewers_state = {
            "viewers": len(self._viewers),
            "max_viewers": MAX_VIEWERS,
            "viewer": viewer_state,
        }
        return json_response(self._state() | viewers_state)

    def _control_response(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            raise RequestRefusedError(415, f"the body must be {JSON}")
        apply_controls(self._controls, request.body)
        return self._state_response(request)

    def _login_response(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
            raise RequestRefusedError(415, f"the body must be {_FORM}")
        try:
            fields = parse_qs(request.body.decode("ascii"), max_num_fields=4)
        except ValueError:
            raise RequestRefusedError(400, "the form cannot be read") from None
        return self._session_response(request, fields.get("token", [""])[0])

    def _session_response(self, request: Request, token: str) -> Response:
        """Return a redirect with a session cookie, or the login page for a wrong token."""
        try:
            cookie = self._authenticator.log_in(token, request)
        except RequestRefusedError as error:
            page = self._login_page(problem=f"{error.reason.capitalize()}.", status=error.status)
            return replace(page, headers=error.headers)
        if cookie is None:
            return self._login_page(problem="This is not the token.", status=401)
        rest = {name: value for name, value in request.query.items() if name != "token"}
        path = "/" if request.method == "POST" else request.path
        location = f"{path}?{urlencode(rest)}" if rest else path
        return Response(status=303, headers=(("Location", location), cookie))

    def _login_page(self, *, problem: str = "", status: int = 200) -> Response:
        page = self._page("login.html", problem=problem)
        return replace(page, status=status, headers=(_AUTH_HEADER,) if status == 401 else ())

    def _page(self, name: str, *, problem: str = "") -> Response:
        # The title is not shown before login.
        title = self._title if name == "page.html" else "Urban Segmentor"
        text = _read(name).decode("utf-8")
        text = text.replace("{problem}", escape(problem)).replace("{title}", escape(title))
        return Response(media_type=HTML, body=text.encode("utf-8"))

    @staticmethod
    def _file(request: Request) -> Response:
        return Response(media_type=_FILES[request.path], body=_read(request.path[1:]))

    def _snapshot_response(
        self, suffix: str, media_type: str, encode: Callable[[Image | Yuv420], bytes]
    ) -> Response:
        frame: Frame | None = self._images.frame
        if frame is None:
            raise RequestRefusedError(
                503, "there is no picture yet", headers=(("Retry-After", "1"),)
            )
        name = time.strftime(f"street-%Y%m%d-%H%M%S.{suffix}")
        headers = (("Content-Disposition", f'attachment; filename="{name}"'),)
        return Response(media_type=media_type, body=encode(frame.pixels), headers=headers)


def _overload_error(resource: str) -> RequestRefusedError:
    return RequestRefusedError(
        503, f"there are too many {resource}; try again later", headers=(("Retry-After", "5"),)
    )


def _read(name: str) -> bytes:
    return (resources.files("urban_segmentor.apps.live.browser") / "files" / name).read_bytes()
