"""Letterbox, overlap and suppression hold their promises for every input Hypothesis can find."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from urban_segmentor.structures.boxes import Letterbox, box_iou, nms, rectangular_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDES = st.integers(1, 5000)
STRIDES = st.integers(1, 40).map(lambda times: 32 * times)


def boxes_within(width: float, height: float) -> st.SearchStrategy[NDArray[np.float32]]:
    """Float32 (N, 4) boxes inside a picture, N of 0..12."""
    unit = hnp.arrays(
        np.float32, st.tuples(st.integers(0, 12), st.just(4)), elements=st.floats(0, 1, width=32)
    )

    def ordered(corners: NDArray[np.float32]) -> NDArray[np.float32]:
        scaled = corners * np.array([width, height, width, height], dtype=np.float32)
        low = np.minimum(scaled[:, :2], scaled[:, 2:])
        return np.hstack([low, np.maximum(scaled[:, :2], scaled[:, 2:])])

    return unit.map(ordered)


@given(st.data(), SIDES, SIDES, STRIDES, STRIDES)
def test_the_letterbox_is_undone(
    data: st.DataObject, height: int, width: int, in_height: int, in_width: int
) -> None:
    """Boxes of the image come back from the network input where they were."""
    box = Letterbox.fit((height, width), (in_height, in_width))
    boxes = data.draw(boxes_within(width, height))
    back = box.to_image(box.to_input(boxes))
    step = max(height / box.content_size[0], width / box.content_size[1], 1)
    np.testing.assert_allclose(back, boxes, atol=1e-3 * step + 1e-3)


@given(SIDES, SIDES, STRIDES, STRIDES)
def test_the_content_fits_and_is_centred(
    height: int, width: int, in_height: int, in_width: int
) -> None:
    """The scaled picture lies inside the input, in the middle, and touches two opposite sides."""
    box = Letterbox.fit((height, width), (in_height, in_width))
    right = in_width - box.left - box.content_size[1]
    bottom = in_height - box.top - box.content_size[0]
    assert min(box.left, box.top, right, bottom) >= 0
    assert abs(right - box.left) <= 1
    assert abs(bottom - box.top) <= 1
    assert box.content_size[0] == in_height or box.content_size[1] == in_width


@given(SIDES, SIDES)
def test_a_rectangle_wastes_less_than_a_stride(height: int, width: int) -> None:
    """No side of a rectangular input has a stride or more of padding."""
    size = rectangular_size((height, width), long_side=640, stride=32)
    content = Letterbox.fit((height, width), size).content_size
    assert max(size) == 640
    assert all(0 <= side - inner < 32 for side, inner in zip(size, content, strict=True))


@given(boxes_within(90, 60), boxes_within(90, 60))
def test_overlap_is_a_share(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> None:
    """IoU lies in [0, 1], is symmetric, and is 1 with oneself unless the box is empty."""
    table = box_iou(boxes, others)
    assert table.shape == (len(boxes), len(others))
    assert np.all((table >= 0) & (table <= 1 + 1e-5))
    np.testing.assert_allclose(table, box_iou(others, boxes).T, atol=1e-5)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    selves = np.diag(box_iou(boxes, boxes))
    np.testing.assert_allclose(selves[areas > 1e-3], 1, atol=1e-4)


@given(st.data(), boxes_within(90, 60), st.floats(0, 1))
def test_suppression_is_idempotent(
    data: st.DataObject, boxes: NDArray[np.float32], iou: float
) -> None:
    """What is kept is kept again; it is sorted; and no two of one class overlap too much."""
    n = len(boxes)
    scores = data.draw(hnp.arrays(np.float32, n, elements=st.floats(0, 1, width=32)))
    class_ids = data.draw(hnp.arrays(np.int32, n, elements=st.integers(0, 2)))
    kept = nms(boxes, scores, class_ids=class_ids, iou=iou)
    again = nms(boxes[kept], scores[kept], class_ids=class_ids[kept], iou=iou)
    np.testing.assert_array_equal(again, np.arange(len(kept)))
    assert np.all(np.diff(scores[kept]) <= 0)
    overlaps = box_iou(boxes[kept], boxes[kept])
    same = class_ids[kept][:, None] == class_ids[kept][None, :]
    np.fill_diagonal(overlaps, 0)
    assert not np.any(same & (overlaps > iou))


def test_the_best_box_of_each_class_survives() -> None:
    """Two cars at one place become one; the person before them stays."""
    boxes = np.array([[0, 0, 9, 9], [0, 0, 9, 8], [0, 0, 9, 9]], dtype=np.float32)
    scores = np.array([0.5, 0.9, 0.7], dtype=np.float32)
    kept = nms(boxes, scores, class_ids=np.array([13, 13, 11], dtype=np.int32), iou=0.7)
    assert kept.tolist() == [1, 2]
