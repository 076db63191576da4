"""What is found under which path."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from html import escape
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

from urban_segmentor.apps.live.browser.apply_controls import apply_controls
from urban_segmentor.apps.live.browser.mjpeg import png_of, saved_jpeg_of
from urban_segmentor.apps.live.browser.requests import Incoming, RequestRefusedError
from urban_segmentor.apps.live.browser.responses import (
    HTML,
    JSON,
    Response,
    error_reply,
    json_reply,
)
from urban_segmentor.apps.live.browser.viewer_streams import (
    MOST_VIEWERS,
    STREAM_KIND,
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
_REPLY_S = 10.0
_FORM = "application/x-www-form-urlencoded"
_NAME = re.compile(r"[0-9a-z]{1,32}")
_FILES = {
    "/live.js": "text/javascript; charset=utf-8",
    "/controls.js": "text/javascript; charset=utf-8",
    "/style.css": "text/css; charset=utf-8",
    "/icon.svg": "image/svg+xml",
}
_LOGIN = "/login"
_ASKS = ("WWW-Authenticate", "Bearer")
_OPEN = {_LOGIN, "/style.css", "/icon.svg"}  # what the page that asks for the token is made of


class Routes:
    """Answers requests.

    Args:
        controls: Are changed as viewers wish.
        title: What is shown, above the picture.
        images: The newest one.
        guard: Says who may see it.
        state: Returns the state of things, without the part of the viewer.
    """

    def __init__(
        self,
        controls: ViewControls,
        *,
        title: str,
        images: MjpegEncoder,
        guard: Authenticator,
        state: Callable[[], dict[str, object]],
    ) -> None:
        self._controls, self._title, self._images = controls, title, images
        self._guard, self._state = guard, state
        self._viewers = ViewerStreams()
        self._get: dict[str, Callable[[Request], Response]] = {
            "/": lambda _: self._page("page.html"),
            "/state.json": self._told_state,
            "/picture.jpg": lambda _: self._saved("jpg", "image/jpeg", saved_jpeg_of),
            "/picture.png": lambda _: self._saved("png", "image/png", png_of),
            "/healthz": lambda _: json_reply({"ok": True}),
            **dict.fromkeys(_FILES, self._file),
        }
        self._post = {"/control": self._steered}
        if guard.needs_token:
            self._get[_LOGIN] = lambda _: self._login_page()
            self._post[_LOGIN] = self._logged_in

    def serve(self, connection: socket.socket, address: str, crowded: bool) -> None:  # noqa: FBT001
        """Answer what comes over a connection, until it ends.

        Args:
            connection: Is not closed.
            address: Of the other side.
            crowded: True to answer once, that there are too many.

        Raises:
            OSError: The connection broke.
        """
        incoming = Incoming(connection, address)
        keeps = True
        while keeps and not self._images.closed:
            head_only = keeps = False
            try:
                request = incoming.next()
                if request is None:
                    return
                head_only, keeps = request.method == "HEAD", request.keeps and not crowded
                reply = error_reply(_crowded("connections")) if crowded else self._reply(request)
                if reply is None:
                    self._stream(connection, request)
                    return
            except RequestRefusedError as error:
                reply = error_reply(error)
            except OSError:
                raise
            except Exception:
                failed = error_reply(RequestRefusedError(500, "this failed here"))
                connection.sendall(failed.encoded(keeps=False))
                raise
            connection.settimeout(_REPLY_S)
            connection.sendall(reply.encoded(keeps=keeps, head_only=head_only))

    def _reply(self, request: Request) -> Response | None:
        """Return the reply; None for the stream of pictures, which has no end."""
        self._guard.check_host(request)
        self._guard.check_origin(request)
        reads = request.method in {"GET", "HEAD"}
        offers = self._guard.needs_token and reads and "token" in request.query
        if not (offers or request.path in _OPEN or self._guard.knows(request)):
            if request.path == "/" and reads:
                return self._login_page(status=401)
            raise RequestRefusedError(401, "this needs the token", headers=(_ASKS,))
        self._check_method(request)
        if offers:
            return self._admitted(request, request.query["token"])
        if not reads:
            return self._post[request.path](request)
        if request.path != _STREAM:
            return self._get[request.path](request)
        return Response(kind=STREAM_KIND) if request.method == "HEAD" else None

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
        joined = self._viewers.join(name if _NAME.fullmatch(name) else "")
        if joined is None:
            raise _crowded("viewers")
        place, viewer = joined
        try:
            send_stream(connection, images=self._images, viewer=viewer)
        finally:
            self._viewers.leave(place, viewer)

    def _told_state(self, request: Request) -> Response:
        viewer = self._viewers.get(request.query.get("viewer", ""))
        mine = None if viewer is None else {"sent": viewer.sent, "fps": viewer.fps}
        about = {"viewers": len(self._viewers), "most_viewers": MOST_VIEWERS, "viewer": mine}
        return json_reply(self._state() | about)

    def _steered(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            raise RequestRefusedError(415, f"the body must be {JSON}")
        apply_controls(self._controls, request.body)
        return self._told_state(request)

    def _logged_in(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
            raise RequestRefusedError(415, f"the body must be {_FORM}")
        try:
            fields = parse_qs(request.body.decode("ascii"), max_num_fields=4)
        except ValueError:
            raise RequestRefusedError(400, "the form cannot be read") from None
        return self._admitted(request, fields.get("token", [""])[0])

    def _admitted(self, request: Request, given: str) -> Response:
        """Return a reply that leads to the page, with a cookie; or asks again."""
        try:
            cookie = self._guard.admit(given, request)
        except RequestRefusedError as error:
            page = self._login_page(problem=f"{error.reason.capitalize()}.", status=error.status)
            return replace(page, headers=error.headers)
        if cookie is None:
            return self._login_page(problem="This is not the token.", status=401)
        rest = {name: value for name, value in request.query.items() if name != "token"}
        path = "/" if request.method == "POST" else request.path
        where = f"{path}?{urlencode(rest)}" if rest else path
        return Response(status=303, headers=(("Location", where), cookie))

    def _login_page(self, *, problem: str = "", status: int = 200) -> Response:
        page = self._page("login.html", problem=problem)
        return replace(page, status=status, headers=(_ASKS,) if status == 401 else ())

    def _page(self, name: str, *, problem: str = "") -> Response:
        # Who has not given the token yet does not hear what is watched here.
        title = self._title if name == "page.html" else "Urban Segmentor"
        text = _read(name).decode("utf-8")
        text = text.replace("{problem}", escape(problem)).replace("{title}", escape(title))
        return Response(kind=HTML, body=text.encode("utf-8"))

    @staticmethod
    def _file(request: Request) -> Response:
        return Response(kind=_FILES[request.path], body=_read(request.path[1:]))

    def _saved(self, suffix: str, kind: str, encode: Callable[[Image | Yuv420], bytes]) -> Response:
        frame: Frame | None = self._images.frame
        if frame is None:
            raise RequestRefusedError(
                503, "there is no picture yet", headers=(("Retry-After", "1"),)
            )
        name = time.strftime(f"street-%Y%m%d-%H%M%S.{suffix}")
        headers = (("Content-Disposition", f'attachment; filename="{name}"'),)
        return Response(kind=kind, body=encode(frame.pixels), headers=headers)


def _crowded(what: str) -> RequestRefusedError:
    return RequestRefusedError(
        503, f"there are too many {what}; try again later", headers=(("Retry-After", "5"),)
    )


def _read(name: str) -> bytes:
    return (resources.files("urban_segmentor.apps.live.browser") / "files" / name).read_bytes()
