"""`masks/{name}.png`: which instance each pixel belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.errors import ShapeError
from urban_segmentor.io.atomic import check_free_folder, write_atomically
from urban_segmentor.io.writers.instance_records import png_bytes, result_path

if TYPE_CHECKING:
    from urban_segmentor.result import Result
    from urban_segmentor.structures.classes import ClassList


class MasksWriter:
    """Writes `masks/{name}.png` for each frame: 16-bit grey, 0 for nothing, k for instance k.

    Instances count from 1, in the order of the other result files. Where masks overlap the
    smaller one is on top, as it would else be lost.

    Args:
        folder: Where to; made when missing.
        classes: Not looked at; masks do not name classes.
        overwrite: True when files that are there may be replaced.

    Raises:
        OutputError: There are masks already, or the folder cannot be written to.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        classes: ClassList | None = None,  # noqa: ARG002 - the protocol has it
        overwrite: bool = False,
    ) -> None:
        folder = Path(folder).expanduser()
        self._folder = folder / "masks"
        self._overwrite = overwrite
        check_free_folder(self._folder, overwrite=overwrite)

    def write(self, result: Result, /) -> None:
        """Write the picture of one frame.

        Args:
            result: With at most 65535 instances; its pixels are not looked at.

        Raises:
            OutputError: The disk is full or the like.
            ShapeError: There are more instances than 16 bits can tell apart.
        """
        frame, instances = result.frame, result.instances
        path = result_path(self._folder, frame.name, suffix=".png")
        if len(instances) > np.iinfo(np.uint16).max:
            raise ShapeError(f"a mask picture holds 65535 instances, got {len(instances)}")
        image = np.zeros(frame.size, dtype=np.uint16)
        masks = instances.masks
        origins: list[list[int]] = masks.origins.tolist()
        order: list[int] = np.argsort(-masks.areas(), kind="stable").tolist()
        for i in order:
            crop, (x, y) = masks.crops[i], origins[i]
            rows, cols = crop.shape
            np.copyto(image[y : y + rows, x : x + cols], np.uint16(i + 1), where=crop)
        write_atomically(path, png_bytes(image), overwrite=self._overwrite)

    def close(self) -> None:
        """Do nothing: every picture is in its place already."""
