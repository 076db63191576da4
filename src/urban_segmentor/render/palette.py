"""Which colour a class has."""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.labels import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from urban_segmentor.labels import Rgb

_GOLDEN_TURN = 0.618033988749895
_SHADE_TURNS = (3.3, 1.7)  # across and down a picture: neighbours differ, on a grid as well
_MOST_WHITE = 0.4


def class_colours(class_names: Sequence[str]) -> tuple[Rgb, ...]:
    """Return a colour for each class: Cityscapes' own where it has the name, else one of many.

    Args:
        class_names: Names by class id.
    """
    return tuple(
        BY_NAME[name].colour if name in BY_NAME else _nth_hue(number)
        for number, name in enumerate(class_names)
    )


def is_stuff(class_name: str) -> bool:
    """Return whether a class is ground, sky, buildings and the like, rather than countable."""
    return class_name in BY_NAME and not BY_NAME[class_name].is_thing


def lighter(colour: Rgb, share: float) -> Rgb:
    """Return the colour mixed with white.

    Args:
        colour: Red, green, blue, 0..255.
        share: How much of it is white, in [0, 1].
    """
    red, green, blue = (round(value + (255 - value) * share) for value in colour)
    return red, green, blue


def shades(
    colours: NDArray[np.uint8], boxes: NDArray[np.float32], image_size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return the colours mixed with white, by where things are, uint8 (N, 3), RGB.

    A thing that moves changes its shade slowly, so that nothing flickers in a video.

    Args:
        colours: uint8 (N, 3), RGB.
        boxes: float32 (N, 4), pixels, `x1, y1, x2, y2`.
        image_size: Height and width of the picture, pixels.
    """
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 / np.maximum(image_size[::-1], 1)
    turns = centres @ np.array(_SHADE_TURNS)
    white = _MOST_WHITE * (1 - np.cos(2 * np.pi * turns[:, None])) / 2
    return np.rint(colours + (255.0 - colours) * white).astype(np.uint8)


def _nth_hue(number: int) -> Rgb:
    """Return the nth of a row of hues that never come close to their neighbours."""
    channels = colorsys.hsv_to_rgb(number * _GOLDEN_TURN % 1, 0.75, 0.95)
    red, green, blue = (round(channel * 255) for channel in channels)
    return red, green, blue
