"""What a benchmark found out, in sentences and tables for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from urban_segmentor.reports.tables import ReportTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_STAGES = {"preprocess": "pre", "infer": "infer", "postprocess": "post", "masks": "masks"}
_SETUP = ("model", "input", "runtime", "in")
_BUSY = 0.5  # load on a core from which others take a noticeable share


class Advice(NamedTuple):
    """What to use.

    Attributes:
        text: A sentence.
        command: How to run it; empty where there is nothing to run.
    """

    text: str
    command: str = ""


def measured_on(found: Mapping[str, Any]) -> str:
    """Return what the figures hold for, one sentence.

    Args:
        found: All that was found out.
    """
    machine, images = found["machine"], found["images"]
    return (
        f"{machine['cpu']}, {machine['cores']} cores; {images['count']} pictures of "
        f"{', '.join(images['sizes'])} pixels ({images['source']}), "
        f"{images['rounds']} round{'' if images['rounds'] == 1 else 's'} in turn"
    )


def warnings(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield what makes the figures worth less, one sentence each.

    Args:
        found: All that was found out.
    """
    machine = found["machine"]
    if (machine["load_before"] or 0) > _BUSY * machine["cores"]:
        yield (
            f"other programs are busy here (load {machine['load_before']:.1f} before the start): "
            "times are longer than alone, ratios hold"
        )
    if found["interrupted"]:
        yield "stopped early; what is done so far is kept"


def left_out(found: Mapping[str, Any]) -> list[str]:
    """Return what was not measured and why, a sentence each.

    Args:
        found: All that was found out.
    """
    keys = ("model", "runtime", "precision", "imgsz")
    return [
        f"{' '.join(str(one[key]) for key in keys if one[key])}: {one['reason']}"
        for one in found["left_out"]
    ]


def advice(found: Mapping[str, Any]) -> Iterator[Advice]:
    """Yield what to use, and what else could be.

    Args:
        found: All that was found out.
    """
    chosen, safe = found["recommendation"], found["safe"]
    if chosen is not None:
        yield Advice(
            f"recommended, the fastest of those verified: {chosen['fps']:.1f} fps, "
            f"AP {100 * chosen['ap']:.1f}; {chosen['reason']}",
            chosen["command"],
        )
        for other in found["fastest_verified_by_size"]:
            if other["row"] != chosen["row"]:
                text = f"fastest verified at {other['long_side']}: {other['fps']:.1f} fps"
                yield Advice(f"{text}, AP {100 * other['ap']:.1f}", other["command"])
        return
    why = "no accuracy was measured without --data" if found["data"] is None else "see the reasons"
    yield Advice(f"nothing is verified, so nothing is recommended: {why}")
    if safe is not None:
        text = f"safe, the fastest that computes in float32: {safe['fps']:.1f} fps"
        yield Advice(text, safe["command"])


def tables(found: Mapping[str, Any]) -> list[ReportTable]:
    """Return speed and, where it was measured, accuracy.

    Args:
        found: All that was found out.
    """
    speed = _speed_table(found["rows"])
    return [speed] if found["data"] is None else [speed, _accuracy_table(found)]


def _speed_table(rows: Sequence[Mapping[str, Any]]) -> ReportTable:
    cells: list[list[str]] = []
    for row in rows:
        if row["p50_ms"] is None:
            cells.append([*_names(row, rows), "failed"])
            continue
        stages = [row["stages"].get(stage, {}).get("p50_ms", 0.0) for stage in _STAGES]
        times = [*stages, row["p50_ms"], row["p95_ms"], row["fps"]]
        cells.append([*_names(row, rows), *(f"{time:.1f}" for time in times)])
    return ReportTable(
        title="milliseconds a picture, median by stage",
        head=[*_SETUP, *_STAGES.values(), "all", "p95", "fps"],
        rows=cells,
        texts=len(_SETUP),
    )


def _accuracy_table(found: Mapping[str, Any]) -> ReportTable:
    rows, data = found["rows"], found["data"]
    cells: list[list[str]] = []
    for row in rows:
        keys = ("ap", "ap50", "pq", "miou")
        figures = ["-" if row[key] is None else f"{100 * row[key]:.1f}" for key in keys]
        said = "yes" if row["verified"] else f"no: {row['reason']}"
        cells.append([*_names(row, rows), *figures, said])
    return ReportTable(
        title=f"accuracy over {data['images']} pictures of {data['source']}, %",
        head=[*_SETUP, "AP", "AP50", "PQ", "mIoU", "verified"],
        rows=cells,
        texts=len(_SETUP),
        has_remarks=True,
    )


def _names(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what is measured, in four cells; files without their folder where that is clear."""
    model = Path(row["model"]).name
    if any(one["model"] != row["model"] and Path(one["model"]).name == model for one in rows):
        model = row["model"]
    if row["runtime"] is None:
        return [model, "", "", ""]
    size = row["imgsz"]
    shown = f"{size[1]}x{size[0]}" if size else str(row["long_side"])
    kept = "int8+" if row["weights"] == "int8" else ""
    where = "" if row["device"] == "cpu" else f" {row['device']}"
    return [model, shown, row["runtime"] + where, kept + row["computes_in"]]
