"""What all writers of results share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from urban_segmentor.errors import OutputError
from urban_segmentor.io.atomic import check_free_folder, write_atomically
from urban_segmentor.structures.classes import ClassList

if TYPE_CHECKING:
    from types import TracebackType

    from urban_segmentor.result import Result


class ResultWriter(ABC):
    """Writes results below a folder, in order; a `Sink`, and a context manager that closes it.

    Args:
        folder: Where to; made when missing.
        classes: The class list of the model; None for that of the first result.
        overwrite: True when files that are there may be replaced.

    Raises:
        OutputError: There are results already, the folder cannot be written to, or the format
            has none of the classes.
    """

    output: ClassVar[str]
    """The file or folder of the format, below the folder of the results."""

    def __init__(
        self, folder: str | Path, *, classes: ClassList | None = None, overwrite: bool = False
    ) -> None:
        if classes is not None:
            self._check_classes(classes)
        self._path = Path(folder).expanduser() / self.output
        self._given_classes = classes
        self._overwrite = overwrite
        self._closed = False
        self._open()

    def write(self, result: Result, /) -> None:
        """Write what was found in one frame.

        Args:
            result: Its pixels are looked at by the formats that hold pixels alone.

        Raises:
            OutputError: The disk is full or the like, and the frames before are whole; or the
                writer is closed.
            ShapeError: A class id lies outside of the class list, or the format cannot hold as
                many instances.
        """
        if self._closed:
            raise OutputError(
                f"`{self._path}` is finished, nothing can be added",
                hint="write all results before `close`",
            )
        if self._given_classes is None:
            self._given_classes = result.classes
        self._write(result)

    def close(self) -> None:
        """Put what is not yet there in its place; safe to call twice.

        Raises:
            OutputError: The disk is full or the like; then a file of all frames is not there.
        """
        if not self._closed:
            self._closed = True
            self._finish()

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close, after an exception too: the frames before are whole."""
        self.close()

    @property
    def _classes(self) -> ClassList:
        """The class list, of no classes while nobody has told."""
        return self._given_classes or ClassList()

    def _check_classes(self, classes: ClassList) -> None:  # noqa: B027 - most formats take all
        """Check that the format has one of the classes; by default it has them all."""

    def _open(self) -> None:
        """Check that the results may be written; by default `output` is a folder."""
        check_free_folder(self._path, overwrite=self._overwrite)

    @abstractmethod
    def _write(self, result: Result) -> None:
        """Write what was found in one frame."""

    def _finish(self) -> None:  # noqa: B027 - most formats have no more to write
        """Write the rest; by default every file is in its place already."""

    def _put(self, path: Path, data: bytes) -> None:
        """Write a file whole."""
        write_atomically(path, data, overwrite=self._overwrite)
