"""A data set looked at as a whole: figures, plots, a sheet of pictures for each class, a page."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from urban_segmentor import __version__
from urban_segmentor.datasets.explore.contact_sheet import (
    STUFF_TILE,
    THING_TILE,
    TileCandidate,
    TileSampler,
    candidates,
    draw_tile,
)
from urban_segmentor.datasets.explore.statistics import (
    PLOTS,
    FrameCount,
    Statistics,
    count_frame,
    plots,
)
from urban_segmentor.datasets.images import png_size
from urban_segmentor.datasets.parallel import in_parallel
from urban_segmentor.errors import DatasetError, SettingError
from urban_segmentor.io.atomic import check_free, write_atomically
from urban_segmentor.reports import html as page
from urban_segmentor.reports.montage import Tile, contact_sheet, jpeg_bytes
from urban_segmentor.reports.plots import new_figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from urban_segmentor.datasets.class_set import ClassSet
    from urban_segmentor.datasets.samples import Sample, SampleSet

PER_SHEET = 24
"""Pictures on a sheet, at most."""

PAGE, FIGURES = "overview.html", "statistics.json"

_KINDS = {
    "cityscapes": "Cityscapes polygons",
    "yolo": "YOLO labels",
    "coco": "COCO annotations",
    "panoptic": "Panoptic labels",
}
_MEANING = {
    "frames": "How many frames show a class.",
    "objects": "How many single objects of a thing, and connected regions of stuff, there are.",
    "groups": "Regions of several objects that nobody told apart.",
    "pixels": "How much of all pixels a class covers, groups included.",
    "sizes": "How large objects and regions are; bins of a factor of four.",
    "things": "How many of the things of a class are smaller than an area.",
}


@dataclass(slots=True, kw_only=True)
class Overview:
    """What was found and written.

    Attributes:
        statistics: The figures.
        folder: Where the files are.
        written: The files, in the order of the page; the page last.
        problems: Frames that were left out, and why, one sentence each.
    """

    statistics: Statistics
    folder: Path
    written: list[Path] = field(default_factory=list["Path"])
    problems: list[str] = field(default_factory=list[str])


class _Seen(NamedTuple):
    counted: FrameCount
    found: list[TileCandidate]


class _Wanted(NamedTuple):
    frame: Sample
    one: TileCandidate
    place: int


class _Writer:
    """Puts files into the folder, and remembers the pictures for the page."""

    def __init__(self, overview: Overview, *, overwrite: bool) -> None:
        self.overview = overview
        self.plots: list[page.HtmlImage] = []
        self.sheets: dict[int, page.HtmlImage] = {}
        self._overwrite = overwrite

    def file(self, name: str, data: bytes) -> None:
        path = self.overview.folder / name
        write_atomically(path, data, overwrite=self._overwrite)
        self.overview.written.append(path)

    def plot(self, name: str, data: bytes) -> None:
        self.file(_plot_name(name), data)
        shown = page.HtmlImage(_plot_name(name), _MEANING[name], png_size(data) or (0, 0))
        self.plots.append(shown)

    def sheet(self, class_id: int, tiles: Sequence[Tile], *, offered: int) -> None:
        label = self.overview.statistics.classes.labels[class_id]
        what = "objects" if label.is_thing else "frames"
        title = f"{label.name}: {len(tiles)} of {offered:,} {what}"
        size, columns = (THING_TILE, 6) if label.is_thing else (STUFF_TILE, 4)
        image = contact_sheet(tiles, title=title, columns=columns, tile_size=size)
        self.file(_sheet_name(label.name), jpeg_bytes(image))
        size_px = (image.shape[0], image.shape[1])
        self.sheets[class_id] = page.HtmlImage(_sheet_name(label.name), title, size_px)


def sampled(frames: Sequence[Sample], *, limit: int | None, seed: int) -> tuple[Sample, ...]:
    """Return some of the frames, the same for a seed, in their order.

    Args:
        frames: All of them.
        limit: How many; None for all.
        seed: Another number, other frames.

    Raises:
        SettingError: The limit is not positive.
    """
    if limit is not None and limit < 1:
        raise SettingError(f"`limit` is {limit}, expected at least 1", hint="--limit 100")
    if limit is None or limit >= len(frames):
        return tuple(frames)
    kept = random.Random(seed).sample(range(len(frames)), limit)  # noqa: S311 - no secret
    return tuple(frames[i] for i in sorted(kept))


def write_overview(  # noqa: PLR0913
    frame_set: SampleSet,
    frames: Sequence[Sample],
    folder: Path,
    *,
    classes: ClassSet,
    seed: int = 0,
    overwrite: bool = False,
    workers: int | None = None,
    on_start: Callable[[str, int], None] = lambda _what, _many: None,
    on_step: Callable[[], None] = lambda: None,
) -> Overview:
    """Count what frames have of each class, and write plots, sheets and a page about it.

    Frames that cannot be read are left out and named in the result.

    Args:
        frame_set: Where the frames come from.
        frames: Those to look at.
        folder: Where to.
        classes: The classes wanted.
        seed: Decides which pictures are shown, and nothing else.
        overwrite: True when files that are there may be replaced.
        workers: How many processes; None for one a core.
        on_start: Called with what is done next, and how many steps that takes.
        on_step: Called after each step.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: A file is there already, the disk is full, or the like.
        DatasetError: No frame can be read.
    """
    new_figure(1, 1)  # whoever lacks the library hears so now, not after minutes
    targets = [PAGE, FIGURES, *map(_plot_name, PLOTS), *map(_sheet_name, classes.names)]
    for name in targets:
        check_free(folder / name, overwrite=overwrite)
    overview = Overview(statistics=Statistics(classes=classes), folder=folder)
    choice = TileSampler(seed=seed)
    on_start("looking", len(frames))
    for frame, seen in in_parallel(partial(_look, classes), frames, workers=workers):
        if isinstance(seen, str):
            overview.problems.append(seen)
        else:
            overview.statistics.add(frame.split, seen.counted)
            choice.offer(seen.found)
        on_step()
    if not overview.statistics.splits:
        reason = overview.problems[0] if overview.problems else "there are none"
        raise DatasetError(
            f"none of {len(frames)} frames in `{frame_set.root}` can be read: {reason}",
            hint=f"urban-segmentor data check {frame_set.root}",
        )
    writer = _Writer(overview, overwrite=overwrite)
    for name, data in plots(overview.statistics):
        writer.plot(name, data)
    wanted = _wanted(frames, choice, classes)
    on_start("drawing", len(wanted))
    for class_id, tiles in _tiles(wanted, classes, overview, workers=workers, on_step=on_step):
        writer.sheet(class_id, tiles, offered=choice.offered(class_id))
    about = _about(frame_set, overview.statistics, seed=seed)
    writer.file(FIGURES, json.dumps(about, indent=2).encode("ascii"))
    writer.file(PAGE, _page(frame_set, writer).encode("utf-8"))
    return overview


def _look(classes: ClassSet, frame: Sample) -> _Seen | str:
    """Return what a frame has; or why it cannot be read."""
    try:
        segments = frame.segments(classes)
    except DatasetError as error:
        return str(error)
    found = candidates(frame, segments, classes=classes)
    return _Seen(count_frame(segments, classes=classes), found)


def _wanted(frames: Sequence[Sample], choice: TileSampler, classes: ClassSet) -> list[_Wanted]:
    """Return what is to be drawn, class by class."""
    by_name = {(frame.split, frame.stem): frame for frame in frames}
    return [
        _Wanted(by_name[one.split, one.stem], one, place)
        for class_id in range(len(classes.labels))
        for place, one in enumerate(choice.chosen(class_id, count=PER_SHEET))
    ]


def _tiles(
    wanted: Sequence[_Wanted],
    classes: ClassSet,
    overview: Overview,
    *,
    workers: int | None,
    on_step: Callable[[], None],
) -> Iterator[tuple[int, list[Tile]]]:
    """Yield the pictures of each class; only those of classes that are being drawn are held."""
    many = Counter(item.one.class_id for item in wanted)
    drawn: dict[int, dict[int, Tile | str]] = {}
    for item, tile in in_parallel(partial(_draw, classes), wanted, workers=workers):
        class_id = item.one.class_id
        mine = drawn.setdefault(class_id, {})
        mine[item.place] = tile
        if len(mine) == many[class_id]:
            in_order = [tile for _, tile in sorted(drawn.pop(class_id).items())]
            overview.problems += dict.fromkeys(tile for tile in in_order if isinstance(tile, str))
            if tiles := [tile for tile in in_order if isinstance(tile, Tile)]:
                yield class_id, tiles
        on_step()


def _draw(classes: ClassSet, item: _Wanted) -> Tile | str:
    """Return a picture; or why it cannot be drawn."""
    try:
        return draw_tile(item.frame, item.one, classes=classes)
    except DatasetError as error:
        return str(error)


def _about(frame_set: SampleSet, statistics: Statistics, *, seed: int) -> dict[str, Any]:
    return {
        "folder": str(frame_set.root),
        "labels": frame_set.kind,
        "seed": seed,
        "version": __version__,
        **statistics.as_json(),
    }


def _page(frame_set: SampleSet, writer: _Writer) -> str:
    overview = writer.overview
    splits = sorted(overview.statistics.splits.items())
    frames = ", ".join(f"{count.frames:,} frames of {name}" for name, count in splits)
    parts = [
        page.paragraph(f"{_KINDS[frame_set.kind]} in {frame_set.root}: {frames}."),
        page.heading("How much there is"),
        page.images(writer.plots),
        *_tables(overview.statistics),
        page.heading("What it looks like"),
        page.paragraph("Spread over sizes and cities; sizes are in pixels of the labels."),
        page.images(shown for _, shown in sorted(writer.sheets.items())),
    ]
    if overview.problems:
        parts += [page.heading("Left out"), page.bullets(overview.problems)]
    footer = f"Made by Urban Segmentor {__version__}. The pictures are under the data's own terms."
    return page.html_page("What the data set has", *parts, footer=footer)


def _tables(statistics: Statistics) -> Iterator[page.Html]:
    headings = ("class", "frames", "frames, %", "objects", "groups", "pixels, %")
    for split, count in sorted(statistics.splits.items()):
        objects = count.objects.tolist()
        rows = [
            (
                label.name,
                int(count.with_class[i]),
                f"{100 * count.with_class[i] / count.frames:.1f}",
                objects[i],
                int(count.groups[i]),
                f"{100 * count.of_class[i] / count.pixels:.3f}",
            )
            for i, label in enumerate(statistics.classes.labels)
        ]
        yield page.heading(split)
        yield page.table(headings, rows)


def _plot_name(name: str) -> str:
    return f"plot_{name}.png"


def _sheet_name(class_name: str) -> str:
    return f"class_{class_name.replace(' ', '_')}.jpg"
