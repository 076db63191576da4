"""An exclusive lock between processes."""

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
def file_lock(path: Path, *, busy: str, hint: str) -> Generator[None]:
    """Return a context that holds an exclusive lock on a file.

    The system releases the lock when the process ends, however it ends. Windows has no `flock`, and
    some network file systems have no locks, so there is no lock there.

    Args:
        path: The lock file; is made.
        busy: Error message when another process holds the lock.
        hint: Hint of that error.

    Raises:
        OutputError: Another process holds the lock, or the file cannot be made.
    """
    with output_errors(path):
        file = path.open("ab")
    with file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise OutputError(busy, hint=hint) from None
            except OSError:  # the file system has no locks
                pass
        yield
