"""Walkers, riders and their bicycles as limbs with round ends, in motion."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from urban_segmentor.synthetic.camera import NEAR_M, Camera
from urban_segmentor.synthetic.light import Color, Light, hazed, shade
from urban_segmentor.synthetic.sprite import SceneSprite, SpriteCrop

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLOTHES: tuple[Color, ...] = (
    (0.10, 0.11, 0.15),
    (0.45, 0.10, 0.12),
    (0.15, 0.22, 0.42),
    (0.62, 0.60, 0.55),
    (0.28, 0.30, 0.22),
    (0.78, 0.76, 0.72),
    (0.36, 0.26, 0.18),
)
_SKIN: Color = (0.72, 0.53, 0.42)
_HAIR: Color = (0.16, 0.11, 0.08)
_SHOES: Color = (0.07, 0.07, 0.08)
_TYRE: Color = (0.06, 0.06, 0.06)
_STEP_M = 0.72
_TURN_M = 4.4  # ground covered by one turn of the pedals
_WHEEL_M = 0.34


@dataclass(frozen=True, slots=True, kw_only=True)
class Limb:
    """A stick with round ends.

    Attributes:
        start: x ahead, y to the left, z up, metres.
        end: The other end.
        width_m: Thickness.
        color: Red, green, blue, 0..1.
        lit: True to show the side that the sun lights.
    """

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    width_m: float
    color: Color
    lit: bool = True


def walker(*, height_m: float, coat: Color, trousers: Color, walked_m: float) -> tuple[Limb, ...]:
    """Return a person in the middle of a step.

    Args:
        height_m: From sole to crown.
        coat: Color of the upper part.
        trousers: Color of the legs.
        walked_m: Way since the start, which says where the feet are.
    """
    k = height_m / 1.75
    swing = 0.36 * np.sin(np.pi * walked_m / _STEP_M)
    parts: list[Limb] = []
    for side, reach in ((1.0, swing), (-1.0, -swing)):
        hip = (0.0, 0.09 * side * k, 0.92 * k)
        knee = (0.42 * reach * k + 0.05 * k, 0.09 * side * k, 0.50 * k)
        lift = 0.10 * max(0.0, -np.sign(reach) * swing) * k
        foot = (reach * k - 0.02, 0.09 * side * k, 0.09 * k + lift)
        toe = (foot[0] + 0.14 * k, foot[1], foot[2] - 0.04 * k)
        shoulder = (0.0, 0.20 * side * k, 1.40 * k)
        elbow = (-0.35 * reach * k, 0.25 * side * k, 1.12 * k)
        hand = (-0.75 * reach * k + 0.08 * k, 0.24 * side * k, 0.90 * k)
        parts += [
            Limb(start=hip, end=knee, width_m=0.165 * k, color=trousers),
            Limb(start=knee, end=foot, width_m=0.125 * k, color=trousers),
            Limb(start=foot, end=toe, width_m=0.09 * k, color=_SHOES),
            Limb(start=shoulder, end=elbow, width_m=0.11 * k, color=coat),
            Limb(start=elbow, end=hand, width_m=0.09 * k, color=coat),
        ]
    return (*parts, *_trunk((0.0, 0.0, 0.93 * k), (0.02, 0.0, 1.40 * k), coat, k))


def _trunk(
    hips: tuple[float, float, float], neck: tuple[float, float, float], coat: Color, k: float
) -> list[Limb]:
    parts: list[Limb] = []
    for share in (-1.0, -0.5, 0.0, 0.5, 1.0):
        low = (hips[0], hips[1] + 0.09 * share * k, hips[2])
        high = (neck[0], neck[1] + 0.15 * share * k, neck[2] - 0.03 * abs(share) * k)
        parts.append(Limb(start=low, end=high, width_m=0.20 * k, color=coat, lit=abs(share) == 0.5))
    crown = (neck[0] + 0.05 * k, 0.0, neck[2] + 0.23 * k)
    back = (crown[0] - 0.025 * k, 0.0, crown[2] + 0.03 * k)
    chin = (neck[0] + 0.06 * k, 0.0, neck[2] + 0.15 * k)
    parts += [
        Limb(start=neck, end=chin, width_m=0.11 * k, color=_SKIN),
        Limb(start=chin, end=crown, width_m=0.175 * k, color=_SKIN),
        Limb(start=back, end=back, width_m=0.20 * k, color=_HAIR),
    ]
    return parts


def rider(*, coat: Color, trousers: Color, ridden_m: float) -> tuple[Limb, ...]:
    """Return a person on the saddle of a `bicycle`.

    Args:
        coat: Color of the upper part.
        trousers: Color of the legs.
        ridden_m: Way since the start, which says where the pedals are.
    """
    angle = 2 * np.pi * ridden_m / _TURN_M
    parts: list[Limb] = []
    for side, turn in ((1.0, angle), (-1.0, angle + np.pi)):
        hip = (-0.18, 0.09 * side, 0.98)
        foot = (0.02 + 0.17 * np.cos(turn), 0.11 * side, 0.31 - 0.17 * np.sin(turn))
        knee = ((hip[0] + foot[0]) / 2 + 0.24, 0.10 * side, (hip[2] + foot[2]) / 2 + 0.10)
        toe = (foot[0] + 0.15, foot[1], foot[2] - 0.03)
        shoulder, elbow, hand = (
            (0.14, 0.19 * side, 1.43),
            (0.30, 0.25 * side, 1.20),
            (0.46, 0.24 * side, 1.08),
        )
        parts += [
            Limb(start=hip, end=knee, width_m=0.16, color=trousers),
            Limb(start=knee, end=foot, width_m=0.12, color=trousers),
            Limb(start=foot, end=toe, width_m=0.09, color=_SHOES),
            Limb(start=shoulder, end=elbow, width_m=0.10, color=coat),
            Limb(start=elbow, end=hand, width_m=0.085, color=coat),
        ]
    return (*parts, *_trunk((-0.18, 0.0, 1.0), (0.14, 0.0, 1.45), coat, 1.0))


def bicycle(*, paint: Color) -> tuple[Limb, ...]:
    """Return a bicycle; its wheels are rings, and count as discs in the truth."""
    angles = np.linspace(0, 2 * np.pi, 17)
    parts: list[Limb] = []
    for hub in (-0.52, 0.53):
        rim = [(hub + _WHEEL_M * np.cos(a), 0.0, _WHEEL_M + _WHEEL_M * np.sin(a)) for a in angles]
        parts += [
            Limb(start=a, end=b, width_m=0.045, color=_TYRE) for a, b in itertools.pairwise(rim)
        ]
    crank, saddle, head, fork = (0.02, 0, 0.31), (-0.2, 0, 0.88), (0.38, 0, 0.88), (0.53, 0, 0.34)
    rear = (-0.52, 0, 0.34)
    pairs = ((crank, saddle), (crank, head), (saddle, head), (rear, crank), (rear, saddle))
    parts += [Limb(start=a, end=b, width_m=0.04, color=paint) for a, b in (*pairs, (head, fork))]
    bar = Limb(start=(0.45, -0.28, 1.05), end=(0.45, 0.28, 1.05), width_m=0.04, color=_TYRE)
    seat = Limb(start=(-0.3, 0, 0.93), end=(-0.08, 0, 0.94), width_m=0.09, color=_TYRE)
    stem = Limb(start=head, end=(0.45, 0, 1.05), width_m=0.04, color=_TYRE)
    return (*parts, bar, seat, stem)


def wheel_discs() -> NDArray[np.float64]:
    """Return the outlines of the wheels of a `bicycle`, float64 (2, 16, 3), metres."""
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    ring = _WHEEL_M * np.stack([np.cos(angles), 0 * angles, 1 + np.sin(angles)], axis=1)
    return ring + np.array([[[-0.52, 0.0, 0.0]], [[0.53, 0.0, 0.0]]])


def render_limbs(  # noqa: PLR0913 - where, when, and in which light
    limbs: tuple[Limb, ...],
    camera: Camera,
    light: Light,
    *,
    at_m: tuple[float, float],
    heading_rad: float,
    discs: NDArray[np.float64] | None = None,
) -> SceneSprite | None:
    """Return a figure as the camera sees it, or None when it does not.

    Args:
        limbs: What the figure is made of.
        camera: Where the frame is taken from.
        light: Sun, sky and haze.
        at_m: Where its origin stands on the ground, x and y, metres.
        heading_rad: Direction of its x axis, radians from the street's x axis to y.
        discs: float64 (D, corners, 3), metres; areas that belong to it though one sees through.
    """
    cos, sin = np.cos(heading_rad), np.sin(heading_rad)
    turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    ends = np.array([[limb.start, limb.end] for limb in limbs]) @ turn.T + (*at_m, 0.0)
    seen = camera.to_camera(ends.reshape(-1, 3)).reshape(ends.shape)
    if seen[..., 2].min() < 2 * NEAR_M:
        return None
    depths = seen[..., 2].mean(axis=1)
    widths = np.array([limb.width_m for limb in limbs]) * camera.focal_px / depths
    points = camera.to_pixels(seen.reshape(-1, 3)).reshape(len(limbs), 2, 2)
    reach = points.reshape(-1, 2)
    pad = widths.max() / 2
    crop = SpriteCrop.around(np.vstack([reach - pad, reach + pad]), camera.image_size)
    if crop is None:
        return None
    dark, bright = _lit(limbs, depths, light)
    canvas = crop.canvas()
    thick = np.maximum(1, np.rint(np.stack([widths, 0.6 * widths]) * crop.fine)).astype(int)
    inner = crop.local(points - np.array([0.15, 0.075]) * widths[:, None, None]).tolist()
    outer = crop.local(points).tolist()
    order: list[int] = np.argsort(-depths, kind="stable").tolist()
    for i in order:
        start, end = outer[i]
        cv2.line(canvas, start, end, dark[i], int(thick[0, i]), cv2.LINE_8, 4)
        if limbs[i].lit and thick[1, i] > 1:
            start, end = inner[i]
            cv2.line(canvas, start, end, bright[i], int(thick[1, i]), cv2.LINE_8, 4)
    soft = 2 * round(0.05 * float(widths.max()) * crop.fine) + 1
    canvas = np.asarray(cv2.blur(canvas, (soft, soft)), dtype=np.uint8)
    solid = None
    if discs is not None:
        solid = canvas[..., 3].copy()
        for ring in discs @ turn.T + (*at_m, 0.0):
            cv2.fillConvexPoly(solid, crop.local(camera.project(ring)), 255, cv2.LINE_8, 4)
    return crop.sprite(canvas, solid)


def _lit(
    limbs: tuple[Limb, ...], depths: NDArray[np.float64], light: Light
) -> tuple[list[list[int]], list[list[int]]]:
    """Return colors of the sides away from the sun and towards it, with full cover."""
    colors = np.array([limb.color for limb in limbs])
    paints: list[list[list[int]]] = []
    for side in ((0.0, -0.9, -0.44), (light.sun[0], -0.5, 0.6)):
        lit = shade(colors, np.tile(side, (len(limbs), 1)), np.zeros(len(limbs)), light)
        rgb = np.rint(hazed(lit, depths[:, None], light) * 255)
        covered = np.pad(rgb, ((0, 0), (0, 1)), constant_values=255)
        rows: list[list[int]] = covered.astype(int).tolist()
        paints.append(rows)
    return paints[0], paints[1]
