"""Polygons keep every pixel under our own reader, and nearly every one under `fillPoly`."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.strategies import mask_stacks
from urban_segmentor.errors import ShapeError
from urban_segmentor.structures.masks import Masks
from urban_segmentor.structures.polygons import (
    bridged_polygon,
    is_hole,
    mask_to_polygons,
    polygons_to_mask,
)

Mask = NDArray[np.bool_]
Ring = NDArray[np.float32]


def _ring(mask: Mask) -> Ring:
    """Return one ring of a mask, by way of its crop."""
    found = Masks.from_dense(mask[None])
    x, y = found.origins[0].tolist()
    return bridged_polygon(found.crops[0], origin=(x, y))


def _as_ultralytics_reads(ring: Ring, size: tuple[int, int]) -> Mask:
    """Return the mask after six decimals, truncation and `fillPoly`."""
    sides = np.array([size[1], size[0]], dtype=np.float64)
    pixels = (np.round(ring / sides, 6) * sides).astype(np.int32)
    canvas = np.zeros(size, dtype=np.uint8)
    cv2.fillPoly(canvas, [pixels], (1,))
    return canvas.astype(np.bool_)


def _blob(seed: int, size: tuple[int, int] = (240, 320)) -> Mask:
    """Return the largest part of smooth noise, holes included."""
    noise = np.random.default_rng(seed).standard_normal(size).astype(np.float32)
    smooth = np.asarray(cv2.GaussianBlur(noise, (0, 0), 14))
    _, labels, stats, _ = cv2.connectedComponentsWithStats((smooth > 0).astype(np.uint8))
    return np.asarray(labels == 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA]))


@given(mask_stacks(max_count=1))
def test_rings_give_the_mask_back(stack: Mask) -> None:
    """Parts, holes, lines and single pixels all survive."""
    for mask in stack:
        rings = mask_to_polygons(mask, origin=(0, 0))
        np.testing.assert_array_equal(polygons_to_mask(rings, image_size=mask.shape), mask)


@given(mask_stacks(max_count=1, side=20))
def test_one_bridged_ring_gives_the_mask_back(stack: Mask) -> None:
    """Bridges leave no pixel behind, wherever they go."""
    for mask in stack:
        ring = _ring(mask)
        assert len(ring) >= 3 or not mask.any()
        np.testing.assert_array_equal(polygons_to_mask([ring], image_size=mask.shape), mask)


@given(mask_stacks(max_count=1))
def test_fill_poly_paints_all_of_the_mask(stack: Mask) -> None:
    """What `fillPoly` makes of the one ring holds the mask; only bridges are added."""
    for mask in stack:
        if mask.any():
            painted = _as_ultralytics_reads(_ring(mask), mask.shape)
            assert painted[mask].all()


@given(mask_stacks(max_count=1))
def test_a_part_with_holes_is_filled_exactly(stack: Mask) -> None:
    """Bridges of holes lie on the mask, so that training sees exactly the mask."""
    for mask in stack:
        count, parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
        for part in range(1, count):
            painted = _as_ultralytics_reads(_ring(parts == part), mask.shape)
            np.testing.assert_array_equal(painted, parts == part)


@given(mask_stacks(max_count=1))
def test_holes_are_told_apart(stack: Mask) -> None:
    """There are as many outer rings as parts, and as many holes as regions shut in."""
    for mask in stack:
        rings = mask_to_polygons(mask, origin=(0, 0))
        parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1
        around = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
        shut_in = cv2.connectedComponents(around, connectivity=4)[0] - 2
        assert sum(map(is_hole, rings)) == shut_in
        assert len(rings) == parts + shut_in


@given(mask_stacks(max_count=1), st.integers(0, 5000), st.integers(0, 5000))
def test_the_origin_moves_the_rings(stack: Mask, x: int, y: int) -> None:
    """Rings of a crop are those of the whole mask, moved."""
    for mask in stack:
        there = mask_to_polygons(mask, origin=(x, y))
        here = mask_to_polygons(mask, origin=(0, 0))
        for moved, ring in zip(there, here, strict=True):
            assert moved.dtype == np.float32
            np.testing.assert_array_equal(moved, ring + np.array([x, y], dtype=np.float32))


def test_rings_run_through_pixel_centres() -> None:
    """A block of 3 x 2 pixels at (3, 2) spans the centres 3.5 to 5.5 and 2.5 to 3.5."""
    rings = mask_to_polygons(np.ones((2, 3), dtype=np.bool_), origin=(3, 2))
    corners = {(3.5, 2.5), (3.5, 3.5), (5.5, 3.5), (5.5, 2.5)}
    assert {(float(x), float(y)) for x, y in rings[0]} == corners
    assert len(rings[0]) == 4


@pytest.mark.parametrize("seed", range(8))
def test_realistic_blobs_survive_fill_poly(seed: int) -> None:
    """IoU of at least .999 for a large object, holes included, as it is read for training."""
    mask = _blob(seed)
    painted = _as_ultralytics_reads(_ring(mask), (240, 320))
    assert (mask & painted).sum() / (mask | painted).sum() >= 0.999
    np.testing.assert_array_equal(polygons_to_mask([_ring(mask)], image_size=(240, 320)), mask)


def test_an_object_cut_by_a_pole_is_bridged_at_the_gap() -> None:
    """Two halves 9 pixels apart cost one line of 9 pixels, not one across the object."""
    mask = np.zeros((400, 600), dtype=np.bool_)
    mask[100:300, 50:550] = True
    mask[:, 300:309] = False
    painted = _as_ultralytics_reads(_ring(mask), (400, 600))
    assert np.count_nonzero(painted & ~mask) == 9


def test_bridges_are_the_shortest() -> None:
    """Of three discs 7, 16 and 27 pixels apart, the last pair is not bridged."""
    canvas = np.zeros((180, 200), dtype=np.uint8)
    for x, y, radius in ((45, 50, 40), (133, 50, 40), (100, 130, 30)):
        cv2.circle(canvas, (x, y), radius, (1,), -1)
    mask = canvas.astype(np.bool_)
    gaps = np.diff(np.flatnonzero(mask[50]))
    painted = _as_ultralytics_reads(_ring(mask), mask.shape)
    assert gaps[gaps > 1].tolist() == [8]
    assert 7 + 12 <= np.count_nonzero(painted & ~mask) <= 7 + 17


def test_noise_does_not_take_forever() -> None:
    """Thousands of specks and holes come back exactly, in one ring."""
    mask = np.random.default_rng(0).random((150, 200)) < 0.4
    ring = bridged_polygon(mask, origin=(0, 0))
    np.testing.assert_array_equal(polygons_to_mask([ring], image_size=mask.shape), mask)


def test_an_empty_mask_has_no_rings() -> None:
    """There is nothing to bridge, and nothing comes back."""
    empty = np.zeros((0, 0), dtype=np.bool_)
    assert mask_to_polygons(empty, origin=(0, 0)) == []
    assert bridged_polygon(empty, origin=(0, 0)).shape == (0, 2)
    assert not polygons_to_mask([np.zeros((0, 2), np.float32)], image_size=(3, 3)).any()


def test_rings_may_leave_the_image() -> None:
    """What lies outside is cut off."""
    ring = np.array([[-10, -10], [-10, 99], [2.5, 99], [2.5, -10]], dtype=np.float32)
    mask = polygons_to_mask([ring], image_size=(4, 6))
    assert mask.tolist() == [[True] * 3 + [False] * 3] * 4


@pytest.mark.parametrize("repeats", [1, 2, 3, 4])
def test_repeated_vertices_of_other_writers_are_no_bridges(repeats: int) -> None:
    """A square whose corners stand several times stays a square."""
    corners = np.array([[1.5, 1.5], [1.5, 5.5], [5.5, 5.5], [5.5, 1.5]], dtype=np.float32)
    mask = polygons_to_mask([np.repeat(corners, repeats, axis=0)], image_size=(8, 8))
    assert mask.sum() == 25


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e9, -1e9])
def test_coordinates_beyond_reason_are_refused(value: float) -> None:
    """They would keep `fillPoly` busy for minutes."""
    ring = np.array([[0, 0], [value, 0], [0, 4]], dtype=np.float32)
    with pytest.raises(ShapeError, match=r"`rings\[0\]` must lie within"):
        polygons_to_mask([ring], image_size=(8, 8))


def test_a_flat_list_of_coordinates_is_refused() -> None:
    """Rings are pairs."""
    with pytest.raises(ShapeError, match=r"`rings\[0\]` must be \(K, 2\)"):
        polygons_to_mask([np.zeros(6, dtype=np.float32)], image_size=(8, 8))
