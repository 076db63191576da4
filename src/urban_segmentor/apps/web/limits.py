"""Limits of uploads."""

from __future__ import annotations

from dataclasses import dataclass, fields

from urban_segmentor.errors import SettingError
from urban_segmentor.options import option

LIMITS = "Limits"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadLimits:
    """Maximum sizes of uploads, which the page states.

    Attributes:
        image_bytes: Size of the file of a picture.
        image_side: Longer side of a picture, pixels.
        image_pixels: Width times height of a picture.
        video_bytes: Size of the file of a video.
        video_side: Longer side of a video, pixels.
        video_s: Length of a video, seconds.
        video_frames: Frames of a video; a length alone says little about a file that lies.
        queue: Requests that may wait; further ones are told to come back.

    Raises:
        SettingError: A limit is not positive.
    """

    image_bytes: int = option(
        25_000_000,
        help="Largest picture, MB.",
        panel=LIMITS,
        flags=("--max-image-mb",),
        unit=1e6,
    )
    image_side: int = 8192
    image_pixels: int = 36_000_000
    video_bytes: int = option(
        200_000_000,
        help="Largest video, MB.",
        panel=LIMITS,
        flags=("--max-video-mb",),
        unit=1e6,
    )
    video_side: int = 4096
    video_s: float = option(
        120.0, help="Longest video, seconds.", panel=LIMITS, flags=("--max-seconds",)
    )
    video_frames: int = 7_200
    queue: int = option(
        64,
        help="Requests that may wait; further ones are told so.",
        panel=LIMITS,
        flags=("--max-queue",),
    )

    def __post_init__(self) -> None:
        """Check that they are positive."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise SettingError(
                    f"the limit `{field.name}` is {value}, expected more than 0",
                    hint=f"the usual value is {field.default}",
                )

    @property
    def upload_bytes(self) -> int:
        """Maximum bytes of any upload."""
        return max(self.image_bytes, self.video_bytes)

    @property
    def image_text(self) -> str:
        """The limits of images as a sentence."""
        return (
            f"At most {self.image_bytes / 1e6:.0f} MB, {self.image_pixels / 1e6:.0f} million "
            f"pixels, and {self.image_side} pixels a side."
        )

    @property
    def video_text(self) -> str:
        """The limits of videos as a sentence."""
        return (
            f"At most {self.video_s:.0f} seconds, {self.video_bytes / 1e6:.0f} MB, "
            f"{self.video_frames} frames, and {self.video_side} pixels a side."
        )
