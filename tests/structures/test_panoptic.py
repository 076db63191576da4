"""Maps of segments and classes check what they are given, and cannot be changed afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from urban_segmentor.errors import ShapeError
from urban_segmentor.structures.boxes import Letterbox
from urban_segmentor.structures.panoptic import PanopticMap, Segment, SemanticMap

IDS = np.zeros((2, 3), dtype=np.int32)
LOGITS = np.zeros((4, 2, 3), dtype=np.float32)


def segment(number: int) -> Segment:
    """Return a segment of an id."""
    return Segment(segment_id=number, class_id=0, is_thing=True, score=1.0, area_px=1)


LETTERBOX = Letterbox.fit((8, 12), (8, 12))


def test_maps_are_frozen_and_the_arrays_given_are_not() -> None:
    class_ids, logits = IDS.copy(), LOGITS.copy()
    semantic = SemanticMap(logits=logits, letterbox=LETTERBOX)
    panoptic = PanopticMap(segment_ids=class_ids, segments=(segment(1), segment(2)))
    computed = (semantic.class_ids, semantic.scores, semantic.coarse_class_ids)
    for array in (*computed, semantic.coarse_scores, semantic.logits, panoptic.segment_ids):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1
    class_ids[0, 0] = 1
    logits[0, 0, 0] = 1


def test_what_is_as_large_as_the_image_is_computed_once() -> None:
    semantic = SemanticMap(logits=LOGITS, letterbox=LETTERBOX)
    assert semantic.image_size == semantic.class_ids.shape == semantic.scores.shape == (8, 12)
    assert semantic.class_ids is semantic.class_ids
    assert semantic.scores is semantic.scores
    assert (semantic.class_ids.dtype, semantic.scores.dtype) == (np.uint8, np.float32)


@pytest.mark.parametrize(
    ("logits", "said"),
    [
        (LOGITS.astype(np.float64), r"`logits` must be float32 \(\*, \*, \*\), got float64"),
        (LOGITS[0], r"got float32 \(2, 3\)"),
        (LOGITS.tolist(), "`logits` must be a NumPy array, got list"),
        (LOGITS[:0], "must be of 1 to 255 classes"),
        (np.zeros((256, 2, 3), np.float32), "must be of 1 to 255 classes"),
    ],
)
def test_a_semantic_map_of_another_shape(logits: object, said: str) -> None:
    with pytest.raises(ShapeError, match=said):
        SemanticMap(logits=logits, letterbox=LETTERBOX)  # type: ignore[arg-type]


@pytest.mark.parametrize("numbers", [(1, 1), (0,), (3, -1)])
def test_ids_of_segments_are_positive_and_differ(numbers: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="must be positive and differ"):
        PanopticMap(segment_ids=IDS, segments=tuple(map(segment, numbers)))


def test_a_panoptic_map_of_another_type() -> None:
    with pytest.raises(ShapeError, match=r"`segment_ids` must be int32 \(\*, \*\), got uint8"):
        PanopticMap(segment_ids=IDS.astype(np.uint8), segments=())  # type: ignore[arg-type]
