"""Maps of segments and classes check what they are given, and cannot be changed afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from urban_segmentor.errors import ShapeError
from urban_segmentor.structures.panoptic import PanopticMap, Segment, SemanticMap

IDS = np.zeros((2, 3), dtype=np.int32)


def segment(number: int) -> Segment:
    """Return a segment of an id."""
    return Segment(segment_id=number, class_id=0, is_thing=True, score=1.0, area_px=1)


def test_maps_are_frozen_and_the_arrays_given_are_not() -> None:
    class_ids, scores = IDS.copy(), np.ones(IDS.shape, dtype=np.float32)
    semantic = SemanticMap(class_ids=class_ids, scores=scores)
    panoptic = PanopticMap(segment_ids=class_ids, segments=(segment(1), segment(2)))
    assert semantic.scores is not None
    assert SemanticMap(class_ids=class_ids).scores is None
    for array in (semantic.class_ids, semantic.scores, panoptic.segment_ids):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1
    class_ids[0, 0] = 1


@pytest.mark.parametrize(
    ("class_ids", "scores", "said"),
    [
        (IDS.astype(np.int64), None, r"`class_ids` must be int32 \(\*, \*\), got int64 \(2, 3\)"),
        (IDS[0], None, r"got int32 \(3\)"),
        (IDS.tolist(), None, "`class_ids` must be a NumPy array, got list"),
        (IDS, IDS, r"`scores` must be float32 \(2, 3\), got int32 \(2, 3\)"),
        (IDS, IDS.T.astype(np.float32), r"must be float32 \(2, 3\), got float32 \(3, 2\)"),
    ],
)
def test_a_semantic_map_of_another_shape(class_ids: object, scores: object, said: str) -> None:
    with pytest.raises(ShapeError, match=said):
        SemanticMap(class_ids=class_ids, scores=scores)  # type: ignore[arg-type]


@pytest.mark.parametrize("numbers", [(1, 1), (0,), (3, -1)])
def test_ids_of_segments_are_positive_and_differ(numbers: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="must be positive and differ"):
        PanopticMap(segment_ids=IDS, segments=tuple(map(segment, numbers)))


def test_a_panoptic_map_of_another_type() -> None:
    with pytest.raises(ShapeError, match=r"`segment_ids` must be int32 \(\*, \*\), got uint8"):
        PanopticMap(segment_ids=IDS.astype(np.uint8), segments=())  # type: ignore[arg-type]
