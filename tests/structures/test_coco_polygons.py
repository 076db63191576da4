"""Polygons and plain run lengths give the masks that pycocotools gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as oracle

from urban_segmentor.errors import ShapeError
from urban_segmentor.structures.coco_polygons import coco_polygons_to_mask
from urban_segmentor.structures.rle import decode_counts

sides = st.integers(1, 40)
halves = st.integers(-16, 100).map(lambda number: number / 2)
rings = hnp.arrays(np.float64, st.tuples(st.integers(3, 8), st.just(2)), elements=halves)


def placed(crop: np.ndarray, origin: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """Return a mask at its place, bool (H, W)."""
    whole = np.zeros(size, dtype=np.bool_)
    x, y = origin
    whole[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
    return whole


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # of pycocotools
@given(st.lists(rings, min_size=1, max_size=3), sides, sides)
def test_polygons_are_filled_as_coco_fills_them(
    polygons: list[np.ndarray], height: int, width: int
) -> None:
    """Pixel for pixel, whatever lies outside of the picture."""
    flat = [polygon.ravel().tolist() for polygon in polygons]
    expected = oracle.decode(oracle.merge(oracle.frPyObjects(flat, height, width)))
    crop, origin = coco_polygons_to_mask(polygons, image_size=(height, width))
    np.testing.assert_array_equal(placed(crop, origin, (height, width)), expected.astype(bool))
    assert not crop.size or (crop.any(axis=1)[[0, -1]].all() and crop.any(axis=0)[[0, -1]].all())


@given(hnp.arrays(np.bool_, st.tuples(sides, sides)))
def test_plain_run_lengths_give_the_mask_back(mask: np.ndarray) -> None:
    """Written down the columns, background first."""
    column = mask.T.ravel()
    ends = np.flatnonzero(np.diff(column.astype(np.int8), prepend=0)).tolist()
    counts = np.diff([0, *ends, column.size]).astype(np.int64)
    crop, origin = decode_counts(counts, image_size=(mask.shape[0], mask.shape[1]))
    np.testing.assert_array_equal(placed(crop, origin, mask.shape), mask)


@pytest.mark.parametrize("counts", [[1, 2], [-1, 7], [9, -3], [2**62, 2**62, 2**62]])
def test_other_numbers_are_no_run_lengths(counts: list[int]) -> None:
    """They must add up to the picture, none below 0, and no sum runs over."""
    with pytest.raises(ShapeError, match="counts"):
        decode_counts(np.array(counts, dtype=np.int64), image_size=(2, 3))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e9])
def test_endless_polygons_are_refused(value: float) -> None:
    """Before anybody walks along them."""
    with pytest.raises(ShapeError, match="within"):
        coco_polygons_to_mask([np.array([[0, 0], [value, 0], [1, 1]])], image_size=(9, 9))
