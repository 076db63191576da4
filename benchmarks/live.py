"""Live pictures: rate, delay and memory, against the loop of the original demo.

Both sides run the same weights, in turns, in one run, and are counted warm. `--only` chooses some
of: rate, file, delay, slow, memory.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from material import BIN, WORK, checkpoint, clip_720p, clip_1080p, run, same_weights

if TYPE_CHECKING:
    from collections.abc import Callable

PARTS = ("rate", "file", "delay", "slow", "memory")
LOOP = Path(__file__).with_name("original_loop.py")
STAGES = ("preprocess", "infer", "postprocess", "draw", "show", "encode")


def main() -> None:
    """Print a table for each part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=10.0, help="of the slow model")
    parser.add_argument("--frames", type=int, default=20_000, help="of the memory test")
    args = parser.parse_args()
    parts: dict[str, Callable[[], None]] = {
        "rate": lambda: rate(args.rounds),
        "file": lambda: file_to_file(args.rounds),
        "delay": delay,
        "slow": lambda: slow(args.minutes),
        "memory": lambda: memory(args.frames),
    }
    for name in args.only.split(","):
        parts[name]()


def live(clip: Path, *words: object) -> dict[str, Any]:
    """Return what a run of `live` without a display says of itself."""
    command = [BIN / "urban-segmentor", "live", clip, "--display", "none", "--json", *words]
    return json.loads(run([*command, "-o", WORK / "live", "--overwrite"], cwd=WORK))


def original(clip: Path, *target: Path) -> float:
    """Return the warm frames a second of the original loop."""
    environment = os.environ | {"YOLO_OFFLINE": "True", "YOLO_CONFIG_DIR": str(WORK)}
    return float(run([sys.executable, LOOP, checkpoint(), clip, *target], env=environment))


def rate(rounds: int) -> None:
    """720p in, drawn on, not encoded: as many frames a second as go."""
    clip, what = clip_720p(frames=600)
    short, _ = clip_720p(frames=90)
    weights = same_weights()
    ways: dict[str, Callable[[], dict[str, Any]]] = {
        "768 x 448, the default": lambda: live(clip, "--no-pace", "--model", weights),
        "640 x 384": lambda: live(clip, "--no-pace", "--model", weights, "--imgsz", 640),
        "768 x 448, eight bits": lambda: live(clip, "--no-pace", "--model", "urban-n-int8"),
        "original loop, 640 x 384": lambda: {"fps": original(short), "stages": {}},
    }
    print(f"\n## 1280 x 720, drawn on, not encoded\n\n{what}; {rounds} rounds\n")
    table(ways, rounds, last="original loop, 640 x 384")


def file_to_file(rounds: int) -> None:
    """1080p in, H.264 out."""
    clip, what = clip_1080p(frames=200)
    weights = same_weights()
    record = ("--no-pace", "--record", WORK / "seen.mp4", "--model", weights)
    ways: dict[str, Callable[[], dict[str, Any]]] = {
        "768 x 448, the default": lambda: live(clip, *record),
        "640 x 384": lambda: live(clip, *record, "--imgsz", 640),
        "original loop, 640 x 384": lambda: {
            "fps": original(clip, WORK / "loop.mp4"),
            "stages": {},
        },
    }
    print(f"\n## 1920 x 1080, file to H.264 file\n\n{what}; {rounds} rounds\n")
    table(ways, rounds, last="original loop, 640 x 384")


def table(ways: dict[str, Callable[[], dict[str, Any]]], rounds: int, *, last: str) -> None:
    """Run all ways in turns, and print medians, and ratios within rounds."""
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            results[name].append(way())
    print(f"| | frames/s, median (all) | times the original | {' | '.join(STAGES)} |")
    print("|---" * (3 + len(STAGES)) + "|")
    for name, runs in results.items():
        rates = [result["fps"] for result in runs]
        ratio = statistics.median(
            fps / other["fps"] for fps, other in zip(rates, results[last], strict=True)
        )
        cells = [
            f"{statistics.median(run['stages'][stage]['p50_ms'] for run in runs):.1f}"
            if stage in runs[0]["stages"]
            else ""
            for stage in STAGES
        ]
        listed = ", ".join(f"{fps:.1f}" for fps in rates)
        print(
            f"| {name} | {statistics.median(rates):.1f} ({listed}) | {ratio:.1f} "
            f"| {' | '.join(cells)} |"
        )


def delay() -> None:
    """Capture to display at a source of 30 frames a second."""
    clip, what = clip_720p(frames=1800)
    result = live(clip, "--model", same_weights())
    latency = result["latency_ms"]
    print(f"\n## Delay at 30 frames a second\n\n{what}\n")
    print("| shown/s | dropped of 1800 | p50, ms | p95, ms | longest, ms |\n|---|---|---|---|---|")
    cells = (result["fps"], result["dropped"], *(latency[key] for key in ("p50", "p95", "max")))
    print("| " + " | ".join(f"{cell:g}" for cell in cells) + " |")


def slow(minutes: float) -> None:
    """Delay by minute, of a model made to take twice the time that the source gives it."""
    from urban_segmentor import Segmenter
    from urban_segmentor.apps.live.null_display import NullDisplay
    from urban_segmentor.apps.live.session import LiveSession
    from urban_segmentor.apps.live.view_controls import ViewControls
    from urban_segmentor.io.streams.live_source import LiveSource
    from urban_segmentor.io.streams.source_uri import parse_source_uri
    from urban_segmentor.io.streams.stream_options import StreamOptions
    from urban_segmentor.visualization.style import OverlayStyle

    seen: list[tuple[float, float]] = []
    since_s = time.monotonic()

    class Watching(NullDisplay):
        def show(self, frame: Any, readings: Any) -> None:
            del readings
            now_s = time.monotonic()
            seen.append((now_s - since_s, 1000 * (now_s - frame.captured_s)))

    class Slowed(Segmenter):
        def __call__(self, *args: Any, **more: Any) -> Any:
            began_s = time.monotonic()
            found = super().__call__(*args, **more)
            # Each of two streams gives 7.5 frames a second: half of what comes.
            time.sleep(max(2 / 15 - (time.monotonic() - began_s), 0))
            return found

    clip, what = clip_720p(frames=round(minutes * 60 * 30))
    segmenter = Slowed(same_weights(), streams=2)
    source = LiveSource(parse_source_uri(str(clip)), options=StreamOptions())
    outcome = LiveSession(
        source,
        segmenter=segmenter,
        controls=ViewControls(segmenter.classes),
        display=Watching(),
        style=OverlayStyle(),
    ).run()
    print(f"\n## A source twice as fast as the model\n\n{what}, 30 a second\n")
    print(f"{outcome.frames} shown, {outcome.dropped} dropped, {outcome.fps:.1f} a second\n")
    print("| minute | p50, ms | p95, ms | longest, ms |\n|---|---|---|---|")
    for minute in range(round(seen[-1][0] / 60)):
        delays = sorted(ms for at_s, ms in seen if minute <= at_s / 60 < minute + 1)
        p95 = delays[int(0.95 * len(delays))]
        print(f"| {minute + 1} | {statistics.median(delays):.0f} | {p95:.0f} | {delays[-1]:.0f} |")


def memory(frames: int) -> None:
    """Resident memory of a long run."""
    clip, what = clip_720p(frames=frames)
    command = [BIN / "urban-segmentor", "live", clip, "--display", "none", "--no-pace", "--json"]
    more = ["--save", "jsonl,csv", "-o", WORK / "live", "--overwrite", "--segment", 60]
    started_s = time.perf_counter()
    process = subprocess.Popen(
        [str(part) for part in [*command, *more, "--record", WORK / "seen.mp4"]],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    watched = psutil.Process(process.pid)
    samples: list[tuple[float, float]] = []
    while process.poll() is None:
        try:
            samples.append((time.perf_counter() - started_s, watched.memory_info().rss / 1e6))
        except psutil.NoSuchProcess:
            break
        time.sleep(1)
    assert process.stdout is not None
    result = json.loads(process.stdout.read())
    settled = [mb for at_s, mb in samples if at_s > 0.05 * samples[-1][0]][:-2]
    quarters = [settled[len(settled) * i // 4 : len(settled) * (i + 1) // 4] for i in range(4)]
    print(f"\n## Memory\n\n{what}; recorded, saved as JSON lines and CSV\n")
    print(f"{result['frames']} frames, {samples[-1][0]:.0f} s, highest {max(settled):.0f} MB\n")
    print("| quarter of the run | median, MB | lowest to highest |\n|---|---|---|")
    for number, values in enumerate(quarters, start=1):
        low, high = min(values), max(values)
        print(f"| {number} | {statistics.median(values):.0f} | {low:.0f} to {high:.0f} |")


if __name__ == "__main__":
    main()
