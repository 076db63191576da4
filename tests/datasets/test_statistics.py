"""Counts of classes, and their plots."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from urban_segmentor.datasets.cityscapes.annotation import parse_annotation
from urban_segmentor.datasets.cityscapes.visible_objects import draw_objects, visible_objects
from urban_segmentor.datasets.dataset_classes import parse_dataset_classes
from urban_segmentor.datasets.explore.statistics import (
    PLOTS,
    SIZE_EDGES_PX,
    FrameCount,
    Statistics,
    count_frame,
    plots,
)

if TYPE_CHECKING:
    from urban_segmentor.datasets.dataset_classes import DatasetClasses

CLASSES = parse_dataset_classes("road,sky,car,person,train")


def box(label: str, x: int, y: int, width: int, height: int) -> dict[str, Any]:
    """Return an object that covers so many pixels across and down."""
    right, bottom = x + width - 1, y + height - 1
    return {"label": label, "polygon": [[x, y], [right, y], [right, bottom], [x, bottom]]}


def counted(*objects: dict[str, Any], classes: DatasetClasses = CLASSES) -> FrameCount:
    """Return what a frame of 128 x 64 pixels has."""
    annotation = parse_annotation({"imgHeight": 64, "imgWidth": 128, "objects": list(objects)})
    segments = visible_objects(
        draw_objects(annotation), classes=classes, stuff="regions"
    ).segments()
    return count_frame(segments, classes=classes)


STREET = (
    box("road", 0, 32, 128, 32),
    box("sky", 0, 0, 20, 10),
    box("sky", 60, 0, 20, 10),
    box("car", 10, 40, 16, 16),
    box("car", 20, 40, 16, 16),  # covers six columns of the first
    box("persongroup", 90, 40, 10, 10),
    box("building", 0, 12, 128, 20),
)


def test_a_frame_is_counted_by_what_is_to_be_seen() -> None:
    """Hidden parts do not count, groups are no objects but have pixels, other classes are out."""
    frame = counted(*STREET)
    assert frame.pixels == 128 * 64
    road = 128 * 32 - 26 * 16 - 100
    assert frame.of_class.tolist() == [road, 400, 26 * 16, 100, 0]
    assert frame.groups.tolist() == [0, 0, 0, 1, 0]
    assert sorted(zip(frame.class_ids.tolist(), frame.areas.tolist(), strict=True)) == [
        (0, road),
        (1, 200),
        (1, 200),
        (2, 160),
        (2, 256),
    ]


def test_figures_are_summed_by_split() -> None:
    """Frames, objects, groups, pixels and sizes, with shares as fractions."""
    statistics = Statistics(classes=CLASSES)
    statistics.add("train", counted(*STREET))
    statistics.add("train", counted(STREET[0]))
    statistics.add("val", counted())
    found = statistics.as_json()
    assert list(found["splits"]) == ["train", "val"]
    train, val = found["splits"]["train"], found["splits"]["val"]
    assert (train["frames"], train["pixels"]) == (2, 2 * 128 * 64)
    car, road = train["classes"]["car"], train["classes"]["road"]
    assert (car["frames"], car["frames_share"], car["objects"], car["groups"]) == (1, 0.5, 2, 0)
    assert (road["frames"], road["objects"]) == (2, 2)
    assert car["pixels_share"] == pytest.approx(26 * 16 / train["pixels"], abs=1e-8)
    assert train["classes"]["person"]["objects"] == 0
    assert train["classes"]["person"]["groups"] == 1
    in_bins = {edge: n for edge, n in zip(SIZE_EDGES_PX, car["sizes"], strict=True) if n}
    assert in_bins == {64: 1, 256: 1}  # an edge belongs to the bin that it begins
    assert not any(row["frames"] or row["objects"] for row in val["classes"].values())


@given(st.lists(st.integers(1, 2**23), max_size=30), st.integers(0, 30))
def test_every_object_is_in_one_bin(areas: list[int], cut: int) -> None:
    """Whatever its area, and however frames are cut."""
    statistics = Statistics(classes=CLASSES)
    for part in (areas[:cut], areas[cut:]):
        ids = np.zeros(len(part), dtype=np.int32)
        nothing = np.zeros(5, dtype=np.int64)
        frame = FrameCount(2**24, nothing, nothing, ids, np.array(part, dtype=np.int64))
        statistics.add("train", frame)
    sizes = statistics.splits["train"].sizes[0].tolist()
    bounds = [*SIZE_EDGES_PX, 2**62]
    assert sizes == [sum(low <= area < high for area in areas) for low, high in pairwise(bounds)]


def test_every_plot_is_a_image() -> None:
    """In the order of the page, also where a split has nothing of a class."""
    pytest.importorskip("matplotlib")
    statistics = Statistics(classes=CLASSES)
    statistics.add("train", counted(*STREET))
    statistics.add("val", counted(STREET[0]))
    made = dict(plots(statistics))
    assert tuple(made) == PLOTS
    for data in made.values():
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert min(image.shape[:2]) > 100


def test_plots_without_things_or_groups_are_left_out() -> None:
    """And a data set without any of the classes is no error."""
    pytest.importorskip("matplotlib")
    statistics = Statistics(classes=CLASSES)
    statistics.add("train", counted())
    assert list(dict(plots(statistics))) == ["frames", "objects", "pixels", "sizes"]
