"""Maps of classes at the size of an image equal those of which everything is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from urban_segmentor.structures.boxes import Letterbox
from urban_segmentor.structures.class_maps import best_classes, softmax
from urban_segmentor.structures.panoptic import SemanticMap
from urban_segmentor.structures.pixel_grids import grid_axes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.structures.pixel_grids import GridAxis

seeds = st.integers(0, 2**32 - 1)


def neighbors(axis: GridAxis) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return for each image pixel the map pixels before and behind it, and its way between."""
    at = (np.arange(axis.length) + 0.5) * axis.step + axis.offset - 0.5
    at = np.clip(at, axis.first, axis.last)
    low = np.floor(at).astype(np.intp)
    return low, np.minimum(low + 1, axis.last), at - low


def full_planes(logits: NDArray[np.float32], letterbox: Letterbox) -> NDArray[np.float64]:
    """Interpolate all logits at all pixels, float64 (C, H, W)."""
    down, across = grid_axes(letterbox, (logits.shape[1], logits.shape[2]))
    (top, bottom, y), (left, right, x) = neighbors(down), neighbors(across)
    rows = logits[:, top] * (1 - y[:, None]) + logits[:, bottom] * y[:, None]
    return rows[:, :, left] * (1 - x) + rows[:, :, right] * x


def corner_classes(logits: NDArray[np.float32], letterbox: Letterbox) -> NDArray[np.bool_]:
    """Return which classes are best at a neighbor of each pixel, bool (C, H, W)."""
    down, across = grid_axes(letterbox, (logits.shape[1], logits.shape[2]))
    best = logits.argmax(axis=0)
    allowed = np.zeros((len(logits), down.length, across.length), dtype=np.bool_)
    for ys in neighbors(down)[:2]:
        for xs in neighbors(across)[:2]:
            np.put_along_axis(allowed, best[np.ix_(ys, xs)][None], values=True, axis=0)
    return allowed


@given(
    st.integers(1, 200),
    st.integers(1, 200),
    st.sampled_from([(64, 96), (96, 64), (32, 128)]),
    st.sampled_from([1, 2, 3, 19]),
    st.sampled_from([0, 1, 3]),
    seeds,
)
def test_against_everything_computed(  # noqa: PLR0913, PLR0917
    height: int, width: int, input_size: tuple[int, int], classes: int, blur: int, seed: int
) -> None:
    """At each pixel the best of its neighbors' best classes, but where two differ by a hair."""
    rng = np.random.default_rng(seed)
    letterbox = Letterbox.fit((height, width), input_size)
    shape = (classes, input_size[0] // 4, input_size[1] // 4)
    logits = rng.normal(size=shape).astype(np.float32)
    if blur:
        logits = np.stack([cv2.GaussianBlur(plane, None, blur) for plane in logits])
    planes = full_planes(logits, letterbox)
    compared = np.where(corner_classes(logits, letterbox), planes, -np.inf)
    found = SemanticMap(logits=logits, letterbox=letterbox).class_ids
    assert found.shape == (height, width)
    reached = np.take_along_axis(compared, found[None].astype(np.intp), axis=0)[0]
    assert np.all(reached >= compared.max(axis=0) - 1e-5)


def test_what_is_left_out_is_rare() -> None:
    """On maps as smooth as those of networks hardly any pixel has a class of no neighbor."""
    rng = np.random.default_rng(0)
    letterbox = Letterbox.fit((360, 640), (192, 320))
    noise = rng.normal(size=(19, 48, 80)).astype(np.float32)
    logits = np.stack([cv2.GaussianBlur(plane, None, 4) for plane in noise])
    found = SemanticMap(logits=logits, letterbox=letterbox).class_ids
    wrong = found != full_planes(logits, letterbox).argmax(axis=0)
    assert 0 < np.mean(wrong) < 0.002


@pytest.mark.parametrize("image_size", [(100, 200), (200, 100), (4, 4), (31, 300)])
def test_the_bars_of_the_letterbox_stay_out(image_size: tuple[int, int]) -> None:
    """However sure the network is of something in the bars, no pixel of the image has it."""
    letterbox = Letterbox.fit(image_size, (128, 128))
    down, across = grid_axes(letterbox, (32, 32))
    logits = np.zeros((2, 32, 32), dtype=np.float32)
    logits[1] = 1e6
    inside = np.s_[down.first : down.last + 1, across.first : across.last + 1]
    logits[1][inside] = -1
    semantic = SemanticMap(logits=logits, letterbox=letterbox)
    assert not semantic.class_ids.any()
    np.testing.assert_allclose(semantic.scores, 1 / (1 + np.exp(-1)), rtol=1e-5)


@given(st.integers(1, 30), seeds)
def test_the_best_class_is_the_first_of_the_highest(classes: int, seed: int) -> None:
    """As argmax has it; probabilities are those of the softmax."""
    logits = np.random.default_rng(seed).integers(-3, 3, (classes, 5, 7)).astype(np.float32)
    best = best_classes(logits)
    np.testing.assert_array_equal(best, logits.argmax(axis=0))
    powers = np.exp(logits.astype(np.float64))
    np.testing.assert_allclose(softmax(logits), powers / powers.sum(axis=0), rtol=1e-5)


def test_borders_lie_between_the_centres_of_map_pixels() -> None:
    """Half of the image left, half right, whatever the size: no shift by half a pixel."""
    logits = np.zeros((2, 16, 16), dtype=np.float32)
    logits[0, :, :8] = logits[1, :, 8:] = 5
    for side in (64, 160, 300, 16):
        letterbox = Letterbox.fit((side, side), (64, 64))
        semantic = SemanticMap(logits=logits, letterbox=letterbox)
        expected = np.arange(side) >= side // 2
        np.testing.assert_array_equal(semantic.class_ids, np.tile(expected, (side, 1)))
