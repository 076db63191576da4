"""Files of others, read with care: JSON, paths that stay inside a folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from urban_segmentor.errors import PredictionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_JSON_BYTES = 2**31
"""Results of 500 pictures take about 100 MB; what is larger than this is something else."""


def read_json(path: Path, *, compact: Callable[[dict[str, Any]], object]) -> object:
    """Return what a JSON file holds.

    Args:
        path: The file.
        compact: Called with each object as soon as it is read; returns what takes its place.

    Raises:
        PredictionError: It is missing, too large, or no JSON.
    """
    try:
        if not path.is_file():
            raise PredictionError(f"there is no file `{path}`", hint="check the path")
        if (length := path.stat().st_size) > MAX_JSON_BYTES:
            raise PredictionError(
                f"`{path}` has {length} bytes, at most {MAX_JSON_BYTES} are read",
                hint="save masks as run lengths, and the best 100 of each picture",
            )
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    if not data.strip():
        raise PredictionError(f"`{path}` is empty", hint="save the predictions again")
    try:
        return json.loads(data, object_hook=compact)
    except (ValueError, RecursionError) as error:
        raise PredictionError(
            f"`{path}` cannot be read as JSON: {error}",
            hint="the file may be cut off, or have one object a line; save it as COCO JSON",
        ) from error


def files_below(folder: Path, *, suffix: str) -> Iterator[Path]:
    """Yield the files of a folder and of those in it, sorted; no link to a folder is followed.

    Args:
        folder: Where to look.
        suffix: How names end, such as `.txt`.

    Raises:
        PredictionError: A folder cannot be read.
    """

    def fail(error: OSError) -> None:
        raise _unreadable(folder, error) from error

    for root, folders, names in os.walk(folder, onerror=fail):
        folders.sort()
        for name in sorted(names):
            if name.lower().endswith(suffix) and not name.startswith("."):
                yield Path(root, name)


def inside(root: Path, path: Path) -> bool:
    """Return whether a path stays in a folder when all links are followed.

    Args:
        root: The folder.
        path: Need not exist.
    """
    try:
        return path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):  # a circle of links, a name that cannot be
        return False


def read_inside(root: Path, path: Path, *, most_bytes: int) -> bytes:
    """Return the content of a file that must lie in a folder.

    Args:
        root: The folder.
        path: The file.
        most_bytes: A longer file is refused.

    Raises:
        PredictionError: It lies outside, is missing, too long or not readable.
    """
    if not inside(root, path):
        raise PredictionError(
            f"`{path}` leads out of `{root}`", hint="put copies in the folder, no links to others"
        )
    try:
        if not path.is_file():
            raise PredictionError(
                f"there is no file `{path}`",
                hint="copy or unpack the results again, with all files",
            )
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(data) > most_bytes:
        raise PredictionError(
            f"`{path}` has more than {most_bytes} bytes, which is too much for what it should be",
            hint="save the predictions again",
        )
    return data


def _unreadable(path: Path, error: OSError) -> PredictionError:
    return PredictionError(
        f"cannot read `{path}`: {error.strerror or error}",
        hint="check the path and its permissions",
    )
