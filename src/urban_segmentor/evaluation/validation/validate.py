"""Predictions of a split scored against its ground truth, frame by frame, in several threads."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from urban_segmentor.errors import DatasetError, PredictionError
from urban_segmentor.evaluation.validation.scoring import CityscapesRules, ScoredFrame, ScoringRules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from urban_segmentor.datasets.samples import Sample
    from urban_segmentor.evaluation.metrics.evaluator import Evaluation
    from urban_segmentor.evaluation.predictions import FramePrediction
    from urban_segmentor.evaluation.validation.predictors import Predictor


_AHEAD = 2  # frames that wait for each thread


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameScore:
    """How well one frame went.

    Attributes:
        sample: The frame.
        quality: Panoptic quality of this frame alone; where there is no map its mean IoU, or its
            instance AP at IoU 0.5. A fraction, NaN where there is nothing to find.
    """

    sample: Sample
    quality: float


@dataclass(slots=True, kw_only=True)
class ValidationRun:
    """What came out.

    Attributes:
        evaluation: All figures.
        frames: Every frame scored.
        wanted: Frames that were to be scored.
        truth: How many frames had which kind of ground truth.
        sizes: How many frames had ground truth of which height and width, pixels.
        problems: What could not be scored, one sentence each.
        elapsed_s: From start to end, seconds.
    """

    evaluation: Evaluation
    wanted: int
    frames: list[FrameScore] = field(default_factory=list[FrameScore])
    truth: Counter[str] = field(default_factory=Counter[str])
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter[tuple[int, int]])
    problems: list[str] = field(default_factory=list[str])
    elapsed_s: float = 0.0


def validate(  # noqa: PLR0913 - all have their names
    samples: Sequence[Sample],
    predictor: Predictor,
    *,
    scoring: ScoringRules | None = None,
    workers: int | None = None,
    on_frame: Callable[[], None] = lambda: None,
    on_predicted: Callable[[Sample, tuple[int, int], FramePrediction], None] | None = None,
) -> ValidationRun:
    """Return the figures of predictions over frames.

    Args:
        samples: Frames with labels.
        predictor: Says what was predicted for each.
        scoring: By which rules; None for those of Cityscapes.
        workers: How many threads; None for one a core.
        on_frame: Called after each frame.
        on_predicted: Called with each frame, the height and width of its ground truth and what
            was predicted, in order.

    Raises:
        DatasetError: No frame could be scored.
        PredictionError: Saved predictions do not fit.
        MissingExtraError: faster-coco-eval is not installed.
        UrbanSegmentorError: The model failed.
    """
    started_s = time.perf_counter()
    scoring = scoring or CityscapesRules()
    total = scoring.evaluator(predictor.class_names)
    done = ValidationRun(evaluation=total.result(), wanted=len(samples))
    workers = workers or os.cpu_count() or 1
    for sample, scored in _in_order(samples, predictor, scoring, workers=workers):
        if isinstance(scored, DatasetError):
            done.problems.append(str(scored))
        else:
            total.merge(scored.evaluator)
            quality = scored.evaluator.quality()
            done.frames.append(FrameScore(sample=sample, quality=quality))
            done.truth[sample.label_source] += 1
            done.sizes[scored.size] += 1
            if on_predicted is not None:
                on_predicted(sample, scored.size, scored.predicted)
        on_frame()
    if not done.frames:
        raise DatasetError(
            f"none of {len(samples)} frames could be scored: {done.problems[0]}",
            hint="urban-segmentor data check DIR",
        )
    done.evaluation = total.result()
    if done.evaluation.is_empty:
        raise DatasetError(
            f"none of {len(done.frames)} frames has a label of any class that counts",
            hint="labels of the test split are dummies: only the benchmark server can score it",
        )
    done.elapsed_s = time.perf_counter() - started_s
    return done


def _in_order(
    samples: Sequence[Sample], predictor: Predictor, scoring: ScoringRules, *, workers: int
) -> Iterator[tuple[Sample, ScoredFrame | DatasetError]]:
    """Yield each frame with its score, or why there is none, in the order of the frames."""
    with ThreadPoolExecutor(workers) as pool:
        running: deque[tuple[Sample, Future[ScoredFrame | DatasetError]]] = deque()
        try:
            for sample in samples:
                running.append((sample, pool.submit(_score, sample, predictor, scoring)))
                if len(running) > workers * _AHEAD:
                    first, future = running.popleft()
                    yield first, future.result()
            while running:
                first, future = running.popleft()
                yield first, future.result()
        finally:
            for _, future in running:
                future.cancel()


def _score(
    sample: Sample, predictor: Predictor, scoring: ScoringRules
) -> ScoredFrame | DatasetError:
    try:
        return scoring.score(sample, predictor)
    except PredictionError:
        raise  # what is wrong in one place of a file is wrong in all
    except DatasetError as error:
        return error
