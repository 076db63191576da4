"""The page of `live`: delay from capture to the viewer, and frames a second, by viewers.

Each `--src` is a folder with the package, such as those of two commits; they run in turns, each
server in a process of its own, with all viewers in this one. The first viewer reads the number of
each frame from its pixels; others only receive.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np

HERE = Path(__file__).resolve()
FPS, SECONDS, SIDE = 30, 5, 32
BETWEEN = b"\r\n--next-picture\r\n"
MODES = ("paced", "free")
CASES = ((1, False), (8, False), (1, True))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--src", action="append", default=[])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", choices=MODES)
    args = parser.parse_args()
    if args.serve:
        serve(paced=args.serve == "paced")
        return
    sources = [Path(src).resolve() for src in args.src or [HERE.parents[1] / "src"]]
    print("1280 x 720, JPEG of quality 80; medians of the rounds; delays at 30 frames a second")
    print("| | viewers | delay p50, ms | p95, ms | received/s | received/s, not paced |")
    print("|---|---|---|---|---|---|")
    for viewers, slow in CASES:
        found: dict[Path, list[list[float]]] = {src: [] for src in sources}
        for _ in range(args.rounds):
            for src in sources:
                paced, free = (run(src, viewers, slow=slow, mode=mode) for mode in MODES)
                delays = sorted(paced["delays"])
                p95 = delays[int(0.95 * len(delays))]
                found[src].append([statistics.median(delays), p95, paced["fps"], free["fps"]])
        for src, rows in found.items():
            cells = " | ".join(
                f"{statistics.median(column):.1f}" for column in zip(*rows, strict=True)
            )
            print(f"| {src} | {viewers}{', slow' * slow} | {cells} |", flush=True)


def serve(*, paced: bool) -> None:
    """Show frames when asked to, and tell when each was captured."""
    from urban_segmentor.apps.live.browser import BrowserDisplay
    from urban_segmentor.apps.live.view_controls import ViewControls
    from urban_segmentor.structures.classes import ClassList
    from urban_segmentor.structures.frame import Frame
    from urban_segmentor.synthetic import Street
    from urban_segmentor.visualization.live_stats import LiveStats

    shots = [shot.frame.image for shot in Street(size=(720, 1280), fps=4, seed=3).shots(seconds=1)]
    display = BrowserDisplay(ViewControls(ClassList()), title="street", port=0)
    print(display.where, flush=True)
    input()
    captured_s: list[float] = []
    began_s = time.monotonic()
    while time.monotonic() < began_s + SECONDS:
        image = shots[len(captured_s) % len(shots)].copy()
        for bit in range(12):
            is_set = len(captured_s) >> bit & 1
            image[:SIDE, bit * SIDE : (bit + 1) * SIDE] = 255 * is_set
        captured_s.append(time.monotonic())
        display.show(Frame(pixels=image, index=len(captured_s)), LiveStats())
        if paced:
            time.sleep(max(began_s + len(captured_s) / FPS - time.monotonic(), 0))
    print(json.dumps(captured_s), flush=True)
    time.sleep(1)
    display.close()


def run(src: Path, viewers: int, *, slow: bool, mode: str) -> dict[str, Any]:
    """Return the delays of the first viewer, ms, and the mean frames a second of all."""
    server = subprocess.Popen(
        [sys.executable, HERE, "--serve", mode],
        env=os.environ | {"PYTHONPATH": str(src)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    url = server.stdout.readline().strip()
    seen: list[list[tuple[int, float]]] = [[] for _ in range(viewers)]
    threads = [
        threading.Thread(target=view, args=(url, images, number == 0, slow))
        for number, images in enumerate(seen)
    ]
    for thread in threads:
        thread.start()
    time.sleep(1)
    server.stdin.write("\n")
    server.stdin.flush()
    captured_s = json.loads(server.stdout.readline())
    server.wait()
    for thread in threads:
        thread.join()
    delays = [
        1000 * (at_s - captured_s[index]) for index, at_s in seen[0] if index < len(captured_s)
    ]
    return {"delays": delays, "fps": statistics.mean(len(images) for images in seen) / SECONDS}


def view(url: str, seen: list[tuple[int, float]], reads_number: bool, slow: bool) -> None:  # noqa: FBT001
    """Receive the stream until it ends; note the number of each frame, and when it was here."""
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30)
    connection.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
    data = bytearray()
    with connection:
        while part := received(connection):
            data += part
            while (end := data.find(BETWEEN)) >= 0:
                at_s, jpeg = time.monotonic(), bytes(data[:end])
                del data[: end + len(BETWEEN)]
                if (begin := jpeg.find(b"\xff\xd8")) < 0:
                    continue  # what is in front of the first frame
                jpeg = jpeg[begin:]
                seen.append((number_of(jpeg) if reads_number else 0, at_s))
                if slow:
                    time.sleep(0.2)


def received(connection: socket.socket) -> bytes:
    """Return what comes next; nothing at the end."""
    try:
        return connection.recv(65536)
    except ConnectionError:
        return b""


def number_of(jpeg: bytes) -> int:
    """Return the number that is drawn into a frame."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8)
    side = SIDE // 8
    bits = (np.asarray(image)[side // 2, side // 2 :: side][:12] > 127).astype(int)
    return int(bits @ (1 << np.arange(12)))


if __name__ == "__main__":
    main()
