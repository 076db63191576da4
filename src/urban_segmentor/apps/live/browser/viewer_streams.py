"""The MJPEG streams of the viewers."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

from starlette.responses import StreamingResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope, Send

    from urban_segmentor.apps.live.browser.mjpeg import MjpegEncoder

MAX_VIEWERS = 8
STREAM_MEDIA_TYPE = "multipart/x-mixed-replace; boundary=next-picture"
# Chromium shows a part when it has read the head of the next one. So each JPEG is followed by the
# next head at once, which then cannot state a length.
_PART_HEAD = b"--next-picture\r\nContent-Type: image/jpeg\r\n\r\n"
_POLL_S = 0.5  # between two checks whether another stream took the viewer's place
_RESEND_S = 5.0  # a paused frame is sent again, which detects dead connections


class ViewerStream:
    """State of one viewer's MJPEG stream.

    Args:
        name: Name of the viewer, as the page chose it, or one of ours.
    """

    def __init__(self, name: str) -> None:
        self.name = name
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
        return float(sum(time_s >= since_s for time_s in self._recent_s))


class ViewerStreams:
    """All streams, by the name that each page chose."""

    def __init__(self) -> None:
        self._viewers: dict[str, ViewerStream] = {}
        self._unnamed = 0

    def __len__(self) -> int:
        """Return the number of streams."""
        return len(self._viewers)

    def get(self, name: str) -> ViewerStream | None:
        """Return the stream of a page, or None when it has none."""
        return self._viewers.get(name)

    def join(self, name: str) -> ViewerStream | None:
        """Return the stream of a new viewer, or None when there are too many.

        Args:
            name: Name that the page chose, which has one stream at a time; may be empty.
        """
        old = self._viewers.get(name)
        if old is not None:
            old.closing = True
        elif len(self._viewers) >= MAX_VIEWERS:
            return None
        self._unnamed += 1
        viewer = ViewerStream(name or f"unnamed {self._unnamed}")
        self._viewers[viewer.name] = viewer
        return viewer

    def leave(self, viewer: ViewerStream) -> None:
        """Remove a stream."""
        if self._viewers.get(viewer.name) is viewer:
            del self._viewers[viewer.name]


class StreamResponse(StreamingResponse):
    """The newest frame, again and again, until the viewer disconnects or the stream ends.

    A slow viewer misses frames.

    Args:
        images: Encoder of the newest frame.
        viewer: State of the stream; counts the frames.
        viewers: All streams, which the viewer leaves at the end.
    """

    def __init__(
        self, images: MjpegEncoder, *, viewer: ViewerStream, viewers: ViewerStreams
    ) -> None:
        super().__init__(
            _parts(images, viewer),
            headers={"X-Accel-Buffering": "no"},
            media_type=STREAM_MEDIA_TYPE,
        )
        self._viewer, self._viewers = viewer, viewers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._viewers.leave(self._viewer)


async def _parts(images: MjpegEncoder, viewer: ViewerStream) -> AsyncIterator[bytes]:
    """Yield the bytes of the stream."""
    yield _PART_HEAD
    number, sent_s = 0, time.monotonic()
    while not (images.closed or viewer.closing):
        image = await images.wait(after=number, timeout_s=_POLL_S)
        if image is None:
            if number == 0 or time.monotonic() < sent_s + _RESEND_S:
                continue
            image = await asyncio.to_thread(images.newest)
        if image is not None and not images.closed:
            yield b"".join((image.jpeg, b"\r\n", _PART_HEAD))
            # The server asks for more when the frame has left, except for a little. Only then is
            # the next one chosen, which is the newest of that time.
            yield b""
            number, sent_s = image.number, time.monotonic()
            viewer.count_frame()
