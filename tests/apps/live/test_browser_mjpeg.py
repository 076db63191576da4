"""MjpegEncoder are encoded once, in their own colors, and only for somebody."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests.apps.live.browser_parts import number_of, numbered
from urban_segmentor.apps.live.browser import mjpeg as module
from urban_segmentor.apps.live.browser.mjpeg import (
    MjpegEncoder,
    encode_jpeg,
    encode_png,
    encode_snapshot_jpeg,
)
from urban_segmentor.structures.frame import Yuv420

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.structures.color import ColorMatrix


def decoded(data: bytes) -> NDArray[np.uint8]:
    """Return a picture, uint8 (H, W, 3), RGB."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(image, dtype=np.uint8)[..., ::-1]


@pytest.mark.parametrize("size", [(120, 160), (121, 161)])
@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020", None])
@pytest.mark.parametrize("full_range", [False, True])
def test_colors_stay(size: tuple[int, int], matrix: ColorMatrix | None, full_range: bool) -> None:  # noqa: FBT001
    """Of planes of each kind, and of RGB; planes cost a little where colors meet."""
    image = np.zeros((*size, 3), dtype=np.uint8)
    for row, color in enumerate([(220, 30, 40), (20, 200, 60), (30, 60, 230), (128, 128, 128)]):
        image[row * 30 : row * 30 + 31] = color
    pixels = Yuv420.from_rgb(image, matrix=matrix, full_range=full_range) if matrix else image
    middles = (slice(8, None, 30), slice(20, 140))
    for encoder, off in (
        (encode_jpeg, 6),
        (encode_snapshot_jpeg, 4),
        (encode_png, 3 if matrix else 0),
    ):
        back = decoded(encoder(pixels))
        assert back.shape == image.shape
        worst = np.abs(back[middles].astype(int) - image[middles].astype(int)).max()
        assert worst <= off, encoder


def test_nothing_is_encoded_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """And once for all who wait, or who come while it stands still."""
    calls: list[str] = []

    def counting(pixels: object) -> bytes:
        calls.append(threading.current_thread().name)
        return encode_jpeg(pixels)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(module, "encode_jpeg", counting)
    images = MjpegEncoder()
    assert images.newest() is None
    for number in range(5):
        images.put(numbered(number))
    assert not calls
    first, second = images.newest(), images.newest()
    assert first is not None
    assert first is second
    assert (first.number, number_of(first.jpeg), len(calls)) == (5, 4, 1)

    async def wait_together() -> list[int]:
        waiting = [asyncio.create_task(images.wait(after=5, timeout_s=60)) for _ in range(3)]
        await asyncio.sleep(0)
        assert len(images._waiting) == 3
        await asyncio.to_thread(images.put, numbered(9))
        return [image.number for image in await asyncio.gather(*waiting) if image is not None]

    assert asyncio.run(wait_together()) == [6, 6, 6]
    assert len(calls) == 2
    assert calls[1] != threading.current_thread().name  # but that of who shows, not the loop's


def test_waiting_ends() -> None:
    """After its time, and when no more pictures come."""

    async def wait_in_vain() -> None:
        images = MjpegEncoder()
        assert await images.wait(after=0, timeout_s=0.01) is None
        images.put(numbered(1))
        assert await images.wait(after=1, timeout_s=0.01) is None
        waiting = asyncio.create_task(images.wait(after=1, timeout_s=600))
        await asyncio.sleep(0)
        assert len(images._waiting) == 1
        await asyncio.to_thread(images.close)
        assert await waiting is None
        images.close()
        assert images.closed

    asyncio.run(wait_in_vain())
