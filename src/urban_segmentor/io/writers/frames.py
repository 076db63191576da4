"""`frames/`: the frames of videos as they came, for the tools that open what `coco.json` names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from urban_segmentor.io.atomic import check_free_folder, write_atomically
from urban_segmentor.io.image_codec import encode_image
from urban_segmentor.io.output_options import FRAMES
from urban_segmentor.io.writers.instance_records import image_file_name, result_path

if TYPE_CHECKING:
    from urban_segmentor.result import Result
    from urban_segmentor.structures.classes import ClassList

_QUALITY = 95


class FramesWriter:
    """Writes `frames/street/street_000012.jpg` for each frame of a video, with nothing drawn on it.

    Images are files already, and are not written a second time.

    Args:
        folder: Where to; made when missing.
        classes: Not looked at; frames do not name classes.
        overwrite: True when files that are there may be replaced.

    Raises:
        OutputError: There are frames already, or the folder cannot be written to.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        classes: ClassList | None = None,  # noqa: ARG002 - the protocol has it
        overwrite: bool = False,
    ) -> None:
        folder = Path(folder).expanduser()
        self._folder = folder
        self._overwrite = overwrite
        check_free_folder(folder / FRAMES, overwrite=overwrite)

    def write(self, result: Result, /) -> None:
        """Write one frame as a JPEG.

        Args:
            result: Its frame; an image file is left alone.

        Raises:
            OutputError: The disk is full or the like.
        """
        frame = result.frame
        if frame.file_name:
            return
        result_path(self._folder, frame.name, suffix="")  # which refuses what is no name
        path = result_path(self._folder, image_file_name(frame), suffix="")
        data = encode_image(frame.image, suffix=path.suffix, quality=_QUALITY)
        write_atomically(path, data, overwrite=self._overwrite)

    def close(self) -> None:
        """Do nothing: every frame is in its place already."""
