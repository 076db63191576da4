"""A folder in which one process works at a time."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from urban_segmentor.errors import OutputError
from urban_segmentor.io.atomic import output_errors

try:
    import fcntl
except ImportError:
    fcntl = None

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@contextmanager
def locked(path: Path, *, busy: str, hint: str) -> Generator[None]:
    """Return a context that only one process is in, of all that name the same file.

    The system lets go of the lock when the process ends, however it ends. Windows has no such
    locks, so there nobody is kept out.

    Args:
        path: The file that stands for the folder; is made.
        busy: What to say when another process is in.
        hint: What helps then.

    Raises:
        OutputError: Another process is in, or the file cannot be made.
    """
    with output_errors(path):
        file = path.open("ab")
    with file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise OutputError(busy, hint=hint) from None
        yield
