"""`color/{name}.png`: which class each pixel shows, in the colors of the model's classes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.io.atomic import check_free_folder, write_atomically
from urban_segmentor.io.writers.instance_records import instance_records, png_bytes, result_path
from urban_segmentor.io.writers.segment_map import apply_lookup, segment_numbers

if TYPE_CHECKING:
    from urban_segmentor.result import Result
    from urban_segmentor.structures.classes import ClassList


class ColorWriter:
    """Writes `color/{name}.png` for each frame: 8-bit RGB, black where nothing was found.

    Things lie on top of stuff, and among each the higher score on top, as in panoptic maps.

    Args:
        folder: Where to; made when missing.
        classes: The class list of the model; None for that of the first result.
        overwrite: True when files that are there may be replaced.

    Raises:
        OutputError: There are color maps already, or the folder cannot be written to.
    """

    def __init__(
        self, folder: str | Path, *, classes: ClassList | None = None, overwrite: bool = False
    ) -> None:
        folder = Path(folder).expanduser()
        self._classes = classes
        self._folder = folder / "color"
        self._overwrite = overwrite
        check_free_folder(self._folder, overwrite=overwrite)

    def write(self, result: Result, /) -> None:
        """Write the color map of one frame.

        Args:
            result: Its pixels are not looked at.

        Raises:
            OutputError: The disk is full or the like.
        """
        frame, instances = result.frame, result.instances
        if self._classes is None:
            self._classes = result.classes
        path = result_path(self._folder, frame.name, suffix=".png")
        rows = instance_records(instances, self._classes)
        class_ids = np.array([row.class_id for row in rows], dtype=np.intp)
        is_stuff = ~self._classes.is_thing[class_ids]
        top_first = np.lexsort((-instances.scores, is_stuff))
        numbers = segment_numbers(instances.select(top_first))
        colors = self._classes.colors[class_ids[top_first], ::-1]  # BGR
        table = np.concatenate([np.zeros((1, 3), dtype=np.uint8), colors])
        write_atomically(path, png_bytes(apply_lookup(table, numbers)), overwrite=self._overwrite)

    def close(self) -> None:
        """Do nothing: every color map is in its place already."""
