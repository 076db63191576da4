"""The MJPEG streams of the viewers."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from urban_segmentor.apps.live.browser.responses import response_head

if TYPE_CHECKING:
    from urban_segmentor.apps.live.browser.mjpeg import MjpegEncoder

MAX_VIEWERS = 8
STREAM_MEDIA_TYPE = "multipart/x-mixed-replace; boundary=next-picture"
# Chromium shows a part when it has read the head of the next one. So each JPEG is followed by the
# next head at once, which then cannot state a length.
_PART_HEAD = b"--next-picture\r\nContent-Type: image/jpeg\r\n\r\n"
_POLL_S = 0.5  # between two checks whether a viewer has disconnected while paused
_RESEND_S = 5.0  # a paused frame is sent again, which detects dead connections
_SEND_TIMEOUT_S = 5.0  # per frame
# Data buffered by the system is stale when it arrives; about one frame of 720 lines.
_SEND_BUFFER = 128 * 1024


class ViewerStream:
    """State of one viewer's MJPEG stream."""

    def __init__(self) -> None:
        self.closing = False
        self.sent = 0
        self._recent_s: deque[float] = deque(maxlen=240)

    def count_frame(self) -> None:
        """Count a frame that was sent."""
        self.sent += 1
        self._recent_s.append(time.monotonic())

    @property
    def fps(self) -> float:
        """Frames sent within the last second."""
        since_s = time.monotonic() - 1
        return float(sum(time_s >= since_s for time_s in self._recent_s.copy()))


class ViewerStreams:
    """All streams, by the name that each page chose."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._viewers: dict[str, ViewerStream] = {}
        self._unnamed = 0

    def __len__(self) -> int:
        """Return the number of streams."""
        return len(self._viewers)

    def get(self, name: str) -> ViewerStream | None:
        """Return the stream of a page, or None when it has none."""
        return self._viewers.get(name)

    def join(self, name: str) -> tuple[str, ViewerStream] | None:
        """Return key and stream of a new viewer, or None when there are too many.

        Args:
            name: Name that the page chose, which has one stream at a time; may be empty.
        """
        with self._lock:
            old = self._viewers.get(name)
            if old is not None:
                old.closing = True
            elif len(self._viewers) >= MAX_VIEWERS:
                return None
            self._unnamed += 1
            key = name or f"unnamed {self._unnamed}"
            self._viewers[key] = viewer = ViewerStream()
            return key, viewer

    def leave(self, key: str, viewer: ViewerStream) -> None:
        """Remove a stream."""
        with self._lock:
            if self._viewers.get(key) is viewer:
                del self._viewers[key]


def send_stream(connection: socket.socket, *, images: MjpegEncoder, viewer: ViewerStream) -> None:
    """Send the newest frame, again and again, until the viewer disconnects or the stream ends.

    A slow viewer misses frames; one that reads nothing for some seconds is disconnected.

    Args:
        connection: Socket of the viewer.
        images: Encoder of the newest frame.
        viewer: State of the stream; counts the frames.

    Raises:
        OSError: The viewer is disconnected, or does not read.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    connection.settimeout(_SEND_TIMEOUT_S)
    kind = ("Content-Type", STREAM_MEDIA_TYPE)
    connection.sendall(
        response_head(200, (kind, ("X-Accel-Buffering", "no")), keep_alive=False) + _PART_HEAD
    )
    number, sent_s = 0, time.monotonic()
    while not (images.closed or viewer.closing):
        image = images.wait(after=number, timeout_s=_POLL_S)
        if image is None:
            if _is_disconnected(connection):
                return
            if number == 0 or time.monotonic() < sent_s + _RESEND_S:
                continue
            image = images.newest()
        if image is not None and not images.closed:
            connection.sendall(b"".join((image.jpeg, b"\r\n", _PART_HEAD)))
            number, sent_s = image.number, time.monotonic()
            viewer.count_frame()


def _is_disconnected(connection: socket.socket) -> bool:
    connection.settimeout(0)
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    finally:
        connection.settimeout(_SEND_TIMEOUT_S)
