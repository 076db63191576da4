"""Fronts of houses: windows, sills, doors, shops, worn plaster or brick."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from urban_segmentor.structures.cityscapes_labels import BY_NAME
from urban_segmentor.synthetic.noise import as_bytes, cloudy
from urban_segmentor.synthetic.plane import Texture, Wall

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.synthetic.light import Light

_PX_PER_M = 26
_DEPTH_M = 12.0
_PLASTERS = (
    (0.72, 0.66, 0.55),
    (0.60, 0.36, 0.28),
    (0.78, 0.76, 0.72),
    (0.66, 0.58, 0.47),
    (0.55, 0.53, 0.50),
    (0.74, 0.62, 0.44),
    (0.47, 0.30, 0.25),
)
_GLASS = (0.16, 0.19, 0.22)
_FRAME = (0.80, 0.79, 0.76)
_BUILDING = BY_NAME["building"].train_id or 0


def house(
    rng: np.random.Generator, light: Light, *, front_x_m: float, y_m: tuple[float, float]
) -> tuple[Wall, Wall]:
    """Return the front of a house and the wall at its nearer end.

    Args:
        rng: Where its looks come from.
        light: Sun and sky.
        front_x_m: Where the front stands; negative left of the street.
        y_m: Where it begins and ends along the street, metres.
    """
    floors = int(rng.integers(3, 6))
    height_m = 3.1 * floors + float(rng.uniform(0.8, 2.0))
    color = np.array(_PLASTERS[int(rng.integers(len(_PLASTERS)))]) * rng.uniform(0.85, 1.1)
    away = np.sign(front_x_m)
    start, end = np.array([front_x_m, y_m[0], 0.0]), np.array([front_x_m, y_m[1], 0.0])
    front = _front(rng, color, floors=floors, height_m=height_m, width_m=y_m[1] - y_m[0])
    side = _plaster(rng, color * 0.9, (64, 64))
    back = start + np.array([away * _DEPTH_M, 0.0, 0.0])
    fronts = _lit(front, np.array([-away, 0.0, 0.0]), light)
    sides = _lit(side, np.array([0.0, -1.0, 0.0]), light)
    return (
        Wall(start_m=start, end_m=end, height_m=height_m, texture=fronts, class_id=_BUILDING),
        Wall(start_m=start, end_m=back, height_m=height_m, texture=sides, class_id=_BUILDING),
    )


def _lit(texture: NDArray[np.float64], normal: NDArray[np.float64], light: Light) -> Texture:
    sun = max(0.0, float(normal @ np.array(light.sun)))
    ambient = (np.array(light.sky_color) + np.array(light.ground_color)) / 2
    rows = np.linspace(1.08, 0.80, len(texture))[:, None, None]  # less sky in a street canyon
    return Texture.of(as_bytes(texture * (ambient + sun * np.array(light.sun_color)) * 1.25 * rows))


def _plaster(
    rng: np.random.Generator, color: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.float64]:
    worn = 1 + 0.07 * cloudy(rng, size, coarse_px=64, octaves=6)
    return color * worn[..., None]


def _front(
    rng: np.random.Generator,
    color: NDArray[np.float64],
    *,
    floors: int,
    height_m: float,
    width_m: float,
) -> NDArray[np.float64]:
    """Return the front as float64 (H, W, 3), 0..1, unlit."""
    rows, cols = int(height_m * _PX_PER_M), int(width_m * _PX_PER_M)
    wall = _plaster(rng, color, (rows, cols))
    if rng.random() < 0.4:
        wall[:: _PX_PER_M // 4] *= 0.88  # courses of brick
    columns = max(2, int(width_m / rng.uniform(2.2, 3.0)))
    pitch = cols / columns
    tall_m, wide = float(rng.uniform(1.4, 1.9)), pitch * float(rng.uniform(0.40, 0.55))
    for floor in range(1, floors):
        low = rows - int((3.1 * floor + 0.95) * _PX_PER_M)
        cv2.line(wall, (0, low + 24), (cols, low + 24), (color * 0.8).tolist(), 2)
        for column in range(columns):
            x = int((column + 0.5) * pitch - wide / 2)
            _window(rng, wall, (x, low - int(tall_m * _PX_PER_M)), (x + int(wide), low))
    _ground_floor(rng, wall, columns=columns, shop=bool(rng.random() < 0.5))
    cv2.rectangle(wall, (0, 0), (cols, _PX_PER_M // 2), (color * 0.6).tolist(), -1)  # eaves
    wall[:, :2] *= 0.7
    return wall


def _window(
    rng: np.random.Generator,
    wall: NDArray[np.float64],
    low: tuple[int, int],
    high: tuple[int, int],
) -> None:
    """Draw a window between its upper left and lower right pixel."""
    (x0, y0), (x1, y1) = low, high
    cv2.rectangle(wall, (x0 - 4, y0 - 4), (x1 + 4, y1 + 4), _FRAME, -1)
    mirror = rng.uniform(0.8, 2.2)
    glass = np.array(_GLASS) * np.linspace(mirror, mirror * 0.6, max(1, y1 - y0))[:, None, None]
    if rng.random() < 0.35:
        glass[: len(glass) // 2] = 0.55 + 0.1 * rng.random()  # a curtain
    wall[y0:y1, x0:x1] = glass[: wall[y0:y1].shape[0]]
    middle = (x0 + x1) // 2
    cv2.line(wall, (middle, y0), (middle, y1), _FRAME, 3)
    cv2.line(wall, (x0, y0 + (y1 - y0) // 3), (x1, y0 + (y1 - y0) // 3), _FRAME, 2)
    cv2.rectangle(wall, (x0 - 6, y1 + 2), (x1 + 6, y1 + 6), (0.5, 0.5, 0.48), -1)  # sill


def _ground_floor(
    rng: np.random.Generator, wall: NDArray[np.float64], *, columns: int, shop: bool
) -> None:
    rows, cols = wall.shape[:2]
    pitch, door = cols / columns, int(rng.integers(columns))
    top = rows - int(2.5 * _PX_PER_M)
    wall[rows - _PX_PER_M // 2 :] *= 0.7
    if shop:
        sign = rng.uniform(0.15, 0.6, 3).tolist()
        cv2.rectangle(wall, (4, top - 20), (cols - 4, top - 4), sign, -1)
    for column in range(columns):
        x0, x1 = int((column + 0.2) * pitch), int((column + 0.8) * pitch)
        if column == door:
            brown = rng.uniform((0.15, 0.08, 0.05), (0.40, 0.28, 0.22)).tolist()
            cv2.rectangle(wall, (x0, top + 6), (x1, rows), brown, -1)
        else:
            low = rows - int((0.5 if shop else 0.95) * _PX_PER_M)
            _window(rng, wall, (x0, top + 4), (x1, low))
