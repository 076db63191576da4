"""Whether maps of classes are smoothed over time."""

from __future__ import annotations

from dataclasses import dataclass

from urban_segmentor.options import option


@dataclass(frozen=True, slots=True, kw_only=True)
class SmoothingOptions:
    """Whether maps of classes are smoothed over time.

    Attributes:
        smooth: Let the surfaces of a video follow the last frames, so that they flicker less;
            for models that tell the class of each pixel.
    """

    smooth: bool = option(
        default=True,
        help="Let surfaces follow the last frames of a video, so that they flicker less.",
        panel="What to find",
    )
