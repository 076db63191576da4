"""Report of a benchmark, as JSON and as a plot."""

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
    from urban_segmentor.benchmark.results import BenchmarkRow
    from urban_segmentor.benchmark.verdict import Recommendation, Verdict

FIGURES, PLOT = "benchmark.json", "benchmark.png"


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkReport:
    """Results of a benchmark.

    Attributes:
        rows: Measured rows.
        verdicts: Verdict of each row.
        recommendation: Recommended rows.
        skipped: Combinations that were not measured.
    """

    rows: Sequence[BenchmarkRow]
    verdicts: Sequence[Verdict]
    recommendation: Recommendation
    skipped: Sequence[SkippedCandidate]


def check_output_folder(folder: Path, *, plot: bool, overwrite: bool) -> None:
    """Check that the report can be written, before anything is measured.

    Args:
        folder: Output folder.
        plot: True when a plot is written too.
        overwrite: True when files that are there may be replaced.

    Raises:
        OutputError: One is there already, or the folder cannot be written to.
        MissingExtraError: matplotlib is not installed.
    """
    if plot and find_spec("matplotlib") is None:
        raise MissingExtraError("matplotlib", extra="eval")
    for name in (FIGURES, PLOT) if plot else (FIGURES,):
        check_free(folder / name, overwrite=overwrite)


def summary(result: BenchmarkReport, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the report as plain JSON.

    Args:
        result: Results of the benchmark.
        about: Machine, images and settings.
    """
    recommendation = result.recommendation
    rows = [
        row_json(row, verdict) for row, verdict in zip(result.rows, result.verdicts, strict=True)
    ]
    return {
        **about,
        "rows": rows,
        "recommendation": _chosen(result, recommendation.recommended),
        "safe": _chosen(result, recommendation.safe),
        "fastest_verified_by_size": [_chosen(result, number) for number in recommendation.fastest],
        "left_out": [asdict(one) for one in result.skipped],
    }


def row_json(row: BenchmarkRow, verdict: Verdict) -> dict[str, Any]:
    """Return a row as plain JSON; None for what was not measured.

    Args:
        row: A measured row.
        verdict: Its verdict.
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
    """Return the `predict` command of a candidate.

    Args:
        candidate: Model, runtime, precision and input size.
    """
    args = ["--model", candidate.file.name, "--runtime", candidate.runtime]
    args += ["--precision", candidate.precision, "--imgsz", str(candidate.imgsz)]
    if candidate.device != "cpu":
        args += ["--device", candidate.device]
    return f"urban-segmentor predict INPUT {shlex.join(args)}"


def write_report(
    folder: Path, report: Mapping[str, Any], result: BenchmarkReport, *, plot: bool, overwrite: bool
) -> list[Path]:
    """Write the JSON report and the plot, and return their paths.

    Args:
        folder: Output folder; made when missing.
        report: Report of `summary`.
        result: Results of the benchmark.
        plot: True to write a plot too.
        overwrite: True when files that are there may be replaced.

    Raises:
        OutputError: The disk is full or the like.
    """
    written = [folder / FIGURES]
    data = json.dumps(report, indent=2, allow_nan=False).encode()
    write_atomically(written[0], data, overwrite=overwrite)
    if plot and any(row.speed is not None for row in result.rows):
        written.append(folder / PLOT)
        image = plot_png(
            result.rows, recommended=result.recommendation.recommended, title=_title(report)
        )
        write_atomically(written[1], image, overwrite=overwrite)
    return written


def _title(report: Mapping[str, Any]) -> str:
    machine, scored = report["machine"], report["data"]
    machine_text = f"{machine['cpu']}, {machine['cores']} cores"
    if scored is None:
        return f"Time of a picture of {', '.join(report['images']['sizes'])} on {machine_text}"
    return f"Speed and AP over {scored['images']} pictures on {machine_text}"


def _chosen(result: BenchmarkReport, number: int | None) -> dict[str, Any] | None:
    """Return a row with the command that runs it."""
    if number is None or (candidate := result.rows[number].candidate) is None:
        return None
    row = row_json(result.rows[number], result.verdicts[number])
    return {"command": predict_command(candidate), "row": number} | row
