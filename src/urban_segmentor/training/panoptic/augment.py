"""Random changes of an image with its label maps, each drawn from one generator of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np

from urban_segmentor.inference.preprocess import PADDING
from urban_segmentor.io.image_codec import decode_image, encode_image
from urban_segmentor.training.panoptic.label_maps import VOID, LabelMaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.structures.frame import Image

Number = TypeVar("Number", np.uint8, np.uint16)

_FILLED, _MIN_FILLING = 0.85, 0.75  # of images; of the factor at which nothing stays grey
_MAX_BAR = 0.04  # of a side; letterboxes to multiples of 32 have no wider ones at usual sizes


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LabeledImage:
    """An image with its label maps.

    Attributes:
        image: uint8 (H, W, 3), RGB.
        maps: Of the same size.
    """

    image: Image
    maps: LabelMaps


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """How an image lies on a canvas.

    Attributes:
        matrix: float64 (2, 3), from the pixels of the image to those of the canvas.
        size: Height and width of the canvas, pixels.
        window: First and last row, first and last column that show the image, the rest is grey.
    """

    matrix: NDArray[np.float64]
    size: tuple[int, int]
    window: tuple[int, int, int, int]


def random_placement(
    image_size: tuple[int, int],
    canvas_size: tuple[int, int],
    rng: np.random.Generator,
    *,
    scale: tuple[float, float],
    bars: float,
) -> Placement:
    """Return a random placement: scaled, cut or surrounded by grey, perhaps mirrored.

    Args:
        image_size: Height and width of the image, pixels.
        canvas_size: Of the canvas.
        rng: What is drawn from.
        scale: Lowest and highest factor.
        bars: Share of placements with grey bars at two opposite borders.
    """
    window = _window(canvas_size, rng, bars=bars)
    top, bottom, left, right = window
    height, width = image_size
    low, high = scale
    if rng.random() < _FILLED:  # grey teaches little
        filling = max(canvas_size[0] / height, canvas_size[1] / width)
        low = min(max(low, _MIN_FILLING * filling), high)
    gain = math.exp(rng.uniform(math.log(low), math.log(high)))
    x = left + _offset(right - left, width * gain, rng)
    y = top + _offset(bottom - top, height * gain, rng)
    window = (
        max(top, math.ceil(y)),
        min(bottom, math.floor(y + height * gain)),
        max(left, math.ceil(x)),
        min(right, math.floor(x + width * gain)),
    )
    matrix = np.array([[gain, 0, x], [0, gain, y]], dtype=np.float64)
    if rng.random() < 0.5:
        matrix[0] = (-gain, 0, x + gain * (width - 1))
    return Placement(matrix=matrix, size=canvas_size, window=window)


def mirrored(placement: Placement, image_size: tuple[int, int]) -> Placement:
    """Return a placement of the mirrored image in the same place."""
    matrix = placement.matrix.copy()
    matrix[0, 2] += matrix[0, 0] * (image_size[1] - 1)
    matrix[0, 0] = -matrix[0, 0]
    return replace(placement, matrix=matrix)


def place(sample: LabeledImage, placement: Placement) -> LabeledImage:
    """Return an image and its maps on a canvas; outside nobody knows anything.

    Args:
        sample: The image.
        placement: Where it goes.
    """
    maps = sample.maps
    return LabeledImage(
        image=_warped(sample.image, placement, cv2.INTER_LINEAR, PADDING),
        maps=LabelMaps(
            semantic=_warped(maps.semantic, placement, cv2.INTER_NEAREST, VOID),
            instances=_warped(maps.instances, placement, cv2.INTER_NEAREST, 0),
            ignored=_warped(maps.ignored, placement, cv2.INTER_NEAREST, 0),
            class_ids=maps.class_ids,
        ),
    )


def random_light(image: Image, rng: np.random.Generator) -> Image:
    """Return an image as another camera might see it, at another hour.

    Hue, saturation, brightness, gamma and white balance always change; dusk, blur, lost detail,
    JPEG, noise and grey come now and then.

    Args:
        image: uint8 (H, W, 3), RGB.
        rng: What is drawn from.
    """
    levels = np.arange(256, dtype=np.float32)
    hue = (levels + rng.uniform(-8, 8)) % 180
    saturation, value = (
        np.clip(levels * rng.uniform(*ends), 0, 255) for ends in ((0.4, 1.6), (0.6, 1.4))
    )
    table = np.stack([hue, saturation, value], -1).astype(np.uint8)[None]
    image = _u8(
        cv2.cvtColor(cv2.LUT(cv2.cvtColor(image, cv2.COLOR_RGB2HSV), table), cv2.COLOR_HSV2RGB)
    )
    is_dusk = rng.random() < 0.08
    gamma = rng.uniform(1.3, 1.9) if is_dusk else rng.uniform(0.7, 1.4)
    gain = rng.uniform(0.88, 1.12, 3) * (rng.uniform(0.6, 1.0) if is_dusk else 1.0)
    curve = 255 * (levels[:, None] / 255) ** gamma * gain
    image = _u8(cv2.LUT(image, np.clip(curve, 0, 255).astype(np.uint8)[None]))
    if rng.random() < 0.2:
        image = _u8(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.6)))
    if rng.random() < 0.15:
        image = _coarse(image, rng.uniform(0.4, 0.8))
    if is_dusk or rng.random() < 0.15:
        noise = rng.normal(0, rng.uniform(2, 9), image.shape).astype(np.int16)
        image = _u8(cv2.add(image, noise, dtype=cv2.CV_8U))
    if rng.random() < 0.2:
        coded = encode_image(image, suffix=".jpg", quality=int(rng.integers(25, 86)))
        image = decode_image(coded, name="a JPEG")
    if rng.random() < 0.04:
        image = _u8(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB))
    return image


def _window(
    size: tuple[int, int], rng: np.random.Generator, *, bars: float
) -> tuple[int, int, int, int]:
    height, width = size
    if rng.random() >= bars:
        return 0, height, 0, width
    if rng.random() < 0.6:
        bar = int(rng.integers(1, max(int(height * _MAX_BAR), 1) + 1))
        return bar, height - bar, 0, width
    bar = int(rng.integers(1, max(int(width * _MAX_BAR), 1) + 1))
    return 0, height, bar, width - bar


def _offset(room: float, length: float, rng: np.random.Generator) -> float:
    """Return where a length begins in a room that it fills, or lies in, as far as it can."""
    return float(rng.uniform(min(0.0, room - length), max(0.0, room - length)))


def _warped(pixels: NDArray[Number], placement: Placement, how: int, fill: int) -> NDArray[Number]:
    height, width = placement.size
    warped = cv2.warpAffine(
        pixels, placement.matrix, (width, height), flags=how, borderValue=(fill,) * 3
    )
    top, bottom, left, right = placement.window
    warped[:top], warped[bottom:], warped[:, :left], warped[:, right:] = fill, fill, fill, fill
    return np.asarray(warped, dtype=pixels.dtype)


def _coarse(image: Image, gain: float) -> Image:
    height, width = image.shape[:2]
    small = cv2.resize(image, None, fx=gain, fy=gain, interpolation=cv2.INTER_AREA)
    return _u8(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def _u8(image: object) -> Image:
    return np.asarray(image, dtype=np.uint8)
