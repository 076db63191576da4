"""What is drawn over a picture."""

from __future__ import annotations

from dataclasses import dataclass

from urban_segmentor.errors import SettingError
from urban_segmentor.options import default_of, option

PALETTES = ("cityscapes", "safe")
"""The colors that the classes have by themselves, and those that the color-blind can tell apart."""

_DRAW = "Drawing"


def check_palette(palette: str) -> None:
    """Raise `SettingError` when there is no such palette."""
    if palette not in PALETTES:
        raise SettingError(
            f"there is no palette `{palette}`", hint=f"choose one of {', '.join(PALETTES)}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayStyle:
    """What is drawn.

    Attributes:
        masks_only: Draw masks alone, whatever else is said; then `masks` is True, and
            `outlines`, `boxes` and `labels` are False.
        masks: Fill the masks.
        outlines: Trace their edges.
        boxes: Draw boxes around things; ground, sky and the like have none.
        labels: Write the class.
        scores: Write the score behind it.
        opacity: Share of the color in a mask, in [0, 1].
        segments: For instances that share no pixel: the colors of things of one class differ,
            and labels lie in the masks.
        palette: Which colors: `cityscapes`, or `safe` for the color-blind.

    Raises:
        SettingError: The opacity is out of its range, or there is no such palette.
    """

    masks_only: bool = option(
        default=False, help="Draw masks alone: no outlines, boxes, or words.", panel=_DRAW
    )
    masks: bool = option(default=True, help="Fill masks.", panel=_DRAW)
    outlines: bool = option(default=True, help="Trace edges.", panel=_DRAW)
    boxes: bool = option(default=True, help="Draw boxes.", panel=_DRAW)
    labels: bool = option(default=True, help="Write classes.", panel=_DRAW)
    scores: bool = option(default=True, help="Write scores.", panel=_DRAW)
    opacity: float = option(
        0.5,
        help="How strongly masks cover the picture, 0 to 1.",
        panel=_DRAW,
        low=0,
        high=1,
        step=0.05,
    )
    segments: bool = False
    palette: str = option(
        PALETTES[0],
        help="cityscapes for the colors of the classes, or safe for colors that the color-blind "
        "can tell apart.",
        panel=_DRAW,
        choices=PALETTES,
    )

    def __post_init__(self) -> None:
        """Check the range, and the palette."""
        check_palette(self.palette)
        if not 0 <= self.opacity <= 1:
            raise SettingError(
                f"`opacity` is {self.opacity}, expected a number from 0 to 1",
                hint=f"--opacity {default_of(OverlayStyle, 'opacity')}",
            )
        if self.masks_only:
            object.__setattr__(self, "masks", True)
            for name in ("outlines", "boxes", "labels"):
                object.__setattr__(self, name, False)


USUAL_STYLE = OverlayStyle()
"""What is drawn when nothing is said, for signatures that name it one by one."""
