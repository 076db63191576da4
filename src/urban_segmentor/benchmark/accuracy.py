"""Measured accuracy of each candidate by the official metrics."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from urban_segmentor.benchmark.results import AccuracyFigures, BenchmarkRow
from urban_segmentor.errors import DatasetError, ModelError, check_libraries
from urban_segmentor.evaluation.validation.predictors import ModelPredictor
from urban_segmentor.evaluation.validation.summary import figures
from urban_segmentor.evaluation.validation.validate import validate
from urban_segmentor.inference.config import AP_CONF

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from urban_segmentor.benchmark.plan import BenchmarkCandidate
    from urban_segmentor.datasets.cityscapes.frame import CityscapesFrame


class _StoppedError(Exception):
    """The user stopped the measurement; never leaves this module."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyScores:
    """Benchmark rows with accuracy.

    Attributes:
        rows: The rows, in the given order.
        problems: Frames that could not be evaluated, one sentence each.
        interrupted: True when some rows have no accuracy because the user stopped.
    """

    rows: list[BenchmarkRow]
    problems: tuple[str, ...] = ()
    interrupted: bool = False


def check_scorable(frames: Sequence[CityscapesFrame]) -> None:
    """Check that frames can be evaluated, before anything is measured.

    Args:
        frames: Frames with ground truth.

    Raises:
        MissingExtraError: faster-coco-eval is not installed.
        DatasetError: No frame has readable ground truth.
    """
    check_libraries("faster_coco_eval", extra="eval")
    first: DatasetError | None = None
    for frame in frames:
        try:
            frame.instance_ids()
        except DatasetError as error:
            first = first or error
        else:
            return
    if first is not None:
        raise first


def measure_accuracy(
    rows: Sequence[BenchmarkRow],
    frames: Sequence[CityscapesFrame],
    *,
    on_candidate: Callable[[BenchmarkCandidate], None] = lambda _: None,
    on_frame: Callable[[], None] = lambda: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> AccuracyScores:
    """Return the rows, those with a speed with their accuracy.

    Args:
        rows: Rows of `measure_speed`.
        frames: Frames with ground truth.
        on_candidate: Called before each candidate.
        on_frame: Called after each frame.
        should_stop: Called after each frame; True ends the measurement.

    Raises:
        DatasetError: No frame could be evaluated.
    """
    done = list(rows)
    problems: dict[str, None] = {}
    for number, row in enumerate(rows):
        if row.candidate is None or row.speed is None:
            continue
        if should_stop():
            return AccuracyScores(rows=done, problems=tuple(problems), interrupted=True)
        on_candidate(row.candidate)

        def advance() -> None:
            on_frame()
            if should_stop():
                raise _StoppedError

        try:
            accuracy, metrics = _score(row.candidate, frames, advance)
        except _StoppedError:
            return AccuracyScores(rows=done, problems=tuple(problems), interrupted=True)
        except (ModelError, RuntimeError) as error:
            done[number] = replace(row, error=str(error).strip()[:300])
        else:
            done[number] = replace(row, accuracy=accuracy)
            problems |= dict.fromkeys(metrics)
    return AccuracyScores(rows=done, problems=tuple(problems))


def _score(
    candidate: BenchmarkCandidate, frames: Sequence[CityscapesFrame], on_frame: Callable[[], None]
) -> tuple[AccuracyFigures, list[str]]:
    """Return the accuracy of a candidate, and problems of frames."""
    segmenter = candidate.load(conf=AP_CONF, streams=os.cpu_count() or 1)
    result = validate(frames, ModelPredictor(segmenter), on_frame=on_frame)
    metrics = figures(result.evaluation)
    accuracy = AccuracyFigures(
        ap=metrics["ap"],
        ap50=metrics["ap50"],
        pq=metrics["pq"],
        miou=metrics["miou"],
        images=metrics["images"],
    )
    return accuracy, result.problems
