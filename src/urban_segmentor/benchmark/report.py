"""What came out, as plain JSON and as files."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from urban_segmentor.benchmark.plot import plot_png
from urban_segmentor.errors import MissingExtraError
from urban_segmentor.io.atomic import check_free, write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from urban_segmentor.benchmark.plan import BenchmarkCandidate, SkippedCandidate
    from urban_segmentor.benchmark.rows import BenchmarkRow
    from urban_segmentor.benchmark.verdict import Recommendation, Verdict

FIGURES, PLOT = "benchmark.json", "benchmark.png"


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkReport:
    """All that was found out.

    Attributes:
        rows: What was measured.
        verdicts: One a row.
        advice: What to use.
        left_out: What was not measured.
    """

    rows: Sequence[BenchmarkRow]
    verdicts: Sequence[Verdict]
    advice: Recommendation
    left_out: Sequence[SkippedCandidate]


def check_folder(folder: Path, *, plot: bool, overwrite: bool) -> None:
    """Check that the results can be written, before the work.

    Args:
        folder: Where to.
        plot: True when there will be a picture.
        overwrite: True when files that are there may be replaced.

    Raises:
        OutputError: One is there already, or the folder cannot be written to.
        MissingExtraError: matplotlib is not installed.
    """
    if plot and find_spec("matplotlib") is None:
        raise MissingExtraError("matplotlib", extra="eval")
    for name in (FIGURES, PLOT) if plot else (FIGURES,):
        check_free(folder / name, overwrite=overwrite)


def summary(outcome: BenchmarkReport, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that was found out as plain JSON.

    Args:
        outcome: What was found out.
        about: The machine, the pictures and the rules.
    """
    advice = outcome.advice
    rows = [
        row_json(row, verdict) for row, verdict in zip(outcome.rows, outcome.verdicts, strict=True)
    ]
    return {
        **about,
        "rows": rows,
        "recommendation": _chosen(outcome, advice.recommended),
        "safe": _chosen(outcome, advice.safe),
        "fastest_verified_by_size": [_chosen(outcome, number) for number in advice.fastest],
        "left_out": [asdict(one) for one in outcome.left_out],
    }


def row_json(row: BenchmarkRow, verdict: Verdict) -> dict[str, Any]:
    """Return a row as plain JSON; None for what was not measured.

    Args:
        row: What was measured.
        verdict: Whether it may be trusted.
    """
    candidate, speed, accuracy = row.candidate, row.speed, row.accuracy
    return {
        "model": row.model,
        "file": candidate and str(candidate.file.path),
        "weights": candidate and candidate.file.weights,
        "made_from": candidate and (candidate.file.made_from or None),
        "runtime": candidate and candidate.runtime,
        "device": candidate and candidate.device,
        "precision": candidate and candidate.precision,
        "computes_in": candidate and candidate.computes_in,
        "long_side": candidate and candidate.imgsz,
        "imgsz": speed and list(speed.input_size),
        "stages": speed and speed.stages,
        "p50_ms": speed and speed.p50_ms,
        "p95_ms": speed and speed.p95_ms,
        "fps": speed and round(speed.fps, 2),
        "images": speed and speed.images,
        **{key: getattr(accuracy, key, None) for key in ("ap", "ap50", "pq", "miou", "images")},
        "verified": verdict.verified,
        "reference_ap": verdict.reference_ap,
        "reason": verdict.reason,
        "error": row.error or None,
    }


def predict_command(candidate: BenchmarkCandidate) -> str:
    """Return the command that runs a model in a certain way.

    Args:
        candidate: The model and the way.
    """
    words = ["--model", candidate.file.name, "--runtime", candidate.runtime]
    words += ["--precision", candidate.precision, "--imgsz", str(candidate.imgsz)]
    if candidate.device != "cpu":
        words += ["--device", candidate.device]
    return f"urban-segmentor predict INPUT {shlex.join(words)}"


def write(
    folder: Path, found: Mapping[str, Any], outcome: BenchmarkReport, *, plot: bool, overwrite: bool
) -> list[Path]:
    """Write the figures and the plot, and return their paths.

    Args:
        folder: Where to; made when missing.
        found: What `summary` returned.
        outcome: What was found out.
        plot: True for a picture, too.
        overwrite: True when files that are there may be replaced.

    Raises:
        OutputError: The disk is full or the like.
    """
    written = [folder / FIGURES]
    data = json.dumps(found, indent=2, allow_nan=False).encode()
    write_atomically(written[0], data, overwrite=overwrite)
    if plot and any(row.speed is not None for row in outcome.rows):
        written.append(folder / PLOT)
        image = plot_png(outcome.rows, recommended=outcome.advice.recommended, title=_title(found))
        write_atomically(written[1], image, overwrite=overwrite)
    return written


def _title(found: Mapping[str, Any]) -> str:
    machine, scored = found["machine"], found["data"]
    where = f"{machine['cpu']}, {machine['cores']} cores"
    if scored is None:
        return f"Time of a picture of {', '.join(found['images']['sizes'])} on {where}"
    return f"Speed and AP over {scored['images']} pictures on {where}"


def _chosen(outcome: BenchmarkReport, number: int | None) -> dict[str, Any] | None:
    """Return a row with the command that runs it."""
    if number is None or (candidate := outcome.rows[number].candidate) is None:
        return None
    row = row_json(outcome.rows[number], outcome.verdicts[number])
    return {"command": predict_command(candidate), "row": number} | row
