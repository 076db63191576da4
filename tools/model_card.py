"""Writes the card of an embedded model from facts and measurements.

    python tools/model_card.py urban-n VAL.json [VAL.json ...]

`tools/cards/NAME.yaml` holds what only its makers know; each `val.json` is what
`urban-segmentor val --model NAME` wrote, for one input size. The first of them gives the tables.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
from pathlib import Path
from typing import Any

import yaml

from urban_segmentor.evaluation.validation.summary import percent, tables
from urban_segmentor.models.registry import embedded_models
from urban_segmentor.reports.tables import markdown_table

ROOT = Path(__file__).parents[1]
CARDS = ROOT / "src/urban_segmentor/models/cards"
ACCURACY = (
    "Measured on {images} frames of weimar and ulm that were not trained on. They belong to the "
    "official *train* split, so these figures do not compare with published ones, which are of "
    "the official validation split. `urban-segmentor val --model {name} --data DIR` repeats them."
)
SPEED = (
    "Median milliseconds of one picture at a time, {machine}, {runtime}, score from {conf}, masks "
    "at the size of the picture."
)
ORIGINAL = (
    "The demo that this project began from trained YOLOv8s-seg for 50 epochs at 640 pixels on an "
    "A100 and reports, by its framework's own metric, a mask mAP50-95 of 18.3 and mAP50 of 36.9 "
    "over 19 classes, and 16.5 over the eight of things. Those do not compare with the above: a "
    "model with 3.5 times the weights, pictures of full resolution, the official validation split "
    "without the five pictures it lost, labels that hide nothing, and a metric that counts stuff "
    "as objects and interpolates precision. `docs/training.md` compares both recipes on the same "
    "frames by the same rules."
)
STAGES = ("preprocess", "infer", "postprocess", "masks")


def main() -> None:
    """Put the card together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("reports", nargs="+", type=Path)
    args = parser.parse_args()
    facts = read_facts(args.name)
    reports = [json.loads(path.read_text()) for path in args.reports]
    CARDS.mkdir(exist_ok=True)
    target = CARDS / f"{args.name}.md"
    target.write_text(card(args.name, facts, reports), encoding="utf-8")
    print(target)


def read_facts(name: str) -> dict[str, Any]:
    """Return what the makers know, with that of the model that it is made from."""
    facts = yaml.safe_load((ROOT / "tools/cards" / f"{name}.yaml").read_text())
    if "like" not in facts:
        return facts
    base = read_facts(facts["like"])
    return base | facts | {"recipe": base["recipe"] | {"made from that": facts["made"]}}


def card(name: str, facts: dict[str, Any], reports: list[dict[str, Any]]) -> str:
    """Return the card as Markdown."""
    weights = embedded_models()[name]
    first = reports[0]
    files = [weights, weights.with_suffix(".bin")] if weights.suffix == ".xml" else [weights]
    recipe = [f"| {key} | {value} |" for key, value in facts["recipe"].items()]
    parts = [
        f"# {name}",
        facts["summary"],
        "\n\n".join(described(file) for file in files),
        "## Data and license",
        f"{facts['data']}\n\n{facts['license']}",
        "## Recipe",
        "\n".join(["| | |", "|---|---|", *recipe]),
        "## Accuracy",
        ACCURACY.format(images=first["images"], name=name),
        overview(reports),
        f"At {size(first)}, the default:" if len(reports) > 1 else f"At {size(first)}:",
        *(markdown_table(table) for table in tables(first)[:2]),
        "Rules: {}; {}.".format(*list(first["implementation"].values())[:2]),
        "## Speed",
        SPEED.format(machine=processor(), runtime=first["runtime"], conf=first["latency"]["conf"]),
        speed(reports),
        facts["int8"],
        "## On drawn streets",
        facts["street"],
        "## Limits",
        "\n".join(f"- {limit}" for limit in facts["limits"]),
        "## The original demo, for orientation",
        ORIGINAL,
    ]
    return "\n\n".join(parts) + "\n"


def described(file: Path) -> str:
    """Return name, size and digest of a file."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return f"`{file.name}`, {file.stat().st_size / 1e6:.1f} MB, sha256 `{digest}`"


def overview(reports: list[dict[str, Any]]) -> str:
    """Return the figures of each input size."""
    keys = ("ap", "ap50", "pq", "sq", "rq", "miou")
    lines = ["| input | AP | AP50 | PQ | SQ | RQ | mIoU |", "|---|---|---|---|---|---|---|"]
    for report in reports:
        cells = " | ".join(percent(report[key]) for key in keys)
        lines.append(f"| {size(report)} | {cells} |")
    return "\n".join(lines)


def speed(reports: list[dict[str, Any]]) -> str:
    """Return what the stages take at each input size."""
    lines = [f"| input | {' | '.join(STAGES)} |", "|---" * (len(STAGES) + 1) + "|"]
    for report in reports:
        stages = report["latency"]["stages"]
        cells = " | ".join(f"{stages[stage]['p50_ms']:.1f}" for stage in STAGES)
        lines.append(f"| {size(report)} | {cells} |")
    return "\n".join(lines)


def size(report: dict[str, Any]) -> str:
    """Return the size of the network's input as people write it."""
    height, width = report["imgsz"]
    return f"{width} x {height}"


def processor() -> str:
    """Return the name of the processor and how many cores there are."""
    names = [platform.processor()]
    info = Path("/proc/cpuinfo")
    if info.is_file():
        found = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        names = [found[0].partition(":")[2].strip()] if found else names
    return f"{os.cpu_count()} cores of {names[0]}"


if __name__ == "__main__":
    main()
