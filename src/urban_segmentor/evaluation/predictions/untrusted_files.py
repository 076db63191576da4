"""Reading of untrusted prediction files: size limits, and paths inside a folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from urban_segmentor.errors import PredictionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_JSON_BYTES = 2**31
"""Results of 500 images take about 100 MB; larger files are refused."""


def read_json(path: Path, *, compact: Callable[[dict[str, Any]], object]) -> object:
    """Return the parsed content of a JSON file.

    Args:
        path: The file.
        compact: Called with each object as soon as it is parsed; returns its replacement.

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
    """Yield the files below a folder, sorted; links to folders are not followed.

    Args:
        folder: The folder.
        suffix: Ending of the file names, such as `.txt`.

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


def is_inside(root: Path, path: Path) -> bool:
    """Return True when a path lies in a folder after following all links.

    Args:
        root: The folder.
        path: Need not exist.
    """
    try:
        return path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):  # a circle of links, a name that cannot be
        return False


def read_inside(root: Path, path: Path, *, max_bytes: int) -> bytes:
    """Return the content of a file, after checking that it lies in a folder.

    Args:
        root: The folder.
        path: The file.
        max_bytes: Maximum size of the file.

    Raises:
        PredictionError: It lies outside, is missing, too long or not readable.
    """
    if not is_inside(root, path):
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
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(data) > max_bytes:
        raise PredictionError(
            f"`{path}` has more than {max_bytes} bytes, which is too much for what it should be",
            hint="save the predictions again",
        )
    return data


def _unreadable(path: Path, error: OSError) -> PredictionError:
    return PredictionError(
        f"cannot read `{path}`: {error.strerror or error}",
        hint="check the path and its permissions",
    )
