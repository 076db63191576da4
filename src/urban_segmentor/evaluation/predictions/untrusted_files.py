"""Files of a folder of predictions; none outside of it is read, whatever links and texts say."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from urban_segmentor.errors import PredictionError

if TYPE_CHECKING:
    from collections.abc import Iterator


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
