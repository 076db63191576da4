"""Heads of known content: what is kept, what is refused, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inference.fake_model import (
    CAR,
    PERSON,
    ROAD,
    fake_segmenter,
    final_head,
    prototypes,
    semantic_logits,
)
from urban_segmentor.errors import ModelError
from urban_segmentor.inference.decode_yolo import (
    Detections,
    check_detections,
    check_outputs,
    decode_anchors,
    decode_end2end,
)
from urban_segmentor.structures.boxes import box_iou, nms

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLASSES, COEFFICIENTS = 3, 4
thresholds = st.floats(0, 1, width=32)
seeds = st.integers(0, 2**32 - 1)
kept_classes = st.one_of(st.none(), st.lists(st.integers(0, CLASSES - 1), min_size=1))


def dense_head(anchors: int, seed: int) -> NDArray[np.float32]:
    """Return a head of YOLOv8-seg's layout whose boxes overlap, float32 (11, A)."""
    rng = np.random.default_rng(seed)
    head = rng.random((4 + CLASSES + COEFFICIENTS, anchors)).astype(np.float32)
    head[:4] = head[:4] * np.float32(20) + np.float32(10)
    return head


def as_rows(classes: list[int] | None) -> NDArray[np.int32] | None:
    """Return the filter as `decode` takes it."""
    return None if classes is None else np.array(classes, dtype=np.int32)


def fields(found: Detections) -> tuple[NDArray[np.generic], ...]:
    """Return all arrays."""
    return found.boxes, found.scores, found.class_ids, found.coefficients


@given(st.integers(0, 40), seeds, thresholds, thresholds, st.integers(1, 9), kept_classes)
def test_dense_heads(  # noqa: PLR0913, PLR0917
    anchors: int, seed: int, conf: float, iou: float, max_det: int, classes: list[int] | None
) -> None:
    """Rows are anchors as they were; over the threshold, by falling score, apart from another."""
    head = dense_head(anchors, seed)
    found = decode_anchors(
        head, classes=CLASSES, conf=conf, iou=iou, max_det=max_det, keep_rows=as_rows(classes)
    )
    assert len(found.scores) <= max_det
    assert np.all(found.scores > conf)
    assert np.all(np.diff(found.scores) <= 0)
    if classes is not None:
        assert set(found.class_ids.tolist()) <= set(classes)
    for box, score, class_id, coefficients in zip(*fields(found), strict=True):
        anchor = int(np.flatnonzero((head[7:] == coefficients[:, None]).all(axis=0))[0])
        x, y, width, height = head[:4, anchor]
        expected = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
        np.testing.assert_allclose(box, expected, rtol=1e-5)
        assert score == head[4 + class_id, anchor] == head[4:7, anchor].max()
    overlaps = box_iou(found.boxes, found.boxes)
    same = found.class_ids[:, None] == found.class_ids
    assert not np.any((overlaps > iou) & same & ~np.eye(len(overlaps), dtype=np.bool_))


@given(st.integers(1, 40), seeds, thresholds, thresholds, kept_classes)
def test_a_filter_of_classes_takes_rows_away_and_nothing_else(
    anchors: int, seed: int, conf: float, iou: float, classes: list[int] | None
) -> None:
    """Suppression works within a class, so filtering before it is filtering after it."""
    head = dense_head(anchors, seed)
    settings = {"classes": CLASSES, "conf": conf, "iou": iou, "max_det": 99}
    every = decode_anchors(head, **settings, keep_rows=None)
    some = decode_anchors(head, **settings, keep_rows=as_rows(classes))
    wanted = np.isin(every.class_ids, range(CLASSES) if classes is None else classes)
    for all_rows, rows in zip(fields(every), fields(some), strict=True):
        np.testing.assert_array_equal(rows, all_rows[wanted])


@given(st.integers(0, 40), seeds, thresholds)
def test_suppression_is_idempotent(count: int, seed: int, iou: float) -> None:
    """What is left does not suppress one another any more."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 30, (count, 2)).astype(np.float32)
    boxes = np.hstack([corners, corners + rng.uniform(0, 20, (count, 2)).astype(np.float32)])
    scores = rng.random(count).astype(np.float32)
    class_ids = rng.integers(0, 2, count).astype(np.int32)
    once = nms(boxes, scores, class_ids=class_ids, iou=iou)
    again = nms(boxes[once], scores[once], class_ids=class_ids[once], iou=iou)
    np.testing.assert_array_equal(again, np.arange(len(once)))
    for max_det in (1, 3):
        first = nms(boxes, scores, class_ids=class_ids, iou=iou, max_det=max_det)
        np.testing.assert_array_equal(first, once[:max_det])
    dropped = np.setdiff1d(np.arange(count), once)
    for i in dropped:  # each for a reason: a better one of its class that was kept
        rivals = once[(class_ids[once] == class_ids[i]) & (scores[once] >= scores[i])]
        assert box_iou(boxes[i : i + 1], boxes[rivals]).max() > iou


@given(st.integers(0, 40), seeds, thresholds, st.integers(1, 50), kept_classes)
def test_final_heads(
    rows: int, seed: int, conf: float, max_det: int, classes: list[int] | None
) -> None:
    """The rows over the threshold, sorted; nothing is suppressed a second time."""
    rng = np.random.default_rng(seed)
    head = rng.random((rows, 6 + COEFFICIENTS)).astype(np.float32)
    head[:, 5] = rng.integers(0, CLASSES, rows)
    found = decode_end2end(head, conf=conf, max_det=max_det, keep_rows=as_rows(classes))
    wanted = head[:, 4] > conf
    if classes is not None:
        wanted &= np.isin(head[:, 5], classes)
    expected = head[wanted]
    expected = expected[np.argsort(-expected[:, 4], kind="stable")][:max_det]
    columns = found.boxes, found.scores[:, None], found.class_ids[:, None], found.coefficients
    np.testing.assert_array_equal(np.hstack(columns), expected)


def test_more_candidates_than_suppression_can_take() -> None:
    """A flood of anchors is cut to the best 30,000, and the best is among them."""
    head = np.zeros((4 + 1 + 1, 40_000), dtype=np.float32)
    head[0] = np.arange(40_000) * 10
    head[2:4] = 5
    head[4] = np.linspace(0.5, 0.9, 40_000, dtype=np.float32)
    found = decode_anchors(head, classes=1, conf=0.1, iou=0.7, max_det=3, keep_rows=None)
    np.testing.assert_array_equal(found.boxes[:, 0], head[0, :-4:-1] - 2.5)


@pytest.mark.parametrize(
    "shapes",
    [
        [(1, 8, 5)],
        [(1, 8, 5), (1, 4, 2, 2)],
        [(1, 11, 5), (1, 4, 2, 2), (1,)],
        [(1, 11, 5), (4, 2, 2)],
        [(1, 11, 5), (1, 4, 0, 2)],
        [(1, 11, 5), (1, 3, 2, 2)],
        [(11, 5), (1, 4, 2, 2)],
    ],
)
@pytest.mark.parametrize("final", [False, True])
def test_other_layouts_are_refused(shapes: list[tuple[int, ...]], *, final: bool) -> None:
    """The message shows the shapes found and expected."""
    outputs = [np.zeros(shape, dtype=np.float32) for shape in shapes]
    with pytest.raises(ModelError, match="`m` gives tensors of shapes") as caught:
        check_outputs(outputs, classes=CLASSES, ends_in_nms=final, path="m")
    assert str(shapes) in str(caught.value)
    assert caught.value.hint


def test_both_layouts_are_taken() -> None:
    """(1, 4 + classes + M, A) and (1, N, 6 + M), each where the metadata says so."""
    prototypes = np.zeros((1, 4, 2, 2), dtype=np.float32)
    for shape, final in (((1, 11, 5), False), ((1, 5, 10), True)):
        head = np.zeros(shape, dtype=np.float32)
        check_outputs([head, prototypes], classes=CLASSES, ends_in_nms=final, path="m")
        with pytest.raises(ModelError):
            check_outputs([head, prototypes], classes=CLASSES, ends_in_nms=not final, path="m")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["boxes", "coefficients"])
def test_what_is_no_number_is_refused(value: float, name: str) -> None:
    """An overflow of half precision is told, not drawn."""
    arrays = {
        "boxes": np.zeros((2, 4), dtype=np.float32),
        "coefficients": np.zeros((2, 4), dtype=np.float32),
    }
    arrays[name][1, 2] = value
    found = Detections(
        scores=np.ones(2, dtype=np.float32), class_ids=np.zeros(2, dtype=np.int32), **arrays
    )
    with pytest.raises(ModelError, match="`m` gives boxes or masks that are no numbers") as caught:
        check_detections(found, classes=1, path="m")
    assert "--precision f32" in str(caught.value.hint)


@pytest.mark.parametrize("class_id", [-1, 3, 80])
def test_classes_without_a_name_are_refused(class_id: int) -> None:
    """A final head may say any number."""
    head = np.array([[0, 0, 1, 1, 0.9, class_id, 1]], dtype=np.float32)
    found = decode_end2end(head, conf=0.5, max_det=9, keep_rows=None)
    with pytest.raises(ModelError, match=f"finds the class {class_id}, .* 3 classes"):
        check_detections(found, classes=3, path="m")


def semantic_outputs(*, final: bool = True) -> list[NDArray[np.float32]]:
    """Return outputs of a model with a map: two class rows, one prototype, four classes."""
    head = np.zeros((1, 3, 7) if final else (1, 7, 3), dtype=np.float32)
    labels = np.full((16, 32), ROAD, dtype=np.int32)
    labels[2:10, 2:10], labels[2:10, 15:23] = CAR, PERSON
    return [head, prototypes(), semantic_logits(labels)]


@pytest.mark.parametrize("final", [False, True])
def test_rows_of_the_head_are_translated_to_class_ids(*, final: bool) -> None:
    """The head knows cars and people, in this order; the class list has two surfaces before."""
    outputs = semantic_outputs(final=final)
    if final:
        outputs[0] = final_head((8, 8, 40, 40, 0.9, 0), (60, 8, 90, 40, 0.8, 1))
    else:
        boxes, scores = [[24, 75, 0], [24, 24, 0], [32, 30, 0], [32, 32, 0]], [0.9, 0.8]
        outputs[0][0] = [*boxes, [scores[0], 0, 0], [0, scores[1], 0], [1, 1, 0]]
    segmenter = fake_segmenter(outputs, ends_in_nms=final)
    frame = np.zeros((64, 128, 3), dtype=np.uint8)

    def things(classes: list[str] | None = None) -> list[str]:
        found = segmenter(frame, classes=classes).instances
        return [name for name in found.class_names if name in {"person", "car"}]

    assert things() == ["car", "person"]
    assert things(classes=["person"]) == ["person"]
    assert things(classes=["car", "road"]) == ["car"]
    assert things(classes=["road"]) == []


def test_a_head_of_some_classes_needs_no_map() -> None:
    """Which classes the rows mean is one thing, a map of all another."""
    outputs = semantic_outputs()[:2]
    outputs[0] = final_head((8, 8, 40, 40, 0.9, 1))
    segmenter = fake_segmenter(outputs, has_semantic=False, instance_class_ids=(ROAD, CAR))
    result = segmenter(np.zeros((64, 128, 3), dtype=np.uint8))
    assert result.instances.class_names == ("car",)
    assert result.semantic is None


@pytest.mark.parametrize(
    "shape", [None, (1, 3, 16, 32), (4, 16, 32), (1, 4, 0, 32), (2, 4, 16, 32)]
)
def test_maps_of_other_shapes_are_refused(shape: tuple[int, ...] | None) -> None:
    """The message shows what was found and what was expected; a map too many is refused, too."""
    outputs = semantic_outputs()[:2]
    if shape is not None:
        outputs.append(np.zeros(shape, dtype=np.float32))
    frame = np.zeros((64, 128, 3), dtype=np.uint8)
    expected = r"expected \(1, N, 6 \+ M\), \(1, M, h, w\) and \(1, 4, h, w\)$"
    with pytest.raises(ModelError, match=expected) as caught:
        fake_segmenter(outputs)(frame)
    assert caught.value.hint
    with pytest.raises(ModelError, match=r"expected \(1, N, 6 \+ M\) and \(1, M, h, w\)$"):
        fake_segmenter(semantic_outputs(), has_semantic=False)(frame)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_maps_that_are_no_numbers_are_refused(value: float) -> None:
    """An overflow of half precision is told; large numbers are none."""
    outputs = semantic_outputs()
    frame = np.zeros((64, 128, 3), dtype=np.uint8)
    outputs[2][0, 2, 3, 4] = value
    with pytest.raises(ModelError, match=r"`fake\.onnx` gives classes of pixels that are no") as no:
        fake_segmenter(outputs)(frame)
    assert "--precision f32" in str(no.value.hint)
    outputs[2][0, 2, 3, 4] = 1e30
    assert fake_segmenter(outputs)(frame).frame.size == (64, 128)


@pytest.mark.parametrize("row", [-1, 2])
def test_rows_beyond_the_head_are_refused(row: int) -> None:
    """There are four classes, and two rows."""
    outputs = semantic_outputs()
    outputs[0] = final_head((8, 8, 40, 40, 0.9, row))
    with pytest.raises(ModelError, match=f"finds the class {row}"):
        fake_segmenter(outputs)(np.zeros((64, 128, 3), dtype=np.uint8))
