"""Tiny data sets of one's own, written by hand in the formats of YOLO and COCO."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (60, 80)
NAMES = ("dog", "car", "traffic light")
SQUARE = "0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5"
BOX = [[8.0, 6.0, 40.0, 6.0, 40.0, 30.0, 8.0, 30.0]]


def write_image(path: Path, size: tuple[int, int] = SIZE) -> Path:
    """Write a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((*size, 3), 90, dtype=np.uint8)
    image[: size[0] // 2] = 160
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())
    return path


def write_yolo(root: Path, *, lines: str = f"0 {SQUARE}\n1 0.6 0.6 0.9 0.6 0.9 0.9\n") -> Path:
    """Write two pictures for `train` and one for `val`, and return the folder."""
    for split, stem in (("train", "a"), ("train", "b"), ("val", "c")):
        write_image(root / "images" / split / f"{stem}.jpg")
        label = root / "labels" / split / f"{stem}.txt"
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text(lines)
    names = "".join(f"  {i}: {name}\n" for i, name in enumerate(NAMES))
    text = f"path: .\ntrain: images/train\nval: images/val\nnames:\n{names}"
    (root / "data.yaml").write_text(text)
    return root


def coco_content() -> dict[str, Any]:
    """Return two pictures with polygons, run lengths of both sorts, and a crowd."""
    plain = np.zeros(SIZE, dtype=np.uint8)
    plain[40:50, 10:20] = 1
    runs = np.flatnonzero(np.diff(plain.T.ravel(), prepend=0, append=0)).tolist()
    counts = np.diff([0, *runs, SIZE[0] * SIZE[1]]).tolist()
    entries: list[dict[str, Any]] = [
        {"id": 10, "image_id": 7, "category_id": 90, "segmentation": BOX},
        {"id": 11, "image_id": 7, "category_id": 3, "segmentation": {
            "size": list(SIZE), "counts": counts}},
        {"id": 12, "image_id": 9, "category_id": 3, "segmentation": [
            [50, 10, 70, 10, 70, 25, 50, 25], [50, 30, 60, 30, 60, 40]]},
        {"id": 13, "image_id": 9, "category_id": 90, "iscrowd": 1, "segmentation": {
            "size": list(SIZE), "counts": counts}},
    ]  # fmt: skip
    return {
        "images": [
            {"id": 9, "file_name": "two.jpg", "height": SIZE[0], "width": SIZE[1]},
            {"id": 7, "file_name": "one.jpg", "height": SIZE[0], "width": SIZE[1]},
        ],
        "categories": [{"id": 90, "name": "dog"}, {"id": 3, "name": "car"}],
        "annotations": [{"iscrowd": 0, "bbox": [0, 0, 1, 1], **entry} for entry in entries],
    }


def write_coco(root: Path, content: dict[str, Any] | None = None) -> Path:
    """Write `train2017` and `val2017` of the same pictures, and return the folder."""
    for split in ("train2017", "val2017"):
        for stem in ("one", "two"):
            write_image(root / split / f"{stem}.jpg")
        path = root / "annotations" / f"instances_{split}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(coco_content() if content is None else content))
    return root
