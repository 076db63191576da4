"""Which predicted masks and maps may be resized to the size of the ground truth."""

from __future__ import annotations

from urban_segmentor.errors import PredictionError

MAX_PIXELS = 2**26
"""Maximum pixels of an image; small files can claim any size."""

MAX_MASK_PIXELS = 2**30
"""Maximum pixels of all cropped masks of an image; more would not fit into memory."""

_MAX_STRETCH = 0.01


def check_fit(
    size: tuple[int, int], target_size: tuple[int, int], *, resize: bool, context: str
) -> None:
    """Check that predictions have, or may be given, the size of the ground truth.

    Args:
        size: Height and width of the prediction, pixels.
        target_size: Height and width of the ground truth, pixels.
        resize: True when they may be scaled, as long as circles stay circles to 1 %.
        context: The prediction, subject of the message.

    Raises:
        PredictionError: The sizes differ, and may not be scaled to one another.
    """
    if size == target_size:
        return
    (height, width), (to_height, to_width) = size, target_size
    sizes = (
        f"{context} has {width} x {height} pixels, the ground truth {to_width} x {to_height} "
        "(width x height)"
    )
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
        raise PredictionError(sizes, hint="predict at the size of the ground truth")
    if not resize:
        raise PredictionError(
            sizes, hint="predict at the size of the ground truth, or add --resize"
        )
    # The larger of the two is at most 1 % wider or narrower for its height.
    one, other = width * to_height, height * to_width
    if abs(one - other) > _MAX_STRETCH * other:
        raise PredictionError(
            f"{sizes}: the shape differs by more than 1 %",
            hint="predict on whole pictures, neither cut nor padded",
        )
