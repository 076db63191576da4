"""A Cityscapes folder converted into a data set for training: in parallel, and resumable.

Each frame is finished when its record is there, so that a run that was stopped, however that came
about, goes on where it was.
"""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from urban_segmentor.datasets.cityscapes.layout import missing_part, name_of
from urban_segmentor.datasets.convert.convert import convert
from urban_segmentor.datasets.convert.output_folder import check_apart, open_target, settings_of
from urban_segmentor.datasets.convert.splits import write_split, write_yaml
from urban_segmentor.datasets.convert.summary import ConversionSummary, report_of
from urban_segmentor.datasets.parallel import in_parallel
from urban_segmentor.errors import DatasetError, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from urban_segmentor.datasets.cityscapes.layout import CityscapesFrame, Layout
    from urban_segmentor.datasets.convert.convert import ConversionOptions

_DUMMY_SPLIT = "test"  # its labels are withheld, those in the archive are empty


def default_splits(layout: Layout) -> tuple[str, ...]:
    """Return the splits that have labels: `train` and `val` where there are such.

    Args:
        layout: What the Cityscapes folder has.

    Raises:
        DatasetError: No split has any.
    """
    found = {one.split for one in layout.samples if one.polygons is not None} - {_DUMMY_SPLIT}
    if not found:
        raise DatasetError(
            f"`{layout.root}` has no polygons but those of the split `{_DUMMY_SPLIT}`, which are "
            "dummies",
            hint=f"urban-segmentor data check {layout.root}",
        )
    known = [split for split in ("train", "val") if split in found]
    return (*known, *sorted(found.difference(known)))


def prepare(  # noqa: PLR0913
    layout: Layout,
    how: ConversionOptions,
    *,
    splits: Sequence[str],
    overwrite: bool = False,
    workers: int | None = None,
    stop: Callable[[], bool] = lambda: False,
    on_start: Callable[[int], None] = lambda _frames: None,
    on_frame: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Convert a data set, and return the report, which `finish` then writes.

    Args:
        layout: What the Cityscapes folder has.
        how: What is wanted, and where.
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
    check_apart(layout.root, how.out)
    samples = [sample for split in dict.fromkeys(splits) for sample in layout.of_split(split)]
    summary = ConversionSummary()
    whole = list(_whole(samples, summary))
    if not whole:
        raise DatasetError(
            f"none of {len(samples)} frames in `{layout.root}` has both polygons and a picture",
            hint=f"urban-segmentor data check {layout.root}",
        )
    settings = settings_of(layout, how, splits)
    with open_target(how, settings, overwrite=overwrite):
        waiting = [sample for sample in whole if not _is_done(how, sample)]
        summary.resumed = len(whole) - len(waiting)
        on_start(len(waiting))
        reasons: dict[CityscapesFrame, str] = {}
        attempt = partial(_attempt, how)
        for sample, reason in in_parallel(attempt, waiting, workers=workers, stop=stop):
            if reason is not None:
                reasons[sample] = reason
            on_frame()
        done = [sample for sample in whole if _is_done(how, sample)]
        summary.left_out = len(samples) - len(done)
        summary.interrupted = stop() and summary.left_out > 0
        if summary.interrupted:
            summary.images.update(sample.split for sample in done)
        else:
            _check_done(how, whole, done, reasons)
            _put_together(how, settings, done, summary)
    texts = [f"`{name_of(sample)}` is left out: {reason}" for sample, reason in reasons.items()]
    summary.problems = sorted([*texts, *summary.problems])
    return report_of(summary, settings, seconds=time.monotonic() - started_s)


def _check_done(
    how: ConversionOptions,
    whole: Sequence[CityscapesFrame],
    done: Sequence[CityscapesFrame],
    reasons: dict[CityscapesFrame, str],
) -> None:
    """Check that something was done, and that what was done is there."""
    gone = set(whole).difference(done, reasons)
    if gone:
        first = min(name_of(sample) for sample in gone)
        raise OutputError(
            f"{len(gone)} frames that were written to `{how.out}` are gone, first: `{first}`; "
            "something else changes that folder"
        )
    if not done:
        raise DatasetError(
            f"none of {len(whole)} frames could be converted; {min(reasons.values())}",
            hint="find out more with: urban-segmentor data check",
        )


def _put_together(
    how: ConversionOptions,
    settings: dict[str, Any],
    done: Sequence[CityscapesFrame],
    summary: ConversionSummary,
) -> None:
    """Write the files over all frames that are done, and add them to the summary."""
    for split in settings["splits"]:
        records = _records(how, [one for one in done if one.split == split], summary)
        write_split(how, split, records)
    if how.format == "yolo":
        write_yaml(how, settings["splits"])
    summary.sort_classes(how.classes.names)


def _whole(
    samples: Sequence[CityscapesFrame], summary: ConversionSummary
) -> Iterator[CityscapesFrame]:
    """Yield the frames that can be converted, and note why others cannot."""
    known: dict[tuple[str, str], CityscapesFrame] = {}
    for sample in samples:
        where = name_of(sample)
        namesake = known.setdefault((sample.split, sample.stem), sample)
        if lacking := missing_part(sample):
            summary.problems.append(f"`{where}` is left out: it {lacking}")
        elif namesake is not sample:
            other = name_of(namesake)
            text = f"`{where}` is left out: its results would take the place of those of `{other}`"
            summary.problems.append(text)
        else:
            yield sample


def _attempt(how: ConversionOptions, sample: CityscapesFrame) -> str | None:
    """Convert a frame; return why it cannot be read, or None."""
    try:
        convert(sample, how)
    except DatasetError as error:
        return str(error)
    return None


def _is_done(how: ConversionOptions, sample: CityscapesFrame) -> bool:
    try:
        return how.record(sample).stat().st_size > 0
    except OSError:
        return False


def _records(
    how: ConversionOptions, samples: Sequence[CityscapesFrame], summary: ConversionSummary
) -> Iterator[dict[str, Any]]:
    """Yield what became of frames, one at a time, and add it to the summary."""
    for sample in samples:
        record = json.loads(how.record(sample).read_bytes())
        summary.add(record["report"])
        yield record
