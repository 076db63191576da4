"""Drawn objects as small pictures with cover, and how they go onto the frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from urban_segmentor.structures._arrays import read_only

if TYPE_CHECKING:
    from numpy.typing import NDArray

Pixels: TypeAlias = "NDArray[np.uint8]"
_HALF = 128
_SUPERSAMPLED_PX = 250_000
"""Crops of more pixels than this are drawn at their own size; their edges are a blur anyway."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SceneSprite:
    """One object, drawn.

    Attributes:
        rgba: uint8 (h, w, 4), red, green and blue multiplied by the cover, and the cover.
        mask: bool (h, w), pixels that belong to the object.
        x: Column of the left pixel in the frame.
        y: Row of the upper pixel in the frame.
    """

    rgba: Pixels
    mask: NDArray[np.bool_]
    x: int
    y: int

    def __post_init__(self) -> None:
        """Check and freeze the arrays."""
        object.__setattr__(self, "rgba", read_only("rgba", self.rgba, "uint8", "* * 4"))
        height, width = self.rgba.shape[:2]
        object.__setattr__(self, "mask", read_only("mask", self.mask, "bool", f"{height} {width}"))

    def paint(self, image: Pixels) -> None:
        """Lay the sprite over a frame, in place.

        Args:
            image: uint8 (H, W, 3), RGB; the sprite lies inside.
        """
        height, width = self.mask.shape
        region = image[self.y : self.y + height, self.x : self.x + width]
        cover = cv2.cvtColor(self.rgba[..., 3], cv2.COLOR_GRAY2RGB)
        rest = cv2.multiply(region, cv2.bitwise_not(cover), scale=1 / 255)
        cv2.add(rest, np.ascontiguousarray(self.rgba[..., :3]), dst=rest)
        region[:] = rest

    def mark(self, plane: NDArray[np.generic], value: int) -> None:
        """Write a value where the object is, in place.

        Args:
            plane: (H, W), any integer dtype.
            value: What to write.
        """
        height, width = self.mask.shape
        plane[self.y : self.y + height, self.x : self.x + width][self.mask] = value


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SpriteCrop:
    """The part of the frame that an object may cover, drawn finer than the frame.

    Attributes:
        x: Column of the left pixel.
        y: Row of the upper pixel.
        width: Pixels of the frame across.
        height: Pixels of the frame down.
        fine: How many drawn pixels go into one of the frame, along each side.
    """

    x: int
    y: int
    width: int
    height: int
    fine: int

    @classmethod
    def around(cls, points: NDArray[np.float64], image_size: tuple[int, int]) -> SpriteCrop | None:
        """Return the part of the frame around some pixels, or None when it lies outside.

        Args:
            points: float64 (N, 2), pixels.
            image_size: Height and width of the frame, pixels.
        """
        if len(points) == 0:
            return None
        limit = np.array(image_size[::-1])
        low = np.clip(np.floor(points.min(axis=0)) - 1, 0, limit).astype(int)
        high = np.clip(np.ceil(points.max(axis=0)) + 1, 0, limit).astype(int)
        width, height = (int(side) for side in high - low)
        if width <= 0 or height <= 0:
            return None
        fine = 2 if width * height < _SUPERSAMPLED_PX else 1
        return cls(x=int(low[0]), y=int(low[1]), width=width, height=height, fine=fine)

    def canvas(self) -> Pixels:
        """Return an empty uint8 (h, w, 4) picture to draw into."""
        return np.zeros((self.height * self.fine, self.width * self.fine, 4), dtype=np.uint8)

    def local(self, points: NDArray[np.float64]) -> NDArray[np.int32]:
        """Return pixels of the frame as canvas coordinates with 4 fractional bits, int32 (..., 2).

        Args:
            points: float64 (..., 2), pixels of the frame.
        """
        fine = ((points - (self.x, self.y)) * self.fine - 0.5) * 16
        return np.clip(np.rint(fine), -(1 << 26), 1 << 26).astype(np.int32)

    def sprite(self, canvas: Pixels, solid: NDArray[np.uint8] | None = None) -> SceneSprite:
        """Return the canvas at the size of the frame.

        Args:
            canvas: uint8 (h, w, 4), as `canvas` made it, drawn on.
            solid: uint8 (h, w), 255 where pixels belong to the object; the cover if None.
        """
        if self.fine > 1:
            size = (self.width, self.height)
            canvas = np.asarray(cv2.resize(canvas, size, interpolation=cv2.INTER_AREA), np.uint8)
            if solid is not None:
                shrunk = cv2.resize(solid, size, interpolation=cv2.INTER_AREA)
                solid = np.asarray(shrunk, dtype=np.uint8)
        mask = (canvas[..., 3] if solid is None else solid) >= _HALF
        return SceneSprite(rgba=canvas, mask=mask, x=self.x, y=self.y)
