"""The segmenter that merges: called as the plain one, and with a stage of its own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import numpy as np

from tests.inference.panoptic_scenes import CAR, NAMES, ROAD, found, rectangle
from urban_segmentor.inference.panoptic_config import PanopticConfig
from urban_segmentor.inference.panoptic_merge import merge_panoptic
from urban_segmentor.inference.panoptic_segmenter import PanopticSegmenter
from urban_segmentor.structures.frame import Image, Yuv420

if TYPE_CHECKING:
    from collections.abc import Callable

    from urban_segmentor.models.spec import ModelSpec
    from urban_segmentor.structures.instances import Instances

SIZE = (32, 64)


class Seeing:
    """A segmenter that sees two cars over one another and a road."""

    streams = 3
    spec = cast("ModelSpec", SimpleNamespace(class_names=NAMES))

    def __call__(
        self, pixels: Image | Yuv420, *, on_stage: Callable[[str, float], None] | None = None
    ) -> Instances:
        """Return them, and report a stage."""
        assert not isinstance(pixels, Yuv420)
        assert pixels.shape[:2] == SIZE
        if on_stage is not None:
            on_stage("infer", 1.0)
        return found(
            (rectangle(0, 0, 64, 32, size=SIZE), ROAD, 0.3),
            (rectangle(0, 0, 20, 10, size=SIZE), CAR, 0.9),
            (rectangle(15, 0, 35, 10, size=SIZE), CAR, 0.6),
        )


IMAGE = np.zeros((*SIZE, 3), dtype=np.uint8)


def test_segments_come_out_in_the_order_of_the_map() -> None:
    """Things by score, then stuff; they share no pixel."""
    segments = PanopticSegmenter(Seeing())(IMAGE)
    assert segments.class_ids.tolist() == [CAR, CAR, ROAD]
    assert segments.masks.areas().tolist() == [200, 150, 32 * 64 - 350]
    assert segments.boxes[1].tolist() == [20, 0, 35, 10]


def test_the_map_is_that_of_merge() -> None:
    """With the rules that were given."""
    rules = PanopticConfig(score=0.7)
    panoptic = PanopticSegmenter(Seeing(), rules=rules).panoptic_map(IMAGE)
    expected = merge_panoptic(Seeing()(IMAGE), class_names=NAMES, rules=rules)
    np.testing.assert_array_equal(panoptic.segment_ids, expected.segment_ids)
    assert panoptic.segments == expected.segments
    assert len(panoptic.segments) == 2


def test_merging_is_a_stage() -> None:
    """Behind those of the segmenter, whose streams and classes it has."""
    stages: list[str] = []
    segmenter = PanopticSegmenter(Seeing())
    segmenter(IMAGE, on_stage=lambda stage, _: stages.append(stage))
    assert stages == ["infer", "merge"]
    assert segmenter.streams == 3
    assert segmenter.spec.class_names == NAMES
