"""Pictures that somebody wants to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urban_segmentor.io.atomic import write_atomically
from urban_segmentor.io.image_codec import encode_image
from urban_segmentor.io.writers.instance_records import result_path

if TYPE_CHECKING:
    from pathlib import Path

    from urban_segmentor.structures.frame import Frame


def save_image(frame: Frame, folder: Path) -> Path:
    """Write a frame as PNG, and return where; the same frame again replaces it.

    Args:
        frame: As it is shown; the file gets its name.
        folder: Where to; made when missing.

    Raises:
        OutputError: The disk is full or the like.
    """
    path = result_path(folder, frame.name, suffix=".png")
    write_atomically(path, encode_image(frame.image, suffix=".png"), overwrite=True)
    return path
