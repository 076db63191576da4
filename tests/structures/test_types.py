"""The value types hold their promises for every input Hypothesis can find."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from tests.strategies import instances, mask_stacks
from urban_segmentor.errors import ShapeError
from urban_segmentor.structures.frame import Frame, Yuv420
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Crop, LazyCrops, Masks


@given(mask_stacks())
def test_crops_lose_nothing(dense: NDArray[np.bool_]) -> None:
    """Cropping and pasting back gives the same pixels, and the areas agree."""
    found = Masks.from_dense(dense)
    np.testing.assert_array_equal(found.dense(), dense)
    np.testing.assert_array_equal(found.areas(), dense.sum(axis=(1, 2)))


@given(mask_stacks())
def test_crops_of_a_stack_are_tight(dense: NDArray[np.bool_]) -> None:
    """Each side of a crop has a pixel of the mask."""
    for crop in Masks.from_dense(dense).crops:
        sides = [crop[:1], crop[-1:], crop[:, :1], crop[:, -1:]]
        assert crop.size == 0 or all(side.any() for side in sides)


@given(instances())
def test_boxes_are_half_open(found: Instances) -> None:
    """A box holds at least as many pixels as its mask."""
    width, height = (found.boxes[:, 2:] - found.boxes[:, :2]).T
    assert np.all(width * height >= found.masks.areas())


def test_rectangles_have_the_box_of_coco() -> None:
    """A mask of 3 x 2 pixels at (3, 2) has the box [3, 2, 6, 4]."""
    dense = np.zeros((1, 5, 8), dtype=np.bool_)
    dense[0, 2:4, 3:6] = True
    assert Masks.from_dense(dense).rectangles().tolist() == [[3, 2, 6, 4]]


def test_no_masks_have_no_rectangles() -> None:
    """The shape stays (0, 4), so that columns can be taken."""
    none = Masks.from_dense(np.zeros((0, 4, 5), dtype=np.bool_))
    assert none.rectangles().shape == (0, 4)


@given(instances())
def test_selecting_everything_changes_nothing(found: Instances) -> None:
    """Selecting with an all-true mask is the identity."""
    same = found.select(np.ones(len(found), dtype=np.bool_))
    np.testing.assert_array_equal(same.boxes, found.boxes)
    np.testing.assert_array_equal(same.masks.dense(), found.masks.dense())


@given(instances(), st.data())
def test_selecting_positions_takes_rows_in_order(found: Instances, data: st.DataObject) -> None:
    """Positions may repeat and come in any order; all fields follow."""
    rows = st.lists(st.integers(0, max(0, len(found) - 1)), max_size=0 if len(found) == 0 else 6)
    index = np.array(data.draw(rows), dtype=np.intp)
    chosen = found.select(index)
    np.testing.assert_array_equal(chosen.scores, found.scores[index])
    np.testing.assert_array_equal(chosen.masks.dense(), found.masks.dense()[index])


def _counted(crop: Crop, calls: list[int], number: int) -> Callable[[], Crop]:
    """Return a decoder that notes when it is called."""

    def decode() -> Crop:
        calls.append(number)
        return crop

    return decode


def test_deferred_crops_are_decoded_once_and_only_when_read() -> None:
    """Selecting decodes nothing, and what is decoded stays decoded."""
    calls: list[int] = []
    crops = [np.full((1, n + 1), fill_value=True) for n in range(3)]
    deferred = LazyCrops([_counted(crop, calls, i) for i, crop in enumerate(crops)])
    origins = np.zeros((3, 2), dtype=np.int32)
    found = Masks(crops=deferred, origins=origins, image_size=(4, 4))
    assert found.crops[1].shape == (1, 2)
    chosen = found.select(np.array([2, 1], dtype=np.intp))
    assert calls == [1]
    assert [crop.shape for crop in chosen.crops] == [(1, 3), (1, 2)]
    assert calls == [1, 2]


def test_deferred_crops_are_checked_when_decoded() -> None:
    """A decoder that returns something else than bool is named."""
    deferred = LazyCrops([lambda: np.zeros((2, 2), dtype=np.uint8)])  # type: ignore[list-item,return-value]
    with pytest.raises(ShapeError, match=r"`crops\[0\]` must be bool"):
        deferred[0]


def test_a_wrong_dtype_is_named() -> None:
    """The message gives the field, what was expected and what came."""
    image = np.zeros((4, 6, 3), dtype=np.float32)
    with pytest.raises(ShapeError, match=r"`pixels` must be uint8 \(\*, \*, 3\), got float32"):
        Frame(pixels=image)  # type: ignore[arg-type]


def test_a_wrong_length_is_named() -> None:
    """Every field of `Instances` has as many rows as there are masks."""
    none = Masks.from_dense(np.zeros((0, 4, 4), dtype=np.bool_))
    with pytest.raises(ShapeError, match=r"`scores` must be float32 \(0\), got float32 \(2\)"):
        Instances(
            boxes=np.zeros((0, 4), dtype=np.float32),
            masks=none,
            scores=np.zeros(2, dtype=np.float32),
            class_ids=np.zeros(0, dtype=np.int32),
        )


def test_a_frame_cannot_be_painted_on() -> None:
    """Renderers must copy."""
    frame = Frame(pixels=np.zeros((4, 6, 3), dtype=np.uint8))
    with pytest.raises(ValueError, match="read-only"):
        frame.image[...] = 255


_SIDES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))


@given(hnp.arrays(np.uint8, _SIDES))
def test_a_video_frame_has_the_size_of_its_luma(image: NDArray[np.uint8]) -> None:
    """Odd sides survive: the chroma planes are half the size, rounded up."""
    frame = Frame(pixels=Yuv420.from_rgb(image))
    assert frame.size == image.shape[:2]
    assert frame.image.shape == image.shape


@given(
    color=st.tuples(*[st.integers(0, 255)] * 3),
    matrix=st.sampled_from(["bt601", "bt709"]),
    full_range=st.booleans(),
)
def test_a_plain_color_survives_yuv(
    *, color: tuple[int, int, int], matrix: str, full_range: bool
) -> None:
    """A picture of one color comes back within the rounding of 8 bits."""
    image = np.full((4, 6, 3), color, dtype=np.uint8)
    planes = Yuv420.from_rgb(image, matrix=matrix, full_range=full_range)  # type: ignore[arg-type]
    back = planes.resized_rgb(6, 4).astype(int)
    assert np.abs(back - image).max() <= 3


def test_planes_that_do_not_fit_are_named() -> None:
    """Chroma of the full size is refused."""
    plane = np.zeros((4, 6), dtype=np.uint8)
    with pytest.raises(ShapeError, match=r"`u` must be uint8 \(2, 3\)"):
        Yuv420(y=plane, u=plane, v=plane)
