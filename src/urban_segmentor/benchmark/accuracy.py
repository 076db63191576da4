"""AccuracyFigures of each candidate by the official rules."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from urban_segmentor.benchmark.rows import AccuracyFigures, BenchmarkRow
from urban_segmentor.errors import (
    DatasetError,
    MissingExtraError,
    ModelError,
)
from urban_segmentor.evaluation.validation.ground_truth_files import read_truth
from urban_segmentor.evaluation.validation.predictors import ModelPredictor
from urban_segmentor.evaluation.validation.summary import figures
from urban_segmentor.evaluation.validation.validate import validate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from urban_segmentor.benchmark.plan import BenchmarkCandidate
    from urban_segmentor.datasets.cityscapes.layout import CityscapesFrame

CONF = 0.001  # that of `val`: AP wants weak instances too


class _StoppedError(Exception):
    """The user wants to stop; never leaves this module."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyScores:
    """Rows with accuracy.

    Attributes:
        rows: In the order in which they came.
        problems: What could not be scored, one sentence each.
        interrupted: True when some rows have no accuracy because the user stopped.
    """

    rows: list[BenchmarkRow]
    problems: tuple[str, ...] = ()
    interrupted: bool = False


def check_scorable(samples: Sequence[CityscapesFrame]) -> None:
    """Check that there is something to score with and to score, before the work.

    Args:
        samples: Frames that are to be scored.

    Raises:
        MissingExtraError: faster-coco-eval is not installed.
        DatasetError: No frame has labels that can be read.
    """
    if find_spec("faster_coco_eval") is None:
        raise MissingExtraError("faster_coco_eval", extra="eval")
    first: DatasetError | None = None
    for sample in samples:
        try:
            read_truth(sample)
        except DatasetError as error:
            first = first or error
        else:
            return
    if first is not None:
        raise first


def measure_accuracy(
    rows: Sequence[BenchmarkRow],
    samples: Sequence[CityscapesFrame],
    *,
    on_candidate: Callable[[BenchmarkCandidate], None] = lambda _: None,
    on_frame: Callable[[], None] = lambda: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> AccuracyScores:
    """Return the rows with the accuracy of each that has a speed.

    Args:
        rows: What was measured so far.
        samples: Frames with labels.
        on_candidate: Called before each candidate.
        on_frame: Called after each frame.
        should_stop: Asked after each frame.

    Raises:
        DatasetError: No frame could be scored.
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
            accuracy, found = _score(row.candidate, samples, advance)
        except _StoppedError:
            return AccuracyScores(rows=done, problems=tuple(problems), interrupted=True)
        except (ModelError, RuntimeError) as error:
            done[number] = replace(row, error=str(error).strip()[:300])
        else:
            done[number] = replace(row, accuracy=accuracy)
            problems |= dict.fromkeys(found)
    return AccuracyScores(rows=done, problems=tuple(problems))


def _score(
    candidate: BenchmarkCandidate, samples: Sequence[CityscapesFrame], on_frame: Callable[[], None]
) -> tuple[AccuracyFigures, list[str]]:
    """Return the figures of a candidate, and what could not be scored."""
    segmenter = candidate.load(conf=CONF, streams=os.cpu_count() or 1)
    outcome = validate(samples, ModelPredictor(segmenter), on_frame=on_frame)
    found = figures(outcome.evaluation)
    accuracy = AccuracyFigures(
        ap=found["ap"],
        ap50=found["ap50"],
        pq=found["pq"],
        miou=found["miou"],
        images=found["images"],
    )
    return accuracy, outcome.problems
