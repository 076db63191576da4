"""Tiles of a class for its contact sheet, spread over sizes and cities."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from urban_segmentor.datasets.explore.sample_views import percent, resize_image
from urban_segmentor.errors import DatasetError
from urban_segmentor.reports.montage import Tile
from urban_segmentor.visualization.palette import lighten

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.datasets.samples import Sample
    from urban_segmentor.datasets.segments import Segments
    from urban_segmentor.structures.cityscapes_labels import CityscapesLabel
    from urban_segmentor.structures.frame import Image
    from urban_segmentor.structures.masks import Crop

THING_TILE, STUFF_TILE = (292, 292), (190, 380)
"""Height and width of a tile, pixels."""

_MARGIN = 0.35  # of an object's longer side, as margin on each side
_MIN_CROP_PX = 24  # image pixels; smaller crops are unrecognizable
_MIN_AREA_PX, _SIZE_STEP = 256, 4  # areas below are one bin; the next begin at four times it
_SHARE = 0.3  # minimum fraction of a class in a pixel of a tile
_MAX_CANDIDATES = 3  # per class, size and city


class TileCandidate(NamedTuple):
    """A candidate tile of a class.

    Attributes:
        split: Split of its frame.
        stem: Stem of its frame.
        class_id: Position in the class set.
        number: Index of the segment in the frame; -1 for the whole frame.
        area_px: Area of the object, or of a class of stuff in the frame, label pixels.
    """

    split: str
    stem: str
    class_id: int
    number: int
    area_px: int

    @property
    def city(self) -> str:
        """City of its frame."""
        return self.stem.partition("_")[0]


def tile_candidates(
    frame: Sample, segments: Segments, *, classes: DatasetClasses
) -> list[TileCandidate]:
    """Return the candidate tiles of a frame: one per object, and one per class of stuff.

    Args:
        frame: The frame.
        segments: Its segments, with class_ids int32 (N,).
        classes: The classes that `segments` counts in.
    """
    areas: list[int] = segments.masks.areas().tolist()
    class_ids: list[int] = segments.class_ids.tolist()
    crowds: list[bool] = segments.is_crowd.tolist()
    tiles: list[TileCandidate] = []
    stuff: Counter[int] = Counter()
    for number, (class_id, area, crowd) in enumerate(zip(class_ids, areas, crowds, strict=True)):
        if not classes.labels[class_id].is_thing:
            stuff[class_id] += area
        elif not crowd:
            tiles.append(TileCandidate(frame.split, frame.stem, class_id, number, area))
    tiles += [
        TileCandidate(frame.split, frame.stem, class_id, -1, area)
        for class_id, area in stuff.items()
    ]
    return tiles


class TileSampler:
    """Samples candidates by class, size and city, independent of their order.

    Args:
        seed: Seed of the sampling.
    """

    def __init__(self, *, seed: int) -> None:
        self._seed = seed
        self._kept: dict[tuple[int, int, str], list[tuple[bytes, TileCandidate]]] = defaultdict(
            list
        )
        self._offered: Counter[int] = Counter()

    def add(self, tiles: Iterable[TileCandidate]) -> None:
        """Add candidates."""
        for candidate in tiles:
            self._offered[candidate.class_id] += 1
            size = int(math.log(max(candidate.area_px, _MIN_AREA_PX), _SIZE_STEP))
            kept = self._kept[candidate.class_id, size, candidate.city]
            kept.append((self._tie_break(candidate), candidate))
            kept.sort()
            del kept[_MAX_CANDIDATES:]

    def offered(self, class_id: int) -> int:
        """Return the number of candidates of a class."""
        return self._offered[class_id]

    def chosen(self, class_id: int, *, count: int) -> list[TileCandidate]:
        """Return sampled candidates of a class, largest first.

        Args:
            class_id: Position in the class set.
            count: Maximum number.
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
        return sorted(
            picked, key=lambda candidate: (-candidate.area_px, candidate.stem, candidate.number)
        )

    def _tie_break(self, candidate: TileCandidate) -> bytes:
        """Return a hash that orders equal candidates, by the seed alone."""
        parts = (candidate.split, candidate.stem, candidate.class_id, candidate.number)
        text = "/".join(str(part) for part in (self._seed, *parts))
        return hashlib.blake2b(text.encode(), digest_size=8).digest()


def draw_tile(frame: Sample, candidate: TileCandidate, *, classes: DatasetClasses) -> Tile:
    """Return the tile of a candidate, uint8 (H, W, 3), RGB, with a caption.

    Args:
        frame: The frame that it is in.
        candidate: An object, shown with its surroundings, or a class of stuff in the frame.
        classes: The class set of the candidate.

    Raises:
        DatasetError: The image or the labels cannot be read, or have changed.
    """
    label = classes.labels[candidate.class_id]
    image = frame.image()
    if candidate.number < 0:
        return _stuff_tile(frame, image, candidate, label, classes)
    segments = frame.segments(classes)
    if candidate.number >= len(segments):
        raise DatasetError(f"the labels of `{frame.stem}` have changed", hint="run it again")
    crop = segments.masks.crops[candidate.number]
    origin: list[int] = segments.masks.origins[candidate.number].tolist()
    x, y, width, height = _crop_window(crop, origin, segments.masks.image_size, image.shape[:2])
    zoom = min(THING_TILE[1] / width, THING_TILE[0] / height)
    size = (max(round(height * zoom), 1), max(round(width * zoom), 1))
    tile = resize_image(image[y : y + height, x : x + width], size)
    gains = np.divide(segments.masks.image_size, image.shape[:2])[::-1]
    step = gains * (width, height) / size[::-1]  # label pixels for each pixel of the tile
    corner = gains * (x, y) - origin + step / 2 - 0.5  # middle of the tile's first pixel
    mask = cv2.warpAffine(
        crop.view(np.uint8),
        np.column_stack([np.diag(step), corner]),
        size[::-1],
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
    ).view(np.bool_)
    caption = f"{crop.shape[1]} x {crop.shape[0]}  {frame.stem}"
    return Tile(_draw_outline(tile, mask, label), caption)


def _stuff_tile(
    frame: Sample,
    image: Image,
    candidate: TileCandidate,
    label: CityscapesLabel,
    classes: DatasetClasses,
) -> Tile:
    gain = min(STUFF_TILE[1] / image.shape[1], STUFF_TILE[0] / image.shape[0])
    height, width = (max(round(side * gain), 1) for side in image.shape[:2])
    small = resize_image(image, (height, width))
    segments = frame.segments(classes)
    mine = segments.masks.select(np.flatnonzero(segments.class_ids == candidate.class_id))
    whole = mine.coverage().view(np.uint8)
    shares = cv2.resize(255 * whole, (width, height), interpolation=cv2.INTER_AREA)
    covered = np.asarray(shares) >= min(_SHARE * 255, shares.max())  # thin poles shall be seen
    tinted = small.copy()
    tinted[covered] = 0.5 * small[covered] + 0.5 * np.array(label.color)
    caption = f"{percent(candidate.area_px, whole.size)}  {frame.stem}"
    return Tile(_draw_outline(tinted, covered, label), caption)


def _crop_window(
    crop: Crop,
    origin: Sequence[int],
    labels: tuple[int, int],
    image: tuple[int, ...],
) -> tuple[int, int, int, int]:
    """Return x, y, width and height of the crop around an object, image pixels."""
    gains = np.divide(image[:2], labels)[::-1]
    sides = np.array(crop.shape[::-1]) * gains
    middle = origin * gains + sides / 2
    side = max(float(sides.max()) * (1 + 2 * _MARGIN), _MIN_CROP_PX)
    limits = np.array(image[1::-1])
    sizes = np.minimum(round(side), limits)
    first = np.clip(np.rint(middle - sizes / 2), 0, limits - sizes).astype(int)
    x, y = first.tolist()
    width, height = sizes.tolist()
    return x, y, width, height


def _draw_outline(tile: Image, mask: NDArray[np.bool_], label: CityscapesLabel) -> Image:
    """Return a tile with the outline of a mask, bool (h, w): a bright line on a dark one."""
    contours, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    drawn = np.ascontiguousarray(tile)
    cv2.drawContours(drawn, contours, -1, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.drawContours(drawn, contours, -1, lighten(label.color, 0.7), 1, cv2.LINE_AA)
    return drawn
