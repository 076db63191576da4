"""A display with its page, and viewers of all kinds: programs, sockets, streams."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import cv2
import numpy as np

from urban_segmentor.structures.frame import Frame
from urban_segmentor.visualization.live_stats import LiveStats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

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
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        response = connection.getresponse()
        answer = Answer(response.status, dict(response.getheaders()), response.read())
        connection.close()
        return answer

    def state(self) -> Any:  # noqa: ANN401 - JSON
        """Return the state as a page gets it."""
        return self.ask("GET", "/state.json").value

    def control(self, wishes: object, **headers: str) -> Answer:
        """Return the answer to wishes."""
        body = json.dumps(wishes).encode()
        return self.ask("POST", "/control", body=body, Content_Type="application/json", **headers)

    def socket(self) -> socket.socket:
        """Return a new connection."""
        return socket.create_connection(self.address, timeout=10)

    def raw(self, data: bytes) -> Answer:
        """Return the answer to bytes; status 0 when the connection was closed without one."""
        with self.socket() as connection:
            connection.sendall(data)
            return read_answer(connection)


class Stream:
    """A viewer that is a program."""

    def __init__(self, shown: Shown, path: str = "/stream.mjpg", *, buffer: int = 0) -> None:
        self.connection = socket.socket()
        if buffer:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.connection.settimeout(10)
        self.connection.connect(shown.address)
        self.connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self._data = bytearray()

    def head(self) -> bytes:
        """Return the head of the answer, with what is in front of the first picture."""
        return self._until(BETWEEN)

    def image(self) -> bytes:
        """Return the next picture; what makes a browser show it has come as well."""
        jpeg = self._until(BETWEEN).removesuffix(b"\r\n" + BETWEEN)
        assert jpeg[:2] == b"\xff\xd8"
        assert jpeg[-2:] == b"\xff\xd9"
        return jpeg

    def close(self) -> None:
        """Leave."""
        self.connection.close()

    def _until(self, end: bytes) -> bytes:
        while end not in self._data:
            data = self.connection.recv(65536)
            if not data:
                raise EOFError
            self._data += data
        before, _, after = bytes(self._data).partition(end)
        self._data = bytearray(after)
        return before + end


def read_answer(connection: socket.socket) -> Answer:
    """Return what comes over a connection until it ends; status 0 for nothing."""
    data = b""
    try:
        while part := connection.recv(65536):
            data += part
            head, _, body = data.partition(b"\r\n\r\n")
            length = next((x for x in head.split(b"\r\n") if x.startswith(b"Content-Length")), b"")
            if b"\r\n\r\n" in data and len(body) >= int(length.partition(b":")[2] or 0):
                break
    except ConnectionResetError:
        pass
    if not data:
        return Answer(0, {}, b"")
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Answer(int(first.split()[1]), headers, body)


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


def viewer_threads() -> int:
    """Return how many connections are served."""
    return sum(thread.name == "browser viewer" for thread in threading.enumerate())


def wait_until(
    condition: Callable[[], object], *, within_s: float = 5.0, every_s: float = 0.01
) -> None:
    """Wait until something is so, and fail when it does not become so."""
    until_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until_s, "this did not happen"
        time.sleep(every_s)


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
