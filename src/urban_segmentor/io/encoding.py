"""How a video is compressed."""

from __future__ import annotations

from dataclasses import dataclass

from urban_segmentor.errors import SettingError
from urban_segmentor.options import default_of, option

CODECS = ("h264", "vp9")
# fmt: off
PRESETS = (
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow",
    "placebo",
)
# fmt: on
_VIDEO = "Video"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingOptions:
    """How a video is compressed.

    Attributes:
        codec: `h264` or `vp9`.
        crf: Constant rate factor, 0 (best) to 51.
        preset: x264's preset, from `ultrafast` to `veryslow`.

    Raises:
        SettingError: There is no such codec, rate factor or preset.
    """

    codec: str = option("h264", help="h264 or vp9.", panel=_VIDEO, choices=CODECS)
    crf: int = option(23, help="Quality, 0 (best) to 51.", panel=_VIDEO, low=0, high=51)
    preset: str = option(
        PRESETS[0], help="x264's preset, ultrafast to veryslow.", panel=_VIDEO, choices=PRESETS
    )

    def __post_init__(self) -> None:
        """Check the values."""
        if self.codec not in CODECS:
            raise SettingError(
                f"there is no codec `{self.codec}`", hint=f"one of {', '.join(CODECS)}"
            )
        if not 0 <= self.crf <= 51:
            raise SettingError(
                f"`crf` is {self.crf}, expected 0 to 51",
                hint=f"the usual value is {default_of(EncodingOptions, 'crf')}",
            )
        if self.preset not in PRESETS:
            raise SettingError(
                f"there is no preset `{self.preset}`", hint=f"one of {', '.join(PRESETS)}"
            )
