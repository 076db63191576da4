"""Safe unpacking of zip archives into a folder that no entry can leave.

An archive is checked as a whole before its first file is written. Files appear complete or not at
all, and what an earlier run unpacked is not written again.
"""

from __future__ import annotations

import errno
import lzma
import os
import re
import shutil
import stat
import zipfile
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from urban_segmentor.datasets.cityscapes.byte_progress import ByteProgress
from urban_segmentor.errors import DatasetError, OutputError
from urban_segmentor.io.atomic import open_partial, output_errors, write_all

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

MAX_FILES = 1_000_000  # the largest official archive holds 150,000 pictures
MAX_EXPANSION = 200  # labels shrink to a tenth, pictures hardly at all
_MIN_EXPANDED_BYTES = 1 << 20  # tiny archives of text may shrink more
_CHUNK_BYTES = 1 << 20
_BLOCK_BYTES = 4096  # what file systems give to a file at least
_SAFE_NAME = re.compile(r"[^\\:\x00-\x1f\x7f]+")
_MAX_NAME_BYTES = 240  # file systems allow 255, and a partial file's name is longer

_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    ValueError,
)
_FULL_HINT = "free some space, or choose another folder"
_HINTS = {
    errno.ENOSPC: _FULL_HINT,
    errno.EDQUOT: f"your quota is used up: {_FULL_HINT}",
    errno.EEXIST: "a file lies where a folder must be, or the other way round: remove it",
    errno.ENOTDIR: "a file lies where a folder must be: remove it",
    errno.EISDIR: "a folder lies where a file must be: remove it",
}


class ArchiveEntry(NamedTuple):
    """A file in an archive.

    Attributes:
        path: Path relative to the folder, with slashes.
        size_bytes: Its size, unpacked.
        info: The entry of the archive.
    """

    path: str
    size_bytes: int
    info: zipfile.ZipInfo


class Unpacked(NamedTuple):
    """The files of an unpacked archive.

    Attributes:
        sizes: The size of each file, bytes, by its path relative to the folder.
        written: Number of files written, those that were not there already.
    """

    sizes: dict[str, int]
    written: int


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
            f"`{folder}` has {format_bytes(free_bytes)} free, {format_bytes(need_bytes)} are "
            f"needed for {what}",
            hint=_FULL_HINT,
        )


def format_bytes(count: float) -> str:
    """Return a number of bytes as text with its unit.

    >>> format_bytes(11_700_000_000), format_bytes(253_000_000), format_bytes(90)
    ('11.7 GB', '253.0 MB', '0.1 kB')
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1e3:.1f} kB"


def unpack(
    path: Path, folder: Path, *, reserved: Sequence[str] = (), progress: ByteProgress | None = None
) -> Unpacked:
    """Unpack an archive, and return its files.

    A file that is there already, with the right size and CRC, stays as it is; another one in its
    place is replaced.

    Args:
        path: The archive.
        folder: A folder that is there. It may be a link; links in it must not lead out of it.
        reserved: Names in the folder that the archive may not touch.
        progress: Receives the progress.

    Raises:
        DatasetError: It is damaged, or one of its files would go where it must not; in the latter
            case nothing was written.
        OutputError: The disk is full, or a path is not writable.
    """
    progress = progress or ByteProgress()
    with _open_archive(path) as archive:
        entries = _checked_entries(path, archive, reserved=reserved)
        _check_folders(path, entries, folder)
        missing_bytes = sum(
            -(-entry.size_bytes // _BLOCK_BYTES) * _BLOCK_BYTES
            for entry in entries
            if file_size(folder / entry.path) != entry.size_bytes
        )
        check_space(folder, need_bytes=missing_bytes, what=f"the files of `{path.name}`")
        total_bytes = sum(entry.size_bytes for entry in entries)
        progress.begin(f"unpacking {path.name}", total_bytes=total_bytes)
        written = 0
        for entry in entries:
            target = folder / entry.path
            if _is_unpacked(target, entry):
                progress.advance(entry.size_bytes)
                continue
            write_file(target, _with_progress(_read_entry(path, archive, entry), progress))
            written += 1
    return Unpacked({entry.path: entry.size_bytes for entry in entries}, written)


def write_file(target: Path, pieces: Iterable[bytes]) -> None:
    """Write a file atomically.

    Args:
        target: Its path. Folders above it are made, and an existing file is replaced.
        pieces: Its content.

    Raises:
        OutputError: The disk is full, the path is not writable, or the like.
    """
    partial = target.with_name(f".{target.name}.partial")
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        output = open_partial(partial)
        try:
            with output:
                for data in pieces:
                    write_all(output, data)
            partial.replace(target)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise


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
) -> list[ArchiveEntry]:
    """Return the checked files of an archive, in the order of their offsets.

    Raises:
        DatasetError: An entry is unsafe, or the archive would grow too much.
    """
    infos = archive.infolist()
    if len(infos) > MAX_FILES:
        raise _refused(path, f"has {len(infos)} entries, expected at most {MAX_FILES}")
    entries: list[ArchiveEntry] = []
    for info in sorted(infos, key=lambda info: info.header_offset):
        # `filename` was already cut at a zero byte, and with Windows' separators turned round.
        name = info.orig_filename.removesuffix("/")
        if reason := _find_fault(name, info, reserved):
            raise _refused(path, f"has the entry {name!r}, which {reason}")
        if not info.is_dir():
            entries.append(ArchiveEntry(name, info.file_size, info))
    names = {entry.path for entry in entries}
    if len(names) < len(entries):
        raise _refused(path, "has two files of one name")
    for entry in entries:
        if above := names.intersection(_folders_above(entry.path)):
            raise _refused(path, f"has `{above.pop()}` both as a file and as a folder")
    total_bytes = sum(entry.size_bytes for entry in entries)
    if total_bytes > MAX_EXPANSION * path.stat().st_size + _MIN_EXPANDED_BYTES:
        raise _refused(
            path,
            f"would grow to {format_bytes(total_bytes)}, more than {MAX_EXPANSION} times its size",
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


def _folders_above(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _refused(path: Path, reason: str) -> DatasetError:
    return DatasetError(
        f"`{path.name}` {reason}; nothing of it was unpacked",
        hint=f"this is no archive of Cityscapes: remove `{path}`",
    )


def _check_folders(path: Path, entries: Sequence[ArchiveEntry], folder: Path) -> None:
    """Check that no link that lies in the folder leads a file out of it."""
    root = Path(os.path.realpath(folder))
    for above in sorted({entry.path.rpartition("/")[0] for entry in entries}):
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


def _is_unpacked(target: Path, entry: ArchiveEntry) -> bool:
    """Return True when a file has the size and CRC of the archive's entry."""
    if file_size(target) != entry.size_bytes:
        return False
    crc = 0
    with suppress(OSError), target.open("rb") as file:
        while data := file.read(_CHUNK_BYTES):
            crc = zlib.crc32(data, crc)
        return crc == entry.info.CRC
    return False


def _with_progress(pieces: Iterable[bytes], progress: ByteProgress) -> Iterator[bytes]:
    for data in pieces:
        yield data
        progress.advance(len(data))


def _read_entry(path: Path, archive: zipfile.ZipFile, entry: ArchiveEntry) -> Iterator[bytes]:
    """Yield the content of an entry, and never more than its stated size.

    Raises:
        DatasetError: Its size or CRC is wrong.
    """
    left_bytes = entry.size_bytes
    try:
        with archive.open(entry.info) as source:
            while data := source.read(_CHUNK_BYTES):  # checks the CRC at the end
                left_bytes -= len(data)
                if left_bytes < 0:
                    break
                yield data
    except _ZIP_ERRORS as error:
        raise _damaged(path, error, entry=entry.path) from None
    if left_bytes:
        raise _damaged(path, ValueError("its size is not as stated"), entry=entry.path)
