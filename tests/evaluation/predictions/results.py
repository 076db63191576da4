"""Results written to files as some tool might."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from urban_segmentor.io.writers import WRITERS
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.result import Result
from urban_segmentor.structures.frame import Frame
from urban_segmentor.structures.rle import encode_rle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.structures.instances import Instances

STEM = "ulm_000000_000019"
SIZE = (40, 60)
CATEGORIES = [{"id": 3, "name": "car"}, {"id": 7, "name": "person"}, {"id": 9, "name": "kite"}]


def stem(number: int) -> str:
    """Return the name of a frame."""
    return f"city_{number:06d}_000000"


def save(kind: str, folder: Path, found: Sequence[Instances], names: Sequence[str]) -> None:
    """Write instances of frames 0, 1, ... by a sink of `predict`."""
    sink = WRITERS[kind](folder, classes=known_classes(names))
    for i, instances in enumerate(found):
        pixels = np.zeros((*instances.masks.image_size, 3), dtype=np.uint8)
        name = f"{stem(i)}_leftImg8bit"
        frame = Frame(pixels=pixels, name=name, source=f"val/{name}.png")
        sink.write(Result(frame=frame, instances=instances))
    sink.close()


def mask() -> NDArray[np.bool_]:
    """Return a mask of some shape, bool (40, 60)."""
    found = np.zeros(SIZE, dtype=np.bool_)
    found[5:20, 10:30] = True
    found[8:12, 15:40] ^= True
    return found


def rle(pixels: NDArray[np.bool_]) -> dict[str, Any]:
    """Return a mask as compressed run lengths."""
    from urban_segmentor.structures.masks import Masks

    return dict(encode_rle(Masks.from_dense(pixels[None]))[0])


def result(**changes: object) -> dict[str, Any]:
    """Return an entry of a list of results; None leaves a field out."""
    entry: dict[str, Any] = {
        "image_id": 17,
        "category_id": 3,
        "score": 0.75,
        "bbox": [10.0, 5.0, 30.0, 15.0],
        "segmentation": rle(mask()),
    }
    entry |= changes
    return {key: value for key, value in entry.items() if value is not None}


def image(**changes: object) -> dict[str, Any]:
    """Return an entry of `images`; None leaves a field out."""
    name = f"leftImg8bit/val/ulm/{STEM}_leftImg8bit.png"
    entry: dict[str, Any] = {"id": 17, "file_name": name, "height": 40, "width": 60}
    entry |= changes
    return {key: value for key, value in entry.items() if value is not None}


def coco(**changes: object) -> dict[str, Any]:
    """Return the content of a whole file; None leaves a field out."""
    content: dict[str, Any] = {
        "images": [image()],
        "annotations": [result()],
        "categories": CATEGORIES,
    }
    content |= changes
    return {key: value for key, value in content.items() if value is not None}


def as_json(path: Path, content: object) -> Path:
    """Write a file and return its path."""
    path.write_text(json.dumps(content))
    return path


def png(path: Path, pixels: NDArray[Any]) -> Path:
    """Write a picture and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), pixels)
    return path


def panoptic(folder: Path, **changes: object) -> Path:
    """Write a panoptic file with a picture of two segments, and return its path."""
    ids = np.zeros(SIZE, dtype=np.int32)
    ids[:20], ids[30:, 30:] = 26001, 7
    colors = np.stack([ids >> 16, ids >> 8 & 255, ids & 255], axis=-1).astype(np.uint8)
    png(folder / "found" / f"{STEM}.png", colors)
    annotation: dict[str, Any] = {
        "image_id": STEM,
        "file_name": f"{STEM}.png",
        "segments_info": [{"id": 26001, "category_id": 26}, {"id": 7, "category_id": 7}],
    }
    annotation |= changes
    return as_json(folder / "found.json", {"annotations": [annotation]})
