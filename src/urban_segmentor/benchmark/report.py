"""Report of a benchmark: as JSON, as a plot, and as a page."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from urban_segmentor.benchmark import summary
from urban_segmentor.benchmark.plot import plot_png
from urban_segmentor.errors import check_libraries
from urban_segmentor.io.atomic import check_free
from urban_segmentor.reports.pages import PageFolder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from urban_segmentor.benchmark.plan import BenchmarkCandidate, SkippedCandidate
    from urban_segmentor.benchmark.results import BenchmarkRow
    from urban_segmentor.benchmark.verdict import Recommendation, Verdict

FIGURES, PLOT, PAGE = "benchmark.json", "benchmark.png", "report.html"

_CAPTIONS = (
    "The farther to the right the faster, the higher the better.",
    "What each stage takes of the time of a picture.",
)


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
        plot: True when a plot and a page are written too.
        overwrite: True when files that are there may be replaced.

    Raises:
        OutputError: One is there already, or the folder cannot be written to.
        MissingExtraError: A library of the extra `eval` is not installed.
    """
    if plot:
        check_libraries("matplotlib", "jinja2", extra="eval")
    for name in (FIGURES, PLOT, PAGE) if plot else (FIGURES,):
        check_free(folder / name, overwrite=overwrite)


def as_json(result: BenchmarkReport, about: Mapping[str, Any]) -> dict[str, Any]:
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
    """Write the JSON report, the plot and the page, and return their paths.

    Args:
        folder: Output folder; made when missing.
        report: Report of `as_json`.
        result: Results of the benchmark.
        plot: True to write a plot and a page too, where a speed was measured.
        overwrite: True when files that are there may be replaced.

    Raises:
        OutputError: The disk is full or the like.
    """
    out = PageFolder(folder, overwrite=overwrite)
    out.file(FIGURES, json.dumps(report, indent=2, allow_nan=False).encode())
    if plot and any(row.speed is not None for row in result.rows):
        title, recommended = _title(report), result.recommendation.recommended
        image = plot_png(result.rows, recommended=recommended, title=title)
        out.page(
            PAGE,
            "benchmark.html",
            title=title,
            measured_on=summary.measured_on(report),
            warnings=list(summary.warnings(report)),
            advice=list(summary.advice(report)),
            plot=out.image(PLOT, image, caption=_CAPTIONS[report["data"] is None]),
            tables=summary.tables(report),
            left_out=summary.left_out(report),
            problems=[*(f"{row.model}: {row.error}" for row in result.rows if row.error),
                      *report["problems"]],
            tolerance_points=report["tolerance_points"],
            machine=report["machine"],
        )  # fmt: skip
    return out.written


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
