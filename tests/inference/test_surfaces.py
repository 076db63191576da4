"""Surfaces of a map of classes as instances, and how they are drawn."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inference.fake_model import (
    CAR,
    CLASSES,
    PERSON,
    ROAD,
    SKY,
    fake_segmenter,
    final_head,
    prototypes,
    semantic_logits,
)
from urban_segmentor.inference.config import SegmenterConfig
from urban_segmentor.inference.panoptic_config import PanopticConfig
from urban_segmentor.inference.panoptic_segmenter import PanopticSegmenter
from urban_segmentor.inference.surface_scores import surface_scores
from urban_segmentor.inference.surfaces import add_surfaces
from urban_segmentor.structures.boxes import Letterbox
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks
from urban_segmentor.structures.panoptic import SemanticMap

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.inference.segmenter import Segmenter

FRAME = np.full((256, 512, 3), 90, dtype=np.uint8)  # four times the input


def street() -> NDArray[np.int32]:
    """Return a map: sky above the road, a car on it, (16, 32)."""
    labels = np.full((16, 32), SKY, dtype=np.int32)
    labels[7:] = ROAD
    labels[5:12, 4:14] = CAR
    return labels


def scene(*, person: bool = False, **settings: object) -> Segmenter:
    """Return a segmenter that finds one car at [16, 20, 56, 48] of the input, and surfaces.

    And weakly a person, which the map sees too when asked for.
    """
    head = final_head((16, 20, 56, 48, 0.9, 0), (72, 20, 88, 40, 0.2, 1))
    labels = street()
    labels[5:10, 18:22] = np.where(person, PERSON, labels[5:10, 18:22])
    outputs = [head, prototypes(), semantic_logits(labels)]
    return fake_segmenter(outputs, config=SegmenterConfig(**settings))  # type: ignore[arg-type]


def check_surfaces(found: Instances, semantic: SemanticMap, things: int) -> None:
    """Check what surfaces always are: of the map, apart from objects, tight, largest first."""
    covered = found[:things].masks.coverage()
    dense = found[things:].masks.dense()
    for instance, mask in zip(found[things:], dense, strict=True):
        np.testing.assert_array_equal(mask, (semantic.class_ids == instance.class_id) & ~covered)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        assert instance.box == (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        assert not CLASSES[instance.class_id].is_thing
        assert 0 < instance.score <= 1
    assert np.all(np.diff(dense.sum(axis=(1, 2))) <= 0)


def test_things_come_first_then_surfaces_by_area() -> None:
    result = scene()(FRAME)
    assert result.instances.class_names == ("car", "road", "sky")
    assert result.semantic is not None
    assert result.semantic.class_ids.shape == (256, 512)
    check_surfaces(result.instances, result.semantic, things=1)
    np.testing.assert_allclose(result.instances.scores[1:], 1, atol=0.01)


def test_all_that_lists_instances_lists_surfaces(tmp_path: Path) -> None:
    """A table, COCO and YOLO have a row, an annotation, a line of each."""
    result = scene()(FRAME)
    for suffix in ("csv", "json", "txt"):
        result.save(tmp_path / f"street.{suffix}")
    with (tmp_path / "street.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == ["car", "road", "sky"]
    annotations = result.to_coco()["annotations"]
    assert [one["category_id"] - 1 for one in annotations] == [CAR, ROAD, SKY]
    areas = [int(mask.area_px) for mask in result.instances.masks]
    assert [one["area"] for one in annotations] == areas
    lines = (tmp_path / "street.txt").read_text(encoding="utf-8").splitlines()
    assert [int(line.split()[0]) for line in lines] == [CAR, ROAD, SKY]


def test_settings_count_for_things() -> None:
    """A lower score lets the person in; no surface has a score to reach, or counts as one more."""
    found = scene(person=True, conf=0.1)(FRAME).instances
    assert found.class_names == ("car", "person", "road", "sky")
    assert scene(conf=1.0)(FRAME).instances.class_names == ("road", "sky")
    few = scene(person=True, conf=0.1, max_det=1)(FRAME).instances
    assert few.class_names == ("car", "road", "sky")
    segmenter = scene()
    assert segmenter(FRAME, classes=["sky"]).instances.class_names == ("sky",)
    assert segmenter(FRAME, classes=["road", "person"]).instances.class_names == ("road",)
    assert segmenter(FRAME, classes=["car"]).instances.class_names == ("car",)


def test_the_switch_leaves_surfaces_out_and_the_function_adds_them() -> None:
    result = scene(surfaces=False)(FRAME)
    assert result.instances.class_names == ("car",)
    assert result.semantic is not None
    added = add_surfaces(result.instances, result.semantic)
    both = scene()(FRAME).instances
    for name in ("boxes", "scores", "class_ids"):
        np.testing.assert_array_equal(getattr(added, name), getattr(both, name))
    np.testing.assert_array_equal(added.masks.dense(), both.masks.dense())
    some = add_surfaces(result.instances, result.semantic, keep_classes=[SKY])
    assert some.class_names == ("car", "sky")


def test_unsure_surfaces_are_left_out() -> None:
    """A score of exactly the rule's is enough."""
    labels = np.full((16, 32), ROAD, dtype=np.int32)
    labels[3:5, 3:5] = SKY
    letterbox = Letterbox.fit((256, 512), (64, 128))
    semantic = SemanticMap(logits=semantic_logits(labels, margin=4)[0], letterbox=letterbox)
    nothing = Instances.empty((256, 512), classes=CLASSES)
    everything = add_surfaces(nothing, semantic, config=PanopticConfig(stuff_probability=0))
    assert everything.class_names == ("road", "sky")
    road, sky = (float(score) for score in everything.scores)
    assert sky < 0.2 < road
    for limit, names in ((sky, ("road", "sky")), (sky + 1e-6, ("road",))):
        config = PanopticConfig(stuff_probability=limit)
        assert add_surfaces(nothing, semantic, config=config).class_names == names


@pytest.mark.parametrize(("name", "least_px"), [("road", 4096), ("pole", 1024)])
def test_thin_surfaces_may_be_smaller(name: str, least_px: int) -> None:
    assert PanopticConfig().least_area_px(name, (1024, 2048)) == least_px
    assert PanopticConfig().least_area_px(name, (512, 512)) == least_px / 8


@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 4), st.integers(0, 2**32 - 1))
def test_any_map_and_any_things(height: int, width: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(4, 16, 32)).astype(np.float32)
    letterbox = Letterbox.fit((height, width), (64, 128))
    semantic = SemanticMap(logits=logits, letterbox=letterbox)
    masks = Masks.from_dense(rng.random((count, height, width)) < rng.random())
    things = Instances(
        boxes=masks.rectangles(),
        masks=masks,
        scores=np.ones(count, dtype=np.float32),
        class_ids=rng.choice([PERSON, CAR], count).astype(np.int32),
        classes=CLASSES,
    )
    everything = PanopticConfig(stuff_probability=0)
    found = add_surfaces(things, semantic, config=everything)
    check_surfaces(found, semantic, things=count)
    visible = semantic.class_ids[~masks.coverage()]
    scores = surface_scores(semantic, ~masks.coverage())
    seen = set(np.flatnonzero(scores).tolist()) & set(visible.tolist()) & {ROAD, SKY}
    assert set(found.class_ids[count:].tolist()) == seen
    np.testing.assert_array_equal(found.scores[count:], scores[found.class_ids[count:]])


def test_tracks_and_extra_values_of_things_stay() -> None:
    result = scene(surfaces=False)(FRAME)
    things = replace(
        result.instances,
        track_ids=np.array([7], dtype=np.int32),
        extra={"speed": np.ones((1, 2), dtype=np.float32), "is_crowd": np.array([True])},
    )
    assert result.semantic is not None
    found = add_surfaces(things, result.semantic)
    assert found.track_ids is not None
    assert found.track_ids.tolist() == [7, -1, -1]
    assert found.extra["speed"].shape == (3, 2)
    assert np.isnan(found.extra["speed"][1:]).all()
    assert found.extra["is_crowd"].tolist() == [True, False, False]


def test_the_map_has_its_say_about_things() -> None:
    """A weak person that it sees too is probable, one on a road is not."""
    assert scene(person=True, conf=0.4)(FRAME).instances.class_names[:2] == ("car", "person")
    assert "person" not in scene(conf=0.01)(FRAME).instances.class_names
    found = scene(person=True, conf=0.01)(FRAME).instances
    assert np.all(np.diff(found[found.is_class("car", "person")].scores) < 0)


def test_merged_surfaces_have_to_be_sure() -> None:
    """Unsure of each pixel, the map says nothing, unless everything is asked for."""
    logits = semantic_logits(street(), margin=0.2)
    outputs = [final_head((16, 20, 56, 48, 0.4, 0)), prototypes(), logits]
    result = PanopticSegmenter(fake_segmenter(outputs))(FRAME)
    assert result.panoptic is not None
    assert [segment.is_thing for segment in result.panoptic.segments] == [True]
    low = PanopticSegmenter(fake_segmenter(outputs))(FRAME, conf=0)
    assert low.instances.class_names == ("car", "road", "sky")
    low = PanopticSegmenter(fake_segmenter(outputs))(FRAME, conf=0, classes=["road"])
    assert low.instances.class_names == ("road",)


@pytest.mark.parametrize("masks", [True, False])
def test_surfaces_are_painted_without_a_gap_or_a_line(*, masks: bool) -> None:
    """Every pixel of them has the color of its class; lines only replace fillings."""
    result = scene(conf=1.0)(FRAME)
    drawn = result.plot(labels=False, masks=masks, opacity=1.0)
    assert result.semantic is not None
    surfaces = result.instances.masks.coverage()
    colors = CLASSES.colors[result.semantic.class_ids]
    same = np.all(drawn == colors, axis=2)
    if masks:
        np.testing.assert_array_equal(same, surfaces)
        np.testing.assert_array_equal(drawn[~surfaces], FRAME[~surfaces])
    else:
        lines = np.any(drawn != FRAME, axis=2)
        assert 0 < np.count_nonzero(lines) < lines.size // 10


def test_things_are_drawn_over_surfaces_with_line_and_box() -> None:
    """A picture with surfaces differs from one without only where surfaces are."""
    whole, things = scene()(FRAME), scene(surfaces=False)(FRAME)
    with_surfaces, alone = whole.plot(labels=False), things.plot(labels=False)
    covered = things.instances.masks.coverage()
    np.testing.assert_array_equal(with_surfaces[covered], alone[covered])
    assert np.any(alone != FRAME)
    only_road = whole[whole.instances.is_class("road")].plot(labels=False)
    sky = whole.instances[whole.instances.is_class("sky")].masks.coverage()
    np.testing.assert_array_equal(only_road[sky], FRAME[sky])


def test_labels_of_surfaces_lie_in_them_and_decode_no_mask() -> None:
    result = scene()(FRAME)
    labeled, plain = result.plot(), result.plot(labels=False)
    changed = np.any(labeled != plain, axis=2)
    for name in ("road", "sky"):
        mask = result.instances[result.instances.is_class(name)].masks.coverage()
        assert np.any(changed & mask)
