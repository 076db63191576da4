"""Class statistics of a data set: per frame, per split, and as plots."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from urban_segmentor.reports.plots import bars_png, heat_map_png, lines_png

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.datasets.segments import Segments

SIZE_EDGES_PX = tuple(4**power for power in range(12))
"""Areas at which the bins of the size distribution begin, pixels; the last has no end."""

_FINE_EDGES_PX = 2.0 ** (np.arange(49) / 2)  # for lines: two steps for each doubling


class FrameCount(NamedTuple):
    """Counts of a frame for N classes.

    Attributes:
        pixels: Of the labels, all in all.
        of_class: int64 (N,), pixels of each class, groups included.
        groups: int64 (N,), regions of several objects that nobody told apart.
        class_ids: int32 (M,), the class of each object or region of stuff.
        areas: int64 (M,), their pixels.
    """

    pixels: int
    of_class: NDArray[np.int64]
    groups: NDArray[np.int64]
    class_ids: NDArray[np.int32]
    areas: NDArray[np.int64]


def count_frame(segments: Segments, *, classes: DatasetClasses) -> FrameCount:
    """Return the counts of a frame for each class.

    Args:
        segments: What is to be seen in it, with class_ids int32 (N,).
        classes: The classes that `segments` counts in.
    """
    many = len(classes.labels)
    areas = segments.masks.areas()
    ids, crowd = segments.class_ids, segments.is_crowd
    height, width = segments.masks.image_size
    return FrameCount(
        pixels=height * width,
        of_class=np.bincount(ids, weights=areas, minlength=many).astype(np.int64),
        groups=np.bincount(ids[crowd], minlength=many).astype(np.int64),
        class_ids=ids[~crowd],
        areas=areas[~crowd],
    )


@dataclass(slots=True, eq=False)
class SplitCount:
    """The sum over the frames of a split.

    Attributes:
        many: N, how many classes there are.
        frames: How many frames.
        pixels: Of their labels, all in all.
        with_class: int64 (N,), frames that show each class.
        of_class: int64 (N,), pixels of each class.
        groups: int64 (N,), regions of several objects.
        fine: int64 (N, S), objects and regions by area, in bins that begin at the powers of the
            square root of two.
    """

    many: int
    frames: int = 0
    pixels: int = 0
    with_class: NDArray[np.int64] = field(init=False)
    of_class: NDArray[np.int64] = field(init=False)
    groups: NDArray[np.int64] = field(init=False)
    fine: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with nothing."""
        self.with_class, self.of_class, self.groups = np.zeros((3, self.many), dtype=np.int64)
        self.fine = np.zeros((self.many, len(_FINE_EDGES_PX)), dtype=np.int64)

    def add(self, frame: FrameCount) -> None:
        """Add one frame."""
        self.frames += 1
        self.pixels += frame.pixels
        self.of_class += frame.of_class
        self.groups += frame.groups
        self.with_class += frame.of_class > 0
        bins = np.searchsorted(_FINE_EDGES_PX, frame.areas, side="right") - 1
        np.add.at(self.fine, (frame.class_ids, bins), 1)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Objects and regions in the bins of `SIZE_EDGES_PX`, int64 (N, B)."""
        first = np.searchsorted(_FINE_EDGES_PX, SIZE_EDGES_PX)
        return np.add.reduceat(self.fine, first, axis=1)

    @property
    def objects(self) -> NDArray[np.int64]:
        """Objects and regions of each class, int64 (N,)."""
        return self.fine.sum(axis=1)


@dataclass(slots=True, kw_only=True)
class Statistics:
    """Class counts of a data set, by split.

    Attributes:
        classes: The classes.
        splits: The sum over each split that has frames.
    """

    classes: DatasetClasses
    splits: dict[str, SplitCount] = field(default_factory=dict[str, SplitCount])

    def add(self, split: str, frame: FrameCount) -> None:
        """Add one frame."""
        many = len(self.classes.labels)
        self.splits.setdefault(split, SplitCount(many)).add(frame)

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain values; shares are fractions."""
        splits = {name: self._split_json(self.splits[name]) for name in sorted(self.splits)}
        return {"size_edges_px": list(SIZE_EDGES_PX), "splits": splits}

    def _split_json(self, count: SplitCount) -> dict[str, Any]:
        return {
            "frames": count.frames,
            "pixels": count.pixels,
            "classes": {
                label.name: {
                    "is_thing": label.is_thing,
                    "frames": int(count.with_class[i]),
                    "frames_share": _ratio(count.with_class[i], count.frames),
                    "objects": int(count.objects[i]),
                    "groups": int(count.groups[i]),
                    "pixels": int(count.of_class[i]),
                    "pixels_share": _ratio(count.of_class[i], count.pixels),
                    "sizes": count.sizes[i].tolist(),
                }
                for i, label in enumerate(self.classes.labels)
            },
        }


PLOTS = ("frames", "objects", "groups", "pixels", "sizes", "things")
"""What `plots` draws, in this order; `groups` and `things` only where there are some."""


def plots(statistics: Statistics) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the PNG of each plot.

    Args:
        statistics: The figures.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    labels, counts = statistics.classes.labels, _by_split(statistics)
    bars = partial(bars_png, statistics.classes.names, colors=[label.color for label in labels])
    frames = {
        name: (100 * count.with_class / count.frames).tolist() for name, count in counts.items()
    }
    heading, unit = "Frames that show a class", "% of the frames"
    yield "frames", bars(frames, title=heading, unit=unit, number="{:.1f}".format)
    objects = {name: count.objects.tolist() for name, count in counts.items()}
    heading, unit = "Objects, and regions of stuff", "how many, powers of ten"
    yield "objects", bars(objects, title=heading, unit=unit, logarithmic=True)
    yield from _groups_plot(statistics)
    pixels = {
        name: (100 * count.of_class / count.pixels).tolist() for name, count in counts.items()
    }
    heading, unit = "Pixels of a class", "% of all pixels, powers of ten"
    number = "{:.3g}".format
    yield "pixels", bars(pixels, title=heading, unit=unit, logarithmic=True, number=number)
    yield "sizes", _sizes_plot(statistics)
    yield from _things_plot(statistics)


def _by_split(statistics: Statistics) -> dict[str, SplitCount]:
    """Return the counts of each split with its number of frames, the largest split first."""
    ranked = sorted(statistics.splits.items(), key=lambda item: (-item[1].frames, item[0]))
    return {f"{name}, {count.frames:,} frames": count for name, count in ranked}


def _groups_plot(statistics: Statistics) -> Iterator[tuple[str, bytes]]:
    counts = _by_split(statistics)
    found = [
        i
        for i, label in enumerate(statistics.classes.labels)
        if label.is_thing and any(count.groups[i] for count in counts.values())
    ]
    if found:
        yield (
            "groups",
            bars_png(
                [statistics.classes.names[i] for i in found],
                {name: count.groups[found].tolist() for name, count in counts.items()},
                colors=[statistics.classes.labels[i].color for i in found],
                title="Groups: objects that nobody told apart",
                unit="regions",
            ),
        )


def _sizes_plot(statistics: Statistics) -> bytes:
    sizes = sum(
        (count.sizes for count in statistics.splits.values()),
        start=np.zeros((len(statistics.classes.labels), len(SIZE_EDGES_PX)), dtype=np.int64),
    )
    used = max(np.flatnonzero(sizes.any(axis=0)), default=0) + 1
    whole = sizes.sum(axis=1, keepdims=True)
    shares = np.divide(sizes, whole, out=np.full(sizes.shape, np.nan), where=whole > 0)
    return heat_map_png(
        shares[:, :used],
        rows=[f"{n}, {c:,}" for n, c in zip(statistics.classes.names, whole[:, 0], strict=True)],
        columns=[_short(edge) for edge in SIZE_EDGES_PX[:used]],
        title="Sizes of objects and regions, % of a class",
        across="area in pixels, from",
    )


def _things_plot(statistics: Statistics) -> Iterator[tuple[str, bytes]]:
    """Yield the plot of the cumulative distribution of object areas of each class of things."""
    curves: dict[str, NDArray[np.float64]] = {}
    for i, label in enumerate(statistics.classes.labels):
        fine = sum(count.fine[i] for count in statistics.splits.values())
        whole = int(np.sum(fine))
        if label.is_thing and whole:
            # What is below an edge is all that lies in the bins before it.
            below = np.concatenate([[0], np.cumsum(fine)[:-1]]) / whole
            curves[label.name] = 100 * below
    if curves:
        # Beyond, all lines are flat.
        every = np.stack(list(curves.values()))
        first = max(int(np.argmax((every > 0.5).any(axis=0))) - 1, 0)
        last = len(_FINE_EDGES_PX) - int(np.argmin((every[:, ::-1] == 100).all(axis=0))) + 1
        yield (
            "things",
            lines_png(
                {
                    name: (_FINE_EDGES_PX[first:last].tolist(), curve[first:last].tolist())
                    for name, curve in curves.items()
                },
                colors=[label.color for label in statistics.classes.labels if label.name in curves],
                title="Things smaller than an area",
                across="area in pixels",
                down="% of the objects of a class",
                logarithmic=True,
                limits=(0, 100),
            ),
        )


def _short(number: int) -> str:
    """Return a power of four as a short text.

    >>> [_short(number) for number in (256, 4096, 1048576)]
    ['256', '4k', '1M']
    """
    for unit, size in (("M", 2**20), ("k", 2**10)):
        if number >= size:
            return f"{number // size}{unit}"
    return str(number)


def _ratio(part: np.int64, whole: int) -> float:
    return round(int(part) / whole, 8) if whole else 0.0
