"""`masks/{name}.png`: which instance each pixel belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.errors import ShapeError
from urban_segmentor.io.image_codec import encode_image
from urban_segmentor.io.output_options import WRITER_PATHS
from urban_segmentor.io.writers.base import ResultWriter
from urban_segmentor.io.writers.instance_records import result_path

if TYPE_CHECKING:
    from urban_segmentor.result import Result

_MAX_INSTANCES = 65535


class MasksWriter(ResultWriter):
    """Writes `masks/{name}.png` for each frame: 16-bit grey, 0 for nothing, k for instance k.

    Instances count from 1, in the order of the other result files. Where masks overlap the
    smaller one is on top, as it would else be lost. Classes are not looked at.
    """

    output = WRITER_PATHS["masks"]

    def _write(self, result: Result) -> None:
        """Write the picture of one frame, of at most 65535 instances."""
        path = result_path(self._path, result.frame.name, suffix=".png")
        masks = result.instances.masks
        if len(masks) > _MAX_INSTANCES:
            raise ShapeError(f"a mask picture holds 65535 instances, got {len(masks)}")
        large_first = np.argsort(-masks.areas(), kind="stable")
        image = masks.to_index_map(order=large_first).astype(np.uint16)
        self._put(path, encode_image(image, suffix=".png"))
