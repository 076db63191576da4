"""From what the user typed to the pictures and videos that are meant."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from urban_segmentor.errors import SourceError
from urban_segmentor.io.image_codec import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# fmt: off
VIDEO_SUFFIXES = frozenset({
    ".3gp", ".asf", ".avi", ".dv", ".flv", ".gif", ".h264", ".h265", ".hevc",
    ".m2ts", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg",
    ".mts", ".mxf", ".nut", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m",
})
# fmt: on


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The files to work on, each with the unique name that its results get.

    Attributes:
        images: Path and name of each picture.
        videos: Path and name of each video.
        folder: The folder that all images lie in, absolute: the one that was named, or the deepest
            one that they share; None where they share none but the root of the disk.
    """

    images: tuple[tuple[Path, str], ...]
    videos: tuple[tuple[Path, str], ...]
    folder: Path | None = None


def find_inputs(patterns: Sequence[str], *, leave_out: Path | None = None) -> Inputs:
    """Return the files that are meant by paths, folders and globs.

    Folders are searched to the bottom for pictures and videos; the results of what lies in
    them keep the sub-folders. A file that is named counts whatever its suffix.

    Args:
        patterns: Files, folders, or patterns with `*`, `?` and `[...]`.
        leave_out: A folder whose files do not count where it lies below one that is searched,
            so that results of an earlier run are not taken for pictures.

    Raises:
        SourceError: Something is not there, or a folder or pattern holds nothing to work on.
    """
    found: dict[Path, tuple[Path, str]] = {}
    for pattern in patterns:
        for path, name in _expand(pattern, leave_out):
            found.setdefault(path.resolve(), (path, name))
    named = _unique(found.values())
    images = tuple((path, name) for path, name in named if _is_image(path))
    chosen = {path for path, _ in images}
    videos = tuple((path, name) for path, name in named if path not in chosen)
    return Inputs(images=images, videos=videos, folder=_common_folder(patterns, images))


def _expand(pattern: str, leave_out: Path | None) -> Iterable[tuple[Path, str]]:
    if "://" in pattern:
        raise SourceError(
            f"`{pattern}` is an address, and files are expected here",
            hint="download it first, then give the file",
        )
    path = Path(pattern).expanduser()
    if path.is_dir():
        files = [(file, file.relative_to(path)) for file in _media_below(path, leave_out)]
        if not files:
            raise SourceError(
                f"there are no pictures or videos in the folder `{pattern}`",
                hint=f"pictures end in {', '.join(sorted(IMAGE_SUFFIXES))}",
            )
        return [(file, str(relative.with_suffix(""))) for file, relative in files]
    if path.exists():
        return [(path, path.stem)]
    if glob.has_magic(pattern):
        matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True))  # noqa: PTH207
        files = [match for match in matches if match.is_file()]
        files = [file for file in files if _has_known_suffix(file)] or files
        if not files:
            raise SourceError(f"no file matches `{pattern}`", hint="look at the pattern again")
        return [(file, file.stem) for file in files]
    near = sorted(p.name for p in path.parent.glob("*") if p.stem == path.stem)
    raise SourceError(
        f"there is no file or folder `{pattern}`",
        hint=f"did you mean `{path.with_name(near[0])}`?" if near else f"you are in {Path.cwd()}",
    )


def _media_below(folder: Path, leave_out: Path | None) -> list[Path]:
    results = None if leave_out is None else leave_out.resolve()
    if results == folder.resolve():
        results = None
    return sorted(
        path
        for path in folder.rglob("*")
        if _has_known_suffix(path)
        and not path.name.startswith(".")
        and path.is_file()
        and (results is None or not path.resolve().is_relative_to(results))
    )


def _has_known_suffix(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES


def _unique(found: Iterable[tuple[Path, str]]) -> list[tuple[Path, str]]:
    """Return the files with names that differ even where suffixes are left off."""
    taken: set[str] = set()
    named: list[tuple[Path, str]] = []
    for path, wanted in found:
        name, number = wanted, 2
        if name.lower() in taken:
            name = f"{wanted}_{path.suffix.lstrip('.')}"
        while name.lower() in taken:
            name, number = f"{wanted}_{number}", number + 1
        taken.add(name.lower())
        named.append((path, name))
    return named


def _common_folder(patterns: Sequence[str], images: Sequence[tuple[Path, str]]) -> Path | None:
    """Return the deepest folder that holds all images, and each folder of them that was named."""
    parents = {path.parent.resolve() for path, _ in images}
    named = {Path(pattern).expanduser().resolve() for pattern in patterns}
    named = {
        folder
        for folder in named
        if folder.is_dir() and any(parent.is_relative_to(folder) for parent in parents)
    }
    try:
        common = Path(os.path.commonpath(named | parents))
    except ValueError:  # there are none, or they lie on several drives
        return None
    return None if common == Path(common.anchor) and common not in named else common


def _is_image(path: Path) -> bool:
    if _has_known_suffix(path):
        return path.suffix.lower() in IMAGE_SUFFIXES
    return bool(cv2.haveImageReader(str(path)))
