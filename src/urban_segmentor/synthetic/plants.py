"""Trees as pictures that always face the camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import cv2
import numpy as np

from urban_segmentor.synthetic.light import hazed
from urban_segmentor.synthetic.sprite import SceneSprite, SpriteCrop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.synthetic.camera import Camera
    from urban_segmentor.synthetic.light import Light

_ROWS, _COLS = 384, 288
_TRUNK_ROWS = 110
_LEAVES = 1500


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Tree:
    """A tree, drawn in daylight, in several sizes.

    Attributes:
        levels: uint8 (h, w, 4), colors multiplied by the cover, and the cover; finest first.
        height_m: Metres.
    """

    levels: tuple[NDArray[np.uint8], ...]
    height_m: float

    @classmethod
    def grown(cls, rng: np.random.Generator, light: Light) -> Self:
        """Return a tree that is like no other.

        Args:
            rng: Where its looks come from.
            light: Sun and sky.
        """
        canvas = np.zeros((_ROWS, _COLS, 4), dtype=np.uint8)
        bark = np.array([0.28, 0.23, 0.19]) * np.array(light.sky_color) * 1.3 * 255
        trunk = np.array([[-9, 0], [9, 0], [6, -_ROWS // 2], [-6, -_ROWS // 2]])
        cv2.fillConvexPoly(
            canvas, (trunk + np.array([_COLS // 2, _ROWS])).astype(np.int32), (*bark.tolist(), 255)
        )
        blobs = rng.normal((0.5, 0.40), (0.15, 0.15), (14, 2)) * (_COLS, _ROWS)
        blobs = np.clip(blobs, (60, 60), (_COLS - 60, _ROWS - _TRUNK_ROWS - 40))
        which = rng.integers(len(blobs), size=_LEAVES)
        spots = blobs[which] + rng.normal(0, 19, (_LEAVES, 2))
        # Lower leaves first, so that upper ones, which the sky lights, cover them.
        spots = spots[np.argsort(-spots[:, 1] + rng.normal(0, 30, _LEAVES))]
        base = rng.uniform((0.16, 0.24, 0.08), (0.26, 0.34, 0.14))
        level = 1 - spots[:, 1] / _ROWS
        glow = (0.25 + 0.9 * level + rng.normal(0, 0.12, _LEAVES))[:, None]
        lit = base * (np.array(light.sky_color) + np.array(light.sun_color)) * 1.25
        colors = np.clip(lit * glow, 0, 1) * 255
        for spot, color, size in zip(spots, colors, rng.integers(2, 6, _LEAVES), strict=True):
            centre = (int(spot[0]), int(spot[1]))
            cv2.circle(canvas, centre, int(size), (*color.tolist(), 255), -1)
        levels = [canvas]
        while min(levels[-1].shape[:2]) > 12:
            smaller = cv2.resize(levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            levels.append(np.asarray(smaller, dtype=np.uint8))
        return cls(levels=tuple(levels), height_m=float(rng.uniform(5.5, 9.0)))

    def render(
        self, camera: Camera, light: Light, *, at_m: tuple[float, float]
    ) -> SceneSprite | None:
        """Return the tree as the camera sees it, or None when it does not.

        Args:
            camera: Where the frame is taken from.
            light: Gives the haze.
            at_m: Where it stands, x and y, metres.
        """
        foot = camera.to_camera(np.array([[*at_m, 0.0]]))
        if foot[0, 2] < 1.5:
            return None
        (x, y), depth_m = camera.to_pixels(foot)[0], float(foot[0, 2])
        height_px = self.height_m * camera.focal_px / depth_m
        width_px = height_px * _COLS / _ROWS
        corners = np.array([[x - width_px / 2, y - height_px], [x + width_px / 2, y]])
        crop = SpriteCrop.around(corners, camera.image_size)
        if crop is None:
            return None
        level = int(np.clip(np.log2(_ROWS / height_px), 0, len(self.levels) - 1))
        source = self.levels[level]
        scale = height_px / source.shape[0]
        left, top = corners[0] - (crop.x, crop.y)
        move = np.array([[scale, 0, left], [0, scale, top]])
        drawn = cv2.warpAffine(source, move, (crop.width, crop.height))
        clear = float(np.exp(-depth_m / light.haze_m))
        veil = hazed(np.zeros((1, 3)), depth_m, light)[0]
        alpha = drawn[..., 3:].astype(np.float32)
        rgb = np.rint(drawn[..., :3] * clear + alpha * veil.astype(np.float32))
        rgba = np.concatenate([np.minimum(rgb, alpha), alpha], axis=2).astype(np.uint8)
        return SceneSprite(rgba=rgba, mask=rgba[..., 3] >= 128, x=crop.x, y=crop.y)
