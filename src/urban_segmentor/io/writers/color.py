"""`color/{name}.png`: which class each pixel shows, in the colors of the model's classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.io.image_codec import encode_image
from urban_segmentor.io.output_options import WRITER_PATHS
from urban_segmentor.io.writers.base import ResultWriter
from urban_segmentor.io.writers.instance_records import result_path
from urban_segmentor.structures.label_maps import apply_lookup

if TYPE_CHECKING:
    from urban_segmentor.result import Result


class ColorWriter(ResultWriter):
    """Writes `color/{name}.png` for each frame: 8-bit RGB, black where nothing was found.

    Things lie on top of stuff, and among each the higher score on top, as in panoptic maps.
    """

    output = WRITER_PATHS["color"]

    def _write(self, result: Result) -> None:
        """Write the color map of one frame."""
        frame, instances = result.frame, result.instances
        path = result_path(self._path, frame.name, suffix=".png")
        self._classes.check_ids(instances.class_ids)
        is_stuff = ~self._classes.is_thing[instances.class_ids]
        top_first = np.lexsort((-instances.scores, is_stuff))
        index_map = instances.masks.to_index_map(order=top_first[::-1])
        colors = self._classes.colors[instances.class_ids]
        table = np.concatenate([np.zeros((1, 3), dtype=np.uint8), colors])
        self._put(path, encode_image(apply_lookup(table, index_map), suffix=".png"))
