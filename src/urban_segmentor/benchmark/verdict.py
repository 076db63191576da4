"""Verification of candidates by their AP, and the recommended ones.

A candidate is verified when its AP, measured here, is not more than the tolerance below that of
its reference: the best float32 run at the same input size of the same file or, for a quantized
file, of the file that it was made from; of any float file where it does not say so. Where the
reference itself has no more AP than the tolerance, a loss could not be seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from urban_segmentor.benchmark.models import is_quantized_from

if TYPE_CHECKING:
    from collections.abc import Sequence

    from urban_segmentor.benchmark.plan import BenchmarkCandidate
    from urban_segmentor.benchmark.results import BenchmarkRow

TOLERANCE_POINTS = 1.0
_ROUNDING = 1e-9  # a loss of exactly the tolerance passes


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the accuracy of a row is verified.

    Attributes:
        verified: True when its AP is within the tolerance of its reference.
        reference_ap: AP of the reference, a fraction; None where there is none.
        reason: Why, a sentence.
    """

    verified: bool
    reference_ap: float | None = None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """Recommended rows of a benchmark.

    Attributes:
        recommended: Number of the fastest verified row, or None.
        safe: Number of the fastest row that computes with float weights in float32, or None.
        fastest: Numbers of the fastest verified row of each input size, small sizes first.
    """

    recommended: int | None
    safe: int | None
    fastest: tuple[int, ...]


def verify(
    rows: Sequence[BenchmarkRow], *, tolerance_points: float = TOLERANCE_POINTS
) -> list[Verdict]:
    """Return the verdict on each row.

    Args:
        rows: Measured rows.
        tolerance_points: Maximum loss of AP, points of 100.
    """
    return [_verdict(row, rows, tolerance_points) for row in rows]


def recommend(rows: Sequence[BenchmarkRow], verdicts: Sequence[Verdict]) -> Recommendation:
    """Return the recommended rows.

    Args:
        rows: Measured rows.
        verdicts: Verdict of each row.
    """
    verified = [number for number, verdict in enumerate(verdicts) if verdict.verified]
    exact = [
        n for n, row in enumerate(rows) if row.candidate is not None and row.candidate.is_exact
    ]
    sizes = sorted({_candidate(rows[number]).imgsz for number in verified})
    by_size = [
        _fastest(rows, [n for n in verified if _candidate(rows[n]).imgsz == s]) for s in sizes
    ]
    return Recommendation(
        recommended=_fastest(rows, verified),
        safe=_fastest(rows, exact),
        fastest=tuple(number for number in by_size if number is not None),
    )


def _fastest(rows: Sequence[BenchmarkRow], numbers: Sequence[int]) -> int | None:
    """Return the number of the fastest of some rows; None when none has a speed."""
    timed = [(speed.p50_ms, n) for n in numbers if (speed := rows[n].speed) and not rows[n].error]
    return min(timed)[1] if timed else None


def _verdict(row: BenchmarkRow, rows: Sequence[BenchmarkRow], tolerance_points: float) -> Verdict:
    candidate, accuracy = row.candidate, row.accuracy
    if row.error or candidate is None:
        return Verdict(verified=False, reason="it failed")
    if accuracy is None:
        return Verdict(verified=False, reason="its accuracy was not measured")
    if accuracy.ap is None:
        return Verdict(verified=False, reason="it has no AP: there are no objects to find")
    references, whose = _references(candidate, rows)
    if not references:
        return Verdict(
            verified=False,
            reason=f"there is no float32 run at {candidate.imgsz} to compare it with; add the "
            "float model to --models",
        )
    best = max(references)
    if 100 * best <= tolerance_points:
        return Verdict(
            verified=False,
            reference_ap=best,
            reason=f"AP {100 * best:.1f} in float32 is too little to see what is lost",
        )
    lost = 100 * (best - accuracy.ap)
    reason = (
        f"AP {abs(lost):.1f} points {'below' if lost > 0 else 'above'} that of {whose} in float32"
    )
    return Verdict(verified=lost <= tolerance_points + _ROUNDING, reference_ap=best, reason=reason)


def _references(
    candidate: BenchmarkCandidate, rows: Sequence[BenchmarkRow]
) -> tuple[list[float], str]:
    """Return the APs of a candidate's references, and the name of the reference."""
    exact = [
        (other, row.accuracy.ap)
        for row in rows
        if (other := row.candidate) is not None
        and row.accuracy is not None
        and row.accuracy.ap is not None
        and not row.error
        and other.is_exact
        and other.imgsz == candidate.imgsz
    ]
    if not candidate.file.is_quantized:
        same = [ap for other, ap in exact if other.file == candidate.file]
        return same, "the same file"
    origin = [
        (other.file.name, ap)
        for other, ap in exact
        if is_quantized_from(candidate.file, other.file)
    ]
    if origin:
        return [ap for _, ap in origin], f"`{origin[0][0]}`"
    return [ap for _, ap in exact], "the best model here"


def _candidate(row: BenchmarkRow) -> BenchmarkCandidate:
    """Return the candidate of a row, which must have one."""
    if row.candidate is None:
        raise TypeError("a row without candidate is never verified")
    return row.candidate
