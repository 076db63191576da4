"""Checked conversion of JSON values."""

from __future__ import annotations

import math
import re
from typing import Any, cast

from urban_segmentor.datasets.findings import shown
from urban_segmentor.errors import PredictionError

Id = int | str

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_HINT = "the file should be as the COCO data set has it: https://cocodataset.org/#format-results"


def as_object(value: object, *, context: str) -> dict[str, Any]:
    """Return a JSON object.

    Args:
        value: The JSON value.
        context: What it is, the subject of the message.

    Raises:
        PredictionError: It is something else.
    """
    if not isinstance(value, dict):
        raise PredictionError(f"{context} is {shown(value)}, expected an object", hint=_HINT)
    return cast("dict[str, Any]", value)


def as_list(value: object, *, context: str) -> list[object]:
    """Return a JSON list.

    Raises:
        PredictionError: It is something else.
    """
    if not isinstance(value, list):
        raise PredictionError(f"{context} is {shown(value)}, expected a list", hint=_HINT)
    return cast("list[object]", value)


def as_text(value: object, *, context: str) -> str:
    """Return a text that is not empty and can be printed.

    Raises:
        PredictionError: It is something else.
    """
    if not isinstance(value, str) or not value or _UNPRINTABLE.search(value):
        raise PredictionError(f"{context} is {shown(value)}, expected a text", hint=_HINT)
    return value


def as_number(value: object, *, context: str) -> int:
    """Return a whole number.

    Raises:
        PredictionError: It is something else.
    """
    if type(value) is not int:
        raise PredictionError(f"{context} is {shown(value)}, expected a whole number", hint=_HINT)
    return value


def as_id(value: object, *, context: str) -> Id:
    """Return an image id: a whole number, or a text that is not empty.

    Raises:
        PredictionError: It is something else.
    """
    return (
        as_text(value, context=context)
        if isinstance(value, str)
        else as_number(value, context=context)
    )


def as_score(value: object, *, context: str) -> float:
    """Return a score, in [0, 1].

    Raises:
        PredictionError: It is something else.
    """
    if type(value) not in {int, float} or not 0 <= cast("float", value) <= 1:  # NaN is not either
        raise PredictionError(
            f"{context} is {shown(value)}, expected a number from 0 to 1",
            hint="only the order of scores counts: scale them to 0 to 1",
        )
    return float(cast("float", value))


def as_box(value: object, *, max_value: float, context: str) -> tuple[float, float, float, float]:
    """Return a COCO box: x, y, width and height, pixels.

    Args:
        value: The JSON value.
        max_value: Maximum absolute value of each number.
        context: What it is, the subject of the message.

    Raises:
        PredictionError: It is something else.
    """
    numbers = cast("list[Any]", value) if isinstance(value, list) else []
    if len(numbers) == 4 and all(
        type(number) in {int, float} and abs(number) <= max_value for number in numbers
    ):
        x, y, width, height = map(float, numbers)
        if width >= 0 and height >= 0:
            return x, y, width, height
    raise PredictionError(
        f"{context} is {shown(cast('object', value))}, expected x, y, width and height in pixels",
        hint=_HINT,
    )


def as_size(
    height: object, width: object, *, max_pixels: int, context: str
) -> tuple[int, int] | None:
    """Return an image size, height and width, pixels, or None when neither is given.

    Args:
        height: The JSON value of the height.
        width: The JSON value of the width.
        max_pixels: Maximum number of pixels.
        context: The image, subject of the message.

    Raises:
        PredictionError: They are no size, or that of too large an image.
    """
    if height is None and width is None:
        return None
    sides = [side for side in (height, width) if type(side) is int and side > 0]
    if len(sides) != 2 or math.prod(sides) > max_pixels:
        raise PredictionError(
            f"{context} has the width {shown(width)} and the height {shown(height)}, "
            f"expected whole numbers, of at most {max_pixels} pixels together",
            hint=_HINT,
        )
    return sides[0], sides[1]
