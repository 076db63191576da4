"""The quick way to rings gives what the way by masks gives, and what it says of them is true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import mask_stacks
from urban_segmentor.datasets.cityscapes.annotation import parse_annotation
from urban_segmentor.datasets.cityscapes.outlines import visible_outlines
from urban_segmentor.datasets.cityscapes.rasterize import draw_objects
from urban_segmentor.datasets.cityscapes.segments import visible_segments
from urban_segmentor.datasets.dataset_classes import parse_dataset_classes
from urban_segmentor.structures.polygons import bridged_ring, polygons_to_mask, ring_areas

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.datasets.cityscapes.rasterize import ObjectMap
    from urban_segmentor.datasets.dataset_classes import Stuff

SIZE = (24, 40)
NAMES = ["road", "sky", "pole", "car", "cargroup", "person", "train", "roadgroup", "static"]

point = st.tuples(st.integers(-6, 45), st.integers(-6, 30))
scenes = st.lists(
    st.fixed_dictionaries(
        {"label": st.sampled_from(NAMES), "polygon": st.lists(point, min_size=3, max_size=6)}
    ),
    max_size=14,
)


def drawn_scene(objects: list[dict[str, Any]]) -> ObjectMap:
    """Return which object each pixel shows."""
    content = {"imgHeight": SIZE[0], "imgWidth": SIZE[1], "objects": objects}
    return draw_objects(parse_annotation(content))


def filled(ring: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return what training makes of a ring."""
    canvas = np.zeros(SIZE, dtype=np.uint8)
    cv2.fillPoly(canvas, [ring], (1,))
    return canvas.astype(np.bool_)


@given(
    scenes, st.sampled_from(["19", "8", "static,car,road"]), st.sampled_from(["regions", "whole"])
)
def test_rings_are_the_masks(objects: list[dict[str, Any]], names: str, stuff: Stuff) -> None:
    """One for each segment, in the same order; read back, each is its mask again."""
    drawn, classes = drawn_scene(objects), parse_dataset_classes(names)
    segments = visible_segments(drawn, classes=classes, stuff=stuff)
    found = visible_outlines(drawn, classes=classes, stuff=stuff)
    assert found.hidden == segments.hidden
    assert [one.class_id for one in found.outlines] == segments.class_ids.tolist()
    assert [one.is_crowd for one in found.outlines] == segments.is_crowd.tolist()
    dense = segments.masks.dense()
    for outline, fill, mask in zip(found.outlines, found.fills(), dense, strict=True):
        ring = outline.ring
        assert ring.dtype == np.int32
        np.testing.assert_array_equal(
            polygons_to_mask([ring.astype(np.float32)], image_size=SIZE), mask
        )
        trained = filled(ring)
        assert fill.pixels == mask.sum()
        assert fill.lost == (mask & ~trained).sum()
        assert fill.added == (trained & ~mask).sum()


@given(scenes)
def test_segments_share_out_the_image(objects: list[dict[str, Any]]) -> None:
    """Each pixel that shows a class belongs to one segment of it, and no other pixel does."""
    drawn, classes = drawn_scene(objects), parse_dataset_classes("19")
    labels = drawn.label_ids()
    expected = np.full(SIZE, -1)
    for class_id, label in enumerate(classes.labels):
        expected[labels == label.label_id] = class_id
    for stuff in ("regions", "whole"):
        segments = visible_segments(drawn, classes=classes, stuff=stuff)
        dense = segments.masks.dense()
        assert (dense.sum(axis=0) == (expected >= 0)).all()
        for class_id, mask in zip(segments.class_ids.tolist(), dense, strict=True):
            assert (expected[mask] == class_id).all()
    singles = np.unique(drawn.instance_ids())
    wanted = [value for value in singles.tolist() if value >= 1000]
    things = segments.instance_ids[segments.instance_ids >= 1000]
    assert sorted(things.tolist()) == wanted


def test_stuff_is_cut_into_regions_or_not() -> None:
    """A road on both sides of a car is two regions, or one segment; two groups are one always."""

    def box(label: str, left: int, right: int) -> dict[str, Any]:
        polygon = [[left, 2], [right, 2], [right, 20], [left, 20]]
        return {"label": label, "polygon": polygon}

    scene = [box("road", 0, 39), box("car", 10, 20), box("cargroup", 1, 2), box("cargroup", 5, 6)]
    classes = parse_dataset_classes("road,car")
    for stuff, roads in (("regions", 4), ("whole", 1)):
        segments = visible_segments(drawn_scene(scene), classes=classes, stuff=stuff)
        assert np.bincount(segments.class_ids).tolist() == [roads, 2]
        assert segments.is_crowd.sum() == 1
        assert segments.instance_ids.tolist() == [26000, *[7] * roads, 26]


@given(mask_stacks(most=1))
def test_a_part_with_holes_is_filled_exactly(stack: NDArray[np.bool_]) -> None:
    """Bridges of holes lie on the mask, so that training sees exactly the mask; so for its area."""
    for mask in stack:
        count, parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
        for part in range(1, count):
            one = parts == part
            traced = bridged_ring(one)
            assert traced.parts == 1
            canvas = np.zeros(mask.shape, dtype=np.uint8)
            cv2.fillPoly(canvas, [traced.pixels], (1,))
            np.testing.assert_array_equal(canvas.astype(np.bool_), one)
            (area,) = ring_areas([traced.pixels]).tolist()
            assert area - traced.surplus == one.sum()
