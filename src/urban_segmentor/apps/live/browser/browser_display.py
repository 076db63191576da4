"""`BrowserDisplay`: the live view as a web page."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

from urban_segmentor.apps.http.listen import is_loopback, listen, resolve
from urban_segmentor.apps.http.server import Server
from urban_segmentor.apps.live.browser.login import Login
from urban_segmentor.apps.live.browser.mjpeg import MjpegEncoder
from urban_segmentor.apps.live.browser.page_app import HEADERS, PageRoutes
from urban_segmentor.apps.live.display_options import USUAL_DISPLAY
from urban_segmentor.errors import SettingError
from urban_segmentor.structures.classes import first_ids
from urban_segmentor.visualization.live_stats import LiveStats
from urban_segmentor.visualization.palette import class_colors
from urban_segmentor.visualization.style import PALETTES

if TYPE_CHECKING:
    from urban_segmentor.apps.http.listen import Listener
    from urban_segmentor.apps.live.view_controls import ViewControls
    from urban_segmentor.structures.classes import ClassList
    from urban_segmentor.structures.frame import Frame

_MESSAGE_S = 6.0
_MIN_TOKEN_LENGTH = 12
_TOKEN_HINT = "export URBAN_SEGMENTOR_TOKEN=$(openssl rand -hex 12)"  # noqa: S105 - a command that makes one
_MAX_PORT_ATTEMPTS = 20
_MAX_CONNECTIONS = 64
# Data buffered by the system is stale when it arrives; about one frame of 720 lines.
_SEND_BUFFER = 128 * 1024


class BrowserDisplay:
    """A `Display` that serves a web page to one or more viewers.

    Frames are encoded only while somebody looks, once for all of them.

    Args:
        controls: View controls, which viewers may change.
        title: Title above the image; no secrets, every viewer reads it.
        host: Address to listen on; a non-loopback one needs a token.
        port: Requested port, or the next free one; 0 for any.
        token: Access token, 12 characters or more; None for none.
        palette: Which colors are beside the class names.

    Attributes:
        moved_from: The requested port when it is in use, else None.

    Raises:
        SettingError: The port is out of range or not allowed, the token is too short, the host is
            not this machine, others could reach it without a token, no port is free, or there is
            no such palette.
    """

    def __init__(  # noqa: PLR0913
        self,
        controls: ViewControls,
        *,
        title: str,
        host: str = USUAL_DISPLAY.host,
        port: int = USUAL_DISPLAY.port,
        token: str | None = None,
        palette: str = PALETTES[0],
    ) -> None:
        self._controls, self._colors = controls, _as_css(controls.classes, palette)
        self._images = MjpegEncoder()
        self._readings, self._polled_s = LiveStats(), time.monotonic()
        self._message: dict[str, object] | None = None
        self._message_until_s, self._messages = 0.0, 0
        listener = _listen(host, port, token=token)
        self._url, self.moved_from = listener.url, listener.moved_from
        login = None if token is None else Login(token, port=listener.socket.getsockname()[1])
        routes = PageRoutes(controls, title=title, images=self._images, state=self._state)
        self._server = Server(
            routes.app(login=login, host=host),
            headers=HEADERS,
            limit_concurrency=_MAX_CONNECTIONS,
            proxy_headers=False,  # or anybody could guess tokens under ever new addresses
            lifespan="off",
            loop="asyncio",
            log_config=None,
            log_level="critical",  # nothing that viewers send may fill the terminal
        )
        self._thread = threading.Thread(
            target=self._server.run,
            kwargs={"sockets": [listener.socket]},
            name="browser",
            daemon=True,
        )
        self._thread.start()

    @property
    def where(self) -> str:
        """URL of the page."""
        return self._url

    def show(self, frame: Frame, readings: LiveStats) -> None:
        """Publish an annotated frame."""
        self._images.put(frame)
        self.poll(readings)

    def poll(self, readings: LiveStats) -> None:
        """Update the readings; viewers change the controls from their own threads."""
        self._readings, self._polled_s = readings, time.monotonic()

    def say(self, message: str) -> None:
        """Show a short message on every page for some seconds."""
        self._messages += 1
        self._message = {"number": self._messages, "text": message}
        self._message_until_s = time.monotonic() + _MESSAGE_S

    def close(self) -> None:
        """Close all connections; safe to call twice."""
        self._images.close()
        self._server.should_exit = True
        self._thread.join()

    def _state(self) -> dict[str, object]:
        """Return the state that the page shows beside the image."""
        readings, view, now_s = self._readings, self._controls.view, time.monotonic()
        return {
            "state": readings.state,
            "is_live": readings.is_live,
            "fps": _rounded(readings.fps),
            "latency_ms": _rounded(readings.latency_ms),
            "stages_ms": {name: _rounded(cost) for name, cost in readings.stages_ms.items()},
            "dropped": readings.dropped,
            # Lets the page notice that the program itself hangs.
            "silent_s": round(now_s - self._polled_s, 1),
            "has_image": self._images.frame is not None,
            "message": self._message if now_s < self._message_until_s else None,
            "view": {
                "conf": view.conf,
                "classes": view.classes,
                "masks_only": view.masks_only,
                "figures": view.figures,
                "paused": view.paused,
            },
            "class_names": self._controls.class_names,
            "colors": self._colors,
            "presets": self._controls.presets,
        }


def _listen(host: str, port: int, *, token: str | None) -> Listener:
    """Return the listening socket of the page, whose connections hold little that is unsent."""
    if token is not None and len(token) < _MIN_TOKEN_LENGTH:
        raise SettingError(
            f"the token has {len(token)} characters, expected {_MIN_TOKEN_LENGTH} or more",
            hint=f"make one: {_TOKEN_HINT}",
        )
    address = resolve(host)
    if token is None and not is_loopback(address.ip):
        raise SettingError(
            f"`{host}` can be reached from other machines, and no token keeps strangers out",
            hint=f"--host {host} --token ..., or {_TOKEN_HINT}",
        )
    listener = listen(address, port, max_attempts=_MAX_PORT_ATTEMPTS)
    listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    return listener


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _as_css(classes: ClassList, palette: str) -> list[str]:
    """Return a color for each name of the class list, as CSS has it."""
    colors = class_colors(classes, palette=palette)
    shown = dict.fromkeys(first_ids(classes.names))
    return ["#{:02x}{:02x}{:02x}".format(*colors[class_id]) for class_id in shown]
