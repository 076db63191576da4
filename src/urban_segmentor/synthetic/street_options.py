"""What is drawn of a street, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass

from urban_segmentor.options import like, option, parse_width_height


def parse_size(text: str) -> tuple[int, int]:
    """Return height and width out of `WxH`, pixels.

    Raises:
        SettingError: It is something else.

    >>> parse_size("1280x720")
    (720, 1280)
    """
    width, height = parse_width_height(text)
    return height, width


@dataclass(frozen=True, slots=True, kw_only=True)
class StreetOptions:
    """What is drawn of a street.

    Attributes:
        size: Height and width, pixels.
        fps: Frames per second.
        seconds: Length of a clip, seconds.
        seed: The same gives the same street.
        camera: `fixed` on a gantry over the road, or `dashcam` in a car.
        light: `day` or `dusk`.
    """

    size: tuple[int, int] = option((720, 1280), help="Width x height, pixels.", parse=parse_size)
    fps: float = option(25.0, help="Frames per second.")
    seconds: float = option(10.0, help="Length, seconds.")
    seed: int = option(1, help="Another number, another street.")
    camera: str = option("fixed", help="fixed or dashcam.")
    light: str = option("day", help="day or dusk.")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreetDataOptions:
    """What is drawn of a data set of streets.

    Attributes:
        frames: How many pictures.
        size: Height and width, pixels.
        seed: The same gives the same data set.
        camera: As in `StreetOptions`; None for some of each.
        light: As in `StreetOptions`; None for some of each.
        leaf_gaps: Label what shows through leaves as what it is.
    """

    frames: int = option(60, help="How many pictures. Every fifth is for val.")
    size: tuple[int, int] = like(StreetOptions, "size", default=(1024, 2048))
    seed: int = like(StreetOptions, "seed")
    camera: str | None = like(StreetOptions, "camera", default=None)
    light: str | None = like(StreetOptions, "light", default=None)
    leaf_gaps: bool = option(
        default=False,
        help="Label what shows through leaves as what it is; annotators call it tree.",
    )


USUAL_STREET, USUAL_STREETS = StreetOptions(), StreetDataOptions()
"""What is drawn when nothing is said, for signatures that name it one by one."""
