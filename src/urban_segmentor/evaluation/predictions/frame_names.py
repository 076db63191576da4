"""Frame and class names in the results of other tools."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from urban_segmentor.errors import PredictionError
from urban_segmentor.io.image_codec import IMAGE_SUFFIXES
from urban_segmentor.structures.cityscapes_labels import TRAIN_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FRAME = re.compile(r".+?_[0-9]{6}_[0-9]{6}(?=[_.]|\Z)", re.DOTALL)
_ENDING = re.compile(r"_(?:leftImg8bit|gtFine)(?:[_.].*)?\Z", re.DOTALL)


def frame_of(file_name: str) -> str | None:
    """Return the Cityscapes frame, `city_sequence_frame`, that a file name starts with, or None.

    >>> frame_of("ulm_000000_000019_leftImg8bit.txt")
    'ulm_000000_000019'
    """
    match = _FRAME.match(file_name)
    return None if match is None else match[0]


def stem_of(name: str) -> str:
    """Return the stem of an image that a path or an id means, without folders and endings.

    >>> stem_of("val/ulm/ulm_000000_000019_leftImg8bit.png")
    'ulm_000000_000019'
    >>> stem_of("street.7.jpg")
    'street.7'
    """
    last = re.split(r"[/\\]", name)[-1]
    if (frame := frame_of(last)) is not None:
        return frame
    bare = _ENDING.sub("", last)
    head, dot, suffix = bare.rpartition(".")
    return head if head and dot + suffix.lower() in IMAGE_SUFFIXES else bare


def check_class_names(class_names: Sequence[str], *, path: Path) -> None:
    """Check that at least one class is one of Cityscapes.

    Args:
        class_names: Class names of a file.
        path: The file, named in the message.

    Raises:
        PredictionError: There is none.
    """
    if set(TRAIN_NAMES).isdisjoint(class_names):
        names = ", ".join(f"`{name}`" for name in class_names[:5]) or "none at all"
        raise PredictionError(
            f"`{path}` has no class of Cityscapes, but {names}{', ...' * (len(class_names) > 5)}",
            hint=f"name the categories as Cityscapes does: {', '.join(TRAIN_NAMES)}",
        )
