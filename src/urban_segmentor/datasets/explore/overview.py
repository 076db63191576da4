"""The overview of a data set: statistics, plots, a contact sheet per class, and a page."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from urban_segmentor import __version__
from urban_segmentor.datasets.explore.class_tiles import (
    STUFF_TILE,
    THING_TILE,
    TileCandidate,
    TileSampler,
    draw_tile,
    tile_candidates,
)
from urban_segmentor.datasets.explore.statistics import (
    PLOTS,
    FrameCount,
    Statistics,
    count_frame,
    plots,
)
from urban_segmentor.datasets.parallel import in_parallel
from urban_segmentor.errors import DatasetError, SettingError, check_libraries
from urban_segmentor.io.atomic import check_free
from urban_segmentor.io.image_codec import encode_image
from urban_segmentor.reports.montage import Tile, montage
from urban_segmentor.reports.pages import PageFolder, PageImage
from urban_segmentor.reports.tables import ReportTable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.datasets.samples import Sample, SampleSet

PER_SHEET = 24
"""Maximum number of tiles on a contact sheet."""

PAGE, FIGURES = "overview.html", "statistics.json"
_QUALITY = 90

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
    """Statistics and files of an overview.

    Attributes:
        statistics: The statistics.
        folder: Output folder.
        written: Paths of the files, in the order of the page; the page last.
        problems: Skipped frames, with the reason, one sentence each.
    """

    statistics: Statistics
    folder: Path
    written: list[Path] = field(default_factory=list["Path"])
    problems: list[str] = field(default_factory=list[str])


class _FrameResult(NamedTuple):
    counts: FrameCount
    candidates: list[TileCandidate]


class _SheetRequest(NamedTuple):
    """The tiles of a class, and of how many they were chosen."""

    class_id: int
    chosen: list[tuple[Sample, TileCandidate]]
    offered: int


class _Sheet(NamedTuple):
    """A contact sheet as JPEG, empty where nothing could be drawn, and why tiles are missing."""

    title: str
    data: bytes
    problems: list[str]


def sample_frames(frames: Sequence[Sample], *, limit: int | None, seed: int) -> tuple[Sample, ...]:
    """Return a random sample of frames, in their order.

    Args:
        frames: All of them.
        limit: Number of frames; None for all.
        seed: Seed of the sampling.

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
    classes: DatasetClasses,
    seed: int = 0,
    overwrite: bool = False,
    workers: int | None = None,
    on_start: Callable[[str, int], None] = lambda _what, _many: None,
    on_step: Callable[[], None] = lambda: None,
) -> Overview:
    """Return the overview of frames after writing its plots, contact sheets and page.

    Frames that cannot be read are skipped and listed in the result.

    Args:
        frame_set: The data set of the frames.
        frames: The frames to count.
        folder: Output folder.
        classes: The class set.
        seed: Seed of the sampling of tiles.
        overwrite: True when files that are there may be replaced.
        workers: Number of processes; None for one per core.
        on_start: Called with the name of each phase, and its number of steps.
        on_step: Called after each step.

    Raises:
        MissingExtraError: A library of the extra `data` is not installed.
        OutputError: A file is there already, the disk is full, or the like.
        DatasetError: No frame can be read.
    """
    check_libraries("matplotlib", "jinja2", extra="data")
    targets = [PAGE, FIGURES, *map(_plot_name, PLOTS), *_sheet_names(classes)]
    for name in targets:
        check_free(folder / name, overwrite=overwrite)
    overview = Overview(statistics=Statistics(classes=classes), folder=folder)
    sampler = TileSampler(seed=seed)
    on_start("looking", len(frames))
    for frame, result in in_parallel(partial(_analyze_frame, classes), frames, workers=workers):
        if isinstance(result, str):
            overview.problems.append(result)
        else:
            overview.statistics.add(frame.split, result.counts)
            sampler.add(result.candidates)
        on_step()
    if not overview.statistics.splits:
        reason = overview.problems[0] if overview.problems else "there are none"
        raise DatasetError(
            f"none of {len(frames)} frames in `{frame_set.root}` can be read: {reason}",
            hint=f"urban-segmentor data check {frame_set.root}",
        )
    out = PageFolder(folder, overwrite=overwrite)
    drawn = [
        out.image(_plot_name(name), data, caption=_MEANING[name])
        for name, data in plots(overview.statistics)
    ]
    requests = _sheet_requests(frames, sampler, classes)
    on_start("drawing", len(requests))
    sheets: dict[int, _Sheet] = {}
    for request, sheet in in_parallel(partial(_draw_sheet, classes), requests, workers=workers):
        sheets[request.class_id] = sheet
        on_step()
    names = _sheet_names(classes)
    shown: list[PageImage] = []
    for class_id, sheet in sorted(sheets.items()):
        overview.problems += sheet.problems
        if sheet.data:
            shown.append(out.image(names[class_id], sheet.data, caption=sheet.title))
    about = _about(frame_set, overview.statistics, seed=seed)
    out.file(FIGURES, json.dumps(about, indent=2).encode("ascii"))
    _write_page(out, frame_set, overview, drawn=drawn, sheets=shown)
    overview.written += out.written
    return overview


def _analyze_frame(classes: DatasetClasses, frame: Sample) -> _FrameResult | str:
    """Return counts and candidates of a frame, or the error text."""
    try:
        segments = frame.segments(classes)
    except DatasetError as error:
        return str(error)
    candidates = tile_candidates(frame, segments, classes=classes)
    return _FrameResult(count_frame(segments, classes=classes), candidates)


def _sheet_requests(
    frames: Sequence[Sample], sampler: TileSampler, classes: DatasetClasses
) -> list[_SheetRequest]:
    """Return the sheets to draw: one for each class that occurs."""
    by_name = {(frame.split, frame.stem): frame for frame in frames}
    requests: list[_SheetRequest] = []
    for class_id in range(len(classes.labels)):
        candidates = sampler.chosen(class_id, count=PER_SHEET)
        chosen = [(by_name[one.split, one.stem], one) for one in candidates]
        if chosen:
            requests.append(_SheetRequest(class_id, chosen, sampler.offered(class_id)))
    return requests


def _draw_sheet(classes: DatasetClasses, request: _SheetRequest) -> _Sheet:
    """Return the contact sheet of a class."""
    label = classes.labels[request.class_id]
    tiles: list[Tile] = []
    problems: dict[str, None] = {}
    for frame, candidate in request.chosen:
        try:
            tiles.append(draw_tile(frame, candidate, classes=classes))
        except DatasetError as error:
            problems[str(error)] = None
    unit = "objects" if label.is_thing else "frames"
    title = f"{label.name}: {len(tiles)} of {request.offered:,} {unit}"
    if not tiles:
        return _Sheet(title, b"", list(problems))
    cell, columns = (THING_TILE, 6) if label.is_thing else (STUFF_TILE, 4)
    image = montage(tiles, columns=columns, cell=cell, title=title)
    return _Sheet(title, encode_image(image, suffix=".jpg", quality=_QUALITY), list(problems))


def _about(frame_set: SampleSet, statistics: Statistics, *, seed: int) -> dict[str, Any]:
    return {
        "folder": str(frame_set.root),
        "labels": frame_set.kind,
        "seed": seed,
        "version": __version__,
        **statistics.as_json(),
    }


def _write_page(
    out: PageFolder,
    frame_set: SampleSet,
    overview: Overview,
    *,
    drawn: Sequence[PageImage],
    sheets: Sequence[PageImage],
) -> None:
    splits = sorted(overview.statistics.splits.items())
    out.page(
        PAGE,
        "overview.html",
        title="What the data set has",
        kind=_KINDS[frame_set.kind],
        folder=str(frame_set.root),
        frames=", ".join(f"{count.frames:,} frames of {name}" for name, count in splits),
        plots=drawn,
        tables=[_split_table(name, overview.statistics) for name, _ in splits],
        sheets=sheets,
        problems=overview.problems,
    )


def _split_table(split: str, statistics: Statistics) -> ReportTable:
    count, objects = statistics.splits[split], statistics.splits[split].objects.tolist()
    rows = [
        (
            label.name,
            f"{count.with_class[i]:,}",
            f"{100 * count.with_class[i] / count.frames:.1f}",
            f"{objects[i]:,}",
            f"{count.groups[i]:,}",
            f"{100 * count.of_class[i] / count.pixels:.3f}",
        )
        for i, label in enumerate(statistics.classes.labels)
    ]
    head = ("class", "frames", "frames, %", "objects", "groups", "pixels, %")
    return ReportTable(title=split, head=head, rows=rows)


def _plot_name(name: str) -> str:
    return f"plot_{name}.png"


def _sheet_names(classes: DatasetClasses) -> list[str]:
    """Return the file of each class; names that are no names of files get others."""
    safe = [re.sub(r"[^\w.-]", "_", name)[:100] for name in classes.names]
    many = Counter(name.casefold() for name in safe)
    return [
        f"class_{name}{'' if many[name.casefold()] == 1 else f'_{i}'}.jpg"
        for i, name in enumerate(safe)
    ]
