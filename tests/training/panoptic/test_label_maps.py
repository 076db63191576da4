"""Labels as maps: what is a thing, what a surface, what does not count."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from urban_segmentor.datasets.open_dataset import open_dataset
from urban_segmentor.errors import DatasetError
from urban_segmentor.io.atomic import write_atomically
from urban_segmentor.io.image_codec import encode_image
from urban_segmentor.training.panoptic.label_maps import VOID, LabelMaps, label_maps

if TYPE_CHECKING:
    from pathlib import Path

ROAD, PERSON, CAR = 0, 11, 13


def box(label: str, x1: int, y1: int, x2: int, y2: int) -> dict[str, Any]:
    """Return an annotated rectangle."""
    return {"label": label, "polygon": [[x1, y1], [x2, y1], [x2, y2], [x1, y2]]}


def maps_of(folder: Path, *objects: dict[str, Any], long_side: int = 64) -> LabelMaps:
    """Return the maps of one frame of 64 x 32 pixels."""
    stem = "bochum_000000_000000"
    image = encode_image(np.zeros((32, 64, 3), dtype=np.uint8), suffix=".png")
    write_atomically(
        folder / f"leftImg8bit/train/bochum/{stem}_leftImg8bit.png", image, overwrite=True
    )
    labels = {"imgHeight": 32, "imgWidth": 64, "objects": list(objects)}
    path = folder / f"gtFine/train/bochum/{stem}_gtFine_polygons.json"
    write_atomically(path, json.dumps(labels).encode(), overwrite=True)
    samples = open_dataset(folder)
    return label_maps(
        samples.of_split("train")[0], samples.counted, known=samples.classes, long_side=long_side
    )


def test_things_surfaces_and_what_nobody_knows(tmp_path: Path) -> None:
    maps = maps_of(
        tmp_path,
        box("road", 0, 16, 63, 31),
        box("car", 4, 12, 11, 19),
        box("person", 20, 12, 23, 25),
        box("person", 24, 12, 27, 25),
        box("ego vehicle", 30, 28, 50, 31),
    )
    assert maps.semantic[31, 0] == ROAD
    assert maps.semantic[0, 0] == VOID
    assert maps.semantic[30, 40] == VOID
    assert maps.semantic[15, 5] == CAR
    assert maps.class_ids.tolist() == [CAR, PERSON, PERSON]
    numbers = [int(maps.instances[15, x]) for x in (5, 21, 25, 40)]
    assert numbers == [1, 2, 3, 0]
    assert not maps.ignored.any()


def test_groups_are_surfaces_and_no_things(tmp_path: Path) -> None:
    maps = maps_of(tmp_path, box("road", 0, 0, 63, 31), box("cargroup", 4, 4, 19, 11))
    assert maps.semantic[6, 6] == CAR
    assert maps.instances.max() == 0
    assert maps.ignored[6, 6] == 1
    assert maps.ignored.sum() == (maps.semantic == CAR).sum()


def test_things_that_do_not_count_are_ignored(tmp_path: Path) -> None:
    maps = maps_of(tmp_path, box("road", 0, 0, 63, 31), box("caravan", 4, 4, 19, 11))
    assert maps.semantic[6, 6] == VOID
    assert maps.ignored[6, 6] == 1
    assert len(maps.class_ids) == 0


def test_polygons_outside_of_the_image(tmp_path: Path) -> None:
    maps = maps_of(tmp_path, box("road", -20, 10, 100, 60), box("car", -9, 5, 5, 12))
    assert maps.semantic[31, 63] == ROAD
    assert maps.instances[8, 0] == 1


def test_another_size(tmp_path: Path) -> None:
    maps = maps_of(tmp_path, box("road", 0, 0, 63, 31), box("car", 16, 8, 31, 15), long_side=32)
    assert maps.semantic.shape == (16, 32)
    assert (maps.instances == 1).sum() == 8 * 4


def test_there_and_back(tmp_path: Path) -> None:
    maps = maps_of(tmp_path, box("road", 0, 0, 63, 31), box("car", 16, 8, 31, 15))
    again = LabelMaps.parsed(io.BytesIO(maps.compressed()))
    for name in ("semantic", "instances", "ignored", "class_ids"):
        np.testing.assert_array_equal(getattr(again, name), getattr(maps, name))


def test_more_classes_than_a_byte_counts(tmp_path: Path) -> None:
    folder = tmp_path / "yolo"
    names = [f"c{i}" for i in range(300)]
    image = encode_image(np.zeros((32, 64, 3), dtype=np.uint8), suffix=".png")
    write_atomically(folder / "images/train/a.png", image, overwrite=True)
    write_atomically(
        folder / "labels/train/a.txt", b"299 0.1 0.1 0.5 0.1 0.5 0.5\n", overwrite=True
    )
    (folder / "data.yaml").write_text(json.dumps({"train": "images/train", "names": names}))
    samples = open_dataset(folder / "data.yaml")
    with pytest.raises(DatasetError, match="at most 255 classes"):
        label_maps(
            samples.of_split("train")[0], samples.counted, known=samples.classes, long_side=64
        )
