"""Ignore regions of prepared images: training neither rewards nor penalizes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt


def ignored_outlines(image: Path) -> list[npt.NDArray[np.float32]]:
    """Return the polygons of a prepared image's ignore regions, float32 (K, 2) each.

    Args:
        image: A file under `images/` of a folder that `data prepare` made.

    Returns:
        For each region float32 (K, 2), x and y as fractions of the image; none when the image
        has no file under `ignored/`.
    """
    parts = list(image.parts)
    if "images" not in parts:
        return []
    parts[len(parts) - 1 - parts[::-1].index("images")] = "ignored"
    path = Path(*parts).with_suffix(".txt")
    if not path.is_file():
        return []
    rows = (np.array(line.split()[1:], dtype=np.float32) for line in path.read_text().splitlines())
    return [row.reshape(-1, 2) for row in rows if row.size >= 6]
