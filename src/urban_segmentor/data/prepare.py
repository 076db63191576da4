"""A Cityscapes folder converted into a data set for training: in parallel, and resumable.

Each frame is finished when its record is there, so that a run that was stopped goes on where it
was. The report is written last; a folder that has one is complete.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from urban_segmentor.data.coco import write_coco
from urban_segmentor.data.convert import WORK, Conversion, convert, panoptic_folder
from urban_segmentor.data.frame_report import (
    ClassCount,
    FrameReport,
    RoundTrip,
    add_counts,
    add_round_trip,
    no_round_trip,
)
from urban_segmentor.data.layout import LABELS, Layout, Sample
from urban_segmentor.data.panoptic import categories
from urban_segmentor.data.parallel import in_parallel
from urban_segmentor.errors import DatasetError, OutputError
from urban_segmentor.io.atomic import output_errors, write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

REPORT = "report.json"
_MADE = ("images", "labels", "ignored", "annotations", LABELS, WORK)


@dataclass(slots=True, kw_only=True)
class Summary:
    """What a conversion did.

    Attributes:
        images: Frames written, by split.
        resumed: How many of them an earlier run had done.
        polygons: Polygons drawn.
        clipped: Polygons that reach out of the picture, cut off there.
        deleted: Polygons marked as deleted, not drawn.
        hidden: Objects of which nothing is to be seen under later ones.
        classes: Counts by class name, in the order of the class set.
        large: Round trip through YOLO polygons of segments over 1,000 pixels.
        small: Round trip of the others.
        problems: What is missing or could not be read, one sentence each.
    """

    images: Counter[str] = field(default_factory=Counter[str])
    resumed: int = 0
    polygons: int = 0
    clipped: int = 0
    deleted: int = 0
    hidden: int = 0
    classes: dict[str, ClassCount] = field(default_factory=dict[str, "ClassCount"])
    large: RoundTrip = field(default_factory=no_round_trip)
    small: RoundTrip = field(default_factory=no_round_trip)
    problems: list[str] = field(default_factory=list[str])

    def add(self, report: FrameReport) -> None:
        """Add one frame."""
        self.images[report["split"]] += 1
        self.polygons += report["polygons"]
        self.clipped += report["clipped"]
        self.deleted += report["deleted"]
        self.hidden += report["hidden"]
        add_counts(self.classes, report["classes"])
        add_round_trip(self.large, report["large"])
        add_round_trip(self.small, report["small"])
        self.problems += report["problems"]


def prepare(  # noqa: PLR0913
    layout: Layout,
    how: Conversion,
    *,
    splits: Sequence[str],
    overwrite: bool = False,
    workers: int | None = None,
    on_start: Callable[[int], None] = lambda _frames: None,
    on_frame: Callable[[], None] = lambda: None,
) -> Summary:
    """Convert a data set, and return what was done.

    Args:
        layout: What the Cityscapes folder has.
        how: What is wanted, and where.
        splits: Which splits.
        overwrite: True to make a complete data set anew that this function made before.
        workers: How many processes; None for one a core.
        on_start: Called with how many frames there are to do.
        on_frame: Called after each frame.

    Raises:
        OutputError: There is something else in the folder, or it cannot be written.
        SettingError: There is no such split.
        DatasetError: No frame has both polygons and a picture.
    """
    samples = [sample for split in splits for sample in layout.of_split(split)]
    whole = [one for one in samples if one.polygons is not None and one.picture is not None]
    if not whole:
        raise DatasetError(
            f"none of {len(samples)} frames in `{layout.root}` has both polygons and a picture",
            hint=f"urban-segmentor data check {layout.root}",
        )
    _open(layout, how, splits, overwrite=overwrite)
    summary = Summary()
    summary.problems += [_missing(one) for one in samples if one not in set(whole)]
    waiting = [sample for sample in whole if not how.record(sample).is_file()]
    summary.resumed = len(whole) - len(waiting)
    on_start(len(waiting))
    broken: dict[str, str] = {}
    for sample, reason in in_parallel(partial(_attempt, how), waiting, workers=workers):
        if reason is not None:
            broken[sample.stem] = reason
        on_frame()
    done = [sample for sample in whole if sample.stem not in broken]
    for sample in done:
        summary.add(_record(how, sample)["report"])
    summary.problems += broken.values()
    names = how.classes.names
    ranked = sorted(summary.classes.items(), key=lambda item: names.index(item[0]))
    summary.classes = dict(ranked)
    for split in splits:
        _write_split(how, split, [sample for sample in done if sample.split == split])
    if how.format == "yolo":
        _write_yaml(how, splits)
    return summary


def finish(how: Conversion, report: dict[str, Any], *, complete: bool) -> None:
    """Write the report, and tidy up when all frames are done.

    Args:
        how: The conversion.
        report: What `report.json` says.
        complete: False to keep the records, so that the next run does only what is missing.

    Raises:
        OutputError: It cannot be written.
    """
    if complete:
        data = json.dumps(report, indent=2).encode("ascii")
        write_atomically(how.out / REPORT, data, overwrite=True)
        with output_errors(how.out):
            shutil.rmtree(how.out / WORK)


def _open(layout: Layout, how: Conversion, splits: Sequence[str], *, overwrite: bool) -> None:
    """Make the folder, or find what an earlier run left there; refuse what is not ours."""
    settings = _settings(layout, how, splits)
    state = how.out / WORK / "settings.json"
    with output_errors(how.out):
        if how.out.exists() and not how.out.is_dir():
            raise OutputError(f"`{how.out}` is a file", hint="choose another folder")
        content = {path.name for path in how.out.iterdir()} if how.out.is_dir() else set[str]()
        ours = not content or REPORT in content or state.is_file()
        if not ours:
            raise OutputError(
                f"`{how.out}` has something else in it: {', '.join(sorted(content)[:5])}",
                hint="choose an empty or new folder",
            )
        if overwrite:
            _clear(how.out)
        elif REPORT in content:
            raise OutputError(
                f"`{how.out}` is complete already",
                hint="add --overwrite to make it anew, or choose another folder",
            )
        elif state.is_file() and json.loads(state.read_bytes()) != settings:
            raise OutputError(
                f"`{how.out}` was begun with other settings",
                hint="repeat the former command to go on with it, or add --overwrite",
            )
    write_atomically(state, json.dumps(settings).encode("ascii"), overwrite=True)


def _settings(layout: Layout, how: Conversion, splits: Sequence[str]) -> dict[str, Any]:
    return {
        "source": str(layout.root.resolve()),
        "splits": list(splits),
        "format": how.format,
        "classes": list(how.classes.names),
        "stuff": how.stuff,
        "as_original": how.as_original,
        "ground_truth": list(how.ground_truth),
        "pictures": how.placement,
        "imgsz": list(how.imgsz) if isinstance(how.imgsz, tuple) else how.imgsz,
    }


def _clear(out: Path) -> None:
    """Remove what a conversion made, and nothing else."""
    made = [out / name for name in (*_MADE, REPORT, "report.html", "cityscapes.yaml")]
    made += sorted(out.glob("cityscapes_panoptic_*"))
    for path in made:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _missing(sample: Sample) -> str:
    what = "picture" if sample.picture is None else "polygons file"
    return f"`{sample.split}/{sample.city}/{sample.stem}` has no {what}"


def _attempt(how: Conversion, sample: Sample) -> str | None:
    """Convert a frame; return why it cannot be read, or None."""
    try:
        convert(sample, how)
    except DatasetError as error:
        return str(error)
    return None


def _record(how: Conversion, sample: Sample) -> dict[str, Any]:
    return json.loads(how.record(sample).read_bytes())


def _write_split(how: Conversion, split: str, samples: Sequence[Sample]) -> None:
    """Write the file over a split where the format has one."""
    if how.format == "coco":
        path = how.out / "annotations" / f"instances_{split}.json"
        records = (_record(how, sample) for sample in samples)
        frames = ((record["image"], record["annotations"]) for record in records)
        write_coco(path, frames, classes=how.classes, overwrite=True)
    elif how.format == "panoptic":
        _write_panoptic_split(how, split, samples)


def _write_panoptic_split(how: Conversion, split: str, samples: Sequence[Sample]) -> None:
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for sample in samples:
        record = _record(how, sample)
        images.append({"id": sample.stem, **record["image"]})
        entry = {
            "image_id": sample.stem,
            "file_name": f"{sample.stem}_gtFine_panoptic.png",
            "segments_info": record["segments_info"],
        }
        annotations.append(entry)
    content = {
        "images": images,
        "annotations": annotations,
        "categories": categories(how.classes),
    }
    path = how.out / f"{panoptic_folder(split)}.json"
    write_atomically(path, json.dumps(content).encode("ascii"), overwrite=True)


def _write_yaml(how: Conversion, splits: Sequence[str]) -> None:
    """Write the file that Ultralytics takes as `data`; it looks beside it for the pictures."""
    lines = [f"{split}: images/{split}" for split in splits]
    if "val" not in splits:  # Ultralytics insists on one
        lines.append(f"val: images/{splits[-1]}")
    lines.append("names:")
    lines += [f"  {i}: {json.dumps(name)}" for i, name in enumerate(how.classes.names)]
    data = ("\n".join(lines) + "\n").encode("ascii")
    write_atomically(how.out / "cityscapes.yaml", data, overwrite=True)
