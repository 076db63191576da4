"""Small pictures of a class for a sheet, spread over sizes and cities."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from urban_segmentor.datasets.explore.viewer import percent, resized
from urban_segmentor.errors import DatasetError
from urban_segmentor.reports.montage import Tile
from urban_segmentor.visualization.palette import lighter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from urban_segmentor.datasets.cityscapes.segments import Segments
    from urban_segmentor.datasets.class_set import ClassSet
    from urban_segmentor.datasets.samples import Sample
    from urban_segmentor.structures.cityscapes_labels import Label
    from urban_segmentor.structures.frame import Image
    from urban_segmentor.structures.masks import Crop

THING_TILE, STUFF_TILE = (292, 292), (190, 380)
"""Height and width of the pictures on a sheet, pixels."""

_MARGIN = 0.35  # of an object's longer side is shown around it
_LEAST_CROP_PX = 24  # of the picture: less shows nothing that could be recognised
_LEAST_AREA_PX, _SIZE_STEP = 256, 4  # small ones are one bin; further ones begin at four times it
_SHARE = 0.3  # of a small picture's pixel shows a class for the pixel to count as it
_KEPT = 3  # candidates of each class, size and city


class TileCandidate(NamedTuple):
    """What may be shown of a class.

    Attributes:
        split: Of its frame.
        stem: Of its frame.
        class_id: Position in the class set.
        number: Which segment of the frame; -1 for the whole frame.
        area_px: Pixels of the object, or of all of a class of stuff; pixels of the labels.
    """

    split: str
    stem: str
    class_id: int
    number: int
    area_px: int

    @property
    def city(self) -> str:
        """The city it was seen in."""
        return self.stem.partition("_")[0]


def candidates(frame: Sample, segments: Segments, *, classes: ClassSet) -> list[TileCandidate]:
    """Return what a frame has to show: each thing alone, and itself for each class of stuff.

    Args:
        frame: The frame.
        segments: What is to be seen in it, with class_ids int32 (N,).
        classes: The classes that `segments` counts in.
    """
    areas: list[int] = segments.masks.areas().tolist()
    class_ids: list[int] = segments.class_ids.tolist()
    crowds: list[bool] = segments.is_crowd.tolist()
    found: list[TileCandidate] = []
    stuff: Counter[int] = Counter()
    for number, (class_id, area, crowd) in enumerate(zip(class_ids, areas, crowds, strict=True)):
        if not classes.labels[class_id].is_thing:
            stuff[class_id] += area
        elif not crowd:
            found.append(TileCandidate(frame.split, frame.stem, class_id, number, area))
    found += [TileCandidate(frame.split, frame.stem, *row) for row in _whole(stuff)]
    return found


class TileSampler:
    """Keeps a few candidates of each class, size and city, whatever order they come in.

    Args:
        seed: Another number, another choice.
    """

    def __init__(self, *, seed: int) -> None:
        self._seed = seed
        self._kept: dict[tuple[int, int, str], list[tuple[bytes, TileCandidate]]] = defaultdict(
            list
        )
        self._offered: Counter[int] = Counter()

    def offer(self, found: Iterable[TileCandidate]) -> None:
        """Take candidates into account."""
        for one in found:
            self._offered[one.class_id] += 1
            size = int(math.log(max(one.area_px, _LEAST_AREA_PX), _SIZE_STEP))
            kept = self._kept[one.class_id, size, one.city]
            kept.append((self._lot(one), one))
            kept.sort()
            del kept[_KEPT:]

    def offered(self, class_id: int) -> int:
        """Return how many candidates of a class there were."""
        return self._offered[class_id]

    def chosen(self, class_id: int, *, count: int) -> list[TileCandidate]:
        """Return candidates of a class, large ones first, spread over sizes and cities.

        Args:
            class_id: Position in the class set.
            count: How many at most.
        """
        by_size: dict[int, list[tuple[bytes, TileCandidate]]] = defaultdict(list)
        for (of_class, size, _), kept in sorted(self._kept.items()):
            if of_class == class_id:
                by_size[size] += kept
        picked: list[TileCandidate] = []
        cities: Counter[str] = Counter()
        while any(by_size.values()) and len(picked) < count:
            for waiting in by_size.values():
                if waiting and len(picked) < count:
                    best = min(waiting, key=lambda item: (cities[item[1].city], item[0]))
                    waiting.remove(best)
                    cities[best[1].city] += 1
                    picked.append(best[1])
        return sorted(picked, key=lambda one: (-one.area_px, one.stem, one.number))

    def _lot(self, one: TileCandidate) -> bytes:
        """Return what decides between equals: the same for a seed, on every machine."""
        text = f"{self._seed}/{one.split}/{one.stem}/{one.class_id}/{one.number}"
        return hashlib.blake2b(text.encode(), digest_size=8).digest()


def draw_tile(frame: Sample, one: TileCandidate, *, classes: ClassSet) -> Tile:
    """Return a candidate as a small picture, uint8 (H, W, 3), RGB, with a caption.

    Args:
        frame: The frame that it is in.
        one: What is shown: an object with what is around it, or the frame with a class of stuff.
        classes: The classes that it was found with.

    Raises:
        DatasetError: The picture or the labels cannot be read, or are others than before.
    """
    label = classes.labels[one.class_id]
    image = frame.image()
    if one.number < 0:
        return _stuff_tile(frame, image, one, label, classes)
    segments = frame.segments(classes)
    if one.number >= len(segments):
        raise DatasetError(f"the labels of `{frame.stem}` have changed", hint="run it again")
    crop = segments.masks.crops[one.number]
    origin: list[int] = segments.masks.origins[one.number].tolist()
    x, y, width, height = _window(crop, origin, segments.masks.image_size, image.shape[:2])
    zoom = min(THING_TILE[1] / width, THING_TILE[0] / height)
    size = (max(round(height * zoom), 1), max(round(width * zoom), 1))
    tile = resized(image[y : y + height, x : x + width], size)
    gains = np.divide(segments.masks.image_size, image.shape[:2])[::-1]
    step = gains * (width, height) / size[::-1]  # label pixels for each pixel of the tile
    corner = gains * (x, y) - origin
    mask = _sampled(crop, corner=corner, step=step, size=size)
    caption = f"{crop.shape[1]} x {crop.shape[0]}  {frame.stem}"
    return Tile(_outlined(tile, mask, label), caption)


def _stuff_tile(
    frame: Sample, image: Image, one: TileCandidate, label: Label, classes: ClassSet
) -> Tile:
    gain = min(STUFF_TILE[1] / image.shape[1], STUFF_TILE[0] / image.shape[0])
    height, width = (max(round(side * gain), 1) for side in image.shape[:2])
    small = resized(image, (height, width))
    segments = frame.segments(classes)
    whole = np.zeros(segments.masks.image_size, dtype=np.uint8)
    mine = segments.masks.select(np.flatnonzero(segments.class_ids == one.class_id))
    for crop, (x, y) in zip(mine.crops, mine.origins.tolist(), strict=True):
        whole[y : y + crop.shape[0], x : x + crop.shape[1]] |= crop.view(np.uint8)
    shares = cv2.resize(255 * whole, (width, height), interpolation=cv2.INTER_AREA)
    covered = np.asarray(shares) >= min(_SHARE * 255, shares.max())  # thin poles shall be seen
    tinted = small.copy()
    tinted[covered] = 0.5 * small[covered] + 0.5 * np.array(label.color)
    caption = f"{percent(one.area_px, whole.size)}  {frame.stem}"
    return Tile(_outlined(tinted, covered, label), caption)


def _window(
    crop: Crop,
    origin: Sequence[int],
    labels: tuple[int, int],
    image: tuple[int, ...],
) -> tuple[int, int, int, int]:
    """Return x, y, width and height of the part of a picture around an object, pixels."""
    gains = np.divide(image[:2], labels)[::-1]
    sides = np.array(crop.shape[::-1]) * gains
    middle = origin * gains + sides / 2
    side = max(float(sides.max()) * (1 + 2 * _MARGIN), _LEAST_CROP_PX)
    limits = np.array(image[1::-1])
    sizes = np.minimum(round(side), limits)
    first = np.clip(np.rint(middle - sizes / 2), 0, limits - sizes).astype(int)
    x, y = first.tolist()
    width, height = sizes.tolist()
    return x, y, width, height


def _sampled(
    crop: Crop, *, corner: NDArray[np.float64], step: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.bool_]:
    """Return what of a mask lies under the pixels of a tile, bool (h, w).

    Args:
        crop: The mask inside its rectangle.
        corner: x and y of the tile's top-left corner in the crop, pixels of the crop.
        step: Pixels of the crop for each pixel of the tile, across and down.
        size: Height and width of the tile, pixels.
    """
    rows, cols = (
        np.floor(start + (np.arange(many) + 0.5) * pitch).astype(int)
        for start, many, pitch in zip(corner[::-1], size, step[::-1], strict=True)
    )
    inside = [(at >= 0) & (at < side) for at, side in zip((rows, cols), crop.shape, strict=True)]
    mask = np.zeros(size, dtype=np.bool_)
    mask[np.ix_(*inside)] = crop[np.ix_(rows[inside[0]], cols[inside[1]])]
    return mask


def _outlined(tile: Image, mask: NDArray[np.bool_], label: Label) -> Image:
    """Return a tile with the edge of a mask, bool (h, w): a bright line on a dark one."""
    contours, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    drawn = np.ascontiguousarray(tile)
    cv2.drawContours(drawn, contours, -1, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.drawContours(drawn, contours, -1, lighter(label.color, 0.7), 1, cv2.LINE_AA)
    return drawn


def _whole(stuff: Counter[int]) -> list[tuple[int, int, int]]:
    return [(class_id, -1, area) for class_id, area in stuff.items()]
