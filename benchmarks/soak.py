"""Resident memory over thousands of frames of 1080p."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

import psutil
from material import BIN, WORK, clip_1080p

FIRST_FRAME = 200


def main() -> None:
    """Print memory at frame 200, at the end, and at its height."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=5000)
    args = parser.parse_args()
    clip, what = clip_1080p(frames=args.frames)
    command = [BIN / "urban-segmentor", "predict", clip, "-o", WORK / "soak", "--overwrite"]
    kinds = ["--save", "overlay,jsonl,csv"]
    started_s = time.perf_counter()
    process = subprocess.Popen(
        [str(part) for part in [*command, *kinds]], stderr=subprocess.DEVNULL
    )
    watched = psutil.Process(process.pid)
    samples: list[tuple[float, float]] = []
    while process.poll() is None:
        try:
            samples.append((time.perf_counter() - started_s, watched.memory_info().rss / 1e6))
        except psutil.NoSuchProcess:
            break
        time.sleep(0.5)
    if process.returncode:
        sys.exit(f"the run failed with {process.returncode}")
    length_s = samples[-1][0]
    # Frames come at a steady rate, so time tells how many are done.
    settled = [mb for at_s, mb in samples if at_s >= length_s * FIRST_FRAME / args.frames]
    settled = settled[:-2]  # the end, where files are closed
    print(f"\n{what}; {length_s:.0f} s\n")
    print("| resident memory | MB |\n|---|---|")
    print(f"| around frame {FIRST_FRAME} | {settled[0]:.0f} |")
    print(f"| lowest and highest after it | {min(settled):.0f} to {max(settled):.0f} |")
    print(f"| at the end | {settled[-1]:.0f} |")
    print(f"| highest of the whole run | {max(mb for _, mb in samples):.0f} |")


if __name__ == "__main__":
    main()
