"""File to file at 1080p against the original loop and against `yolo predict save=True`.

Every round runs all of them one after the other on the same weights and clip, process start
included; the ratio is the median over the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import time
from pathlib import Path

from material import BIN, WORK, checkpoint, clip_1080p, run


def main() -> None:
    """Print a table of seconds, frames a second and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    clip, what = clip_1080p(frames=args.frames)
    weights = shutil.copy(checkpoint(), WORK)
    loop = Path(__file__).with_name("original_loop.py")
    ours = [BIN / "urban-segmentor", "predict", clip, "-o", WORK / "ours", "--overwrite", "--json"]
    contestants = {
        "urban-segmentor": ours,
        "original loop": [sys.executable, loop, weights, clip, WORK / "loop.mp4"],
        "yolo predict": [
            *(BIN / "yolo", "predict", f"model={weights}", f"source={clip}", "save=True"),
            *(f"project={WORK / 'yolo'}", "exist_ok=True", "verbose=False"),
        ],
    }
    environment = os.environ | {"YOLO_OFFLINE": "True", "YOLO_CONFIG_DIR": str(WORK)}
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    stages: list[dict[str, dict[str, float]]] = []
    for _ in range(args.rounds):
        for name, command in contestants.items():
            started_s = time.perf_counter()
            output = run(command, env=environment, cwd=WORK)
            seconds[name].append(time.perf_counter() - started_s)
            if name == "urban-segmentor":
                stages.append(json.loads(output)["stages"])
    report(what, args.frames, seconds)
    report_stages(stages)


def report(what: str, frames: int, seconds: dict[str, list[float]]) -> None:
    """Print one row for each contestant."""
    print(f"\n{what}; {os.cpu_count()} cores; {len(next(iter(seconds.values())))} rounds\n")
    print("| | s, median (all) | frames/s | urban-segmentor is faster by |\n|---|---|---|---|")
    ours = seconds["urban-segmentor"]
    for name, times in seconds.items():
        median_s = statistics.median(times)
        ratio = statistics.median(b / a for a, b in zip(ours, times, strict=True))
        listed = ", ".join(f"{t:.1f}" for t in times)
        print(f"| {name} | {median_s:.1f} ({listed}) | {frames / median_s:.1f} | {ratio:.1f} x |")


def report_stages(rounds: list[dict[str, dict[str, float]]]) -> None:
    """Print the middle round's milliseconds by stage."""
    print("\n| stage | p50, ms | p95, ms | share |\n|---|---|---|---|")
    for name in rounds[0]:
        rows = [stages[name] for stages in rounds]
        p50, p95, share = (
            statistics.median(row[key] for row in rows) for key in ("p50_ms", "p95_ms", "share")
        )
        print(f"| {name} | {p50:.1f} | {p95:.1f} | {share:.0%} |")


if __name__ == "__main__":
    main()
