"""`StreamOptions`: options of a live source."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from urban_segmentor.errors import SettingError
from urban_segmentor.io.clip_range import ClipRange
from urban_segmentor.options import check_choices, like, option, parse_width_height

if TYPE_CHECKING:
    from urban_segmentor.io.streams.source_uri import SourceUri

_MAX_SIDE = 16_384
_MAX_FPS = 1_000.0
_SOURCE = "Source"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """Options of a live source.

    Attributes:
        size: Requested width and height of a camera or the screen, pixels.
        rate: Requested frames per second of a camera or the screen.
        transport: Transport of RTSP.
        paced: Play a file in real time, dropping frames that are late; False gives every frame as
            fast as it is taken.
        start_s: Start time in a file, seconds after its first frame.
        duration_s: Length of the clip, by the file's own time or else by the clock; None for all.
        stride: Take every nth frame; those between do not count as dropped.

    Raises:
        SettingError: A value is out of its range.
    """

    size: tuple[int, int] | None = option(
        None,
        help="WxH asked of a camera or the screen.",
        panel=_SOURCE,
        parse=parse_width_height,
    )
    rate: float | None = option(
        None,
        help="Frames a second asked of a camera or the screen.",
        panel=_SOURCE,
        flags=("--fps",),
    )
    transport: Literal["tcp", "udp"] = option(
        "tcp", help="tcp or udp, of RTSP.", panel=_SOURCE, choices=("tcp", "udp")
    )
    paced: bool = option(
        default=True,
        help="Play a video at its own pace and leave out what is too much; --no-pace takes "
        "every frame, as fast as it goes.",
        panel=_SOURCE,
        flags=("--pace",),
    )
    start_s: float = like(ClipRange, "start_s", help="Begin a video at, seconds.", panel=_SOURCE)
    duration_s: float | None = like(
        ClipRange, "duration_s", help="End after so many seconds.", panel=_SOURCE
    )
    stride: int = like(ClipRange, "stride", panel=_SOURCE)

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.size is not None and not all(1 <= side <= _MAX_SIDE for side in self.size):
            raise SettingError(
                f"`size` is {self.size[0]} x {self.size[1]}, expected 1 to {_MAX_SIDE} pixels",
                hint="--size 1280x720",
            )
        if self.rate is not None and not (math.isfinite(self.rate) and 0 < self.rate <= _MAX_FPS):
            raise SettingError(
                f"`fps` is {self.rate}, expected more than 0 and at most {_MAX_FPS:g}",
                hint="--fps 30",
            )
        check_choices(self, ("transport",))
        self.selection  # noqa: B018 - checks stride, start and duration

    @property
    def selection(self) -> ClipRange:
        """The clip range of a file."""
        return ClipRange(start_s=self.start_s, duration_s=self.duration_s, stride=self.stride)

    def check_for(self, uri: SourceUri) -> None:
        """Raise `SettingError` when an option does not apply to a source."""
        sets_format = self.size is not None or self.rate is not None
        if sets_format and uri.kind not in {"camera", "screen"}:
            raise SettingError(
                f"`{uri.name}` has its own size and frame rate; they can be asked of cameras "
                "and the screen only",
                hint="leave --size and --fps out",
            )
        if uri.kind != "file" and self.start_s:
            raise SettingError(
                f"`start` is for files, and `{uri.name}` is live", hint="leave --start out"
            )
        if uri.kind != "file" and not self.paced:
            raise SettingError(
                f"`{uri.name}` is live and has no other pace than its own",
                hint="leave --no-pace out",
            )
        if uri.area is not None and self.size is not None:
            raise SettingError(
                "the size of the part of the screen is given twice",
                hint="leave --size out, the address says it",
            )
