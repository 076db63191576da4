"""Flat textured surfaces, such as fronts of houses, seen by a camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import cv2
import numpy as np

from urban_segmentor.synthetic.camera import Camera, clip_near
from urban_segmentor.synthetic.light import Light, hazed
from urban_segmentor.synthetic.sprite import SpriteCrop

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NEAR_M = 0.8  # nearer parts of a wall would be warped from single texels


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Texture:
    """A picture in several sizes, each half of the one before.

    Attributes:
        levels: uint8 (h, w, 3), RGB, the finest first.
    """

    levels: tuple[NDArray[np.uint8], ...]

    @classmethod
    def of(cls, image: NDArray[np.uint8]) -> Self:
        """Return a picture with its smaller sizes.

        Args:
            image: uint8 (H, W, 3), RGB.
        """
        levels = [image]
        while min(levels[-1].shape[:2]) > 16:
            height, width = levels[-1].shape[:2]
            size = (width // 2, height // 2)
            smaller = cv2.resize(levels[-1], size, interpolation=cv2.INTER_AREA)
            levels.append(np.asarray(smaller, dtype=np.uint8))
        return cls(levels=tuple(levels))

    def for_height(self, height_px: float) -> NDArray[np.uint8]:
        """Return the level that is not much finer than a height on screen, uint8 (h, w, 3)."""
        finest = self.levels[0].shape[0]
        level = int(np.clip(np.log2(finest / max(height_px, 1.0)), 0, len(self.levels) - 1))
        return self.levels[level]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Wall:
    """An upright rectangle with a texture.

    Attributes:
        start_m: float64 (3,), the lower corner where the texture's left edge is.
        end_m: float64 (3,), the other lower corner.
        height_m: Metres.
        texture: What is on it, its first row at the top.
        class_id: Train id.
    """

    start_m: NDArray[np.float64]
    end_m: NDArray[np.float64]
    height_m: float
    texture: Texture
    class_id: int

    def paint(
        self, camera: Camera, light: Light, image: NDArray[np.uint8], classes: NDArray[np.uint8]
    ) -> None:
        """Draw the wall, in place; does nothing where it is not in the picture.

        Args:
            camera: Where the frame is taken from.
            light: Gives the haze.
            image: uint8 (H, W, 3), RGB.
            classes: uint8 (H, W), train ids.
        """
        up = np.array([0.0, 0.0, self.height_m])
        corners = np.stack([self.start_m, self.end_m, self.end_m + up, self.start_m + up])
        seen = camera.to_camera(corners)
        clipped = clip_near(seen, near_m=_NEAR_M)
        if len(clipped) == 0:
            return
        points = camera.to_pixels(clipped)
        crop = SpriteCrop.around(points, camera.image_size)
        if crop is None:
            return
        crop = SpriteCrop(x=crop.x, y=crop.y, width=crop.width, height=crop.height, fine=1)
        depth_m = float(np.median(clipped[:, 2]))
        source = self.texture.for_height(self.height_m * camera.focal_px / clipped[:, 2].min())
        rows, cols = source.shape[:2]
        across = (self.end_m - self.start_m) / cols
        to_frame = camera.plane_homography(self.start_m + up, across, -up / rows)
        to_crop = np.array([[1.0, 0, -crop.x], [0, 1.0, -crop.y], [0, 0, 1.0]]) @ to_frame
        warped = cv2.warpPerspective(
            source, to_crop, (crop.width, crop.height), borderMode=cv2.BORDER_REPLICATE
        )
        misty = _misty(np.asarray(warped, dtype=np.uint8), depth_m, light)
        mask = np.zeros((crop.height, crop.width), dtype=np.uint8)
        cv2.fillConvexPoly(mask, crop.local(points), 255, cv2.LINE_8, 4)
        box = (slice(crop.y, crop.y + crop.height), slice(crop.x, crop.x + crop.width))
        cv2.copyTo(misty, mask, image[box])
        classes[box][mask > 0] = self.class_id


def _misty(image: NDArray[np.uint8], depth_m: float, light: Light) -> NDArray[np.uint8]:
    """Return a picture seen through haze, uint8 of the same shape."""
    clear = float(np.exp(-depth_m / light.haze_m))
    veil = hazed(np.zeros((1, 3)), depth_m, light)[0] * 255
    table = np.clip(np.arange(256)[:, None] * clear + veil, 0, 255)
    return np.asarray(cv2.LUT(image, np.rint(table).astype(np.uint8)[None]), dtype=np.uint8)
