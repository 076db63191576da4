"""Image files as a source of frames and as a sink of results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from urban_segmentor.errors import OutputError, SourceError
from urban_segmentor.io.atomic import check_free, check_not_source, write_atomically
from urban_segmentor.io.image_codec import IMAGE_SUFFIXES, encode_image, read_image
from urban_segmentor.structures.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from urban_segmentor.result import Result
    from urban_segmentor.structures.frame import Image


def write_image(path: Path, image: Image, *, overwrite: bool) -> None:
    """Write an image in the format that the suffix names.

    Args:
        path: Where to.
        image: uint8 (H, W, 3), RGB.
        overwrite: False to refuse when the file exists.

    Raises:
        OutputError: The file exists already, or cannot be written.
    """
    try:
        data = encode_image(image, suffix=path.suffix)
    except OutputError as error:
        raise OutputError(f"cannot write `{path}`: {error}", hint=error.hint) from error
    write_atomically(path, data, overwrite=overwrite)


class ImageReader:
    """Pictures from files, in order; those that cannot be read are named, and left out.

    Args:
        images: Path and output name of each.
        folder: What file names are relative to; None, or where an image lies elsewhere, for the
            path as it was given.
        strict: True to raise the error of an image that cannot be read.
    """

    def __init__(
        self,
        images: Sequence[tuple[Path, str]],
        *,
        folder: Path | None = None,
        strict: bool = False,
    ) -> None:
        self._images, self._folder, self._strict = images, folder, strict
        self.problems: list[str] = []

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._images)

    def __iter__(self) -> Iterator[Frame]:
        """Yield a frame for each picture that can be read."""
        for index, (path, name) in enumerate(self._images):
            try:
                image = read_image(path)
            except SourceError as error:
                if self._strict:
                    raise
                self.problems.append(str(error))
                continue
            yield Frame(
                pixels=image,
                index=index,
                time_s=0.0,
                source=str(path),
                name=name,
                file_name=self._file_name(path),
            )

    def _file_name(self, path: Path) -> str:
        real = path.parent.resolve() / path.name
        if self._folder is None or not real.is_relative_to(self._folder):
            return path.as_posix()
        return real.relative_to(self._folder).as_posix()

    def close(self) -> None:
        """Release nothing: no file stays open."""


class ImageWriter:
    """Writes each frame as a picture in the format of its source.

    Args:
        folder: Where to.
        overwrite: False to refuse files that exist.

    Attributes:
        written: The picture written last.
    """

    stage_name = "encode"

    def __init__(self, folder: str | Path, *, overwrite: bool = False) -> None:
        self._folder = Path(folder).expanduser()
        self._overwrite = overwrite
        self.written = self._folder

    def target(self, source: str, name: str) -> Path:
        """Return where the picture of a source goes.

        Args:
            source: Path of the picture it came from.
            name: Output name, without suffix.

        Raises:
            OutputError: That is the source itself, or exists and may not be overwritten.
        """
        suffix = Path(source).suffix.lower()
        path = self._folder / f"{name}{suffix if suffix in IMAGE_SUFFIXES else '.png'}"
        check_not_source(path, Path(source))
        check_free(path, overwrite=self._overwrite)
        return path

    def write(self, result: Result, /) -> None:
        """Write the frame as it was drawn on."""
        frame = result.rendered
        path = self.target(frame.source, frame.name)
        write_image(path, frame.image, overwrite=self._overwrite)
        self.written = path

    def close(self) -> None:
        """Do nothing: every picture is in its place already."""
