"""Labels of the whole data set against cityscapesScripts, and through YOLO polygons and back."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from material import SHARED

from urban_segmentor.datasets.cityscapes.annotation import read_annotation
from urban_segmentor.datasets.cityscapes.layout import read_layout
from urban_segmentor.datasets.cityscapes.visible_objects import draw_objects, visible_objects
from urban_segmentor.datasets.convert.frame_report import GOOD_IOU, LARGE_PX
from urban_segmentor.datasets.convert.yolo import yolo_labels
from urban_segmentor.datasets.dataset_classes import parse_dataset_classes
from urban_segmentor.datasets.parallel import in_parallel
from urban_segmentor.structures.polygons import polygons_to_mask

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.datasets.cityscapes.visible_objects import ObjectMap

DATA = SHARED / "data" / "cityscapes-768"
CLASSES = parse_dataset_classes("19")


class Compared(NamedTuple):
    """What comparing a frame gave: counts by name, and the lowest IoU of a large segment."""

    counts: Counter[str]
    lowest_iou: float


def main() -> None:
    """Print how many frames and segments are equal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="only every so manyth frame")
    parser.add_argument("--workers", type=int)
    args = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"this needs {DATA}; URBAN_SEGMENTOR_SHARED names the folder above it")
    files = [one.polygons for one in read_layout(DATA).frames if one.polygons is not None][
        :: args.every
    ]
    counts: Counter[str] = Counter()
    lowest = 1.0
    for _, compared in in_parallel(compare, files, workers=args.workers):
        counts += compared.counts
        lowest = min(lowest, compared.lowest_iou)
    print(f"\n{len(files)} frames of {DATA.name}, 2048 x 1024\n")
    print("| against cityscapesScripts, pixel for pixel | equal |\n|---|---|")
    for kind in ("instanceIds", "labelIds", "color"):
        print(f"| {kind} | {counts[kind]} of {len(files)} |")
    print("\n| through YOLO polygons and back | segments | equal | below IoU 0.995 |")
    print("|---|---|---|---|")
    for size in ("large", "small"):
        name = f"{'over' if size == 'large' else 'up to'} {LARGE_PX} pixels"
        total = counts[size]
        for how, words in (("read", "by our reader"), ("filled", "filled as in training")):
            row = f"| {name}, {words} | {total} | {counts[f'{size}, {how}']}"
            print(f"{row} | {total - counts[f'{size}, {how} good']} |")
    print(f"\nlowest IoU of a large segment as training fills it: {lowest:.4f}")
    print(f"frames whose report differs from what was measured here: {counts['report']}")


def compare(path: Path) -> Compared:
    """Compare the labels of a frame."""
    annotation = read_annotation(path)
    drawn = draw_objects(annotation)
    ids, labels, colors = official_images(path)
    counts: Counter[str] = Counter(
        instanceIds=int(np.array_equal(drawn.instance_ids(), ids)),
        labelIds=int(np.array_equal(drawn.label_ids(), labels)),
        color=int(np.array_equal(drawn.colors(), colors)),
    )
    return through_yolo(drawn, counts)


def through_yolo(drawn: ObjectMap, counts: Counter[str]) -> Compared:
    """Write polygons, read them, and add what is equal to the counts."""
    size = (drawn.numbers.shape[0], drawn.numbers.shape[1])
    found = visible_objects(drawn, classes=CLASSES, stuff="regions")
    written = yolo_labels(found, classes=CLASSES)
    segments = found.segments()
    kept = np.flatnonzero(~segments.is_crowd)
    masks = segments.masks.select(kept)
    lines = written.labels.splitlines()
    assert len(lines) == len(masks)
    lowest = 1.0
    below: Counter[str] = Counter()
    for line, crop, origin in zip(lines, masks.crops, masks.origins, strict=True):
        # As Ultralytics does: single precision, multiplied, cut down to whole numbers.
        values = np.array(line.split()[1:], dtype=np.float32).reshape(-1, 2)
        ring = (values * np.array(size[::-1], dtype=np.float32)).astype(np.int32) - origin
        read = polygons_to_mask([ring.astype(np.float32)], image_size=crop.shape)
        filled = np.zeros(crop.shape, dtype=np.uint8)
        cv2.fillPoly(filled, [ring], (1,))
        which = "large" if np.count_nonzero(crop) > LARGE_PX else "small"
        counts[which] += 1
        for name, mask in (("read", read), ("filled", filled.view(np.bool_))):
            iou = np.count_nonzero(mask & crop) / np.count_nonzero(mask | crop)
            counts[f"{which}, {name}"] += iou == 1
            counts[f"{which}, {name} good"] += iou >= GOOD_IOU
            below[f"{which}, {name}"] += iou < GOOD_IOU
            if which == "large":
                lowest = min(lowest, iou)
    trips = {"large": written.large, "small": written.small}
    counts["report"] += any(below[f"{which}, filled"] != trips[which]["below"] for which in trips)
    return Compared(counts, lowest)


def official_images(
    path: Path,
) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.uint8]]:
    """Return `instanceIds`, `labelIds` and colors, RGB, as cityscapesScripts makes them."""
    from cityscapesscripts.helpers.annotation import Annotation
    from cityscapesscripts.preparation.json2instanceImg import createInstanceImage
    from cityscapesscripts.preparation.json2labelImg import createLabelImage

    annotation = Annotation()
    annotation.fromJsonFile(str(path))
    ids = np.asarray(createInstanceImage(annotation, "ids"))
    labels = np.asarray(createLabelImage(annotation, "ids"))
    return ids, labels, np.asarray(createLabelImage(annotation, "color"))[..., :3]


def official_instance_ids(path: Path, target: Path) -> None:
    """Do what `json2instanceImg` does with a file."""
    from cityscapesscripts.helpers.annotation import Annotation
    from cityscapesscripts.preparation.json2instanceImg import createInstanceImage
    from PIL import Image

    annotation = Annotation()
    annotation.fromJsonFile(str(path))
    image = createInstanceImage(annotation, "ids")
    # Pillow 13 no longer writes 32 bits as PNG by itself.
    Image.fromarray(np.asarray(image).astype(np.uint16)).save(target)


if __name__ == "__main__":
    main()
