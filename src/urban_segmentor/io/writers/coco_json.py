"""One file in the layout of COCO that grows image by image."""

from __future__ import annotations

import json
from pathlib import PurePath
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, Self

from urban_segmentor.io.atomic import AtomicFile, output_errors, write_all
from urban_segmentor.io.writers.instance_records import image_file_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from urban_segmentor.structures.frame import Frame

_CHUNK = 2**20


class CocoJsonFile:
    """Images and annotations in one JSON object; memory does not grow with their number.

    Annotations are written as they come; images wait in an unnamed file in the same folder and
    follow them at the end. The file appears in its place when it is closed. As a context manager
    it closes at the end, and removes the file after an exception.

    Args:
        path: The file; folders above it are made.
        head: The fields that come first, an object in JSON.
        overwrite: True when a file that is there may be replaced.

    Raises:
        OutputError: The file exists already, or cannot be written.
    """

    def __init__(self, path: Path, *, head: str, overwrite: bool) -> None:
        head = head.removesuffix("}") + ',"annotations":['
        self._path = path
        self._file = AtomicFile(path, overwrite=overwrite, head=head)
        self._waiting: IO[bytes] | None = None
        self.images = 0
        self.annotations = 0

    def add(self, image: dict[str, Any], annotations: Sequence[dict[str, Any]]) -> None:
        """Append an image with its annotations, or nothing.

        Args:
            image: An entry of `images`.
            annotations: Entries of `annotations`.

        Raises:
            OutputError: The disk is full or the like; the images before are whole.
        """
        lines = [json.dumps(annotation, allow_nan=False) for annotation in annotations]
        lead = ",\n" if self.annotations else "\n"
        with output_errors(self._path):
            if self._waiting is None:
                self._waiting = TemporaryFile(dir=self._path.parent, buffering=0)  # noqa: SIM115
            length = self._waiting.tell()
            try:
                _write_line(self._waiting, image, first=not self.images)
                self._file.write(lead + ",\n".join(lines) if lines else "")
            except BaseException:
                # No annotations without their image, and no image without its annotations.
                self._waiting.seek(length)
                self._waiting.truncate()
                raise
        self.images += 1
        self.annotations += len(lines)

    def close(self, *, categories: Sequence[dict[str, Any]] | None = None) -> None:
        """Append the images and put the file in its place; safe to call twice.

        Args:
            categories: The entries of `categories`; None where they are in the head.

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
                tail = "" if categories is None else f',"categories":{json.dumps(categories)}'
                self._file.write(f"\n]{tail}}}\n")
        finally:
            self.abort()

    def abort(self) -> None:
        """Remove what was written; safe to call twice, and without effect after `close`."""
        self._file.abort()
        if self._waiting is not None:
            self._waiting.close()

    def __enter__(self) -> Self:
        """Return the file."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close, or abort after an exception."""
        if kind is None:
            self.close()
        else:
            self.abort()


def coco_head(description: str, **fields: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    """Return the first fields of a file in the layout of COCO, an object in JSON.

    Args:
        description: What the file holds.
        fields: More of them.
    """
    return json.dumps({"info": {"description": description}, "licenses": [], **fields})


def image_entry(frame: Frame, *, image_id: int | str) -> dict[str, Any]:
    """Return the entry of an image; frames of a video say which, where in it, and when besides.

    Args:
        frame: Its pixels are not looked at.
        image_id: What annotations call it.
    """
    height, width = frame.size
    entry: dict[str, Any] = {
        "id": image_id,
        "file_name": image_file_name(frame),
        "width": width,
        "height": height,
    }
    if not frame.file_name:
        entry |= {
            "video": PurePath(frame.source).name,
            "frame_index": frame.index,
            "time_s": round(frame.time_s, 6),
        }
    return entry


def _write_line(file: IO[bytes], entry: dict[str, Any], *, first: bool) -> None:
    """Append an entry to a list in JSON."""
    write_all(file, (("\n" if first else ",\n") + json.dumps(entry)).encode("ascii"))
