"""Solid objects out of flat polygons, and how a camera sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import cv2
import numpy as np

from urban_segmentor.synthetic.camera import NEAR_M, Camera, clip_near
from urban_segmentor.synthetic.light import Light, hazed, shade
from urban_segmentor.synthetic.sprite import SceneSprite, SpriteCrop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

CORNERS = 14
"""Corners of a face; faces with fewer repeat their last one."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Mesh:
    """Faces of an object; x ahead, y to the left, z up, metres.

    Attributes:
        faces: float64 (F, CORNERS, 3), metres.
        colors: float64 (F, 3), 0..1.
        gloss: float64 (F,), share of light that is mirrored, 0..1.
        glow: float64 (F,), light of its own, 0..1.
        bias_m: float64 (F,), how much nearer a face counts when faces are ordered, metres.
    """

    faces: NDArray[np.float64]
    colors: NDArray[np.float64]
    gloss: NDArray[np.float64]
    glow: NDArray[np.float64]
    bias_m: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        faces: Sequence[NDArray[np.float64]],
        color: tuple[float, float, float] | NDArray[np.float64],
        *,
        gloss: float = 0.0,
        glow: float = 0.0,
        bias_m: float = 0.0,
    ) -> Self:
        """Return faces of one finish.

        Args:
            faces: F polygons, each float64 (corners, 3), metres.
            color: Red, green, blue, 0..1, or float64 (F, 3).
            gloss: Share of light that is mirrored, 0..1.
            glow: Light of its own, 0..1.
            bias_m: How much nearer these faces count, metres.
        """
        count = len(faces)
        padded = [np.vstack([face, np.repeat(face[-1:], CORNERS - len(face), 0)]) for face in faces]
        return cls(
            faces=np.array(padded).reshape(count, CORNERS, 3),
            colors=np.broadcast_to(np.asarray(color, dtype=np.float64), (count, 3)),
            gloss=np.full(count, gloss),
            glow=np.full(count, glow),
            bias_m=np.full(count, bias_m),
        )

    @classmethod
    def joined(cls, parts: Sequence[Mesh]) -> Self:
        """Return the faces of several meshes as one."""
        return cls(
            faces=np.concatenate([part.faces for part in parts]),
            colors=np.concatenate([part.colors for part in parts]),
            gloss=np.concatenate([part.gloss for part in parts]),
            glow=np.concatenate([part.glow for part in parts]),
            bias_m=np.concatenate([part.bias_m for part in parts]),
        )

    def render(
        self, camera: Camera, light: Light, *, at_m: tuple[float, float], heading_rad: float = 0.0
    ) -> SceneSprite | None:
        """Return the object as the camera sees it, or None when it does not.

        Args:
            camera: Where the frame is taken from.
            light: Sun, sky and haze.
            at_m: Where the origin of the mesh stands on the ground, x and y, metres.
            heading_rad: Direction of its x axis, radians from the street's x axis to y.
        """
        cos, sin = np.cos(heading_rad), np.sin(heading_rad)
        turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        world = self.faces @ turn.T + (*at_m, 0.0)
        normals = _normals(self.faces) @ turn.T
        centres = world.mean(axis=1)
        facing = np.einsum("fk,fk->f", normals, camera.position_m - centres) > 0
        seen = camera.to_camera(world.reshape(-1, 3)).reshape(world.shape)
        visible = np.flatnonzero(facing & (seen[..., 2].max(axis=1) > NEAR_M))
        if len(visible) == 0:
            return None
        depths = seen[visible, :, 2].mean(axis=1)
        order = np.argsort(-(depths - self.bias_m[visible]), kind="stable")
        visible, depths = visible[order], depths[order]
        lit = shade(self.colors[visible], normals[visible], self.gloss[visible], light)
        glow = self.glow[visible, None] * light.lamps
        lit = hazed(lit * (1 - glow) + self.colors[visible] * glow * 1.3, depths[:, None], light)
        return _fill(seen[visible], lit, camera)


def _fill(
    faces: NDArray[np.float64], colors: NDArray[np.float64], camera: Camera
) -> SceneSprite | None:
    """Return faces, ordered from far to near, as a sprite."""
    clipped = faces[..., 2].min(axis=1) < NEAR_M
    flat = np.where(clipped[:, None, None], NEAR_M, faces)
    points = camera.to_pixels(flat.reshape(-1, 3)).reshape(*faces.shape[:2], 2)
    cut = {int(i): camera.to_pixels(clip_near(faces[i])) for i in np.flatnonzero(clipped)}
    reach = np.concatenate([points[~clipped].reshape(-1, 2), *cut.values()])
    crop = SpriteCrop.around(reach, camera.image_size)
    if crop is None:
        return None
    canvas = crop.canvas()
    polygons = list(crop.local(points))
    for i, polygon in cut.items():
        polygons[i] = crop.local(polygon)
    paints = np.rint(colors * 255).astype(int).tolist()
    for polygon, paint in zip(polygons, paints, strict=True):
        cv2.fillConvexPoly(canvas, polygon, (*paint, 255), cv2.LINE_8, 4)
    return crop.sprite(canvas)


def _normals(faces: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return unit normals by Newell's method, float64 (F, 3)."""
    total = np.cross(faces, np.roll(faces, -1, axis=1)).sum(axis=1)
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)


def box(
    low: tuple[float, float, float], high: tuple[float, float, float]
) -> list[NDArray[np.float64]]:
    """Return the six faces of a box, wound so that normals point out, float64 (4, 3) each.

    Args:
        low: Lowest x, y, z, metres.
        high: Highest x, y, z, metres.
    """
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
    points = np.array(low) + corners * (np.array(high) - np.array(low))
    order = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
    return [points[list(face)] for face in order]


def disc(
    centre: tuple[float, float, float], *, axis: str, radius: float, sign: float = 1.0
) -> NDArray[np.float64]:
    """Return a disc as a polygon, float64 (CORNERS, 3), metres.

    Args:
        centre: x, y, z, metres.
        axis: `x` or `y`, the direction that it faces.
        radius: Metres.
        sign: 1 to face along the axis, -1 to face against it.
    """
    angles = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False) * sign
    ring = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    columns = {"x": (1, 2), "y": (2, 0)}[axis]
    points = np.tile(np.array(centre), (CORNERS, 1))
    points[:, columns[0]] += ring[:, 0]
    points[:, columns[1]] += ring[:, 1]
    return points
