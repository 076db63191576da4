"""Every error this package raises on purpose derives from `UrbanSegmentorError`."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_MAX_LINE = 200  # characters


class UrbanSegmentorError(Exception):
    """Base class; catch it to catch every deliberate failure.

    Args:
        message: What is wrong, naming the value found and the value expected.
        hint: What the reader can do next, or None when there is nothing to suggest.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class ModelError(UrbanSegmentorError):
    """An exported model cannot be loaded or does not have the layout its metadata states."""


class SourceError(UrbanSegmentorError):
    """A video or picture could not be opened or decoded."""


class UploadError(SourceError):
    """What a visitor sent is not what was asked for, or more than is taken; names no path."""


class TooLargeError(UploadError):
    """What a visitor sent is more than is taken."""


class DatasetError(UrbanSegmentorError):
    """A data set or its labels are missing, damaged, or do not fit together."""


class PredictionError(DatasetError):
    """Saved predictions cannot be read, or do not fit the data set."""


class TrainingError(UrbanSegmentorError):
    """A training cannot go on: what it learns is no number any more."""


class HubError(UrbanSegmentorError):
    """The hub cannot be reached, or refuses what it was asked for; names no token."""


class OutputError(UrbanSegmentorError):
    """A result cannot be written: it exists already, or the place is full or not writable."""


class DisplayError(UrbanSegmentorError):
    """Pictures cannot be shown in the way that was wished for, such as without a screen."""


class WorkerError(UrbanSegmentorError):
    """A process that helps with the work died."""


class SettingError(UrbanSegmentorError, ValueError):
    """A value that the caller chose lies outside what is allowed."""


class MissingExtraError(UrbanSegmentorError, ImportError):
    """An optional library is not installed.

    Args:
        library: Name of the library, as one imports it.
        extra: The extra of this package that brings it.
    """

    def __init__(self, library: str, *, extra: str) -> None:
        super().__init__(
            f"this needs `{library}`, which is not installed",
            hint=f"pip install 'urban-segmentor[{extra}]'",
        )


def check_libraries(*libraries: str, extra: str) -> None:
    """Check that libraries are installed, before the work rather than after it.

    Args:
        *libraries: Their names, as one imports them.
        extra: The extra of this package that brings them.

    Raises:
        MissingExtraError: One is not.
    """
    for library in libraries:
        if find_spec(library) is None:
            raise MissingExtraError(library, extra=extra)


class MissingLibraryError(UrbanSegmentorError, ImportError):
    """A library that a conversion is for is not installed, and no extra of this package brings it.

    Args:
        library: Its name, as one imports and installs it.
    """

    def __init__(self, library: str) -> None:
        super().__init__(
            f"this needs `{library}`, which is not installed", hint=f"pip install {library}"
        )


class ShapeError(UrbanSegmentorError, ValueError):
    """An array has the wrong shape or dtype."""


class ContentError(UrbanSegmentorError):
    """What is wrong with the content of a file, without its subject: `reading` says which file."""


@contextmanager
def reading(path: Path | str, error: type[UrbanSegmentorError]) -> Generator[None]:
    """Return a context in which a `ContentError` becomes an error that names the file.

    Args:
        path: What is being read.
        error: Kind of the error.
    """
    try:
        yield
    except ContentError as found:
        raise error(f"`{path}` {found}", hint=found.hint) from found.__cause__


def first_line(error: BaseException) -> str:
    """Return the first line of an error of a library, shortened; its type where it is silent."""
    return _lines(error)[0]


def last_line(error: BaseException) -> str:
    """Return the last line of an error of a library, for one that names its source files first."""
    return _lines(error)[-1]


def _lines(error: BaseException) -> list[str]:
    text = str(error).strip() or type(error).__name__
    return [line[:_MAX_LINE] for line in text.splitlines()]
