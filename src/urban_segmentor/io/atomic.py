"""Atomic writes: a file is complete at its final path, or not there.

A file is written as `.name.partial` beside its final path and renamed at the end, so a result that
exists is whole, whatever happened to the run.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

from urban_segmentor.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from io import FileIO
    from pathlib import Path
    from types import TracebackType
    from typing import IO

OVERWRITE_HINT = "add --overwrite, or choose another path"

_DEFAULT_HINT = "choose another path"
_HINTS = {
    errno.ENOSPC: "free some space, or choose another path",
    errno.EDQUOT: "your quota is used up: free some space, or choose another path",
    errno.EACCES: "choose a path that you may write to",
    errno.EPERM: "choose a path that you may write to",
    errno.EROFS: "the file system is read-only: choose another path",
    errno.ENOTDIR: "a part of the path is a file: choose another path",
    errno.EEXIST: "a part of the path is a file: choose another path",
    errno.ENAMETOOLONG: "the name is too long: rename the source, or choose another path",
}


@contextmanager
def output_errors(
    path: Path, *, hints: Mapping[int, str] = _HINTS, default_hint: str = _DEFAULT_HINT
) -> Generator[None]:
    """Return a context in which `OSError` becomes `OutputError`.

    Args:
        path: What is being written, named in the message.
        hints: Hint by errno; other commands have other options.
        default_hint: Hint for every other errno.

    Raises:
        OutputError: The disk is full, the path is not writable, or the like.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write `{path}`: {error.strerror or error}",
            hint=hints.get(error.errno or 0, default_hint),
        ) from error


def check_free(path: Path, *, overwrite: bool) -> None:
    """Check that a file may be written, and make its parent folders.

    Args:
        path: The file.
        overwrite: True when a file that is there may be replaced.

    Raises:
        OutputError: It is there and may not be replaced, or its folder cannot be written to.
    """
    with output_errors(path):
        if path.is_dir():
            raise OutputError(f"`{path}` is a folder, expected a file", hint=OVERWRITE_HINT)
        if os.path.lexists(path) and not overwrite:
            raise OutputError(f"`{path}` exists already", hint=OVERWRITE_HINT)
        _make_writable(path.parent)


def check_not_source(path: Path, source: Path) -> None:
    """Check that an output path is not its own source.

    Args:
        path: Path of the result.
        source: The image or video it is made from; a missing one cannot be overwritten.

    Raises:
        OutputError: They are one file.
    """
    with suppress(OSError):
        if path.samefile(source):
            raise OutputError(
                f"the result would replace its own source `{source}`",
                hint="choose another path",
            )


def check_free_folder(path: Path, *, overwrite: bool) -> None:
    """Check that a folder may be written to, and make it.

    Args:
        path: The folder.
        overwrite: True when it may hold files, which are replaced one by one.

    Raises:
        OutputError: It is not empty and `overwrite` is False, or it cannot be written to.
    """
    with output_errors(path):
        if os.path.lexists(path) and not path.is_dir():
            raise OutputError(f"`{path}` is a file, expected a folder", hint=OVERWRITE_HINT)
        if path.is_dir() and not overwrite and any(path.iterdir()):
            raise OutputError(f"`{path}` exists already and is not empty", hint=OVERWRITE_HINT)
        _make_writable(path)


class AtomicFile:
    """A text file that is appended to as `.name.partial` and renamed to its path by `commit`.

    Nothing is created before the first write. As a context manager it commits at the end, and
    aborts after an exception.

    Args:
        path: The final path. Parent folders are made.
        overwrite: True when a file that is there may be replaced.
        head: First text of the file, written even when nothing else is.

    Raises:
        OutputError: It is there and may not be replaced, or its folder cannot be written to.
    """

    def __init__(self, path: Path, *, overwrite: bool, head: str = "") -> None:
        check_free(path, overwrite=overwrite)
        self._path = path
        self._partial = path.with_name(f".{path.name}.partial")
        self._head = head
        self._file: FileIO | None = None
        self._length = 0
        self._closed = False

    @property
    def closed(self) -> bool:
        """True after `commit` or `abort`."""
        return self._closed

    def write(self, text: str) -> None:
        """Append a text whole, or not at all.

        Args:
            text: What to append. What UTF-8 cannot express, as in names of files in other
                encodings, is written as a backslash escape.

        Raises:
            OutputError: The disk is full or the like; what was written before stays as it was.
        """
        if self._closed:
            raise OutputError(f"`{self._path}` is finished, nothing can be added")
        with output_errors(self._path):
            self._append(text)

    def commit(self) -> None:
        """Rename the file to its final path; safe to call twice, and after `abort`.

        Raises:
            OutputError: It cannot be created or renamed; then the partial file is removed.
        """
        if self._closed:
            return
        try:
            with output_errors(self._path):
                self._append("").close()
                self._partial.replace(self._path)
                self._closed = True
        finally:
            self.abort()

    def abort(self) -> None:
        """Remove what was written; safe to call twice, and without effect after `commit`."""
        if self._closed:
            return
        self._closed = True
        if self._file is not None:
            self._file.close()
            with suppress(OSError):
                self._partial.unlink()

    def __enter__(self) -> Self:
        """Return the file."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Commit, or abort after an exception."""
        if kind is None:
            self.commit()
        else:
            self.abort()

    def _append(self, text: str) -> FileIO:
        """Append a text, after the head if it is the first; return the file.

        On failure the file is truncated to its old length.
        """
        if self._file is None:
            self._file = open_partial(self._partial)
        file = self._file
        data = (text if self._length else self._head + text).encode("utf-8", "backslashreplace")
        try:
            write_all(file, data)
        except BaseException:
            file.seek(self._length)
            file.truncate()
            raise
        self._length += len(data)
        return file


def write_atomically(path: Path, data: bytes, *, overwrite: bool) -> None:
    """Write bytes to a file atomically.

    Args:
        path: The final path. Parent folders are made.
        data: Its content.
        overwrite: True when a file that is there may be replaced.

    Raises:
        OutputError: It is there and may not be replaced, the disk is full, or the like.
    """
    check_free(path, overwrite=overwrite)
    with output_errors(path), replacement(path) as file:
        write_all(file, data)


@contextmanager
def replacement(path: Path) -> Generator[FileIO]:
    """Return a context with an unbuffered file that takes its place at the end, or vanishes.

    Args:
        path: The final path. Parent folders are made, and an existing file is replaced.

    Raises:
        OSError: It cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open_partial(partial) as file:
            yield file
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def open_partial(path: Path) -> FileIO:
    """Return a new unbuffered file, replacing a partial file of an earlier run."""
    # Exclusive creation does not follow a link that somebody put there.
    try:
        return path.open("xb", buffering=0)
    except FileExistsError:
        path.unlink(missing_ok=True)
        return path.open("xb", buffering=0)


def write_all(file: FileIO | IO[bytes], data: bytes) -> None:
    """Write all of the data; one `write` of the system may take only a part."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _make_writable(folder: Path) -> None:
    writable = os.W_OK | os.X_OK
    if folder.is_dir() and os.access(folder, writable):
        return
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, writable):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
