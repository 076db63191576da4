"""Encoding of the newest frame as JPEG, once for all viewers and only on demand."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from urban_segmentor.io.image_codec import encode_image
from urban_segmentor.structures.color import transform_colors, yuv_to_rgb_matrix
from urban_segmentor.structures.frame import Yuv420

if TYPE_CHECKING:
    from urban_segmentor.structures.frame import Frame, Image

_STREAM_QUALITY, _SAVED_QUALITY = 80, 95


class JpegFrame(NamedTuple):
    """An encoded frame of the stream.

    Attributes:
        number: Frame number, from 1.
        jpeg: The encoded frame.
    """

    number: int
    jpeg: bytes


class MjpegEncoder:
    """Holds the newest frame and encodes it on demand, once for all viewers.

    Frames come from any thread, and are waited for in one event loop.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._encoding = threading.Lock()
        self._frame: Frame | None = None
        self._number = 0
        self._last: JpegFrame | None = None
        self._closed = False
        # These belong to the event loop.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._encoder: asyncio.Task[JpegFrame | None] | None = None

    @property
    def closed(self) -> bool:
        """True when no more frames will come."""
        return self._closed

    @property
    def frame(self) -> Frame | None:
        """The newest frame, or None before the first."""
        return self._frame

    def put(self, frame: Frame) -> None:
        """Replace the frame; encode it here when somebody waits for it."""
        with self._lock:
            self._frame = frame
            self._number += 1
        if self._waiting and not self._closed:
            self.newest()
            self._wake_all()

    def newest(self) -> JpegFrame | None:
        """Return the newest encoded frame, or None before the first."""
        with self._encoding:
            with self._lock:
                frame, number = self._frame, self._number
            if frame is None:
                return None
            # It is not encoded yet for a viewer who was still sending, or who joins while paused.
            if self._last is None or self._last.number != number:
                self._last = JpegFrame(number, encode_jpeg(frame.pixels))
            return self._last

    async def wait(self, *, after: int, timeout_s: float) -> JpegFrame | None:
        """Return the newest encoded frame if it is newer than a known one, else None.

        Args:
            after: Number of the known frame; 0 for none.
            timeout_s: Maximum wait, seconds.
        """
        await self._wait_for_change(after, timeout_s)
        if self._closed or self._number == after:
            return None
        last = self._last
        if last is not None and last.number == self._number:
            return last
        if self._encoder is None or self._encoder.done():
            self._encoder = asyncio.create_task(asyncio.to_thread(self.newest))
        # One who leaves does not end it for others.
        return await asyncio.shield(self._encoder)

    async def _wait_for_change(self, after: int, timeout_s: float) -> None:
        loop = self._loop = asyncio.get_running_loop()
        change: asyncio.Future[None] = loop.create_future()
        # First this, then the look at the number: a frame that comes between wakes it.
        self._waiting.add(change)
        timer = loop.call_later(timeout_s, _wake, change)
        try:
            if self._number == after and not self._closed:
                await change
        finally:
            timer.cancel()
            self._waiting.discard(change)

    def close(self) -> None:
        """Let nobody wait any more; safe to call twice."""
        self._closed = True
        self._wake_all()

    def _wake_all(self) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the event loop has ended
                self._loop.call_soon_threadsafe(self._wake_waiting)

    def _wake_waiting(self) -> None:
        for change in self._waiting:
            _wake(change)


def _wake(change: asyncio.Future[None]) -> None:
    if not change.done():
        change.set_result(None)


def encode_jpeg(pixels: Image | Yuv420) -> bytes:
    """Return an image as JPEG of stream quality (80).

    Args:
        pixels: uint8 (H, W, 3), RGB, or the planes of a video frame.
    """
    return encode_image(_rgb(pixels), suffix=".jpg", quality=_STREAM_QUALITY)


def encode_snapshot_jpeg(pixels: Image | Yuv420) -> bytes:
    """Return an image as JPEG of snapshot quality (95).

    Args:
        pixels: uint8 (H, W, 3), RGB, or the planes of a video frame.
    """
    return encode_image(_rgb(pixels), suffix=".jpg", quality=_SAVED_QUALITY)


def encode_png(pixels: Image | Yuv420) -> bytes:
    """Return an image as PNG.

    Args:
        pixels: uint8 (H, W, 3), RGB, or the planes of a video frame.
    """
    return encode_image(_rgb(pixels), suffix=".png")


def _rgb(pixels: Image | Yuv420) -> Image:
    """Return an image as uint8 (H, W, 3), RGB.

    OpenCV's own conversion from YUV is faster, but assumes BT.601.
    """
    if not isinstance(pixels, Yuv420):
        return pixels
    height, width = pixels.y.shape
    chroma = [cv2.resize(plane, (width, height)) for plane in (pixels.u, pixels.v)]
    planes = np.asarray(cv2.merge([pixels.y, *chroma]), dtype=np.uint8)
    weights = yuv_to_rgb_matrix(pixels.matrix, full_range=pixels.full_range)
    return transform_colors(planes, weights)
