"""Daylight and dusk: colors of sun, sky and haze, and what a surface makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Color = tuple[float, float, float]
"""Red, green, blue, 0..1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """One kind of weather and hour.

    Attributes:
        sun: Direction to the sun, unit length, on street axes.
        sun_color: What a surface that faces the sun gets.
        sky_color: What a surface that faces the sky gets.
        ground_color: What a surface that faces down gets.
        zenith: Color of the sky above.
        horizon: Color of the sky at the horizon, and of the haze.
        haze_m: Distance at which haze covers 63 %, metres.
        shadow: How dark shadows are, 0..1.
        noise: Standard deviation of the sensor's noise, 0..255.
        lamps: How bright lamps are, 0..1.
    """

    sun: Color
    sun_color: Color
    sky_color: Color
    ground_color: Color
    zenith: Color
    horizon: Color
    haze_m: float
    shadow: float
    noise: float
    lamps: float


LIGHTS = {
    "day": Light(
        sun=(-0.42, -0.46, 0.78),
        sun_color=(0.50, 0.48, 0.43),
        sky_color=(0.56, 0.59, 0.63),
        ground_color=(0.30, 0.29, 0.28),
        zenith=(0.60, 0.72, 0.86),
        horizon=(0.86, 0.88, 0.89),
        haze_m=320.0,
        shadow=0.45,
        noise=2.5,
        lamps=0.2,
    ),
    "dusk": Light(
        sun=(-0.70, 0.50, 0.50),
        sun_color=(0.20, 0.15, 0.11),
        sky_color=(0.42, 0.42, 0.49),
        ground_color=(0.18, 0.17, 0.17),
        zenith=(0.30, 0.36, 0.52),
        horizon=(0.74, 0.60, 0.52),
        haze_m=220.0,
        shadow=0.25,
        noise=4.5,
        lamps=1.0,
    ),
}


def shade(
    colors: NDArray[np.float64],
    normals: NDArray[np.float64],
    gloss: NDArray[np.float64],
    light: Light,
) -> NDArray[np.float64]:
    """Return what surfaces look like in a light, float64 (N, 3), 0..1 and above.

    Args:
        colors: float64 (N, 3), 0..1.
        normals: float64 (N, 3), unit length, outwards, on street axes.
        gloss: float64 (N,), share of light that is mirrored, 0..1.
        light: Sun and sky.
    """
    up = (normals[:, 2:] + 1) / 2
    ambient = up * np.array(light.sky_color) + (1 - up) * np.array(light.ground_color)
    facing = np.clip(normals @ np.array(light.sun), 0, None)[:, None]
    mirrored = np.where(normals[:, 2:] > -0.05, light.horizon, light.ground_color)
    mirrored = mirrored * (0.35 + 0.65 * np.clip(normals[:, 2:], 0, 1))
    matt = colors * (ambient + facing * np.array(light.sun_color))
    return matt * (1 - gloss[:, None] / 2) + mirrored * gloss[:, None]


def hazed(
    colors: NDArray[np.float64], depths_m: NDArray[np.float64] | float, light: Light
) -> NDArray[np.float64]:
    """Return colors seen through the air between, float64 (N, 3), 0..1.

    Args:
        colors: float64 (N, 3), 0..1.
        depths_m: float64 (N, 1) or one value, metres.
        light: Gives color and density of the haze.
    """
    clear = np.exp(-np.asarray(depths_m) / light.haze_m)
    return np.clip(colors, 0, 1) * clear + np.array(light.horizon) * (1 - clear)
