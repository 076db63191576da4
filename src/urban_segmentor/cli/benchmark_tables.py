"""What `urban-segmentor benchmark` prints for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

_STAGES = {"preprocess": "pre", "infer": "infer", "postprocess": "post", "masks": "masks"}
_BUSY = 0.5  # load on a core from which others take a noticeable share


def print_tables(console: Console, found: Mapping[str, Any], written: Sequence[Path]) -> None:
    """Print tables, what is recommended, and where the results are.

    Args:
        console: Where to.
        found: All that was found out.
        written: Files with results.
    """
    machine, images = found["machine"], found["images"]
    console.print(
        f"{machine['cpu']}, {machine['cores']} cores; {images['count']} pictures of "
        f"{', '.join(images['sizes'])} pixels ({images['source']}), "
        f"{images['rounds']} round{'' if images['rounds'] == 1 else 's'} in turn",
        soft_wrap=True,
    )
    if (machine["load_before"] or 0) > _BUSY * machine["cores"]:
        console.print(
            f"other programs are busy here (load {machine['load_before']:.1f} before the start): "
            "times are longer than alone, ratios hold",
            style="yellow",
            soft_wrap=True,
        )
    console.print(_speed_table(found["rows"]))
    if found["data"] is not None:
        console.print(_accuracy_table(found["rows"], found["data"]))
    for one in found["left_out"]:
        parts = (one["model"], one["runtime"], one["precision"], one["imgsz"])
        what = " ".join(str(part) for part in parts if part)
        console.print(f"left out: {what}: {one['reason']}", style="dim", soft_wrap=True)
    if found["interrupted"]:
        console.print("stopped early; what is done so far is kept", style="yellow")
    _tell_advice(console, found)
    for path in written:
        console.print(f"result: {path}", style="bold green", soft_wrap=True)


def _tell_advice(console: Console, found: Mapping[str, Any]) -> None:
    """Print what to use, and what else could be."""
    chosen, safe = found["recommendation"], found["safe"]
    if chosen is not None:
        console.print(
            f"recommended, the fastest of those verified: {chosen['fps']:.1f} fps, "
            f"AP {100 * chosen['ap']:.1f}; {chosen['reason']}",
            style="bold",
            soft_wrap=True,
        )
        console.print(f"  {chosen['command']}", soft_wrap=True)
        for other in found["fastest_verified_by_size"]:
            if other["row"] != chosen["row"]:
                console.print(
                    f"fastest verified at {other['long_side']}: {other['fps']:.1f} fps, "
                    f"AP {100 * other['ap']:.1f}",
                    soft_wrap=True,
                )
                console.print(f"  {other['command']}", soft_wrap=True)
        return
    why = "no accuracy was measured without --data" if found["data"] is None else "see the reasons"
    console.print(
        f"nothing is verified, so nothing is recommended: {why}", style="yellow", soft_wrap=True
    )
    if safe is not None:
        console.print(
            f"safe, the fastest that computes in float32: {safe['fps']:.1f} fps", soft_wrap=True
        )
        console.print(f"  {safe['command']}", soft_wrap=True)


def _speed_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("milliseconds a picture, median by stage", ("input", "runtime", "in"))
    for heading in (*_STAGES.values(), "all", "p95", "fps"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        if row["p50_ms"] is None:
            table.add_row(*_names(row, rows), "failed")
            continue
        stages = [f"{row['stages'].get(stage, {}).get('p50_ms', 0.0):.1f}" for stage in _STAGES]
        table.add_row(
            *_names(row, rows),
            *stages,
            f"{row['p50_ms']:.1f}",
            f"{row['p95_ms']:.1f}",
            f"{row['fps']:.1f}",
        )
    return table


def _accuracy_table(rows: Sequence[Mapping[str, Any]], data: Mapping[str, Any]) -> Table:
    title = f"accuracy over {data['images']} pictures of {data['source']}, %"
    table = _table(title, ("input", "runtime", "in"))
    for heading in ("AP", "AP50", "PQ", "mIoU"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verified", overflow="fold")
    for row in rows:
        figures = [
            "-" if row[key] is None else f"{100 * row[key]:.1f}"
            for key in ("ap", "ap50", "pq", "miou")
        ]
        said = "yes" if row["verified"] else f"no: {row['reason']}"
        table.add_row(*_names(row, rows), *figures, said)
    return table


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("model", overflow="fold")
    for name in columns:
        table.add_column(name, no_wrap=True)
    return table


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
