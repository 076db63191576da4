"""Road, parking lanes and pavements of a straight street, and the sky above."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from urban_segmentor.structures.cityscapes_labels import BY_NAME
from urban_segmentor.synthetic.camera import Camera, clip_near
from urban_segmentor.synthetic.noise import as_bytes, cloudy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.synthetic.light import Light

KERB_X_M = 5.7
FRONT_X_M = 10.0
"""Where the houses begin; the pavement lies between kerb and houses."""
PERIOD_M = 60.0
"""The surface repeats after this length."""
REACH_M = 400.0
_HALF_WIDTH_M = 14.0
_TEXEL_M = 0.025
_LEVELS = 11
_ROAD, _PAVEMENT = BY_NAME["road"].train_id or 0, BY_NAME["sidewalk"].train_id or 0
_SKY = BY_NAME["sky"].train_id or 0


class Ground:
    """The surface of the street, in several resolutions.

    Args:
        rng: Where its looks come from.
        light: Sun, sky and haze.
    """

    def __init__(self, rng: np.random.Generator, light: Light) -> None:
        self._light = light
        level = np.array(light.sky_color) + light.sun[2] * np.array(light.sun_color)
        self._levels = [as_bytes(_surface(rng) * level)]
        for i in range(1, _LEVELS):
            rows, cols = self._levels[-1].shape[:2]
            size = (cols // 2 if i % 2 == 0 else cols, rows // 2)
            smaller = cv2.resize(self._levels[-1], size, interpolation=cv2.INTER_AREA)
            self._levels.append(np.asarray(smaller, dtype=np.uint8))

    def paint(self, camera: Camera, image: NDArray[np.uint8], classes: NDArray[np.uint8]) -> None:
        """Draw the ground and everything behind it, in place.

        Args:
            camera: Where the frame is taken from.
            image: uint8 (H, W, 3), RGB, with the sky on it.
            classes: uint8 (H, W), train ids.
        """
        rows = np.arange(camera.image_size[0])
        distance_m = _row_distances(camera)
        footprint_m = np.full(len(rows), np.inf)
        footprint_m[:-1] = -np.diff(np.minimum(distance_m, REACH_M))
        ahead = (distance_m > 0) & (distance_m < REACH_M)
        levels = np.zeros(len(rows), dtype=int)
        texels = np.maximum(footprint_m[ahead] / _TEXEL_M, 1.0)
        levels[ahead] = np.minimum(np.log2(texels), _LEVELS - 1).astype(int)
        levels[-1] = levels[-2]
        for level in range(_LEVELS):
            band = rows[ahead & (levels == level)]
            if len(band):
                self._paint_band(camera, image, level, (int(band[0]), int(band[-1]) + 1))
        first = int(rows[ahead][0]) if ahead.any() else len(rows)
        self._haze(image[first:], distance_m[first:])
        for half_x_m, class_id in ((_HALF_WIDTH_M, _PAVEMENT), (KERB_X_M, _ROAD)):
            _mark_strip(camera, classes, half_x_m, class_id)

    def _paint_band(
        self, camera: Camera, image: NDArray[np.uint8], level: int, band: tuple[int, int]
    ) -> None:
        """Draw some rows of the frame from one level."""
        texture = self._levels[level]
        texel_m = PERIOD_M / texture.shape[0]
        corners = _ground_under(camera, band)
        low_m = np.floor((corners[:, 1].min() - 1.0) / texel_m) * texel_m
        count = int((corners[:, 1].max() + 1.0 - low_m) / texel_m) + 2
        start = round(low_m / texel_m)
        tile = texture[np.arange(start, start + count) % texture.shape[0]]
        across = np.array([2 * _HALF_WIDTH_M / texture.shape[1], 0.0, 0.0])
        to_frame = camera.plane_homography(
            np.array([-_HALF_WIDTH_M, low_m, 0.0]), across, np.array([0.0, texel_m, 0.0])
        )
        to_band = np.array([[1.0, 0, 0], [0, 1.0, -band[0]], [0, 0, 1.0]]) @ to_frame
        size = (image.shape[1], band[1] - band[0])
        image[band[0] : band[1]] = cv2.warpPerspective(
            tile, to_band, size, borderMode=cv2.BORDER_REPLICATE
        )

    def _haze(self, rows: NDArray[np.uint8], distance_m: NDArray[np.float64]) -> None:
        clear = np.exp(-np.abs(distance_m) / self._light.haze_m)[:, None, None]
        far = distance_m > 0.02 * self._light.haze_m
        veil = np.array(self._light.horizon) * 255 * (1 - clear)
        rows[far] = np.rint(rows[far] * clear[far] + veil[far]).astype(np.uint8)


def sky(
    clouds: NDArray[np.float64], camera: Camera, light: Light
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a frame full of sky, uint8 (H, W, 3), RGB, and its classes, uint8 (H, W).

    Args:
        clouds: float64 (H, W), about -1..1, where the sky is brighter.
        camera: Says where the horizon is.
        light: Colors.
    """
    height = camera.image_size[0]
    above = (horizon_row(camera) - np.arange(height)) / camera.focal_px
    rise = np.clip(above / 0.6, 0, 1)[:, None, None]
    colors = np.array(light.horizon) * (1 - rise) + np.array(light.zenith) * rise
    classes = np.full(camera.image_size, _SKY, dtype=np.uint8)
    return as_bytes(colors + 0.06 * clouds[..., None]), classes


def horizon_row(camera: Camera) -> float:
    """Return the row in which the ground ends, pixels."""
    ahead = camera.rotation[2] * (1, 1, 0) * 1e6 + camera.position_m
    return float(camera.project(ahead[None])[0, 1])


def _row_distances(camera: Camera) -> NDArray[np.float64]:
    """Return how far the ground in the middle of each row is, metres, (H,); inf above it."""
    rows = np.arange(camera.image_size[0]) + 0.5
    down = (rows - camera.image_size[0] / 2) / camera.focal_px
    slope = down * camera.rotation[1, 2] + camera.rotation[2, 2]
    reach = np.hypot(camera.rotation[2, 0], camera.rotation[2, 1])
    with np.errstate(divide="ignore"):
        return np.where(slope < 0, -camera.position_m[2] / slope * reach, np.inf)


def _ground_under(camera: Camera, band: tuple[int, int]) -> NDArray[np.float64]:
    """Return the points of the ground under the corners of some rows, float64 (4, 2), metres."""
    width = camera.image_size[1]
    pixels = np.array([[x, y, 1.0] for x in (0.0, width) for y in (band[0] + 0.5, band[1])])
    ground = pixels @ np.linalg.inv(camera.ground_homography).T
    points = ground[:, :2] / ground[:, 2:]
    return np.clip(points, camera.position_m[:2] - REACH_M, camera.position_m[:2] + REACH_M)


def _mark_strip(camera: Camera, classes: NDArray[np.uint8], half_x_m: float, class_id: int) -> None:
    y_m = camera.position_m[1]
    corners = [(-half_x_m, y_m), (half_x_m, y_m)]
    corners += [(half_x_m, y_m + REACH_M), (-half_x_m, y_m + REACH_M)]
    strip = clip_near(camera.to_camera(np.array([[x, y, 0.0] for x, y in corners])), near_m=0.05)
    if len(strip):
        points = np.rint(camera.to_pixels(strip) * 16 - 8)
        limit = float(1 << 26)
        points = np.clip(points, -limit, limit).astype(np.int32)
        cv2.fillConvexPoly(classes, points, class_id, cv2.LINE_8, 4)


def _surface(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return one period of the street as float64 (H, W, 3), 0..1, unlit; row 0 is nearest."""
    rows, cols = int(PERIOD_M / _TEXEL_M), int(2 * _HALF_WIDTH_M / _TEXEL_M)
    x_m = (np.arange(cols) + 0.5) * _TEXEL_M - _HALF_WIDTH_M
    y_m = (np.arange(rows) + 0.5) * _TEXEL_M
    grain = 0.035 * rng.normal(size=(rows, cols)) + 0.035 * cloudy(
        rng, (rows, cols), coarse_px=256, octaves=7
    )
    grain *= np.minimum(1, np.minimum(np.arange(rows), np.arange(rows)[::-1]) / 40)[:, None]
    value = 0.33 + grain + 0.02 * np.exp(-((np.abs(np.abs(x_m) - 1.75) - 0.8) ** 2) / 0.1)
    lines = np.abs(x_m) < 0.07
    dashes = (y_m % 6.0) < 3.0
    value[np.ix_(dashes, lines)] = 0.78
    value[:, np.abs(np.abs(x_m) - 3.5) < 0.06] = 0.72
    stripes = (np.abs(x_m) < 3.4) & ((x_m % 1.0) < 0.5)
    value[np.ix_((y_m > 40) & (y_m < 43.5), stripes)] = 0.76
    value += 0.3 * grain
    surface = value[..., None] * np.array([1.0, 1.0, 1.02])
    pavement = np.abs(x_m) > KERB_X_M
    slabs = 0.60 + 0.05 * rng.normal(size=(rows // 20 + 1, cols // 20 + 1))
    slabs = np.kron(slabs, np.ones((20, 20)))[:rows, :cols]
    slabs[::20] *= 0.8
    slabs[:, ::20] *= 0.8
    tinted = (slabs + grain)[..., None] * np.array([1.05, 1.0, 0.93])
    surface[:, pavement] = tinted[:, pavement]
    surface[:, np.abs(np.abs(x_m) - KERB_X_M) < 0.09] = 0.62
    surface[:, np.abs(np.abs(x_m) - KERB_X_M + 0.14) < 0.05] = 0.2
    return surface
