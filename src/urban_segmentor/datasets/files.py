"""Files of data sets and predictions that anybody may have written, read with care."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, cast

from urban_segmentor.datasets.coco_outlines import compact_numbers
from urban_segmentor.datasets.findings import shown
from urban_segmentor.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_JSON_BYTES = 2**31
"""The training annotations of COCO take 450 MB; what is larger than this is something else."""

_HINT = "it should be as the COCO data set has it: https://cocodataset.org/#format-data"


def limited_bytes(
    path: Path, *, max_bytes: int, hint: str, error: type[DatasetError] = DatasetError
) -> bytes:
    """Return what a file holds.

    Args:
        path: The file.
        max_bytes: Larger ones are refused before they are read.
        hint: What to do about a file that is too large.
        error: What is raised.

    Raises:
        DatasetError: It is missing, too large, or cannot be read.
    """
    try:
        if not path.is_file():
            raise error(f"there is no file `{path}`", hint="check the path")
        if (length := path.stat().st_size) > max_bytes:
            raise error(f"`{path}` has {length} bytes, at most {max_bytes} are read", hint=hint)
        return path.read_bytes()
    except OSError as failure:
        raise error(
            f"`{path}` cannot be read: {failure.strerror or failure}",
            hint="check the path and its permissions",
        ) from failure


def read_json(
    path: Path,
    *,
    compact: Callable[[dict[str, Any]], object] = compact_numbers,
    error: type[DatasetError] = DatasetError,
) -> object:
    """Return what a JSON file as COCO has it holds.

    Args:
        path: The file.
        compact: Called with each object as soon as it is parsed; returns what takes its place.
        error: What is raised.

    Raises:
        DatasetError: It is missing, too large, cannot be read, or is no JSON.
    """
    hint = "save masks as run lengths, or split it into files of fewer pictures"
    data = limited_bytes(path, max_bytes=MAX_JSON_BYTES, hint=hint, error=error)
    if not data.strip():
        raise error(f"`{path}` is empty", hint="save it again")
    try:
        return json.loads(data, object_hook=compact)
    except (ValueError, RecursionError) as failure:
        raise error(
            f"`{path}` cannot be read as JSON: {failure}",
            hint="the file may be cut off, or have one object a line; save it as COCO JSON",
        ) from failure


def read_json_object(path: Path) -> dict[str, Any]:
    """Return what a JSON file holds, long lists of numbers as arrays.

    Args:
        path: The file.

    Raises:
        DatasetError: It cannot be read, is too large, or no JSON object.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise DatasetError(
            f"`{path}` is no COCO file: it is {shown(content)}, expected an object", hint=_HINT
        )
    return cast("dict[str, Any]", content)


def listed(content: dict[str, Any], key: str, *, path: Path) -> list[object]:
    """Return a list of a file.

    Args:
        content: What the file holds.
        key: Of the list.
        path: The file, for messages.

    Raises:
        DatasetError: It has no such list.
    """
    found: object = content.get(key)
    if not isinstance(found, list):
        raise DatasetError(
            f"`{path}` is no COCO file: its `{key}` is {shown(found)}, expected a list",
            hint=_HINT,
        )
    return cast("list[object]", found)


def expect_object(entry: object) -> dict[str, Any]:
    """Return an object's fields; none where an entry is something else."""
    return cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}


def relative_name(value: object) -> PurePosixPath | None:
    """Return the path of a file below some folder; None for what leads elsewhere.

    Args:
        value: What a file says.
    """
    if not isinstance(value, str) or not value.isprintable() or len(value) > 1024:
        return None
    path = PurePosixPath(value.replace("\\", "/"))
    parts = path.parts
    if path.is_absolute() or not parts or ".." in parts or ":" in parts[0]:
        return None
    return path
