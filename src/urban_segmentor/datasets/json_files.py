"""JSON files of data sets, read with care."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from urban_segmentor.datasets.findings import shown
from urban_segmentor.datasets.sample_images import path_bytes
from urban_segmentor.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MAX_JSON_BYTES = 2**31
"""The training annotations of COCO take 450 MB; what is larger than this is something else."""

_HINT = "it should be as the COCO data set has it: https://cocodataset.org/#format-data"


def read_json_object(path: Path) -> dict[str, Any]:
    """Return what a JSON file holds, long lists of numbers as arrays.

    Args:
        path: The file.

    Raises:
        DatasetError: It cannot be read, is too large, or no JSON object.
    """
    try:
        length = path.stat().st_size
    except OSError as error:
        raise DatasetError(
            f"`{path}` cannot be read: {error.strerror}", hint="check that it is there"
        ) from error
    if length > MAX_JSON_BYTES:
        raise DatasetError(
            f"`{path}` has {length} bytes, at most {MAX_JSON_BYTES} are read",
            hint="split it into files of fewer pictures",
        )
    try:
        content: object = json.loads(path_bytes(path), object_hook=_compacted)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"`{path}` cannot be read as JSON: {error}", hint=_HINT) from error
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


def _compacted(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON object, its long lists of numbers as arrays: a fifth of the memory."""
    if isinstance(counts := entry.get("counts"), list):
        entry["counts"] = _array(cast("list[object]", counts), {int}, "int64")
    if isinstance(rings := entry.get("segmentation"), list):
        entry["segmentation"] = [
            _array(cast("list[object]", ring), {int, float}, "float64")
            if isinstance(ring, list)
            else ring
            for ring in cast("list[object]", rings)
        ]
    return entry


def _array(
    values: list[object], kinds: set[type], dtype: str
) -> NDArray[np.generic] | list[object]:
    """Return numbers as an array; the list itself where they are none, or too large."""
    if not {type(value) for value in values} <= kinds:
        return values
    try:
        return np.array(values, dtype=dtype)
    except (OverflowError, ValueError):
        return values
