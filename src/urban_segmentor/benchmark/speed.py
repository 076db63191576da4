"""Measured speed in interleaved rounds, so that other load on the machine hits all alike."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from urban_segmentor.benchmark.results import BenchmarkRow, LatencyTimer
from urban_segmentor.errors import SettingError, UrbanSegmentorError, last_line
from urban_segmentor.evaluation.validation.latency import segment_with_masks
from urban_segmentor.inference.config import USUAL_CONFIG

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from urban_segmentor.benchmark.plan import BenchmarkCandidate
    from urban_segmentor.inference.segmenter import Segmenter
    from urban_segmentor.structures.frame import Image

CONF = USUAL_CONFIG.conf  # that of `predict`: weak instances would cost time that nobody spends
ROUNDS = 5
# Runtimes raise it for what goes wrong inside them; it has no sentence of ours.
_FAILURES = (UrbanSegmentorError, RuntimeError)


class _Runner(NamedTuple):
    segmenter: Segmenter
    clock: LatencyTimer


def measure_speed(
    candidates: Sequence[BenchmarkCandidate],
    images: Sequence[Image],
    *,
    rounds: int = ROUNDS,
    device_is_required: bool = False,
    on_turn: Callable[[], None] = lambda: None,
) -> list[BenchmarkRow]:
    """Return a row for each candidate, with its speed or its error.

    All are loaded first. In each round each of them has a turn, in which it gets all images;
    the first one goes in once before, unmeasured, so that caches are its own. Masks are of the
    size of the image, and all are decoded. Reading images is not part of it.

    Args:
        candidates: Candidates to measure.
        images: uint8 (H, W, 3), RGB.
        rounds: Number of rounds.
        device_is_required: True to fail when a candidate's device is not available.
        on_turn: Called after each turn, and after each candidate that is loaded.

    Raises:
        SettingError: There are no rounds, or a device that was named is not there.
    """
    if rounds < 1:
        raise SettingError(f"`rounds` is {rounds}, expected at least 1", hint=f"--rounds {ROUNDS}")
    rows = [
        BenchmarkRow(model=candidate.file.name, candidate=candidate) for candidate in candidates
    ]
    runners: dict[int, _Runner] = {}
    for number, candidate in enumerate(candidates):
        try:
            runners[number] = _Runner(_ready(candidate, images[0]), LatencyTimer())
        except SettingError as error:
            if device_is_required:
                raise
            rows[number] = _failed(rows[number], error)
        except _FAILURES as error:
            rows[number] = _failed(rows[number], error)
        on_turn()
    for _ in range(rounds):
        for number, runner in list(runners.items()):
            try:
                _turn(runner, images)
            except _FAILURES as error:
                rows[number] = _failed(rows[number], error)
                del runners[number]
            on_turn()
    for number, (segmenter, clock) in runners.items():
        height, width = images[0].shape[:2]
        speed = clock.speed(segmenter.input_size((height, width)))
        rows[number] = replace(rows[number], speed=speed)
    return rows


def _ready(candidate: BenchmarkCandidate, image: Image) -> Segmenter:
    """Return a warmed-up segmenter, its network compiled."""
    segmenter = candidate.load(conf=CONF, streams=1)
    segmenter(image)
    return segmenter


def _turn(runner: _Runner, images: Sequence[Image]) -> None:
    segment_with_masks(runner.segmenter, images[0])
    for image in images:
        runner.clock.add(segment_with_masks(runner.segmenter, image).milliseconds)


def _failed(row: BenchmarkRow, error: Exception) -> BenchmarkRow:
    """Return the row with the error in one line."""
    return replace(row, error=last_line(error))
