"""Masks decoded inside their boxes equal full planes that are cut afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from urban_segmentor.inference.prototypes import (
    has_pixels,
    has_visible_pixels,
    masks_from_prototypes,
)
from urban_segmentor.structures.boxes import Letterbox

if TYPE_CHECKING:
    from numpy.typing import NDArray


def axes(box: Letterbox, shape: tuple[int, ...]) -> list[tuple[NDArray[np.float64], int, int]]:
    """Return for rows and columns: prototype coordinates of the image pixels, first and last.

    Prototype pixels before the first and after the last lie in the padding, and are not used.
    """
    lines = []
    for gain, padding, content, length, side, cells in (
        (box.gains[1], box.top, box.content_size[0], box.image_size[0], box.input_size[0], 0),
        (box.gains[0], box.left, box.content_size[1], box.image_size[1], box.input_size[1], 1),
    ):
        stride = side / shape[cells]
        first = int(np.ceil(padding / stride - 0.5))
        last = max(int(np.floor((padding + content) / stride - 0.5)), first)
        lines.append((((np.arange(length) + 0.5) * gain + padding) / stride - 0.5, first, last))
    return lines


def full_plane(logits: NDArray[np.float32], box: Letterbox) -> NDArray[np.float64]:
    """Interpolate prototype logits at the centre of every image pixel, in float64, (H, W)."""
    plane = logits.astype(np.float64)
    for at, first, last in axes(box, logits.shape):
        low = np.floor(at)
        pair = np.clip(np.stack([low, low + 1]), first, last).astype(int)
        part = (at - low)[:, None]
        plane = (plane[pair[0]] * (1 - part) + plane[pair[1]] * part).T  # rows, then columns
    return plane


def doubt(logits: NDArray[np.float32], box: Letterbox) -> NDArray[np.float64]:
    """Return how far off logits may be where they are moved before they grow, (H, W).

    Moving a line with a kink by linear interpolation is off by a quarter of the kink at most.
    """
    (rows, top, bottom), (columns, left, right) = axes(box, logits.shape)
    spare = 4
    grid = logits[np.clip(np.arange(top - spare, bottom + spare + 1), top, bottom)]
    grid = grid[:, np.clip(np.arange(left - spare, right + spare + 1), left, right)]
    kinks = np.abs(np.diff(grid, 2, axis=0))[:, 1:-1] + np.abs(np.diff(grid, 2, axis=1))[1:-1]
    near = cv2.dilate(kinks, np.ones((5, 5), dtype=np.uint8))
    y = np.clip(np.rint(rows).astype(int) - top + spare - 1, 0, near.shape[0] - 1)
    x = np.clip(np.rint(columns).astype(int) - left + spare - 1, 0, near.shape[1] - 1)
    return near[np.ix_(y, x)] / 4 + 1e-4


@given(
    st.integers(1, 300),
    st.integers(1, 300),
    st.sampled_from([(64, 96), (96, 64), (32, 128)]),
    st.sampled_from([0, 2]),
    st.integers(0, 2**32 - 1),
)
def test_crops_against_full_planes(
    height: int, width: int, input_size: tuple[int, int], blur: int, seed: int
) -> None:
    """Every crop equals the full plane inside its box, but for logits within a hair of 0."""
    rng = np.random.default_rng(seed)
    box = Letterbox.fit((height, width), input_size)
    stack = rng.normal(size=(3, input_size[0] // 4, input_size[1] // 4)).astype(np.float32)
    if blur:
        stack = np.stack([cv2.GaussianBlur(logits, None, blur) for logits in stack])
    corners = np.sort(rng.uniform(-2, 1.1, (3, 2, 2)).clip(0) * [width, height], axis=1)
    boxes = corners.reshape(3, 4).astype(np.float32).clip(0, [width, height, width, height])
    dense = masks_from_prototypes(stack, boxes, box).dense()
    for mask, logits, (x1, y1, x2, y2) in zip(dense, stack, np.ceil(boxes), strict=True):
        plane = full_plane(logits, box)
        expected = np.zeros_like(mask)
        region = np.s_[int(y1) : int(y2), int(x1) : int(x2)]
        expected[region] = plane[region] > 0
        assert not np.any((mask != expected) & (np.abs(plane) > doubt(logits, box)))


@given(st.sampled_from([(1080, 1920), (1024, 2048), (720, 1280), (540, 960)]), st.integers(0, 99))
def test_common_sizes_are_exact(image_size: tuple[int, int], seed: int) -> None:
    """At the sizes that cameras have the grids meet, and not one pixel differs."""
    rng = np.random.default_rng(seed)
    height = 384 if image_size[1] * 9 == image_size[0] * 16 else 320
    box = Letterbox.fit(image_size, (height, 640))
    logits = rng.normal(size=(1, height // 4, 160)).astype(np.float32)
    x, y = rng.uniform(0, image_size[1] - 300), rng.uniform(0, image_size[0] - 200)
    boxes = np.array([[x, y, x + 300, y + 200]], dtype=np.float32)
    mask = masks_from_prototypes(logits, boxes, box).dense()[0]
    plane = full_plane(logits[0], box)
    inside = np.zeros_like(mask)
    inside[int(np.ceil(y)) : int(np.ceil(y + 200)), int(np.ceil(x)) : int(np.ceil(x + 300))] = True
    wrong = (mask != ((plane > 0) & inside)) & (np.abs(plane) > 1e-4)
    assert np.count_nonzero(wrong) == 0


@given(
    st.sampled_from([(1080, 1920), (37, 300), (720, 701), (40, 60)]),
    st.integers(0, 999),
    st.floats(-3, 0),
)
def test_masks_with_a_pixel_are_known(image_size: tuple[int, int], seed: int, low: float) -> None:
    """What is told without decoding is what decoding gives, for faint masks and coarse pictures."""
    rng = np.random.default_rng(seed)
    letterbox = Letterbox.fit(image_size, (384, 640))
    logits = rng.normal(low, 1, size=(6, 96, 160)).astype(np.float32)
    corner = rng.uniform(0, 0.9, size=(6, 2)) * image_size[::-1]
    reach = rng.uniform(0.01, 0.3, size=(6, 2)) * image_size[::-1]
    boxes = np.concatenate([corner, corner + reach], axis=1).astype(np.float32)
    masks = masks_from_prototypes(logits, boxes, letterbox)
    gains, offset = np.array(letterbox.gains), np.array([letterbox.left, letterbox.top])
    in_prototypes = (boxes.reshape(-1, 2, 2) * gains + offset).reshape(-1, 4) / 4
    seen = has_visible_pixels(masks, logits, in_prototypes.astype(np.float32), letterbox)
    assert seen.tolist() == [bool(crop.any()) for crop in masks.crops]


def test_empty_masks_are_known_before_they_are_decoded() -> None:
    """A mask without a positive logit near its box has no pixels; one with, may."""
    logits = np.full((2, 8, 8), -1, dtype=np.float32)
    logits[1, 3, 3] = 1
    boxes = np.array([[2, 2, 5, 5], [2, 2, 5, 5]], dtype=np.float32)
    assert has_pixels(logits, boxes).tolist() == [False, True]
