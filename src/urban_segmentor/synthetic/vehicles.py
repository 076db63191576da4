"""Cars, vans, trucks and buses as meshes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.synthetic.mesh import Mesh, box, disc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from urban_segmentor.synthetic.light import Color

PAINTS: tuple[Color, ...] = (
    (0.10, 0.10, 0.11),
    (0.82, 0.83, 0.84),
    (0.55, 0.57, 0.59),
    (0.28, 0.30, 0.33),
    (0.12, 0.17, 0.33),
    (0.52, 0.08, 0.08),
    (0.16, 0.24, 0.20),
    (0.62, 0.58, 0.50),
)
_GLASS: Color = (0.07, 0.09, 0.10)
_RUBBER: Color = (0.05, 0.05, 0.055)
_RIM: Color = (0.48, 0.49, 0.50)
_PLASTIC: Color = (0.10, 0.10, 0.11)
_HEADLIGHT: Color = (0.95, 0.95, 0.90)
_TAILLIGHT: Color = (0.62, 0.05, 0.05)
_PLATE: Color = (0.88, 0.88, 0.84)
_OUTER_SHARES = ((-0.97, -0.66), (0.66, 0.97))


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleBody:
    """The shape of a car, from its tail to its nose.

    Attributes:
        length_m: Along the heading.
        width_m: Across.
        stations: Share of the length from the tail, and height of the upper edge in metres.
        pillars: Shares of the length that are painted, not glazed.
        shoulder_m: Height of the lower edge of the side windows.
        glazed_from: Share of the length where the side windows start; behind it is sheet metal.
    """

    length_m: float
    width_m: float
    stations: tuple[tuple[float, float], ...]
    pillars: tuple[float, ...]
    shoulder_m: float
    glazed_from: float = 0.0

    @property
    def height_m(self) -> float:
        """Height, metres."""
        return max(top for _, top in self.stations)


_NOSE = ((0.83, 0.93), (0.91, 0.86), (0.965, 0.78), (0.99, 0.66), (1.0, 0.52))
HATCHBACK = VehicleBody(
    length_m=4.1,
    width_m=1.78,
    shoulder_m=0.93,
    stations=(
        (0.0, 0.55),
        (0.012, 0.92),
        (0.05, 1.12),
        (0.1, 1.38),
        (0.16, 1.44),
        (0.33, 1.48),
        (0.36, 1.48),
        (0.5, 1.47),
        (0.585, 1.42),
        (0.66, 1.22),
        (0.76, 0.97),
        *_NOSE,
    ),
    pillars=(0.13, 0.345),
)
SALOON = VehicleBody(
    length_m=4.65,
    width_m=1.83,
    shoulder_m=0.92,
    stations=(
        (0.0, 0.55),
        (0.012, 0.9),
        (0.1, 0.96),
        (0.15, 0.98),
        (0.22, 1.22),
        (0.29, 1.4),
        (0.4, 1.44),
        (0.43, 1.44),
        (0.52, 1.43),
        (0.59, 1.38),
        (0.66, 1.19),
        (0.75, 0.96),
        *_NOSE,
    ),
    pillars=(0.415,),
)
ESTATE = VehicleBody(
    length_m=4.6,
    width_m=1.85,
    shoulder_m=1.02,
    stations=(
        (0.0, 0.6),
        (0.012, 1.02),
        (0.03, 1.22),
        (0.06, 1.52),
        (0.12, 1.62),
        (0.22, 1.66),
        (0.25, 1.66),
        (0.4, 1.66),
        (0.43, 1.66),
        (0.52, 1.65),
        (0.6, 1.58),
        (0.67, 1.32),
        (0.75, 1.06),
        (0.83, 1.02),
        (0.91, 0.97),
        (0.965, 0.88),
        (0.99, 0.72),
        (1.0, 0.55),
    ),
    pillars=(0.235, 0.415),
)
VAN = VehicleBody(
    length_m=5.3,
    width_m=1.98,
    shoulder_m=1.15,
    stations=(
        (0.0, 0.6),
        (0.008, 1.2),
        (0.015, 1.9),
        (0.04, 2.0),
        (0.3, 2.04),
        (0.55, 2.04),
        (0.58, 2.04),
        (0.7, 2.0),
        (0.76, 1.86),
        (0.83, 1.48),
        (0.88, 1.18),
        (0.95, 1.08),
        (0.985, 0.9),
        (1.0, 0.6),
    ),
    pillars=(0.565,),
    glazed_from=0.57,
)
BODIES = (HATCHBACK, HATCHBACK, SALOON, SALOON, ESTATE, ESTATE, VAN)


def car(body: VehicleBody, paint: Color) -> Mesh:
    """Return a car that stands on the origin and looks along x."""
    half_m = body.width_m / 2
    shell, cap = _shell(body, paint)
    wheels = _wheels((-0.31 * body.length_m, 0.30 * body.length_m), half_m, radius=0.33)
    return Mesh.joined([shell, cap, *wheels, *_tail(body), *_nose(body)])


def _ring(body: VehicleBody, share: float, top_m: float) -> NDArray[np.float64]:
    """Return one cross-section, from the right sill over the roof to the left, (13, 3)."""
    half_m = body.width_m / 2 * (1 - 0.16 * abs(2 * share - 1) ** 6)
    shoulder_m = min(body.shoulder_m, top_m - 0.05)
    rise = np.clip((top_m - body.shoulder_m) / 0.5, 0, 1)
    roof = half_m * (0.93 - 0.20 * rise)
    across = [0.90 * half_m, half_m, half_m, 0.97 * half_m, roof, 0.5 * roof]
    waist_m = 0.4 * 0.36 + 0.6 * shoulder_m
    up = [0.20, 0.36, waist_m, shoulder_m, top_m - 0.05 * rise, top_m]
    right = np.stack([-np.array(across), np.minimum(up, top_m)], axis=1)
    left = right[::-1] * (-1, 1)
    profile = np.vstack([right, [[0.0, top_m + 0.01]], left])
    along = np.full((len(profile), 1), (share - 0.5) * body.length_m)
    return np.hstack([along, profile])


def _shell(body: VehicleBody, paint: Color) -> tuple[Mesh, Mesh]:
    rings = [_ring(body, share, top_m) for share, top_m in body.stations]
    faces: list[NDArray[np.float64]] = []
    colors: list[Color] = []
    gloss: list[float] = []
    for i in range(len(rings) - 1):
        for j in range(len(rings[0]) - 1):
            faces.append(
                np.array([rings[i][j], rings[i + 1][j], rings[i + 1][j + 1], rings[i][j + 1]])
            )
            color, shine = _finish(body, i, min(j, len(rings[0]) - 2 - j), paint)
            colors.append(color)
            gloss.append(shine)
    shell = Mesh.of(faces, np.array(colors))
    caps = Mesh.of([rings[0], rings[-1][::-1]], paint, gloss=0.12)
    shell = Mesh(
        faces=shell.faces,
        colors=shell.colors,
        gloss=np.array(gloss),
        glow=shell.glow,
        bias_m=shell.bias_m,
    )
    return shell, caps


def _finish(body: VehicleBody, station: int, strip: int, paint: Color) -> tuple[Color, float]:
    """Return color and gloss of one face of the shell."""
    (share, top_m), (share_after, top_after_m) = body.stations[station : station + 2]
    middle = (share + share_after) / 2
    higher, lower = max(top_m, top_after_m), min(top_m, top_after_m)
    slope = abs(top_after_m - top_m) / ((share_after - share) * body.length_m)
    is_pillar = any(share <= pillar <= share_after for pillar in body.pillars)
    if strip == 0:
        return _PLASTIC, 0.03
    front = middle > 0.5
    glazed = higher > body.shoulder_m + 0.12 and (front or middle > body.glazed_from)
    if strip == 3 and glazed and not is_pillar and (lower > body.shoulder_m + 0.1 or slope < 1):
        return _GLASS, 0.30
    if strip >= 4 and glazed and slope > 0.22 and lower > body.shoulder_m - 0.12:
        return _GLASS, 0.38
    return paint, 0.22 if strip >= 3 else 0.12


def _wheels(at_m: Sequence[float], half_m: float, *, radius: float) -> list[Mesh]:
    parts: list[Mesh] = []
    for x in at_m:
        for sign in (-1.0, 1.0):
            y = sign * (half_m + 0.005)
            rings = ((1.18, _PLASTIC, 0.0), (1.0, _RUBBER, 0.0), (0.66, _RIM, 0.15))
            for layer, (scale, color, gloss) in enumerate(rings):
                centre = (x, y + sign * 0.004 * layer, radius)
                face = disc(centre, axis="y", radius=radius * scale, sign=sign)
                face[:, 2] = np.maximum(face[:, 2], 0.0 if scale <= 1 else 0.2)
                parts.append(Mesh.of([face], color, gloss=gloss, bias_m=0.9 + 0.02 * layer))
            hub = disc((x, y + sign * 0.02, radius), axis="y", radius=radius * 0.2, sign=sign)
            parts.append(Mesh.of([hub], _PLASTIC, bias_m=1.0))
            deep = box((x - 0.2, min(y, y * 0.6), 0.0), (x + 0.2, max(y, y * 0.6), 0.5))
            parts.append(Mesh.of(deep, _RUBBER, bias_m=-0.5))
    return parts


def panel(
    x: float, y: tuple[float, float], z: tuple[float, float], *, sign: float
) -> NDArray[np.float64]:
    """Return an upright rectangle that faces ahead (sign 1) or back, float64 (4, 3)."""
    corners = [(x, y[0], z[0]), (x, y[1], z[0]), (x, y[1], z[1]), (x, y[0], z[1])]
    return np.array(corners if sign > 0 else corners[::-1])


def _tail(body: VehicleBody) -> list[Mesh]:
    half_m, x = body.width_m / 2 * 0.84, -body.length_m / 2 - 0.015
    low, high = body.shoulder_m - 0.24, body.shoulder_m - 0.06
    lamps = [panel(x, (a * half_m, b * half_m), (low, high), sign=-1) for a, b in _OUTER_SHARES]
    plate = panel(x, (-0.26, 0.26), (low - 0.10, low + 0.01), sign=-1)
    bumper = panel(x, (-half_m * 0.96, half_m * 0.96), (0.24, 0.42), sign=-1)
    return [
        Mesh.of(lamps, _TAILLIGHT, gloss=0.15, glow=0.8, bias_m=0.8),
        Mesh.of([plate], _PLATE, bias_m=0.8),
        Mesh.of([bumper], _PLASTIC, gloss=0.05, bias_m=0.8),
    ]


def _nose(body: VehicleBody) -> list[Mesh]:
    half_m, x = body.width_m / 2 * 0.84, body.length_m / 2 + 0.015
    high = body.stations[-3][1] - 0.05
    lamps = [
        panel(x, (a * half_m, b * half_m), (high - 0.17, high), sign=1) for a, b in _OUTER_SHARES
    ]
    grille = panel(x, (-half_m * 0.5, half_m * 0.5), (high - 0.17, high - 0.03), sign=1)
    intake = panel(x, (-half_m * 0.8, half_m * 0.8), (0.24, 0.38), sign=1)
    plate = panel(x + 0.01, (-0.26, 0.26), (0.40, 0.51), sign=1)
    return [
        Mesh.of(lamps, _HEADLIGHT, gloss=0.2, glow=1.0, bias_m=0.8),
        Mesh.of([grille, intake], _PLASTIC, gloss=0.05, bias_m=0.8),
        Mesh.of([plate], _PLATE, bias_m=0.85),
    ]


def bus(paint: Color) -> Mesh:
    """Return a city bus, 11.8 m long, that stands on the origin and looks along x."""
    length_m, half_m, top_m = 11.8, 1.27, 3.05
    hull = Mesh.of(box((-length_m / 2, -half_m, 0.3), (length_m / 2, half_m, top_m)), paint)
    return Mesh.joined(
        [
            hull,
            _side_windows(length_m, half_m, z=(1.35, 2.45), count=7),
            *_ends(length_m, half_m, glass=(1.2, 2.75), lamps=(0.6, 0.85)),
            *_wheels((-3.1, 3.4), half_m, radius=0.48),
        ]
    )


def truck(paint: Color) -> Mesh:
    """Return a lorry with a box, 7.9 m long, that stands on the origin and looks along x."""
    length_m, half_m = 7.9, 1.23
    load = box((-length_m / 2, -half_m, 0.85), (1.75, half_m, 3.5))
    frame = box((-length_m / 2 + 0.1, -0.8 * half_m, 0.45), (2.0, 0.8 * half_m, 0.85))
    cab = box((2.0, -half_m * 0.96, 0.45), (length_m / 2, half_m * 0.96, 2.75))
    windows = [
        np.array(face if side < 0 else face[::-1])
        for side in (-1.0, 1.0)
        for face in [
            [
                (x, side * (half_m * 0.96 + 0.01), z)
                for x, z in ((2.5, 1.6), (3.8, 1.6), (3.8, 2.4), (2.5, 2.4))
            ]
        ]
    ]
    return Mesh.joined(
        [
            Mesh.of(frame, _PLASTIC),
            Mesh.of(load, (0.80, 0.80, 0.78), gloss=0.05),
            Mesh.of(cab, paint, gloss=0.12, bias_m=0.2),
            Mesh.of(windows, _GLASS, gloss=0.3, bias_m=0.8),
            *_ends(length_m, half_m * 0.96, glass=(1.55, 2.5), lamps=(0.6, 0.85), back=False),
            *_wheels((-2.3, 2.9), half_m, radius=0.48),
        ]
    )


def _side_windows(length_m: float, half_m: float, *, z: tuple[float, float], count: int) -> Mesh:
    edges = np.linspace(-length_m / 2 + 0.25, length_m / 2 - 0.25, count + 1)
    faces: list[NDArray[np.float64]] = []
    for left, right in zip(edges[:-1] + 0.06, edges[1:] - 0.06, strict=True):
        for side in (-1.0, 1.0):
            y = side * (half_m + 0.01)
            face = np.array([(left, y, z[0]), (right, y, z[0]), (right, y, z[1]), (left, y, z[1])])
            faces.append(face if side < 0 else face[::-1])
    return Mesh.of(faces, _GLASS, gloss=0.3, bias_m=0.8)


def _ends(
    length_m: float,
    half_m: float,
    *,
    glass: tuple[float, float],
    lamps: tuple[float, float],
    back: bool = True,
) -> list[Mesh]:
    """Return what is on the front and the back of a bus or lorry."""
    x = length_m / 2 + 0.012
    front = panel(x, (-0.93 * half_m, 0.93 * half_m), glass, sign=1)
    rear = panel(-x, (-0.8 * half_m, 0.8 * half_m), (glass[0] + 0.4, glass[1]), sign=-1)
    white = [panel(x, (a * half_m, b * half_m), lamps, sign=1) for a, b in _OUTER_SHARES]
    red = [panel(-x, (a * half_m, b * half_m), (0.9, 1.2), sign=-1) for a, b in _OUTER_SHARES]
    bumpers = [
        panel(x, (-0.95 * half_m, 0.95 * half_m), (0.33, 0.55), sign=1),
        panel(-x, (-0.95 * half_m, 0.95 * half_m), (0.45, 0.75), sign=-1),
    ]
    return [
        Mesh.of([front, rear] if back else [front], _GLASS, gloss=0.3, bias_m=0.8),
        Mesh.of(white, _HEADLIGHT, gloss=0.2, glow=1.0, bias_m=0.8),
        Mesh.of(red, _TAILLIGHT, gloss=0.1, glow=0.8, bias_m=0.8),
        Mesh.of(bumpers, _PLASTIC, bias_m=0.8),
    ]
