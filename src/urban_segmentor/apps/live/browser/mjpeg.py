"""The newest picture, and its JPEG, made once and only when somebody looks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from urban_segmentor.structures.color import transform_colors, yuv_to_rgb_matrix
from urban_segmentor.structures.frame import Yuv420

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from urban_segmentor.structures.frame import Frame, Image

_STREAM_QUALITY, _SAVED_QUALITY = 80, 95
_PNG_EFFORT = 3  # of 9; more takes longer than it saves


class JpegFrame(NamedTuple):
    """A picture of the stream.

    Attributes:
        number: Counts the frames, from 1.
        jpeg: The encoded frame.
    """

    number: int
    jpeg: bytes


class MjpegEncoder:
    """A slot for the newest frame, which any number of threads wait for."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._encoding = threading.Lock()
        self._frame: Frame | None = None
        self._number = 0
        self._waiting = 0
        self._last: JpegFrame | None = None
        self._closed = False

    @property
    def closed(self) -> bool:
        """True when no picture will come any more."""
        return self._closed

    @property
    def frame(self) -> Frame | None:
        """The newest frame, or None before the first."""
        return self._frame

    def put(self, frame: Frame) -> None:
        """Take a frame in place of the last one; it is encoded here when somebody waits for it."""
        with self._changed:
            self._frame = frame
            self._number += 1
            wanted = self._waiting > 0
        if wanted:
            self.newest()
            with self._changed:
                self._changed.notify_all()

    def newest(self) -> JpegFrame | None:
        """Return the newest picture, or None before the first."""
        with self._encoding:
            with self._changed:
                frame, number = self._frame, self._number
            if frame is None:
                return None
            # One who was still sending when it came, or who joins a picture that stands still,
            # finds it not encoded yet.
            if self._last is None or self._last.number != number:
                self._last = JpegFrame(number, jpeg_of(frame.pixels))
            return self._last

    def wait(self, *, after: int, timeout_s: float) -> JpegFrame | None:
        """Return the newest picture when it is another than one that is known, else None.

        Args:
            after: Number of the picture that is known; 0 for none.
            timeout_s: How long to wait for it, seconds.
        """
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: self._closed or self._number != after, timeout_s)
            finally:
                self._waiting -= 1
            if self._closed or self._number == after:
                return None
        return self.newest()

    def close(self) -> None:
        """Wake all who wait; safe to call twice."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def jpeg_of(pixels: Image | Yuv420) -> bytes:
    """Return a picture as JPEG of medium quality.

    Args:
        pixels: uint8 (H, W, 3), RGB, or the planes of a video frame.
    """
    return _encoded(".jpg", pixels, (cv2.IMWRITE_JPEG_QUALITY, _STREAM_QUALITY))


def saved_jpeg_of(pixels: Image | Yuv420) -> bytes:
    """Return a picture as JPEG of high quality.

    Args:
        pixels: uint8 (H, W, 3), RGB, or the planes of a video frame.
    """
    return _encoded(".jpg", pixels, (cv2.IMWRITE_JPEG_QUALITY, _SAVED_QUALITY))


def png_of(pixels: Image | Yuv420) -> bytes:
    """Return a picture as PNG.

    Args:
        pixels: uint8 (H, W, 3), RGB, or the planes of a video frame.
    """
    return _encoded(".png", pixels, (cv2.IMWRITE_PNG_COMPRESSION, _PNG_EFFORT))


def _encoded(suffix: str, pixels: Image | Yuv420, settings: Sequence[int]) -> bytes:
    return np.asarray(cv2.imencode(suffix, _bgr(pixels), settings)[1]).tobytes()


def _bgr(pixels: Image | Yuv420) -> NDArray[np.uint8]:
    """Return a picture in the order of OpenCV, uint8 (H, W, 3).

    Its own conversion from planes would be faster still, but takes all video for BT.601.
    """
    if not isinstance(pixels, Yuv420):
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), dtype=np.uint8)
    height, width = pixels.y.shape
    chroma = [cv2.resize(plane, (width, height)) for plane in (pixels.u, pixels.v)]
    planes = np.asarray(cv2.merge([pixels.y, *chroma]), dtype=np.uint8)
    weights = yuv_to_rgb_matrix(pixels.matrix, full_range=pixels.full_range)
    return transform_colors(planes, np.ascontiguousarray(weights[::-1]))
