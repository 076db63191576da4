"""Canvases for drawing on RGB images and on YUV planes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

import cv2
import numpy as np

from urban_segmentor.structures.color import rgb_to_yuv_matrix
from urban_segmentor.structures.frame import Image, Yuv420

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.structures.color import ColorMatrix


Colors: TypeAlias = "NDArray[np.uint8]"
"""uint8 (256, 3), RGB by position in an index map."""

SOLID = 128
"""Positions in an index map from which the paint covers fully."""


class TextSprite:
    """A small RGB image to paste, converted once per color format.

    Args:
        image: uint8 (h, w, 3), RGB, of even sides.
    """

    def __init__(self, image: Image) -> None:
        self.image = image
        self._planes: dict[tuple[ColorMatrix, bool], Yuv420] = {}

    def planes(self, matrix: ColorMatrix, *, full_range: bool) -> Yuv420:
        """Return the sprite as YUV planes."""
        key = (matrix, full_range)
        if key not in self._planes:
            self._planes[key] = Yuv420.from_rgb(self.image, matrix=matrix, full_range=full_range)
        return self._planes[key]


class Canvas(Protocol):
    """A copy of an image to draw on."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        ...

    def blend(self, index_map: NDArray[np.uint8], colors: Colors, *, opacity: float) -> None:
        """Blend colors into the image wherever the index map is not 0.

        Args:
            index_map: uint8 (H, W), positions in `colors`; 0 leaves the picture as it is, and
                values from 128 cover it fully.
            colors: uint8 (256, 3), RGB.
            opacity: Share of the color below 128, in [0, 1].
        """
        ...

    def rectangle(self, box: tuple[int, int, int, int], color: Image, *, thickness: int) -> None:
        """Draw the border of a box, `x1, y1, x2, y2` in pixels; color uint8 (1, 1, 3), RGB."""
        ...

    def paste(self, sprite: TextSprite, x: int, y: int) -> None:
        """Paste a sprite with its top-left corner at a pixel."""
        ...

    def result(self) -> Image | Yuv420:
        """Return the image, uint8 (H, W, 3), RGB, or its planes."""
        ...


def canvas_for(pixels: Image | Yuv420) -> Canvas:
    """Return a canvas with a copy of an image.

    Args:
        pixels: RGB uint8 (H, W, 3), or the planes of a video frame.
    """
    return YuvCanvas(pixels) if isinstance(pixels, Yuv420) else RgbCanvas(pixels)


class RgbCanvas:
    """A canvas of RGB pixels.

    Args:
        image: uint8 (H, W, 3), RGB; copied.
    """

    def __init__(self, image: Image) -> None:
        self._image = image.copy()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self._image.shape[0], self._image.shape[1]

    def blend(self, index_map: NDArray[np.uint8], colors: Colors, *, opacity: float) -> None:
        """Blend colors, uint8 (256, 3), into the image by a map, uint8 (H, W); see `Canvas`."""
        layers = cv2.merge([index_map] * 3)
        paint = cv2.LUT(layers, colors[None])
        _mix(self._image, np.asarray(paint, dtype=np.uint8), index_map, opacity=opacity)

    def rectangle(self, box: tuple[int, int, int, int], color: Image, *, thickness: int) -> None:
        """Draw the border of a box, in pixels; color uint8 (1, 1, 3), RGB."""
        _border(self._image, box, color[0, 0], thickness)

    def paste(self, sprite: TextSprite, x: int, y: int) -> None:
        """Paste a sprite with its top-left corner at a pixel."""
        _put(self._image, sprite.image, x, y)

    def result(self) -> Image:
        """Return the image, uint8 (H, W, 3), RGB."""
        return self._image


class YuvCanvas:
    """A canvas of YUV 4:2:0 planes.

    Args:
        planes: Copied.
    """

    def __init__(self, planes: Yuv420) -> None:
        self._planes = planes
        self._y, self._u, self._v = planes.y.copy(), planes.u.copy(), planes.v.copy()
        self._weights = rgb_to_yuv_matrix(planes.matrix, full_range=planes.full_range)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self._y.shape[0], self._y.shape[1]

    def blend(self, index_map: NDArray[np.uint8], colors: Colors, *, opacity: float) -> None:
        """Blend colors, uint8 (256, 3), into the planes by a map, uint8 (H, W); see `Canvas`."""
        tables = self._converted(colors[None])[0]
        half = np.ascontiguousarray(index_map[::2, ::2])
        for plane, positions, table in (
            (self._y, index_map, tables[:, 0]),
            (self._u, half, tables[:, 1]),
            (self._v, half, tables[:, 2]),
        ):
            paint = cv2.LUT(positions, np.ascontiguousarray(table))
            _mix(plane, np.asarray(paint, dtype=np.uint8), positions, opacity=opacity)

    def rectangle(self, box: tuple[int, int, int, int], color: Image, *, thickness: int) -> None:
        """Draw the border of a box, in pixels; color uint8 (1, 1, 3), RGB."""
        values = self._converted(color)[0, 0]
        x1, y1 = (side - side % 2 for side in box[:2])
        x2, y2 = (side + side % 2 for side in box[2:])
        thickness += thickness % 2
        _border(self._y, (x1, y1, x2, y2), values[0], thickness)
        halves = (x1 // 2, y1 // 2, x2 // 2, y2 // 2)
        _border(self._u, halves, values[1], thickness // 2)
        _border(self._v, halves, values[2], thickness // 2)

    def paste(self, sprite: TextSprite, x: int, y: int) -> None:
        """Paste a sprite with its top-left corner at an even pixel."""
        planes = sprite.planes(self._planes.matrix, full_range=self._planes.full_range)
        _put(self._y, planes.y, x - x % 2, y - y % 2)
        _put(self._u, planes.u, x // 2, y // 2)
        _put(self._v, planes.v, x // 2, y // 2)

    def result(self) -> Yuv420:
        """Return the planes."""
        return Yuv420(
            y=self._y,
            u=self._u,
            v=self._v,
            matrix=self._planes.matrix,
            full_range=self._planes.full_range,
        )

    def _converted(self, colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.asarray(cv2.transform(colors, self._weights), dtype=np.uint8)


def _mix(
    plane: NDArray[np.uint8],
    paint: NDArray[np.uint8],
    positions: NDArray[np.uint8],
    *,
    opacity: float,
) -> None:
    """Blend paint into a plane in place, where positions are not 0."""
    mixed = cv2.addWeighted(plane, 1 - opacity, paint, opacity, 0)
    cv2.copyTo(mixed, positions, plane)
    cv2.copyTo(paint, np.uint8(255) * (positions >= SOLID), plane)


def _border(
    plane: NDArray[np.uint8],
    box: tuple[int, int, int, int],
    value: NDArray[np.uint8] | np.uint8,
    thickness: int,
) -> None:
    """Set the pixels within a box that lie near its border."""
    height, width = plane.shape[:2]
    x1, y1 = max(box[0], 0), max(box[1], 0)
    x2, y2 = min(box[2], width), min(box[3], height)
    if x1 >= x2 or y1 >= y2:
        return
    region = plane[y1:y2, x1:x2]
    region[:thickness] = region[-thickness:] = value
    region[:, :thickness] = region[:, -thickness:] = value


def _put(plane: NDArray[np.uint8], sprite: NDArray[np.uint8], x: int, y: int) -> None:
    """Copy a sprite into a plane, as far as it fits."""
    target = plane[max(y, 0) : y + sprite.shape[0], max(x, 0) : x + sprite.shape[1]]
    target[...] = sprite[: target.shape[0], : target.shape[1]]
