"""A display with its page, and viewers of all kinds: programs, sockets, streams."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import cv2
import numpy as np

from tests.waiting import wait_until
from urban_segmentor.structures.frame import Frame
from urban_segmentor.visualization.live_stats import LiveStats

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from urban_segmentor.apps.live.browser import BrowserDisplay
    from urban_segmentor.apps.live.view_controls import ViewControls

NAMES = ("road", "person", "rider", "car", "bicycle")
LIVE = LiveStats(
    fps=24.04, latency_ms=41.26, stages_ms={"infer": 21.04}, state="live", is_live=True
)
BETWEEN = b"--next-picture\r\nContent-Type: image/jpeg\r\n\r\n"
TOKEN = "a long enough token"  # noqa: S105 - of no use anywhere


class Answer(NamedTuple):
    """What a server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def value(self) -> Any:  # noqa: ANN401 - JSON
        """The body, read as JSON."""
        return json.loads(self.body)


class Shown(NamedTuple):
    """A display and what it changes."""

    display: BrowserDisplay
    controls: ViewControls

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.display.where)
        return parts.hostname or "", parts.port or 0

    def ask(self, method: str, path: str, *, body: bytes | None = None, **headers: str) -> Answer:
        """Return the answer to a request; names of headers have `_` for `-`."""
        with closing(http.client.HTTPConnection(*self.address, timeout=120)) as connection:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            return _read(connection.getresponse())

    def state(self) -> Any:  # noqa: ANN401 - JSON
        """Return the state as a page gets it."""
        return self.ask("GET", "/state.json").value

    def control(self, changes: object, **headers: str) -> Answer:
        """Return the answer to changes of the controls."""
        body = json.dumps(changes).encode()
        return self.ask("POST", "/control", body=body, Content_Type="application/json", **headers)

    def socket(self) -> socket.socket:
        """Return a new connection."""
        return socket.create_connection(self.address, timeout=120)

    def raw(self, data: bytes) -> Answer:
        """Return the answer to bytes; status 0 when the connection was closed without one."""
        with self.socket() as connection:
            connection.sendall(data)
            return read_answer(connection)


class Stream:
    """A viewer that is a program."""

    def __init__(
        self, shown: Shown, path: str = "/stream.mjpg", *, buffer: int = 0, **headers: str
    ) -> None:
        self._connection = http.client.HTTPConnection(*shown.address, timeout=120)
        self._connection.sock = socket.socket()
        if buffer:
            self._connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self._connection.sock.settimeout(120)
        self._connection.sock.connect(shown.address)
        self._connection.request("GET", path, headers={"Host": "localhost", **headers})
        self._response: http.client.HTTPResponse | None = None
        self._data = bytearray()

    def refusal(self) -> Answer:
        """Return the answer when it is no stream."""
        return _read(self._connection.getresponse())

    def head(self) -> Mapping[str, str]:
        """Return the headers of the answer; what is in front of the first picture is read."""
        self._response = self._connection.getresponse()
        assert self._response.status == 200
        assert self._until(BETWEEN) == BETWEEN
        return self._response.headers

    def image(self) -> bytes:
        """Return the next picture; what makes a browser show it has come as well."""
        jpeg = self._until(BETWEEN).removesuffix(b"\r\n" + BETWEEN)
        assert jpeg[:2] == b"\xff\xd8"
        assert jpeg[-2:] == b"\xff\xd9"
        return jpeg

    def close(self) -> None:
        """Leave."""
        if self._response is not None:
            self._response.close()
        self._connection.close()

    def _until(self, end: bytes) -> bytes:
        if self._response is None:
            self.head()
        assert self._response is not None
        while end not in self._data:
            try:
                data = self._response.read1(65536)
            except http.client.IncompleteRead:
                raise EOFError from None
            if not data:
                raise EOFError
            self._data += data
        before, _, after = bytes(self._data).partition(end)
        self._data = bytearray(after)
        return before + end


def read_answer(connection: socket.socket) -> Answer:
    """Return the answer that comes over a connection; status 0 when it ends without one."""
    response = http.client.HTTPResponse(connection)
    try:
        response.begin()
    except (http.client.RemoteDisconnected, ConnectionResetError):
        response.close()
        return Answer(0, {}, b"")
    return _read(response)


def _read(response: http.client.HTTPResponse) -> Answer:
    with response:
        return Answer(response.status, response.headers, response.read())


def numbered(number: int, *, size: tuple[int, int] = (240, 320), noise: bool = False) -> Frame:
    """Return a frame whose left upper corner is as bright as its number, times two."""
    lots = np.random.default_rng(number)
    image = np.full((*size, 3), 90, dtype=np.uint8)
    if noise:
        image = lots.integers(0, 255, (*size, 3), dtype=np.uint8)
    image[:64, :64] = min(2 * number, 255)
    return Frame(pixels=image, index=number)


def number_of(jpeg: bytes) -> int:
    """Return the number of a frame of `numbered`."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return round(float(np.asarray(image)[8:56, 8:56].mean()) / 2)


@contextmanager
def no_thread_stays() -> Iterator[None]:
    """Check that all threads that begin meanwhile end."""
    before = set(threading.enumerate())
    yield
    wait_until(lambda: set(threading.enumerate()) <= before)


@contextmanager
def feeding(shown: Shown, frames: Iterable[Frame], *, pause_s: float) -> Iterator[list[int]]:
    """Show frames from a thread meanwhile; gives the list of what was shown, which grows."""
    done = threading.Event()
    indices: list[int] = []

    def feed() -> None:
        for frame in frames:
            if done.wait(pause_s):
                return
            shown.display.show(frame, LIVE)
            indices.append(frame.index)

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield indices
    finally:
        done.set()
        thread.join()
