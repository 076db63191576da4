"""Shadows of vehicles and people on the ground."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from urban_segmentor.synthetic.camera import clip_near
from urban_segmentor.synthetic.sprite import SpriteCrop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.synthetic.actors import Actor
    from urban_segmentor.synthetic.camera import Camera
    from urban_segmentor.synthetic.light import Light


def paint_shadow(image: NDArray[np.uint8], actor: Actor, camera: Camera, light: Light) -> None:
    """Darken the ground under and beside a road user, in place.

    Args:
        image: uint8 (H, W, 3), RGB.
        actor: Who throws the shadow.
        camera: Where the frame is taken from.
        light: Where the sun is, and how dark shadows are.
    """
    length_m, width_m, height_m = actor.size_m
    corners = np.array([[x, y] for x in (-0.5, 0.5) for y in (-0.5, 0.5)])
    corners = corners * (length_m * 0.98, width_m * 0.96)
    cos, sin = np.cos(actor.heading_rad), np.sin(actor.heading_rad)
    foot = corners @ np.array([[cos, sin], [-sin, cos]]) + actor.ground_xy_m
    fall = -np.array(light.sun[:2]) / light.sun[2] * height_m * 0.8
    _darken(image, np.vstack([foot, foot + fall]), camera, light.shadow)
    _darken(image, foot, camera, 0.55)


def _darken(
    image: NDArray[np.uint8], ground_m: NDArray[np.float64], camera: Camera, strength: float
) -> None:
    hull = cv2.convexHull(ground_m.astype(np.float32))[:, 0].astype(np.float64)
    seen = clip_near(camera.to_camera(np.hstack([hull, np.zeros((len(hull), 1))])))
    if len(seen) == 0:
        return
    points = camera.to_pixels(seen)
    soft = max(1.0, 0.10 * camera.focal_px / float(seen[:, 2].mean()))
    around = np.vstack([points - 2 * soft, points + 2 * soft])
    crop = SpriteCrop.around(around, camera.image_size)
    if crop is None:
        return
    crop = SpriteCrop(x=crop.x, y=crop.y, width=crop.width, height=crop.height, fine=1)
    mask = np.zeros((crop.height, crop.width), dtype=np.uint8)
    cv2.fillConvexPoly(mask, crop.local(points), round(255 * strength), cv2.LINE_AA, 4)
    side = 2 * round(soft) + 1
    keep = cv2.bitwise_not(cv2.blur(mask, (side, max(3, side // 3))))
    region = image[crop.y : crop.y + crop.height, crop.x : crop.x + crop.width]
    region[:] = cv2.multiply(region, cv2.cvtColor(keep, cv2.COLOR_GRAY2RGB), scale=1 / 255)
