"""Masks as maps of numbers, and maps at another size, say of every pixel what the masks say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from tests.strategies import masks
from urban_segmentor.structures.label_maps import apply_lookup, resize_nearest
from urban_segmentor.structures.masks import Masks

sizes = st.tuples(st.integers(1, 40), st.integers(1, 40))


def painted(dense: NDArray[np.bool_], order: list[int]) -> NDArray[np.int_]:
    """Return the number of the last of the ordered masks on each pixel, pixel by pixel."""
    numbers = np.zeros(dense.shape[1:], dtype=int)
    for y, x in np.ndindex(numbers.shape):
        for i in order:
            if dense[i, y, x]:
                numbers[y, x] = i + 1
    return numbers


def sampled(values: NDArray[np.generic], size: tuple[int, int]) -> NDArray[np.generic]:
    """Return what the centers of the pixels of another size lie in, (..., H, W)."""
    height, width = values.shape[-2:]
    rows = [int((y + 0.5) / size[0] * height) for y in range(size[0])]
    columns = [int((x + 0.5) / size[1] * width) for x in range(size[1])]
    return values[..., rows, :][..., columns]


@given(masks(), st.data())
def test_an_index_map_shows_the_topmost_mask(found: Masks, data: st.DataObject) -> None:
    """The first, or the last of an order, which may leave masks out."""
    index_map = found.to_index_map()
    assert index_map.dtype == np.int32
    front_to_back = list(range(len(found)))
    np.testing.assert_array_equal(index_map, painted(found.dense(), front_to_back[::-1]))
    order = data.draw(st.permutations(front_to_back))
    order = order[: data.draw(st.integers(0, len(order)))]
    index_map = found.to_index_map(order=np.array(order, dtype=np.intp))
    np.testing.assert_array_equal(index_map, painted(found.dense(), order))


@given(masks())
def test_covered_is_what_any_mask_covers(found: Masks) -> None:
    """As of the whole stack."""
    coverage = found.coverage()
    assert coverage.dtype == np.bool_
    np.testing.assert_array_equal(coverage, found.dense().any(axis=0))


@given(masks(), sizes)
def test_masks_are_resized_as_whole_images_are(found: Masks, size: tuple[int, int]) -> None:
    """Where the crops lie, and what is in them, all together and one by one."""
    expected = sampled(found.dense(), size)
    resized = found.resize(size)
    assert resized.image_size == size
    np.testing.assert_array_equal(resized.dense(), expected)
    for mask, one in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mask.resize(size).dense(), one)


@given(hnp.arrays(np.int32, st.tuples(st.integers(1, 20), st.integers(1, 20))), sizes)
def test_maps_are_resized_by_centers(labels: NDArray[np.int32], size: tuple[int, int]) -> None:
    """No value appears that was not there, and its own size changes nothing."""
    resized = resize_nearest(labels, size)
    assert resized.dtype == labels.dtype
    np.testing.assert_array_equal(resized, sampled(labels, size))
    assert resize_nearest(labels, labels.shape) is labels


@pytest.mark.parametrize("count", [1, 2, 256, 257, 1000])
@pytest.mark.parametrize(
    ("dtype", "channels"), [(np.uint8, ()), (np.uint16, ()), (np.int32, ()), (np.uint8, (3,))]
)
def test_tables_are_looked_up_as_numpy_does(
    count: int, dtype: type[np.generic], channels: tuple[int, ...]
) -> None:
    """Whatever number of entries they have; images of no pixels too."""
    rng = np.random.default_rng(count)
    table = rng.integers(0, 256, (count, *channels)).astype(dtype)
    for size in [(5, 7), (0, 4)]:
        numbers = rng.integers(0, count, size, dtype=np.int32)
        found = apply_lookup(table, numbers)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, table[numbers])
