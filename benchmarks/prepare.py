"""`data prepare` against a plain cityscapesScripts rasterization, per core, and its memory."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import psutil
from labels import official_instance_ids
from material import BIN, SHARED, WORK

from urban_segmentor.datasets.cityscapes.annotation import read_annotation
from urban_segmentor.datasets.cityscapes.layout import read_layout
from urban_segmentor.datasets.cityscapes.visible_objects import draw_objects

DATA = SHARED / "data" / "cityscapes-768"
PROBE = 10  # every so manyth frame is rasterized by the official code, the time is multiplied


class Run(NamedTuple):
    """What a run of `data prepare` took."""

    wall_s: float
    cpu_s: float
    own_mb: list[float]
    workers_mb: list[float]


def main() -> None:
    """Print how long both take, the floor, and memory over time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    # On some disks making files takes as long as the work; both sides write to memory then.
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    parser.add_argument("--folder", type=Path, default=memory if memory.is_dir() else WORK)
    args = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"this needs {DATA}; URBAN_SEGMENTOR_SHARED names the folder above it")
    files = [one.polygons for one in read_layout(DATA).frames if one.polygons is not None]
    folder = Path(tempfile.mkdtemp(dir=args.folder))
    out = folder / "prepared"
    # Other work on the machine slows all down, now more, now less: so the official code runs
    # before, between and after.
    official_ms = [official(files, folder)]
    runs: dict[int, Run] = {}
    for workers in sorted({1, args.workers}):
        runs[workers] = prepare(out, workers=workers)
        official_ms.append(official(files, folder))
    report = json.loads((out / "report.json").read_bytes())
    shutil.rmtree(folder)
    whole_s = statistics.median(official_ms) / 1000 * len(files)
    written = sum(report["images"].values())
    print(f"\n{len(files)} frames to YOLO, {written} written, to {args.folder}\n")
    print(
        "| | wall, s | CPU, s | CPU a frame, ms | times as fast, per core |\n|---|---|---|---|---|"
    )
    sampled = len(files[::PROBE])
    ms = f"{min(official_ms):.1f} to {max(official_ms):.1f}"
    name = f"json2instanceImg, {sampled} frames, for all"
    print(f"| {name} | {whole_s:.0f} | {whole_s:.0f} | {ms} | 1 |")
    for workers, run in runs.items():
        each_ms = run.cpu_s / len(files) * 1000
        row = f"| data prepare, {workers} processes | {run.wall_s:.1f} | {run.cpu_s:.1f}"
        print(f"{row} | {each_ms:.2f} | {whole_s / run.cpu_s:.1f} |")
    print(f"| the floor: reading and drawing alone | | | {floor(files):.2f} | |\n")
    print("| resident memory, MB | after a quarter | at the end | highest |\n|---|---|---|---|")
    for workers, run in runs.items():
        for name, mb in (("parent", run.own_mb), ("each worker", run.workers_mb)):
            if mb:
                row = f"| {workers} processes, {name} | {mb[len(mb) // 4]:.0f} | {mb[-1]:.0f}"
                print(f"{row} | {max(mb):.0f} |")


def official(files: list[Path], folder: Path) -> float:
    """Return what `json2instanceImg` takes for a frame, milliseconds of CPU time."""
    target = folder / "official"
    target.mkdir()
    started_s = time.process_time()
    for path in files[::PROBE]:
        official_instance_ids(path, target / f"{path.stem}.png")
    took_s = time.process_time() - started_s
    shutil.rmtree(target)
    return took_s / len(files[::PROBE]) * 1000


def prepare(out: Path, *, workers: int) -> Run:
    """Convert all frames, and watch the memory."""
    shutil.rmtree(out, ignore_errors=True)
    words = ["data", "prepare", DATA, out, "--workers", workers]
    before = os.times()
    started_s = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in (BIN / "urban-segmentor", *words)], stderr=subprocess.DEVNULL
    )
    watched = psutil.Process(process.pid)
    own_mb: list[float] = []
    workers_mb: list[float] = []
    while process.poll() is None:
        try:
            own_mb.append(watched.memory_info().rss / 1e6)
            sizes = [child.memory_info().rss / 1e6 for child in watched.children()]
        except psutil.NoSuchProcess:
            break
        # The smallest child only keeps track of shared memory.
        if len(sizes) > workers > 1:
            workers_mb.append(max(sizes))
        time.sleep(0.25)
    process.wait()
    if process.returncode:
        sys.exit(f"the run failed with {process.returncode}")
    after = os.times()
    cpu_s = after.children_user - before.children_user
    cpu_s += after.children_system - before.children_system
    return Run(time.perf_counter() - started_s, cpu_s, own_mb[:-1], workers_mb)


def floor(files: list[Path]) -> float:
    """Return what reading and drawing the polygons takes alone, milliseconds of CPU a frame."""
    started_s = time.process_time()
    for path in files[::PROBE]:
        draw_objects(read_annotation(path))
    return (time.process_time() - started_s) / len(files[::PROBE]) * 1000


if __name__ == "__main__":
    main()
