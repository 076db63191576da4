"""Labels drawn from polygons are those of the official scripts, pixel for pixel."""

from __future__ import annotations

import contextlib
import io
import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from urban_segmentor.datasets.cityscapes.annotation import parse_annotation, read_annotation
from urban_segmentor.datasets.cityscapes.layout import read_layout
from urban_segmentor.datasets.cityscapes.visible_objects import draw_objects, visible_objects
from urban_segmentor.datasets.convert.panoptic import panoptic_labels
from urban_segmentor.datasets.dataset_classes import parse_dataset_classes
from urban_segmentor.structures.cityscapes_labels import CITYSCAPES

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SIZE = (90, 160)
NAMES = [label.name for label in CITYSCAPES if label.name != "unlabeled"]
GROUPS = [f"{label.name}group" for label in CITYSCAPES if label.is_thing]


def _official(path: Path) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Return the official instance ids and label ids of a polygon file."""
    from cityscapesscripts.helpers.annotation import Annotation
    from cityscapesscripts.preparation.json2instanceImg import createInstanceImage
    from cityscapesscripts.preparation.json2labelImg import createLabelImage

    annotation = Annotation()
    annotation.fromJsonFile(str(path))
    ids = np.asarray(createInstanceImage(annotation, "ids"), dtype=np.int32)
    return ids, np.asarray(createLabelImage(annotation, "ids"), dtype=np.uint8)


def _scene(rng: np.random.Generator, objects: int) -> dict[str, Any]:
    """Return polygons of all sorts: outside, of fractions, over one another, deleted, groups."""
    height, width = SIZE
    listed: list[dict[str, Any]] = []
    for _ in range(objects):
        name = str(rng.choice(GROUPS if rng.random() < 0.2 else NAMES))
        centre = rng.uniform((-20, -20), (width + 20, height + 20))
        points = centre + rng.normal(0, rng.choice([2, 15, 60]), (int(rng.integers(3, 9)), 2))
        if rng.random() < 0.7:  # official points are whole
            points = np.round(points)
        entry: dict[str, Any] = {"label": name, "polygon": points.tolist()}
        if rng.random() < 0.1:
            entry["deleted"] = 1
        listed.append(entry)
    return {"imgHeight": height, "imgWidth": width, "objects": listed}


@pytest.mark.parametrize("objects", [0, 1, 5, 40, 254, 255, 256, 257, 700])
@pytest.mark.parametrize("seed", range(3))
def test_scenes_equal_the_official_images(tmp_path: Path, objects: int, seed: int) -> None:
    """Whatever the number of objects, and whichever cover which."""
    content = _scene(np.random.default_rng([objects, seed]), objects)
    path = tmp_path / "a_gtFine_polygons.json"
    path.write_text(json.dumps(content))
    ids, labels = _official(path)
    drawn = draw_objects(parse_annotation(content))
    np.testing.assert_array_equal(drawn.instance_ids(), ids)
    np.testing.assert_array_equal(drawn.label_ids(), labels)


def test_real_frames_equal_the_official_images(shared: Path) -> None:
    """Every sixtieth of the given frames, at 2048 x 1024."""
    samples = read_layout(shared / "data" / "cityscapes-768").frames[::60]
    assert len(samples) >= 39
    for sample in samples:
        assert sample.polygons is not None
        ids, labels = _official(sample.polygons)
        drawn = draw_objects(read_annotation(sample.polygons))
        np.testing.assert_array_equal(drawn.instance_ids(), ids, err_msg=sample.stem)
        np.testing.assert_array_equal(drawn.label_ids(), labels, err_msg=sample.stem)


@pytest.mark.parametrize("seed", range(4))
def test_panoptic_labels_are_the_official_ones(tmp_path: Path, seed: int) -> None:
    """The picture and every entry of `segments_info`, as `createPanopticImgs` makes them."""
    from cityscapesscripts.preparation.createPanopticImgs import convert2panoptic

    content = _scene(np.random.default_rng(seed), 60)
    drawn = draw_objects(parse_annotation(content))
    folder = tmp_path / "gtFine" / "val" / "city"
    folder.mkdir(parents=True)
    image = folder / "city_000000_000000_gtFine_instanceIds.png"
    cv2.imwrite(str(image), drawn.instance_ids().astype(np.uint16))
    with contextlib.redirect_stdout(io.StringIO()):
        convert2panoptic(
            cityscapesPath=str(tmp_path / "gtFine"), outputFolder=str(tmp_path), setNames=["val"]
        )
    theirs = json.loads((tmp_path / "cityscapes_panoptic_val.json").read_text())
    png = cv2.imread(str(next((tmp_path / "cityscapes_panoptic_val").glob("*.png"))))
    assert png is not None

    classes = parse_dataset_classes("19")
    segments = visible_objects(drawn, classes=classes, stuff="whole").segments()

    ids = png[..., ::-1].astype(np.int32) @ (1, 256, 65536)
    segment_ids, entries = panoptic_labels(segments, classes=classes)
    np.testing.assert_array_equal(segment_ids, ids)

    def in_order(segments: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return sorted(segments, key=lambda segment: segment["id"])

    (annotation,) = theirs["annotations"]
    assert in_order(entries) == in_order(annotation["segments_info"])
