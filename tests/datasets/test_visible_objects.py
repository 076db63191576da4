"""What is to be seen of each object: masks, outlines, and what training makes of those."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from urban_segmentor.datasets.cityscapes.annotation import parse_annotation
from urban_segmentor.datasets.cityscapes.visible_objects import draw_objects, visible_objects
from urban_segmentor.datasets.convert.yolo import yolo_labels
from urban_segmentor.datasets.dataset_classes import parse_dataset_classes
from urban_segmentor.structures.polygons import polygons_to_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.datasets.cityscapes.visible_objects import ObjectMap
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
    """Read back, each outline is its mask again; with one part training sees exactly the mask."""
    drawn, classes = drawn_scene(objects), parse_dataset_classes(names)
    found = visible_objects(drawn, classes=classes, stuff=stuff)
    dense = found.segments().masks.dense()
    for one, mask in zip(found.objects, dense, strict=True):
        outline = one.outline()
        ring = outline.pixels
        assert ring.dtype == np.int32
        np.testing.assert_array_equal(
            polygons_to_mask([ring.astype(np.float32)], image_size=SIZE), mask
        )
        trained = filled(ring)
        assert outline.parts > 1 or (trained == mask).all()
        assert (
            outline.parts == cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1
        )


@given(scenes, st.sampled_from(["regions", "whole"]))
def test_label_files_say_what_filling_gives(objects: list[dict[str, Any]], stuff: Stuff) -> None:
    """Pixels that are lost and added, and those of the masks, by class."""
    drawn, classes = drawn_scene(objects), parse_dataset_classes("19")
    found = visible_objects(drawn, classes=classes, stuff=stuff)
    written = yolo_labels(found, classes=classes)
    expected: dict[str, list[int]] = {}
    for one, mask in zip(found.objects, found.segments().masks.dense(), strict=True):
        if one.is_crowd:
            continue
        trained = filled(one.outline().pixels)
        sums = expected.setdefault(classes.names[one.class_id], [0, 0, 0])
        for i, pixels in enumerate((mask, mask & ~trained, trained & ~mask)):
            sums[i] += int(pixels.sum())
    kept = {name: count for name, count in written.classes.items() if count["segments"]}
    assert {
        name: [count["pixels"], count["lost"], count["added"]] for name, count in kept.items()
    } == expected


@given(scenes)
def test_segments_share_out_the_image(objects: list[dict[str, Any]]) -> None:
    """Each pixel that shows a class belongs to one segment of it, and no other pixel does."""
    drawn, classes = drawn_scene(objects), parse_dataset_classes("19")
    labels = drawn.label_ids()
    expected = np.full(SIZE, -1)
    for class_id, label in enumerate(classes.labels):
        expected[labels == label.label_id] = class_id
    for stuff in ("regions", "whole"):
        segments = visible_objects(drawn, classes=classes, stuff=stuff).segments()
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
        segments = visible_objects(drawn_scene(scene), classes=classes, stuff=stuff).segments()
        assert np.bincount(segments.class_ids).tolist() == [roads, 2]
        assert segments.is_crowd.sum() == 1
        assert segments.instance_ids.tolist() == [26000, *[7] * roads, 26]
