"""`coco.json`: one file as the COCO data set has it, masks as run lengths, with scores."""

from __future__ import annotations

import json
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

from urban_segmentor.io.atomic import AtomicFile, output_errors, write_all
from urban_segmentor.io.results.rows import instance_rows, picture_file
from urban_segmentor.labels import BY_NAME
from urban_segmentor.rle import encode_rle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from urban_segmentor.types import Frame, Instances

_CHUNK = 2**20


class CocoSink:
    """Writes `coco.json`; memory does not grow with the number of frames.

    Category ids are class ids plus 1. Images of a video have `frame` and `time_s` besides.
    Annotations are written as they come; images wait in an unnamed file in the same folder and
    follow them at the end.

    Args:
        folder: Where to; made when missing.
        class_names: The class list of the model.
        overwrite: True when a file that is there may be replaced.

    Raises:
        OutputError: The file exists already, or cannot be written.
    """

    def __init__(self, folder: Path, *, class_names: Sequence[str], overwrite: bool) -> None:
        self._class_names = class_names
        self._path = folder / "coco.json"
        self._file = AtomicFile(self._path, overwrite=overwrite, head=_head(class_names))
        self._waiting: IO[bytes] | None = None
        self._images = 0
        self._annotations = 0

    def write(self, frame: Frame, instances: Instances) -> None:
        """Append one image and its annotations.

        Args:
            frame: The frame; its pixels are not looked at.
            instances: What was found in it.

        Raises:
            OutputError: The disk is full or the like; the frames before are whole.
        """
        image_id = self._images + 1
        annotations = self._described(image_id, instances)
        lead = ",\n" if self._annotations else "\n"
        with output_errors(self._path):
            if self._waiting is None:
                self._waiting = TemporaryFile(dir=self._path.parent, buffering=0)  # noqa: SIM115
            length = self._waiting.tell()
            try:
                _write_line(self._waiting, _described(image_id, frame), first=image_id == 1)
                self._file.write(lead + ",\n".join(annotations) if annotations else "")
            except BaseException:
                # No annotations without their image, and no image without its annotations.
                self._waiting.seek(length)
                self._waiting.truncate()
                raise
        self._images = image_id
        self._annotations += len(annotations)

    def close(self) -> None:
        """Append the images and put the file in its place; safe to call twice.

        Raises:
            OutputError: The disk is full or the like; then there is no file.
        """
        if self._file.closed:
            return
        try:
            with output_errors(self._path), self._file:
                self._file.write('\n],"images":[')
                if self._waiting is not None:
                    self._waiting.seek(0)
                    while part := self._waiting.read(_CHUNK):
                        self._file.write(part.decode("ascii"))
                self._file.write("\n]}\n")
        finally:
            if self._waiting is not None:
                self._waiting.close()

    def _described(self, image_id: int, instances: Instances) -> list[str]:
        """Return the annotations of an image as JSON."""
        rows = instance_rows(instances, class_names=self._class_names)
        lines: list[str] = []
        numbered = enumerate(zip(rows, encode_rle(instances.masks), strict=True), start=1)
        for number, (row, mask) in numbered:
            x1, y1, x2, y2 = row.box
            annotation = {
                "id": self._annotations + number,
                "image_id": image_id,
                "category_id": row.class_id + 1,
                "bbox": [x1, y1, round(x2 - x1, 2), round(y2 - y1, 2)],
                "area": row.area_px,
                "iscrowd": 0,
                "segmentation": mask,
                "score": row.score,
            }
            lines.append(json.dumps(annotation, allow_nan=False))
        return lines


def _head(class_names: Sequence[str]) -> str:
    """Return the file up to the first annotation."""
    categories = [
        {"id": class_id, "name": name, "supercategory": _kind(name)}
        for class_id, name in enumerate(class_names, start=1)
    ]
    fields = {
        "info": {"description": "instances found by Urban Segmentor"},
        "licenses": [],
        "categories": categories,
    }
    return json.dumps(fields).removesuffix("}") + ',"annotations":['


def _kind(name: str) -> str:
    """Return `stuff` for the Cityscapes classes that are, and `thing` for all others."""
    label = BY_NAME.get(name)
    return "thing" if label is None or label.is_thing else "stuff"


def _described(image_id: int, frame: Frame) -> dict[str, object]:
    """Return the entry of an image."""
    height, width = frame.size
    file_name = picture_file(frame)
    entry: dict[str, object] = {
        "id": image_id,
        "file_name": file_name or frame.name,
        "width": width,
        "height": height,
    }
    if file_name is None:
        entry |= {"frame": frame.index, "time_s": round(frame.time_s, 6)}
    return entry


def _write_line(file: IO[bytes], entry: dict[str, object], *, first: bool) -> None:
    """Append an entry to a list in JSON."""
    write_all(file, (("\n" if first else ",\n") + json.dumps(entry)).encode("ascii"))
