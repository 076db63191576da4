"""Which part of a video is wanted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from urban_segmentor.errors import SettingError
from urban_segmentor.options import option

if TYPE_CHECKING:
    from pathlib import Path

    from urban_segmentor.io.video_reader import VideoInfo, VideoReader

_VIDEO = "Video"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRange:
    """The frames of a video to read: start, duration, stride and maximum rate.

    Attributes:
        start_s: Start time, seconds after the first frame.
        duration_s: Length of the clip, seconds; None for all.
        stride: Read every nth frame.
        max_fps: Maximum frames per second, by their pts; None for all.

    Raises:
        SettingError: A value is out of its range.
    """

    start_s: float = option(0.0, help="Begin at, seconds.", panel=_VIDEO, flags=("--start",), low=0)
    duration_s: float | None = option(
        None, help="Length, seconds.", panel=_VIDEO, flags=("--duration",)
    )
    stride: int = option(
        1, help="Take every Nth frame.", panel=_VIDEO, flags=("--vid-stride",), low=1
    )
    max_fps: float | None = option(
        None, help="At most so many frames a second.", panel=_VIDEO, flags=("--fps",)
    )

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not (math.isfinite(self.start_s) and self.start_s >= 0):
            raise SettingError(
                f"`start` is {self.start_s}, expected 0 or more seconds", hint="--start 12.5"
            )
        for name, value, what in (
            ("duration", self.duration_s, "seconds"),
            ("fps", self.max_fps, "frames a second"),
        ):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise SettingError(
                    f"`{name}` is {value}, expected more than 0 {what}",
                    hint=f"leave --{name} out for all of it, or give --{name} 10",
                )
        if self.stride < 1:
            raise SettingError(
                f"`vid_stride` is {self.stride}, expected at least 1",
                hint="--vid-stride 2 takes every second frame",
            )

    @property
    def is_everything(self) -> bool:
        """True when every frame is selected."""
        return self == ClipRange()

    def open(self, path: Path, *, name: str) -> VideoReader:
        """Return the reader of this part of a video.

        Args:
            path: Any container that FFmpeg reads.
            name: Frames are called `{name}_{index:06d}`.

        Raises:
            SourceError: There is no video in the file.
        """
        # The range itself must be had without FFmpeg, for help pages.
        from urban_segmentor.io.video_reader import VideoReader  # noqa: PLC0415

        return VideoReader(
            path,
            name=name,
            start_s=self.start_s,
            duration_s=self.duration_s,
            stride=self.stride,
            max_fps=self.max_fps,
        )

    def frames_of(self, info: VideoInfo) -> int | None:
        """Return the approximate number of selected frames, or None when unknown."""
        if info.frames is None and info.duration_s is None:
            return None
        length_s = info.duration_s or (info.frames or 0) / info.rate
        selected_s = max(float(length_s) - self.start_s, 0.0)
        if self.duration_s is not None:
            selected_s = min(selected_s, self.duration_s)
        if self.is_everything and info.frames:
            return info.frames
        rate = float(info.rate) / self.stride
        return round(selected_s * (min(rate, self.max_fps) if self.max_fps else rate))


WHOLE = ClipRange()
"""All of a video, for signatures that name each end."""
