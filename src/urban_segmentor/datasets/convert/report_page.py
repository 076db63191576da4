"""The report of a conversion as a page, with pictures of what was written, read back."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from urban_segmentor import __version__
from urban_segmentor.datasets.convert.frame_report import (
    GOOD_IOU,
    LARGE_PX,
    empty_class_count,
)
from urban_segmentor.datasets.convert.options import WORK
from urban_segmentor.datasets.convert.output_folder import PAGE
from urban_segmentor.datasets.explore.sample_views import draw_labels, resize_image
from urban_segmentor.datasets.open_dataset import open_dataset
from urban_segmentor.errors import DatasetError
from urban_segmentor.io.atomic import write_atomically
from urban_segmentor.reports import html as page
from urban_segmentor.reports.montage import jpeg_bytes
from urban_segmentor.structures.cityscapes_labels import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from urban_segmentor.datasets.convert.frame_report import ClassCount, FrameReport
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
_GROUPS = {
    "yolo": "left out, and listed under ignored: neither right nor wrong",
    "coco": "crowds",
    "panoptic": "crowds",
}


class _FrameCounts(NamedTuple):
    """What became of a frame, as far as it makes it worth seeing."""

    changed: int
    bridged: int
    clipped: int


def write_page(out: Path, report: Mapping[str, Any]) -> Path:
    """Write `report.html` and its pictures into a folder that was converted; return its path.

    Frames are picked by what the records of the conversion say of them. They are gone once it is
    finished; then all frames are picked at random.

    Args:
        out: The folder; its labels and pictures are there.
        report: What `report.json` says, as of `make_report`; what is missing is left out.

    Raises:
        DatasetError: The labels that were written cannot be read back.
        OutputError: The disk is full or the like.
    """
    frame_set = open_dataset(out)
    parts = [
        page.paragraph(_introduction(report)),
        page.table((), list(_summary_rows(report, kind=frame_set.kind))),
        *_class_section(report),
        *_round_trip_section(report),
    ]
    for split in sorted({frame.split for frame in frame_set.frames}):
        frames = frame_set.within(split).frames
        parts += _split_section(out, split, frames, frame_set.classes)
    if problems := report.get("problems"):
        parts += [page.heading("What could not be read"), page.bullets(map(str, problems))]
    for key, title in (("settings", "Settings"), ("versions", "Versions")):
        if entries := report.get(key):
            rows = [
                (name.replace("_", " "), _setting_text(value)) for name, value in entries.items()
            ]
            parts += [page.heading(title), page.table((), rows)]
    footer = (
        f"Made by Urban Segmentor {__version__}. Cityscapes is for non-commercial use, and its "
        "pictures must not be passed on; neither must this page."
    )
    text = page.html_page("Cityscapes, converted", *parts, footer=footer)
    write_atomically(out / PAGE, text.encode("utf-8"), overwrite=True)
    return out / PAGE


def _introduction(report: Mapping[str, Any]) -> str:
    images: Mapping[str, int] = report.get("images", {})
    frames = ", ".join(f"{count:,} of {split}" for split, count in images.items())
    text = f"{sum(images.values()):,} pictures were converted: {frames or 'none'}."
    if resumed := report.get("resumed"):
        text += f" {resumed:,} of them had been done by an earlier run."
    if seconds := report.get("seconds"):
        text += f" It took {seconds:,.1f} seconds."
    if left_out := report.get("left_out"):
        text += f" {left_out:,} are left out, as something is missing or cannot be read."
    return text


def _summary_rows(report: Mapping[str, Any], *, kind: str) -> Iterator[tuple[str, int, str]]:
    """Yield the rows of the table at the top: what, how many, what that means."""
    total = empty_class_count()
    counts: Mapping[str, ClassCount] = report.get("classes", {})
    for count in counts.values():
        for key in total:
            total[key] += count[key]
    if report.get("settings", {}).get("labels_as_original"):
        yield "polygons", report.get("polygons", 0), "read, each with what others hide of it"
        yield "outside", report.get("clipped", 0), "reach out of the picture, and are left so"
        yield "segments", total["segments"], "polygons written"
        return
    yield "polygons", report.get("polygons", 0), "drawn, later ones over earlier ones"
    yield "clipped", report.get("clipped", 0), "reach out of the picture and were cut off there"
    yield "deleted", report.get("deleted", 0), "are marked as deleted and were not drawn"
    yield "hidden", report.get("hidden", 0), "objects of which later ones leave nothing to be seen"
    yield "segments", total["segments"], "objects and regions written"
    yield "groups", total["groups"], f"regions of several objects: {_GROUPS.get(kind, 'crowds')}"
    if kind == "yolo":
        yield "bridged", total["bridged"], "segments whose parts or holes hang on bridges"
        yield (
            "lost",
            total["lost"],
            _share("pixels that the polygons no longer cover", total, "lost"),
        )
        text = "pixels that only the polygons cover, mostly under bridges"
        yield "added", total["added"], _share(text, total, "added")


def _share(text: str, total: ClassCount, key: str) -> str:
    if not total["pixels"]:
        return text
    return f"{text}, {100 * cast('int', total[key]) / total['pixels']:.4f} %"


def _class_section(report: Mapping[str, Any]) -> Iterator[page.Html]:
    """Yield bars of how many segments a class has, and a table of all counts."""
    counts: Mapping[str, ClassCount] = report.get("classes", {})
    if not counts:
        return
    rows = [
        page.HtmlBar(name, count["segments"], f"{count['segments']:,}", BY_NAME[name].color)
        for name, count in counts.items()
        if name in BY_NAME
    ]
    yield page.heading("Objects and regions of each class")
    yield page.bars(rows)
    if report.get("settings", {}).get("labels_as_original"):  # pixels are not measured then
        return
    headings = ("class", "segments", "groups", "bridged", "pixels", "lost", "added", "changed, %")
    keys = ("segments", "groups", "bridged", "pixels", "lost", "added")
    table: list[Sequence[object]] = []
    for name, count in counts.items():
        changed = count["lost"] + count["added"]
        percent = f"{100 * changed / max(count['pixels'], 1):.4f}"
        table.append((name, *(count[key] for key in keys), percent))
    yield page.heading("In figures")
    yield page.table(headings, table)


def _round_trip_section(report: Mapping[str, Any]) -> Iterator[page.Html]:
    """Yield how well polygons give the masks back, where there are polygons."""
    trips = report.get("round_trip", {})
    sizes = (("large", f"over {LARGE_PX:,} pixels"), ("small", "smaller"))
    rows = [
        (
            text,
            trip["segments"],
            f"{trip['mean_iou']:.6f}",
            f"{trip['lowest_iou']:.4f}",
            trip[f"below_{GOOD_IOU}"],
        )
        for key, text in sizes
        if (trip := trips.get(key)) and trip["segments"]
    ]
    if rows:
        yield page.heading("Masks, polygons, and back")
        yield page.paragraph(
            "Each polygon was filled as training fills it, and compared with the mask that it was "
            "made of: IoU is the share of the pixels of both that they have in common."
        )
        headings = ("segments", "how many", "mean IoU", "lowest IoU", f"below {GOOD_IOU}")
        yield page.table(headings, rows)


def _split_section(
    out: Path, split: str, frames: Sequence[Sample], classes: DatasetClasses
) -> Iterator[page.Html]:
    """Yield some pictures of a split, with the labels that were written drawn over them."""
    shown: list[page.HtmlImage] = []
    problems: list[str] = []
    for frame, why in _pick_frames(out, split, frames):
        try:
            image = draw_labels(frame, classes=classes)
        except DatasetError as error:
            problems.append(str(error))
            continue
        height, width = image.shape[:2]
        gain = min(_WIDTH_PX / width, 1)
        size = max(round(height * gain), 1), max(round(width * gain), 1)
        path = f"{IMAGES}/{split}_{frame.stem}.jpg"
        data = jpeg_bytes(resize_image(image, size), quality=_QUALITY)
        write_atomically(out / path, data, overwrite=True)
        shown.append(page.HtmlImage(path, f"{frame.stem}: {why}", size))
    yield page.heading(f"Labels of {split}, read back")
    yield page.images(shown)
    if problems:
        yield page.bullets(problems)


def _pick_frames(out: Path, split: str, frames: Sequence[Sample]) -> list[tuple[Sample, str]]:
    """Return the frames that are shown, each with the reason."""
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


def _setting_text(value: object) -> str:
    """Return a value of a setting as a reader would write it."""
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in cast("Sequence[object]", value)) or "none"
    if value is None:
        return "as it is"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
