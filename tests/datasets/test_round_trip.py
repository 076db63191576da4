"""What was converted gives the visible masks back."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from urban_segmentor.datasets.cityscapes.annotation import read_annotation
from urban_segmentor.datasets.cityscapes.layout import read_layout
from urban_segmentor.datasets.cityscapes.visible_objects import draw_objects, visible_objects
from urban_segmentor.datasets.convert.options import ConversionOptions
from urban_segmentor.datasets.convert.output_folder import finish_conversion
from urban_segmentor.datasets.convert.prepare import prepare
from urban_segmentor.datasets.dataset_classes import parse_dataset_classes
from urban_segmentor.exporters.ultralytics_env import require_modules
from urban_segmentor.structures.polygons import polygons_to_mask

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from numpy.typing import NDArray

    from urban_segmentor.datasets.cityscapes.frame import CityscapesFrame
    from urban_segmentor.datasets.segments import Segments

CLASSES = parse_dataset_classes("19")


def _converted(data: Path, out: Path, kind: Literal["yolo", "coco"]) -> tuple[CityscapesFrame, ...]:
    """Convert a folder, and return its frames."""
    layout = read_layout(data)
    how = ConversionOptions(out=out, format=kind, classes=CLASSES)
    report = prepare(layout, how, splits=layout.splits, workers=1)
    assert not report["problems"]
    finish_conversion(how, report)
    return layout.frames


def _visible(sample: CityscapesFrame) -> Segments:
    """Return what is to be seen in a frame, by way of masks."""
    assert sample.polygons is not None
    drawn = draw_objects(read_annotation(sample.polygons))
    return visible_objects(drawn, classes=CLASSES, stuff="regions").segments()


def _rings(path: Path, size: tuple[int, int]) -> list[tuple[int, NDArray[np.float32]]]:
    """Return the class id and ring, in pixels, of each line of a label file."""
    rings = []
    for line in path.read_text().splitlines():
        class_id, *numbers = line.split()
        points = np.array(numbers, dtype=np.float64).reshape(-1, 2) * size[::-1]
        rings.append((int(class_id), points.astype(np.float32)))
    return rings


def _check_yolo(samples: tuple[CityscapesFrame, ...], out: Path) -> int:
    """Compare each ring with its mask; return how many there were."""
    count = 0
    for sample in samples:
        segments = _visible(sample)
        size = segments.masks.image_size
        rings = _rings(out / "labels" / sample.split / f"{sample.stem}_leftImg8bit.txt", size)
        kept = segments.masks.select(np.flatnonzero(~segments.is_crowd))
        class_ids = segments.class_ids[~segments.is_crowd].tolist()
        assert [class_id for class_id, _ in rings] == class_ids
        for (_, ring), crop, (x, y) in zip(rings, kept.crops, kept.origins.tolist(), strict=True):
            height, width = crop.shape
            back = polygons_to_mask([ring], image_size=size)
            window = back[y : y + height, x : x + width]
            np.testing.assert_array_equal(window, crop)
            assert back.sum() == crop.sum()
            filled = np.zeros(size, dtype=np.uint8)
            cv2.fillPoly(filled, [np.floor(ring).astype(np.int32)], (1,))
            assert filled[y : y + height, x : x + width][crop].all()
            count += 1
    return count


def test_yolo_polygons_give_the_masks_back(street_data: Path, tmp_path: Path) -> None:
    """Each ring alone is its mask again, whatever parts and holes that has; nothing is lost."""
    samples = _converted(street_data, tmp_path / "out", "yolo")
    assert _check_yolo(samples, tmp_path / "out") > 100


def test_real_yolo_polygons_give_the_masks_back(shared: Path, tmp_path: Path) -> None:
    """The same for some of the given frames, at 2048 x 1024."""
    source = shared / "data" / "cityscapes-768"
    data = tmp_path / "data"
    for sample in read_layout(source).frames[::400]:
        assert sample.polygons is not None
        assert sample.image_path is not None
        for path in (sample.polygons, sample.image_path):
            target = data / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path)
    samples = _converted(data, tmp_path / "out", "yolo")
    assert len(samples) >= 5
    assert _check_yolo(samples, tmp_path / "out") > 300


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_coco_masks_are_the_masks(street_data: Path, tmp_path: Path) -> None:
    """The tools of COCO load the file, and decodes the same pixels, boxes and areas."""
    from pycocotools.coco import COCO

    samples = _converted(street_data, tmp_path / "out", "coco")
    for split in ("train", "val"):
        path = tmp_path / "out" / "annotations" / f"instances_{split}.json"
        content = json.loads(path.read_text())
        coco = COCO()
        coco.dataset = content
        coco.createIndex()
        by_name = {image["file_name"].split("_leftImg")[0]: image for image in content["images"]}
        for sample in (one for one in samples if one.split == split):
            segments = _visible(sample)
            found = coco.loadAnns(coco.getAnnIds(imgIds=by_name[sample.stem]["id"]))
            assert len(found) == len(segments)
            for annotation, mask, class_id, area, box in zip(
                found,
                segments.masks.dense(),
                segments.class_ids.tolist(),
                segments.masks.areas().tolist(),
                segments.masks.rectangles().tolist(),
                strict=True,
            ):
                np.testing.assert_array_equal(coco.annToMask(annotation).astype(bool), mask)
                assert coco.cats[annotation["category_id"]]["name"] == CLASSES.names[class_id]
                assert annotation["area"] == area
                x1, y1, x2, y2 = box
                assert annotation["bbox"] == [x1, y1, x2 - x1, y2 - y1]


def test_ultralytics_takes_every_image(
    street_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its loader finds each picture, calls none corrupt, and has as many segments as written."""
    out = tmp_path / "out"
    samples = _converted(street_data, out, "yolo")
    monkeypatch.chdir(os.sep)
    import yaml

    require_modules("ultralytics")
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.data.utils import check_det_dataset

    data = check_det_dataset(str(out / "cityscapes.yaml"), autodownload=False)
    assert data["nc"] == 19
    assert yaml.safe_load((out / "cityscapes.yaml").read_text())["names"][13] == "car"
    for split in ("train", "val"):
        own = [sample for sample in samples if sample.split == split]
        dataset = YOLODataset(img_path=data[split], data=data, task="segment", imgsz=256)
        assert len(dataset) == len(own)
        for label in dataset.labels:
            name = label["im_file"].rpartition("/")[2].replace(".png", ".txt")
            lines = (out / "labels" / split / name).read_text().splitlines()
            assert len(label["segments"]) == len(set(lines))
