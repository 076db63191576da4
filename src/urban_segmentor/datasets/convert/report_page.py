"""The report of a conversion as a page, with pictures of what was written, read back."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from urban_segmentor.datasets.convert.frame_report import (
    GOOD_IOU,
    LARGE_PX,
    ClassCount,
    add_counts,
    empty_class_count,
)
from urban_segmentor.datasets.convert.options import WORK
from urban_segmentor.datasets.convert.output_folder import PAGE
from urban_segmentor.datasets.explore.sample_views import draw_labels, resize_image
from urban_segmentor.datasets.open_dataset import open_dataset
from urban_segmentor.errors import DatasetError
from urban_segmentor.io.image_codec import encode_image
from urban_segmentor.reports.pages import PageBar, PageFolder, PageImage
from urban_segmentor.reports.tables import ReportTable
from urban_segmentor.structures.cityscapes_labels import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from urban_segmentor.datasets.convert.frame_report import FrameReport
    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.datasets.samples import Sample

IMAGES = "report"
"""Folder of the page's pictures, beside it."""

_RANDOM_FRAMES = 3
_WIDTH_PX, _QUALITY = 960, 85
_PICK_REASONS = {
    "changed": "most pixels changed by the polygons",
    "bridged": "most segments joined by bridges",
    "clipped": "most polygons that reach out of the picture",
}
_COUNTS = ("segments", "groups", "bridged", "pixels", "lost", "added")


class _FrameCounts(NamedTuple):
    """What became of a frame, as far as it makes it worth seeing."""

    changed: int
    bridged: int
    clipped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShownSplit:
    """Some pictures of a split, and why others cannot be shown."""

    images: list[PageImage] = field(default_factory=list[PageImage])
    problems: list[str] = field(default_factory=list[str])


def write_page(out: Path, report: Mapping[str, Any]) -> Path:
    """Write `report.html` and its pictures into a folder that was converted; return its path.

    Frames are picked by what the records of the conversion say of them. They are gone once it is
    finished; then all frames are picked at random.

    Args:
        out: The folder; its labels and pictures are there.
        report: What `report.json` says, as of `make_report`.

    Raises:
        DatasetError: The labels that were written cannot be read back.
        MissingExtraError: jinja2 is not installed.
        OutputError: The disk is full or the like.
    """
    frame_set = open_dataset(out)
    counts: Mapping[str, ClassCount] = report["classes"]
    total: dict[str, ClassCount] = {}
    for count in counts.values():
        add_counts(total, {"all": count})
    folder = PageFolder(out, overwrite=True)
    splits = {
        split: _shown_split(folder, out, frame_set.within(split).frames, frame_set.classes)
        for split in sorted({frame.split for frame in frame_set.frames})
    }
    round_trip = list(_round_trip_tables(report["round_trip"]))
    # Pixels are not measured where the original's faults are wanted.
    classes = [] if report["settings"]["labels_as_original"] else list(_class_tables(counts))
    return folder.page(
        PAGE,
        "conversion.html",
        title="Cityscapes, converted",
        report=report,
        kind=frame_set.kind,
        total=total.get("all", empty_class_count()),
        bars=[
            PageBar(name, count["segments"], BY_NAME[name].color)
            for name, count in counts.items()
            if name in BY_NAME
        ],
        tables=[*classes, *round_trip],
        has_round_trip=bool(round_trip),
        splits=splits,
    )


def _class_tables(counts: Mapping[str, ClassCount]) -> Iterator[ReportTable]:
    """Yield a table of all counts of each class, where there are some."""
    rows = [
        (
            name,
            *(f"{count[key]:,}" for key in _COUNTS),
            f"{100 * (count['lost'] + count['added']) / max(count['pixels'], 1):.4f}",
        )
        for name, count in counts.items()
    ]
    if rows:
        yield ReportTable(title="In figures", head=("class", *_COUNTS, "changed, %"), rows=rows)


def _round_trip_tables(trips: Mapping[str, Mapping[str, Any]]) -> Iterator[ReportTable]:
    """Yield how well polygons give the masks back, where there are polygons."""
    sizes = (("large", f"over {LARGE_PX:,} pixels"), ("small", "smaller"))
    rows = [
        (
            text,
            f"{trip['segments']:,}",
            f"{trip['mean_iou']:.6f}",
            f"{trip['lowest_iou']:.4f}",
            f"{trip[f'below_{GOOD_IOU}']:,}",
        )
        for key, text in sizes
        if (trip := trips[key])["segments"]
    ]
    head = ("segments", "how many", "mean IoU", "lowest IoU", f"below {GOOD_IOU}")
    if rows:
        yield ReportTable(title="Masks, polygons, and back", head=head, rows=rows)


def _shown_split(
    folder: PageFolder, out: Path, frames: Sequence[Sample], classes: DatasetClasses
) -> _ShownSplit:
    """Write some pictures of a split, with the labels that were written drawn over them."""
    shown = _ShownSplit()
    for frame, why in _pick_frames(out, frames):
        try:
            image = draw_labels(frame, classes=classes)
        except DatasetError as error:
            shown.problems.append(str(error))
            continue
        height, width = image.shape[:2]
        gain = min(_WIDTH_PX / width, 1)
        small = resize_image(image, (max(round(height * gain), 1), max(round(width * gain), 1)))
        data = encode_image(small, suffix=".jpg", quality=_QUALITY)
        name = f"{IMAGES}/{frame.split}_{frame.stem}.jpg"
        shown.images.append(folder.image(name, data, caption=f"{frame.stem}: {why}"))
    return shown


def _pick_frames(out: Path, frames: Sequence[Sample]) -> list[tuple[Sample, str]]:
    """Return the frames of a split that are shown, each with the reason."""
    split = frames[0].split
    figures = _figures(out, split)
    picked: dict[str, str] = {}
    for key, why in _PICK_REASONS.items():
        rest = [frame.stem for frame in frames if frame.stem in figures.keys() - picked.keys()]
        best = max(rest, key=lambda stem: getattr(figures[stem], key), default=None)
        if best is not None and (value := getattr(figures[best], key)):
            picked[best] = f"{why}, {value:,}"
    rest = [frame.stem for frame in frames if frame.stem not in picked]
    rng = random.Random(split)  # noqa: S311 - no secret
    picked |= dict.fromkeys(rng.sample(rest, min(_RANDOM_FRAMES, len(rest))), "at random")
    by_stem = {frame.stem: frame for frame in frames}
    return [(by_stem[stem], why) for stem, why in picked.items()]


def _figures(out: Path, split: str) -> dict[str, _FrameCounts]:
    """Return what the records of an unfinished conversion say of each frame."""
    labeled: dict[str, _FrameCounts] = {}
    for path in sorted((out / WORK / split).glob("*.json")):
        report: FrameReport = json.loads(path.read_bytes())["report"]
        counts = report["classes"].values()
        labeled[report["stem"]] = _FrameCounts(
            changed=sum(count["lost"] + count["added"] for count in counts),
            bridged=sum(count["bridged"] for count in counts),
            clipped=report["clipped"],
        )
    return labeled
