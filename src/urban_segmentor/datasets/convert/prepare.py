"""Conversion of a Cityscapes folder into a training data set: parallel and resumable.

Each frame is finished when its record is there, so that a run that was stopped, however that came
about, goes on where it was.
"""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from urban_segmentor.datasets.convert.convert_frame import convert_frame
from urban_segmentor.datasets.convert.output_folder import (
    check_separate,
    conversion_settings,
    open_output_folder,
)
from urban_segmentor.datasets.convert.split_files import write_split, write_yaml
from urban_segmentor.datasets.convert.summary import ConversionSummary, make_report
from urban_segmentor.datasets.parallel import in_parallel
from urban_segmentor.errors import DatasetError, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from urban_segmentor.datasets.cityscapes.frame import CityscapesFrame
    from urban_segmentor.datasets.cityscapes.layout import Layout
    from urban_segmentor.datasets.convert.options import ConversionOptions

_DUMMY_SPLIT = "test"  # its labels are withheld, those in the archive are empty


def default_splits(layout: Layout) -> tuple[str, ...]:
    """Return the splits that have labels: `train` and `val` where there are such.

    Args:
        layout: What the Cityscapes folder has.

    Raises:
        DatasetError: No split has any.
    """
    labeled = {frame.split for frame in layout.frames if frame.polygons is not None} - {
        _DUMMY_SPLIT
    }
    if not labeled:
        raise DatasetError(
            f"`{layout.root}` has no polygons but those of the split `{_DUMMY_SPLIT}`, which are "
            "dummies",
            hint=f"urban-segmentor data check {layout.root}",
        )
    known = [split for split in ("train", "val") if split in labeled]
    return (*known, *sorted(labeled.difference(known)))


def prepare(  # noqa: PLR0913
    layout: Layout,
    options: ConversionOptions,
    *,
    splits: Sequence[str],
    overwrite: bool = False,
    workers: int | None = None,
    stop: Callable[[], bool] = lambda: False,
    on_start: Callable[[int], None] = lambda _frames: None,
    on_frame: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Convert a data set, and return the report, which `finish_conversion` then writes.

    Args:
        layout: What the Cityscapes folder has.
        options: Options of the conversion.
        splits: Which splits.
        overwrite: True to make a data set anew that this function made before.
        workers: How many processes; None for one a core.
        stop: True to end early; the next run goes on.
        on_start: Called with how many frames there are to do.
        on_frame: Called after each frame.

    Raises:
        OutputError: There is something else in the folder, or it cannot be written.
        SettingError: There is no such split, or the folders lie in each other.
        DatasetError: No frame has both polygons and a picture.
        WorkerError: A process died.
    """
    started_s = time.monotonic()
    check_separate(layout.root, options.out)
    frames = [frame for split in dict.fromkeys(splits) for frame in layout.of_split(split)]
    summary = ConversionSummary()
    convertible = list(_convertible(frames, summary))
    if not convertible:
        raise DatasetError(
            f"none of {len(frames)} frames in `{layout.root}` has both polygons and a picture",
            hint=f"urban-segmentor data check {layout.root}",
        )
    settings = conversion_settings(layout, options, splits)
    with open_output_folder(options, settings, overwrite=overwrite):
        waiting = [frame for frame in convertible if not _is_done(options, frame)]
        summary.resumed = len(convertible) - len(waiting)
        on_start(len(waiting))
        reasons: dict[CityscapesFrame, str] = {}
        convert_one = partial(_try_convert, options)
        for frame, reason in in_parallel(convert_one, waiting, workers=workers, stop=stop):
            if reason is not None:
                reasons[frame] = reason
            on_frame()
        done = [frame for frame in convertible if _is_done(options, frame)]
        summary.skipped = len(frames) - len(done)
        summary.interrupted = stop() and summary.skipped > 0
        if summary.interrupted:
            summary.images.update(frame.split for frame in done)
        else:
            _check_done(options, convertible, done, reasons)
            _write_splits(options, settings, done, summary)
    texts = [f"`{frame.name}` is left out: {reason}" for frame, reason in reasons.items()]
    summary.problems = sorted([*texts, *summary.problems])
    return make_report(summary, settings, seconds=time.monotonic() - started_s)


def _check_done(
    options: ConversionOptions,
    convertible: Sequence[CityscapesFrame],
    done: Sequence[CityscapesFrame],
    reasons: dict[CityscapesFrame, str],
) -> None:
    """Check that frames were converted, and that their records exist."""
    gone = set(convertible).difference(done, reasons)
    if gone:
        first = min(frame.name for frame in gone)
        raise OutputError(
            f"{len(gone)} frames that were written to `{options.out}` are gone, first: `{first}`; "
            "something else changes that folder"
        )
    if not done:
        raise DatasetError(
            f"none of {len(convertible)} frames could be converted; {min(reasons.values())}",
            hint="find out more with: urban-segmentor data check",
        )


def _write_splits(
    options: ConversionOptions,
    settings: dict[str, Any],
    done: Sequence[CityscapesFrame],
    summary: ConversionSummary,
) -> None:
    """Write the file of each split, and add its frames to the summary."""
    for split in settings["splits"]:
        records = _records(options, [frame for frame in done if frame.split == split], summary)
        write_split(options, split, records)
    if options.format == "yolo":
        write_yaml(options, settings["splits"])
    summary.sort_classes(options.classes.names)


def _convertible(
    frames: Sequence[CityscapesFrame], summary: ConversionSummary
) -> Iterator[CityscapesFrame]:
    """Yield the frames that can be converted, and add problems of others to the summary."""
    known: dict[tuple[str, str], CityscapesFrame] = {}
    for frame in frames:
        label = frame.name
        namesake = known.setdefault((frame.split, frame.stem), frame)
        if missing := frame.lacking:
            summary.problems.append(f"`{label}` is left out: it {missing}")
        elif namesake is not frame:
            other = namesake.name
            text = f"`{label}` is left out: its results would take the place of those of `{other}`"
            summary.problems.append(text)
        else:
            yield frame


def _try_convert(options: ConversionOptions, frame: CityscapesFrame) -> str | None:
    """Convert a frame, and return why it cannot be read, or None."""
    try:
        convert_frame(frame, options)
    except DatasetError as error:
        return str(error)
    return None


def _is_done(options: ConversionOptions, frame: CityscapesFrame) -> bool:
    try:
        return options.record(frame).stat().st_size > 0
    except OSError:
        return False


def _records(
    options: ConversionOptions, frames: Sequence[CityscapesFrame], summary: ConversionSummary
) -> Iterator[dict[str, Any]]:
    """Yield the records of frames, one at a time, and add them to the summary."""
    for frame in frames:
        record = json.loads(options.record(frame).read_bytes())
        summary.add(record["report"])
        yield record
