"""Class colors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.visualization.style import USUAL_STYLE, check_palette

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.structures.classes import ClassList
    from urban_segmentor.structures.color import Rgb

_SHADE_TURNS = (3.3, 1.7)  # across and down a picture: neighbours differ, on a grid as well
_MAX_WHITE = 0.4

# Found by annealing: the least distance in CIELAB between two things, and between a thing and any
# stuff, is as large as could be for normal sight, protanopia, deuteranopia and tritanopia at once,
# as simulated by Machado, Oliveira and Fernandes (2009); stuff is muted, things are vivid.
_SAFE: dict[str, Rgb] = {
    "road": (81, 135, 145),
    "sidewalk": (180, 222, 225),
    "building": (105, 147, 108),
    "wall": (137, 137, 133),
    "fence": (48, 0, 1),
    "pole": (32, 106, 104),
    "traffic light": (143, 176, 157),
    "traffic sign": (206, 253, 238),
    "vegetation": (100, 166, 164),
    "terrain": (122, 113, 102),
    "sky": (148, 195, 193),
    "person": (129, 41, 0),
    "rider": (233, 100, 8),
    "car": (255, 234, 11),
    "truck": (112, 0, 254),
    "bus": (42, 255, 136),
    "train": (134, 5, 164),
    "motorcycle": (0, 3, 60),
    "bicycle": (232, 127, 255),
}


def class_colors(classes: ClassList, *, palette: str = USUAL_STYLE.palette) -> tuple[Rgb, ...]:
    """Return a color for each class: the palette's own where it has the name, else the class's.

    Args:
        classes: The class list of the model.
        palette: One of `PALETTES`.

    Raises:
        SettingError: There is no such palette.
    """
    check_palette(palette)
    table = _SAFE if palette == "safe" else {}
    return tuple(table.get(info.name, info.color) for info in classes)


def lighten(color: Rgb, fraction: float) -> Rgb:
    """Return the color mixed with white.

    Args:
        color: Red, green, blue, 0..255.
        fraction: Fraction of white, in [0, 1].
    """
    red, green, blue = (round(value + (255 - value) * fraction) for value in color)
    return red, green, blue


def shade_by_position(
    colors: NDArray[np.uint8], boxes: NDArray[np.float32], image_size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return instance colors blended with white by position, uint8 (N, 3), RGB.

    The shade changes slowly with the position, so that videos do not flicker.

    Args:
        colors: uint8 (N, 3), RGB.
        boxes: float32 (N, 4), pixels, `x1, y1, x2, y2`.
        image_size: Height and width of the picture, pixels.
    """
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 / np.maximum(image_size[::-1], 1)
    turns = centres @ np.array(_SHADE_TURNS)
    white = _MAX_WHITE * (1 - np.cos(2 * np.pi * turns[:, None])) / 2
    return np.rint(colors + (255.0 - colors) * white).astype(np.uint8)
