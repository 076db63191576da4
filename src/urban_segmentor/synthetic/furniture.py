"""Poles, traffic signs and traffic lights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.synthetic.mesh import Mesh, box, disc

if TYPE_CHECKING:
    from urban_segmentor.synthetic.light import Color

_STEEL: Color = (0.40, 0.41, 0.42)
_WHITE: Color = (0.92, 0.92, 0.92)
_RED: Color = (0.78, 0.08, 0.08)
_BLUE: Color = (0.10, 0.25, 0.62)
_DARK: Color = (0.07, 0.08, 0.08)
_LAMP_COLORS: tuple[Color, ...] = ((0.05, 0.75, 0.35), (0.85, 0.55, 0.05), (0.85, 0.10, 0.06))


def pole(*, height_m: float, width_m: float = 0.12) -> Mesh:
    """Return an upright pole."""
    half_m = width_m / 2
    return Mesh.of(box((-half_m, -half_m, 0.0), (half_m, half_m, height_m)), _STEEL, gloss=0.1)


def lantern(*, height_m: float) -> Mesh:
    """Return a street lamp, whose arm reaches along x."""
    arm = box((0.0, -0.05, height_m - 0.12), (1.6, 0.05, height_m))
    head = box((1.3, -0.14, height_m - 0.16), (2.1, 0.14, height_m + 0.04))
    return Mesh.joined(
        [pole(height_m=height_m, width_m=0.16), Mesh.of(arm, _STEEL), Mesh.of(head, _DARK)]
    )


def sign(*, kind: int, height_m: float = 2.6) -> Mesh:
    """Return a traffic sign that faces along x.

    Args:
        kind: 0 a ban, 1 a command, 2 a warning, 3 a place name.
        height_m: Height of its centre.
    """
    front, behind = 0.08, 0.05
    back = Mesh.of([disc((behind, 0, height_m), axis="x", radius=0.33, sign=-1)], _STEEL)
    if kind == 0:
        faces = [(0.34, _RED), (0.24, _WHITE)]
    elif kind == 1:
        faces = [(0.34, _WHITE), (0.31, _BLUE)]
    else:
        return Mesh.joined([_plate(triangle=kind == 2, front=front, height_m=height_m), back])
    layers = [
        Mesh.of(
            [disc((front + 0.004 * i, 0, height_m), axis="x", radius=radius)],
            color,
            bias_m=0.05 * i,
        )
        for i, (radius, color) in enumerate(faces)
    ]
    return Mesh.joined([back, *layers])


def _plate(*, triangle: bool, front: float, height_m: float) -> Mesh:
    if triangle:
        shape = np.array([[-0.45, -0.35], [0.45, -0.35], [0.0, 0.45]])
        colors = (_RED, _WHITE)
    else:
        shape = np.array([[-0.8, -0.3], [0.8, -0.3], [0.8, 0.3], [-0.8, 0.3]])
        colors = (_WHITE, _BLUE)
    parts: list[Mesh] = []
    scales = (1.0, 0.6 if triangle else 0.82)
    for i, (scale, color) in enumerate(zip(scales, colors, strict=True)):
        face = np.array([[front + 0.004 * i, *point] for point in shape * scale])
        parts.append(Mesh.of([face + np.array([0, 0, height_m])], color, bias_m=0.05 * i))
    return Mesh.joined(parts)


def traffic_light(*, height_m: float = 2.9, lit: int = 0) -> Mesh:
    """Return a traffic light that faces along x.

    Args:
        height_m: Height of its lower edge.
        lit: 0 green, 1 amber, 2 red.
    """
    case = Mesh.of(box((-0.12, -0.17, height_m), (0.12, 0.17, height_m + 0.95)), _DARK)
    lamps: list[Mesh] = []
    for i, color in enumerate(_LAMP_COLORS):
        shown = color if i == lit else tuple(0.2 * part for part in color)
        centre = (0.13, 0.0, height_m + 0.17 + 0.3 * i)
        red, green, blue = shown
        face = disc(centre, axis="x", radius=0.11)
        glow = 1.0 if i == lit else 0.0
        lamps.append(Mesh.of([face], (red, green, blue), glow=glow, bias_m=0.1))
    return Mesh.joined([case, *lamps])
