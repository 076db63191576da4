"""The segmenter that merges: called as the plain one, and with a stage of its own."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import pytest

from tests.inference.panoptic_scenes import CAR, CLASSES, ROAD, found, rectangle
from urban_segmentor import Segmenter
from urban_segmentor.errors import SettingError
from urban_segmentor.inference.panoptic_config import PanopticConfig
from urban_segmentor.inference.panoptic_merge import merge_panoptic
from urban_segmentor.inference.panoptic_segmenter import PanopticSegmenter
from urban_segmentor.result import Result

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.structures.frame import Frame
    from urban_segmentor.structures.instances import Instances

SIZE = (32, 64)
IMAGE = np.zeros((*SIZE, 3), dtype=np.uint8)


def seen() -> Instances:
    """Return two cars over one another and a road."""
    return found(
        (rectangle(0, 0, 64, 32, size=SIZE), ROAD, 0.3),
        (rectangle(0, 0, 20, 10, size=SIZE), CAR, 0.9),
        (rectangle(15, 0, 35, 10, size=SIZE), CAR, 0.6),
    )


class Seeing:
    """A segmenter that always sees the same, and keeps the settings that it was given."""

    streams = 3
    spec = SimpleNamespace(classes=CLASSES, has_semantic=False)

    def __init__(self, **settings: object) -> None:
        self.settings = settings

    def with_config(self, **changes: object) -> Self:
        """Return one that keeps the changes."""
        return type(self)(**self.settings | changes)

    def with_settings(self, **changes: object) -> Self:
        """Return one that keeps the settings that are there."""
        given = {name: value for name, value in changes.items() if value is not None}
        return self.with_config(**given)

    def segment(self, frame: Frame) -> Result:
        """Return what it always sees, and how long that took."""
        assert frame.size == SIZE
        return Result(frame=frame, instances=seen(), milliseconds={"infer": 1.0})


def merging(config: PanopticConfig | None = None) -> PanopticSegmenter:
    """Return a merging segmenter of what is always seen."""
    return PanopticSegmenter(cast("Any", Seeing(conf=0.25)), config=config)


def settings_of(segmenter: PanopticSegmenter) -> dict[str, object]:
    """Return the settings of the segmenter that it asks."""
    return cast("Any", segmenter)._segmenter.settings


def test_segments_come_out_in_the_order_of_the_map() -> None:
    """Things by score, then stuff; they share no pixel."""
    segments = merging()(IMAGE).instances
    assert segments.class_ids.tolist() == [CAR, CAR, ROAD]
    assert segments.masks.areas().tolist() == [200, 150, 32 * 64 - 350]
    assert segments.boxes[1].tolist() == [20, 0, 35, 10]
    assert segments.classes == CLASSES


def test_the_map_is_that_of_merge() -> None:
    """With the rules that were given."""
    config = PanopticConfig(score=0.7)
    panoptic = merging(config)(IMAGE).panoptic
    expected = merge_panoptic(seen(), config=config)
    assert panoptic is not None
    np.testing.assert_array_equal(panoptic.segment_ids, expected.segment_ids)
    assert panoptic.segments == expected.segments
    assert len(panoptic.segments) == 2


def test_merging_is_a_stage() -> None:
    """Behind those of the segmenter, whose streams and classes it has."""
    segmenter = merging()
    milliseconds = segmenter(IMAGE).milliseconds
    assert list(milliseconds) == ["infer", "merge"]
    assert milliseconds["infer"] == 1.0
    assert 0 < milliseconds["merge"] < 5000
    assert segmenter.streams == 3
    assert segmenter.classes == segmenter.spec.classes == CLASSES


def test_weak_stuff_gets_through() -> None:
    """The segmenter's own lowest score gives way to that of the merge."""
    assert settings_of(merging()) == {"conf": 0.1, "surfaces": False}
    assert settings_of(merging(PanopticConfig(score=0.05)))["conf"] == 0.05


def test_settings_of_a_call() -> None:
    """A lowest score counts for things and stuff; the rest is the segmenter's."""
    segmenter = merging()
    other = segmenter.with_settings(conf=0.7, imgsz=320, classes=["car"])
    expected = {"conf": 0.7, "imgsz": 320, "classes": ["car"], "surfaces": False}
    assert settings_of(other) == expected
    assert other(IMAGE).instances.class_ids.tolist() == [CAR]
    assert segmenter(IMAGE, conf=0.7).instances.class_ids.tolist() == [CAR]
    assert len(segmenter(IMAGE)) == 3
    with pytest.raises(SettingError, match="there is no setting `save`"):
        segmenter(IMAGE, save=True)  # pyright: ignore[reportCallIssue]


def test_a_real_model_fills_the_image(street_images: list[NDArray[np.uint8]]) -> None:
    """Lists work as for the plain one, and segments agree with the map."""
    segmenter = PanopticSegmenter(Segmenter("urban-n", imgsz=320))
    results = segmenter(street_images[:2])
    assert len(results) == 2
    for result, image in zip(results, street_images, strict=False):
        assert result.panoptic is not None
        assert result.panoptic.segment_ids.shape == image.shape[:2]
        assert len(result) == len(result.panoptic.segments) > 3
        assert {True, False} == {one.is_thing for one in result.panoptic.segments}
        again = merge_panoptic(
            replace(result.instances, scores=np.ones(len(result), dtype=np.float32)),
            config=PanopticConfig(stuff_area_px=0, thin_area_px=0),
        )
        assert {one.area_px for one in again.segments} == {
            one.area_px for one in result.panoptic.segments
        }
