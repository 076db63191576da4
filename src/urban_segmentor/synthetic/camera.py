"""A pinhole camera above a flat street: x to the right, y along the street, z up, metres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEAR_M = 0.3
"""What is nearer than this is not drawn."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Camera:
    """Where a frame was taken from, and how points of the street become pixels.

    A point p of the street lies at `K @ R @ (p - position_m)`, divided by its last value.

    Attributes:
        intrinsics: K, float64 (3, 3), pixels.
        rotation: R, float64 (3, 3), from street axes to camera axes (x right, y down, z ahead).
        position_m: float64 (3,), metres.
        image_size: Height and width, pixels.
    """

    intrinsics: NDArray[np.float64]
    rotation: NDArray[np.float64]
    position_m: NDArray[np.float64]
    image_size: tuple[int, int]

    @classmethod
    def looking(
        cls,
        position_m: tuple[float, float, float],
        *,
        pitch_rad: float,
        yaw_rad: float,
        image_size: tuple[int, int],
    ) -> Self:
        """Return a camera whose focal length is 1.05 of the wider side.

        Args:
            position_m: x, y, z, metres.
            pitch_rad: Downwards, radians.
            yaw_rad: To the right, radians.
            image_size: Height and width, pixels.
        """
        height, width = image_size
        focal_px = 1.05 * max(height, width)
        intrinsics = np.array(
            [[focal_px, 0.0, width / 2], [0.0, focal_px, height / 2], [0.0, 0.0, 1.0]]
        )
        sin_y, cos_y, sin_p, cos_p = (
            np.sin(yaw_rad),
            np.cos(yaw_rad),
            np.sin(pitch_rad),
            np.cos(pitch_rad),
        )
        right = np.array([cos_y, -sin_y, 0.0])
        ahead = np.array([sin_y * cos_p, cos_y * cos_p, -sin_p])
        rotation = np.stack([right, np.cross(ahead, right), ahead])
        return cls(
            intrinsics=intrinsics,
            rotation=rotation,
            position_m=np.array(position_m, dtype=np.float64),
            image_size=image_size,
        )

    @property
    def focal_px(self) -> float:
        """Focal length, pixels."""
        return float(self.intrinsics[0, 0])

    def to_camera(self, points_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points on camera axes, float64 (N, 3), metres; the last column is depth.

        Args:
            points_m: float64 (N, 3), metres, on street axes.
        """
        return (points_m - self.position_m) @ self.rotation.T

    def project(self, points_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the pixels of points that lie ahead, float64 (N, 2), x and y.

        Args:
            points_m: float64 (N, 3), metres, on street axes.
        """
        return self.to_pixels(self.to_camera(points_m))

    def to_pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the pixels of points on camera axes, float64 (N, 2).

        Args:
            points: float64 (N, 3), metres, on camera axes, ahead of the camera.
        """
        centre = self.intrinsics[:2, 2]
        return points[:, :2] / points[:, 2:] * self.focal_px + centre

    @property
    def ground_homography(self) -> NDArray[np.float64]:
        """Homography from the ground (x, y, 1), metres, to pixels, float64 (3, 3)."""
        return self.plane_homography(
            np.zeros(3), np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
        )

    def plane_homography(
        self,
        origin_m: NDArray[np.float64],
        u_axis: NDArray[np.float64],
        v_axis: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return the homography from `origin + u * u_axis + v * v_axis` to pixels, (3, 3).

        Args:
            origin_m: float64 (3,), metres.
            u_axis: float64 (3,), metres for each unit of u.
            v_axis: float64 (3,), metres for each unit of v.

        Returns:
            float64 (3, 3), maps (u, v, 1).
        """
        columns = np.stack([u_axis, v_axis, origin_m - self.position_m], axis=1)
        return self.intrinsics @ self.rotation @ columns


def clip_near(polygon: NDArray[np.float64], *, near_m: float = NEAR_M) -> NDArray[np.float64]:
    """Return the part of a polygon that lies ahead of the near plane, float64 (M, 3).

    Args:
        polygon: float64 (N, 3), metres, on camera axes.
        near_m: Depth of the near plane, metres.
    """
    kept: list[NDArray[np.float64]] = []
    for here, after in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if here[2] >= near_m:
            kept.append(here)
        if (here[2] >= near_m) != (after[2] >= near_m):
            share = (near_m - here[2]) / (after[2] - here[2])
            kept.append(here + share * (after - here))
    return np.array(kept).reshape(-1, 3)
