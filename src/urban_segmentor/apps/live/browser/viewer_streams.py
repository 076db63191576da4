"""The viewers of the stream: how many there may be, and what each of them gets."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from urban_segmentor.apps.live.browser.responses import head_of

if TYPE_CHECKING:
    from urban_segmentor.apps.live.browser.mjpeg import MjpegEncoder

MOST_VIEWERS = 8
STREAM_KIND = "multipart/x-mixed-replace; boundary=next-picture"
# Chromium shows a picture when it has read the head of the part behind it. So each picture is
# followed by that at once, which then cannot tell the length of what nobody knows yet.
_BETWEEN = b"--next-picture\r\nContent-Type: image/jpeg\r\n\r\n"
_WAIT_S = 0.5  # between two looks whether a viewer of a picture that stands still has left
_AGAIN_S = 5.0  # a picture that stands still is sent again, which finds machines that are gone
_SLOWEST_S = 5.0  # for one picture
# What the system holds for a viewer is old when it arrives; about one picture of 720 lines.
_SEND_BUFFER = 128 * 1024


class ViewerStream:
    """One stream of pictures."""

    def __init__(self) -> None:
        self.leaves = False
        self.sent = 0
        self._recent_s: deque[float] = deque(maxlen=240)

    def note(self) -> None:
        """Count a picture that was sent."""
        self.sent += 1
        self._recent_s.append(time.monotonic())

    @property
    def fps(self) -> float:
        """MjpegEncoder that were sent within the last second."""
        since_s = time.monotonic() - 1
        return float(sum(time_s >= since_s for time_s in self._recent_s.copy()))


class ViewerStreams:
    """All streams, each with the name that its page chose."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._viewers: dict[str, ViewerStream] = {}
        self._unnamed = 0

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._viewers)

    def get(self, name: str) -> ViewerStream | None:
        """Return the stream of a page, or None when it has none."""
        return self._viewers.get(name)

    def join(self, name: str) -> tuple[str, ViewerStream] | None:
        """Return a place and its name, or None when all are taken.

        Args:
            name: Chosen by the page, which has one stream at a time; empty for none.
        """
        with self._lock:
            old = self._viewers.get(name)
            if old is not None:
                old.leaves = True
            elif len(self._viewers) >= MOST_VIEWERS:
                return None
            self._unnamed += 1
            place = name or f"unnamed {self._unnamed}"
            self._viewers[place] = viewer = ViewerStream()
            return place, viewer

    def leave(self, place: str, viewer: ViewerStream) -> None:
        """Give a place back."""
        with self._lock:
            if self._viewers.get(place) is viewer:
                del self._viewers[place]


def send_stream(connection: socket.socket, *, images: MjpegEncoder, viewer: ViewerStream) -> None:
    """Send the newest picture, again and again, until the viewer leaves or no more come.

    A viewer who is slow misses pictures; one who takes none for some seconds is left alone.

    Args:
        connection: Of the viewer.
        images: Where they come from.
        viewer: Counts them.

    Raises:
        OSError: The viewer is gone, or does not read.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    connection.settimeout(_SLOWEST_S)
    kind = ("Content-Type", STREAM_KIND)
    connection.sendall(head_of(200, (kind, ("X-Accel-Buffering", "no")), keeps=False) + _BETWEEN)
    number, sent_s = 0, time.monotonic()
    while not (images.closed or viewer.leaves):
        image = images.wait(after=number, timeout_s=_WAIT_S)
        if image is None:
            if _has_left(connection):
                return
            if number == 0 or time.monotonic() < sent_s + _AGAIN_S:
                continue
            image = images.newest()
        if image is not None and not images.closed:
            connection.sendall(b"".join((image.jpeg, b"\r\n", _BETWEEN)))
            number, sent_s = image.number, time.monotonic()
            viewer.note()


def _has_left(connection: socket.socket) -> bool:
    connection.settimeout(0)
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    finally:
        connection.settimeout(_SLOWEST_S)
