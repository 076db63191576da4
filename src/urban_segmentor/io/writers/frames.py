"""`frames/`: the frames of videos as they came, for the tools that open what `coco.json` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urban_segmentor.io.image_codec import encode_image
from urban_segmentor.io.output_options import FRAMES, WRITER_PATHS
from urban_segmentor.io.writers.base import ResultWriter
from urban_segmentor.io.writers.instance_records import image_file_name, result_path

if TYPE_CHECKING:
    from urban_segmentor.result import Result

_QUALITY = 95


class FramesWriter(ResultWriter):
    """Writes `frames/street/street_000012.jpg` for each frame of a video, with nothing drawn on it.

    Images are files already, and are not written a second time.
    """

    output = WRITER_PATHS[FRAMES]

    def _write(self, result: Result) -> None:
        """Write one frame as a JPEG."""
        frame = result.frame
        if frame.file_name:
            return
        folder = self._path.parent  # the name of the file begins with `frames`
        result_path(folder, frame.name, suffix="")  # which refuses what is no name
        path = result_path(folder, image_file_name(frame), suffix="")
        self._put(path, encode_image(frame.image, suffix=path.suffix, quality=_QUALITY))
