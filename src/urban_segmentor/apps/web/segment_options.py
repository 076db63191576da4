"""What a visitor chose on the page, as a value, and as the end of a link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from urban_segmentor.errors import SettingError
from urban_segmentor.inference.config import ModelOptions, SegmenterConfig
from urban_segmentor.inference.panoptic_config import PanopticOptions
from urban_segmentor.options import default_of, like, range_of
from urban_segmentor.visualization.style import OverlayStyle

if TYPE_CHECKING:
    from collections.abc import Mapping

_FLAGS = ("panoptic", "masks_only", "boxes", "labels", "scores")
_SHARES = ("conf", "iou", "opacity")
_WORDS = {"1": True, "true": True, "0": False, "false": False}
_MOST_CLASSES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentOptions:
    """The controls of the page, with the defaults of the original demo.

    Attributes:
        model: Name of one of the models that the app offers.
        conf: Lowest score, in [0, 1].
        iou: Overlap above which the weaker of two boxes of a class goes, in [0, 1].
        classes: Names of the classes wanted; None for all.
        panoptic: Merge all into one map in which a pixel has one segment, or none.
        masks_only: Draw masks alone.
        boxes: Draw boxes; panoptic pictures have none.
        labels: Write classes.
        scores: Write scores behind them.
        opacity: Share of the color in a mask, in [0, 1].
        palette: `cityscapes`, or `safe` for colors that the color-blind can tell apart.

    Raises:
        SettingError: A value is out of its range, or no class is left.
    """

    model: str = like(ModelOptions, "model")
    conf: float = like(SegmenterConfig, "conf")
    iou: float = like(SegmenterConfig, "iou")
    classes: tuple[str, ...] | None = like(SegmenterConfig, "classes")
    panoptic: bool = like(PanopticOptions, "panoptic")
    masks_only: bool = like(OverlayStyle, "masks_only")
    boxes: bool = like(OverlayStyle, "boxes")
    labels: bool = like(OverlayStyle, "labels")
    scores: bool = like(OverlayStyle, "scores")
    opacity: float = like(OverlayStyle, "opacity")
    palette: str = like(OverlayStyle, "palette")

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in _SHARES:
            value, (low, high) = getattr(self, name), range_of(SegmentOptions, name)
            if not low <= value <= high:
                raise SettingError(
                    f"`{name}` is {value}, expected a number from {low:g} to {high:g}",
                    hint=f"the usual value is {default_of(SegmentOptions, name)}",
                )
        if self.classes is not None and not self.classes:
            raise SettingError("no class is chosen, so nothing can be found", hint="choose one")

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Self:
        """Return what the end of a link says; what it leaves out is as usual.

        Args:
            query: Names and values; those that are none of the controls are left alone.

        Raises:
            SettingError: A value cannot be read or is out of its range.
        """
        found: dict[str, object] = {
            name: query[name] for name in ("model", "palette") if query.get(name)
        }
        for name in _SHARES:
            if name in query:
                found[name] = _number(name, query[name])
        for name in _FLAGS:
            if name in query:
                found[name] = _flag(name, query[name])
        if "classes" in query:
            names = [part.strip() for part in query["classes"].split(",")][:_MOST_CLASSES]
            found["classes"] = tuple(dict.fromkeys(name for name in names if name))
        return cls(**found)  # pyright: ignore[reportArgumentType] - each was checked above

    def as_query(self) -> dict[str, str]:
        """Return names and values of what is not as usual.

        >>> SegmentOptions(conf=0.5, classes=("car", "person")).as_query()
        {'conf': '0.5', 'classes': 'car,person'}
        """
        usual = SegmentOptions()
        query: dict[str, str] = {}
        for name in ("model", "conf", "iou", "classes", *_FLAGS, "opacity", "palette"):
            value = getattr(self, name)
            if value == getattr(usual, name):
                continue
            query[name] = _text(value)
        return query

    def style(self) -> OverlayStyle:
        """Return how the overlay is drawn."""
        return OverlayStyle(
            masks_only=self.masks_only,
            boxes=self.boxes and not self.panoptic,
            labels=self.labels,
            scores=self.scores,
            opacity=self.opacity,
            segments=self.panoptic,
            palette=self.palette,
        )


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingError(
            f"`{name}` is `{text[:40]}`, expected a number from 0 to 1", hint=f"{name}=0.5"
        ) from None


def _flag(name: str, text: str) -> bool:
    if text.lower() not in _WORDS:
        raise SettingError(f"`{name}` is `{text[:40]}`, expected 1 or 0", hint=f"{name}=1")
    return _WORDS[text.lower()]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, tuple):
        return ",".join(value)  # pyright: ignore[reportUnknownArgumentType] - class names
    return f"{value:g}" if isinstance(value, float) else str(value)
