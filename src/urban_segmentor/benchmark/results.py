"""Results of each candidate: speed and accuracy."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from urban_segmentor.profiling import StageTimes, p50_p95

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urban_segmentor.benchmark.plan import BenchmarkCandidate
    from urban_segmentor.profiling import StageSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedFigures:
    """Latency of a candidate, one image at a time.

    Attributes:
        input_size: Height and width of the network input, pixels.
        stages: Milliseconds by stage.
        p50_ms: Median latency of an image, all stages together.
        p95_ms: 95th percentile of the same.
        images: Images measured.
    """

    input_size: tuple[int, int]
    stages: dict[str, StageSummary]
    p50_ms: float
    p95_ms: float
    images: int

    @property
    def fps(self) -> float:
        """Images per second, one after the other."""
        return 1e3 / self.p50_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyFigures:
    """Official metrics, fractions; None for what does not occur.

    Attributes:
        ap: Instance AP.
        ap50: Instance AP at IoU 0.5.
        pq: Panoptic quality.
        miou: Mean IoU.
        images: Images evaluated.
    """

    ap: float | None
    ap50: float | None
    pq: float | None
    miou: float | None
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRow:
    """A candidate, or a model that cannot be read, with its results.

    Attributes:
        model: As the user named it.
        candidate: How it was run; None for a model that cannot be read.
        speed: Its latency; None where it failed.
        accuracy: Its accuracy; None where that was not measured.
        error: Why it failed, or an empty string.
    """

    model: str
    candidate: BenchmarkCandidate | None = None
    speed: SpeedFigures | None = None
    accuracy: AccuracyFigures | None = None
    error: str = ""


class LatencyTimer:
    """Collects latencies of one candidate, by stage and for whole images."""

    def __init__(self) -> None:
        self._stages = StageTimes()
        self._totals_ms: array[float] = array("d")

    def add(self, milliseconds: Mapping[str, float]) -> None:
        """Add the durations of the stages of one image, milliseconds."""
        self._stages.add_frame(milliseconds)
        self._totals_ms.append(sum(milliseconds.values()))

    def speed(self, input_size: tuple[int, int]) -> SpeedFigures:
        """Return the latency over all images so far.

        Args:
            input_size: Height and width of the network input, pixels.
        """
        p50_ms, p95_ms = p50_p95(self._totals_ms)
        return SpeedFigures(
            input_size=input_size,
            stages=self._stages.summary(),
            p50_ms=round(p50_ms, 2),
            p95_ms=round(p95_ms, 2),
            images=len(self._totals_ms),
        )
