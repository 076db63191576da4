"""Outlines of regions that training neither teaches nor punishes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt


def ignored_outlines(image: Path) -> list[npt.NDArray[np.float32]]:
    """Rings of a prepared picture's ignored regions.

    Args:
        image: A file under `images/` of a folder that `data prepare` made.

    Returns:
        For each region float32 (K, 2), x and y as fractions of the picture; none when the picture
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
