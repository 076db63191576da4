"""Safe unpacking of zip archives into a folder that no entry can leave.

An archive is checked as a whole before its first file is written. Files appear complete or not at
all, and what an earlier run unpacked is not written again.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import zipfile
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from rich.filesize import decimal

from urban_segmentor.datasets.cityscapes.byte_progress import ByteProgress
from urban_segmentor.errors import DatasetError, OutputError
from urban_segmentor.io.atomic import output_errors, replacement, write_all

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence
    from contextlib import AbstractContextManager

MAX_FILES = 1_000_000  # the largest official archive holds 150,000 images
MAX_EXPANSION = 200  # labels shrink to a tenth, images hardly at all
_MIN_EXPANDED_BYTES = 1 << 20  # tiny archives of text may shrink more
_CHUNK_BYTES = 1 << 20
_BLOCK_BYTES = 4096  # what file systems give to a file at least
_SAFE_NAME = re.compile(r"[^\\:\x00-\x1f\x7f]+")
_MAX_NAME_BYTES = 240  # file systems allow 255, and a partial file's name is longer

_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError)
_FULL_HINT = "free some space, or choose another folder"
_HINTS = {
    errno.ENOSPC: _FULL_HINT,
    errno.EDQUOT: f"your quota is used up: {_FULL_HINT}",
    errno.EEXIST: "a file lies where a folder must be, or the other way round: remove it",
    errno.ENOTDIR: "a file lies where a folder must be: remove it",
    errno.EISDIR: "a folder lies where a file must be: remove it",
}


def disk_errors(path: Path) -> AbstractContextManager[None]:
    """Return a context in which failures of the system become `OutputError`.

    Args:
        path: What is being written, named in the message.

    Raises:
        OutputError: The disk is full, the path is not writable, or the like.
    """
    return output_errors(path, hints=_HINTS, default_hint="choose a folder that you may write to")


def check_space(folder: Path, *, need_bytes: int, what: str) -> None:
    """Check that the disk of a folder has enough free space.

    Args:
        folder: A folder that is there.
        need_bytes: Size of what is going to be written.
        what: Its description, named in the message.

    Raises:
        OutputError: There is not enough free space.
    """
    with disk_errors(folder):
        free_bytes = shutil.disk_usage(folder).free
    if need_bytes > free_bytes:
        raise OutputError(
            f"`{folder}` has {decimal(free_bytes)} free, {decimal(need_bytes)} are needed for "
            f"{what}",
            hint=_FULL_HINT,
        )


def unpack(
    path: Path, folder: Path, *, reserved: Sequence[str] = (), progress: ByteProgress | None = None
) -> tuple[dict[str, int], int]:
    """Unpack an archive, and return the sizes of its files by path, and how many were written.

    A file that is there already, with the right size and CRC, stays as it is; another one in its
    place is replaced.

    Args:
        path: The archive.
        folder: A folder that is there. It may be a link; links in it must not lead out of it.
        reserved: Names in the folder that the archive may not touch.
        progress: Receives the progress.

    Returns:
        Sizes, bytes, by path relative to the folder; and the number of files that were not there
        already.

    Raises:
        DatasetError: It is damaged, or one of its files would go where it must not; in the latter
            case nothing was written.
        OutputError: The disk is full, or a path is not writable.
    """
    progress = progress or ByteProgress()
    with _open_archive(path) as archive:
        entries = _checked_entries(path, archive, reserved=reserved)
        sizes = {name: info.file_size for name, info in entries.items()}
        _check_folders(path, sizes, folder)
        missing_bytes = sum(
            -(-size // _BLOCK_BYTES) * _BLOCK_BYTES
            for name, size in sizes.items()
            if file_size(folder / name) != size
        )
        check_space(folder, need_bytes=missing_bytes, what=f"the files of `{path.name}`")
        progress.begin(f"unpacking {path.name}", total_bytes=sum(sizes.values()))
        written = 0
        for name, info in entries.items():
            if not _is_unpacked(folder / name, info):
                _unpack_entry(path, archive, info, folder / name)
                written += 1
            progress.advance(info.file_size)
    return sizes, written


@contextmanager
def _open_archive(path: Path) -> Generator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise DatasetError(f"there is no archive `{path}`") from None
    except OSError as error:
        raise DatasetError(f"`{path}` cannot be read: {error.strerror or error}") from error
    except _ZIP_ERRORS as error:
        raise _damaged(path, error) from None
    with archive:
        yield archive


def _damaged(path: Path, error: Exception, *, entry: str = "") -> DatasetError:
    position = f", at `{entry}`" if entry else ""
    return DatasetError(
        f"`{path.name}` is damaged{position}: {error or type(error).__name__}",
        hint=f"remove `{path}`, then repeat the command to fetch it anew",
    )


def _checked_entries(
    path: Path, archive: zipfile.ZipFile, *, reserved: Sequence[str]
) -> dict[str, zipfile.ZipInfo]:
    """Return the checked files of an archive by path, in the order of their offsets.

    Raises:
        DatasetError: An entry is unsafe, or the archive would grow too much.
    """
    infos = archive.infolist()
    if len(infos) > MAX_FILES:
        raise _refused(path, f"has {len(infos)} entries, expected at most {MAX_FILES}")
    entries: dict[str, zipfile.ZipInfo] = {}
    for info in sorted(infos, key=lambda info: info.header_offset):
        # `filename` was already cut at a zero byte, and with Windows' separators turned round.
        name = info.orig_filename.removesuffix("/")
        if reason := _find_fault(name, info, reserved):
            raise _refused(path, f"has the entry {name!r}, which {reason}")
        if name in entries:
            raise _refused(path, "has two files of one name")
        if not info.is_dir():
            entries[name] = info
    if both := entries.keys() & _folders(entries):
        raise _refused(path, f"has `{both.pop()}` both as a file and as a folder")
    total_bytes = sum(info.file_size for info in entries.values())
    if total_bytes > MAX_EXPANSION * path.stat().st_size + _MIN_EXPANDED_BYTES:
        raise _refused(
            path, f"would grow to {decimal(total_bytes)}, more than {MAX_EXPANSION} times its size"
        )
    return entries


def _find_fault(name: str, info: zipfile.ZipInfo, reserved: Sequence[str]) -> str | None:
    """Return why an entry is unsafe, or None."""
    parts = name.split("/")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return "is a link or a device"
    if not all(map(_is_safe_name, parts)):
        return "is no plain path below the folder"
    if parts[0].casefold() in reserved:
        return "is kept for the download itself"
    if info.flag_bits & 0x1:
        return "is encrypted"
    # Other methods may unpack any amount into memory before a size can be looked at.
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return f"is compressed by method {info.compress_type}, expected deflate"
    return None


def _is_safe_name(part: str) -> bool:
    """Return True when a part of a path is a plain name on every system.

    No empty one (`/a`, `a//b`), no `.` and `..`, no drive letters, backslashes and control
    characters; and none that Windows would shorten.
    """
    return (
        _SAFE_NAME.fullmatch(part) is not None
        and part.rstrip(". ") == part
        and len(part.encode("utf-8", "surrogateescape")) <= _MAX_NAME_BYTES
    )


def _folders(names: Iterable[str]) -> set[str]:
    """Return every folder above some paths, `.` being the one that they are relative to."""
    parents = {name.rpartition("/")[0] for name in names}
    return {str(above) for name in parents for above in PurePosixPath(name, "x").parents}


def _refused(path: Path, reason: str) -> DatasetError:
    return DatasetError(
        f"`{path.name}` {reason}; nothing of it was unpacked",
        hint=f"this is no archive of Cityscapes: remove `{path}`",
    )


def _check_folders(path: Path, names: Iterable[str], folder: Path) -> None:
    """Check that no link that lies in the folder leads a file out of it."""
    root = Path(os.path.realpath(folder))
    for above in sorted(_folders(names)):
        real = Path(os.path.realpath(folder / above))
        if not real.is_relative_to(root):
            raise DatasetError(
                f"`{folder / above}` leads to `{real}`, out of `{folder}`; nothing of "
                f"`{path.name}` was unpacked",
                hint="remove the link, or give the folder that it leads to",
            )


def file_size(target: Path) -> int | None:
    """Return the size of a file, bytes, or None when there is none; links do not count."""
    try:
        status = target.lstat()
    except (OSError, ValueError):  # a path with a zero byte has no meaning
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _is_unpacked(target: Path, info: zipfile.ZipInfo) -> bool:
    """Return True when a file has the size and CRC of the archive's entry."""
    if file_size(target) != info.file_size:
        return False
    crc = 0
    with suppress(OSError), target.open("rb") as file:
        while data := file.read(_CHUNK_BYTES):
            crc = zlib.crc32(data, crc)
        return crc == info.CRC
    return False


def _unpack_entry(
    path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path
) -> None:
    """Write a file of an archive.

    Raises:
        DatasetError: Its size or CRC is wrong.
    """
    try:
        with archive.open(info) as source, disk_errors(target), replacement(target) as output:
            # Reads no more than the stated size, and checks the CRC at the end.
            while data := source.read(_CHUNK_BYTES):
                write_all(output, data)
            if output.tell() != info.file_size:
                raise zipfile.BadZipFile("its size is not as stated")
    except (*_ZIP_ERRORS, OSError, OverflowError) as error:  # an offset may lie anywhere
        raise _damaged(path, error, entry=info.filename) from None
