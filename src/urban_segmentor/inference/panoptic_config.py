"""What gets into a panoptic map."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from urban_segmentor.errors import SettingError
from urban_segmentor.options import default_of, option

_REFERENCE_PX = 2048 * 1024
_THIN = frozenset({"pole", "traffic light", "traffic sign"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PanopticConfig:
    """What gets into a panoptic map.

    Attributes:
        score: Lowest score of a thing, in [0, 1].
        stuff_score: Lowest score of a region of stuff, in [0, 1]; low, as every pixel is of some
            class, and better regions are painted first.
        overlap: Share of a thing that may be covered already, in [0, 1].
        stuff_area_px: Least pixels of a class of stuff in a picture of 2048 x 1024; scaled to
            others.
        thin_area_px: The same for poles, traffic lights and signs.
        thing_probability: Lowest score of a thing where a map of classes has had its say, so that
            scores are probabilities, in [0, 1].
        stuff_probability: Lowest score of a surface of such a map, in [0, 1]; areas do not count.

    Raises:
        SettingError: A value is out of its range.
    """

    score: float = 0.5
    stuff_score: float = 0.1
    overlap: float = 0.5
    stuff_area_px: int = 4096
    thin_area_px: int = 1024
    thing_probability: float = 0.4
    stuff_probability: float = 0.2

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("score", "stuff_score", "overlap", "thing_probability", "stuff_probability"):
            share = getattr(self, name)
            if not 0 <= share <= 1:
                raise SettingError(
                    f"`{name}` is {share}, expected a number from 0 to 1",
                    hint=f"the usual `{name}` is {default_of(PanopticConfig, name)}",
                )
        for name in ("stuff_area_px", "thin_area_px"):
            if getattr(self, name) < 0:
                raise SettingError(
                    f"`{name}` is {getattr(self, name)}, expected pixels",
                    hint=f"0 keeps all; `PanopticConfig()` has a good `{name}`",
                )

    @property
    def min_score(self) -> float:
        """Instances with less are never looked at, so that no model need report them."""
        return min(self.score, self.stuff_score)

    def with_min_score(self, score: float) -> Self:
        """Return the rules with one lowest score for things and stuff of any model.

        Args:
            score: In [0, 1].
        """
        return replace(
            self,
            score=score,
            stuff_score=score,
            thing_probability=score,
            stuff_probability=score,
        )

    def least_area_px(self, class_name: str, image_size: tuple[int, int]) -> float:
        """Return the least pixels of a class of stuff in an image.

        Args:
            class_name: Its name.
            image_size: Height and width of the image, pixels.
        """
        area_px = self.thin_area_px if class_name in _THIN else self.stuff_area_px
        return area_px * image_size[0] * image_size[1] / _REFERENCE_PX


@dataclass(frozen=True, slots=True, kw_only=True)
class PanopticOptions:
    """Whether there are panoptic maps.

    Attributes:
        panoptic: Merge all into one map in which a pixel has one segment, or none.
    """

    panoptic: bool = option(
        default=False,
        help="Merge all into one map in which each pixel has one segment, or none.",
        panel="What to find",
    )
