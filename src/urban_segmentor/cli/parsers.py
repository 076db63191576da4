"""What several commands do with their options."""

from __future__ import annotations

from typing import Any

from urban_segmentor.errors import SettingError


def parse_imgsz(text: str | None) -> int | tuple[int, int] | None:
    """Return a long side, or a height and width, pixels.

    Raises:
        SettingError: The text is neither `640` nor `384,640`.

    >>> parse_imgsz("384,640")
    (384, 640)
    """
    if text is None:
        return None
    try:
        sides = [int(side) for side in text.replace("x", ",").split(",")]
    except ValueError:
        sides = []
    if len(sides) == 1:
        return sides[0]
    if len(sides) == 2:
        return sides[0], sides[1]
    raise SettingError(f"`imgsz` is `{text}`, expected a number or H,W", hint="--imgsz 384,640")


def parse_size(text: str) -> tuple[int, int]:
    """Return height and width out of `WxH`, pixels.

    Raises:
        SettingError: It is something else.

    >>> parse_size("1280x720")
    (720, 1280)
    """
    try:
        width, height = (int(side) for side in text.lower().split("x"))
    except ValueError:
        raise SettingError(f"`size` is `{text}`, expected WxH", hint="--size 1280x720") from None
    return height, width


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> Any:  # noqa: ANN401
    """Return the value of an option as one of its literals.

    Raises:
        SettingError: It is none of them.
    """
    if value not in allowed:
        raise SettingError(f"`{name}` is `{value}`", hint=f"choose one of {', '.join(allowed)}")
    return value


def silence_decoders() -> None:
    """Keep OpenCV from writing to stderr by itself what is told as an error anyway."""
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
