"""The web app: how soon it is there, how fast it answers, and fifty visitors at once.

    python benchmarks/app.py                      # all of it, about eight minutes
    python benchmarks/app.py --only load --minutes 5 --visitors 50

Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import material
import psutil
from gradio_client import Client, handle_file

from urban_segmentor.io.image_files import write_image
from urban_segmentor.synthetic import Street

_START = [sys.executable, "-m", "urban_segmentor.cli.main", "app", "--port", "0"]
_PREDICT = [sys.executable, "-m", "urban_segmentor.cli.main", "predict"]
_IMAGES = 8


class App:
    """The app in a process of its own."""

    def __init__(self, folder: Path, *words: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.temp = folder / "temp"
        self.temp.mkdir(exist_ok=True)
        environment = os.environ | {
            "TMPDIR": str(self.temp),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "COLUMNS": "200",
        }
        self._log = (folder / "log.txt").open("w+")
        since_s = time.perf_counter()
        self.process = subprocess.Popen(
            [*_START, *words], stdout=subprocess.DEVNULL, stderr=self._log, env=environment
        )
        try:
            self.url = self._address()
            assert httpx.get(self.url).raise_for_status().text
        except BaseException:
            self.__exit__()
            raise
        self.first_page_s = time.perf_counter() - since_s

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_error: object) -> None:
        """End it, whatever happened."""
        self.process.terminate()
        self.process.wait(30)
        self._log.close()

    def _address(self) -> str:
        """Wait for the address that it prints."""
        while True:
            found = re.search(r"open (http://\S+)", Path(self._log.name).read_text())
            if found is not None:
                return found[1]
            assert self.process.poll() is None, "the app did not start"
            time.sleep(0.01)

    def wait_for_examples(self) -> float:
        """Return after how many seconds all examples were ready."""
        since_s = time.perf_counter()
        while not httpx.get(f"{self.url}/examples").json()["complete"]:
            time.sleep(0.1)
        return time.perf_counter() - since_s

    def rss_mb(self) -> float:
        """Return the memory of the process."""
        return psutil.Process(self.process.pid).memory_info().rss / 1e6


def first_page(folder: Path) -> None:
    """Print after how long the first page is there, five times."""
    times: list[float] = []
    for number in range(6):
        with App(folder / "start") as app:
            if number:
                times.append(app.first_page_s)
            app.wait_for_examples()
    print(f"first page after the command: {_spread(times)} s (warm disk, 5 starts)")


def answers(app: App, folder: Path) -> None:
    """Print how long a picture of 1920 x 1080 takes from the browser's click to the result."""
    from playwright.sync_api import sync_playwright

    images = _images(folder, size=(1080, 1920))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(app.url)
        page.wait_for_selector("#picture-examples button")
        page.wait_for_timeout(1000)
        uploads: list[float] = []
        for path in [*images, *images]:
            since_s = time.perf_counter()
            page.set_input_files("#picture-upload input[type=file]", str(path))
            _wait_for(page, path.name)
            uploads.append(time.perf_counter() - since_s)
            page.click("#picture-upload button[aria-label='Remove Image']")
            page.wait_for_selector("#picture-result .empty:visible")
        clicks: list[float] = []
        for turn in range(10):
            names = ("street-by-day.jpg", "street-at-dusk.jpg")
            since_s = time.perf_counter()
            page.click(f"#picture-examples button >> nth={turn % 2}")
            _wait_for(page, names[turn % 2])
            clicks.append(time.perf_counter() - since_s)
        browser.close()
    print(f"1080p picture, upload to drawn result: {_spread(uploads[2:])} s")
    print(f"click on an example to drawn result: {_spread(clicks)} s")


def _wait_for(page: Any, title: str) -> None:
    page.wait_for_selector(f"#picture-result [data-title='{title}']", state="attached")
    page.wait_for_function(
        "() => { const one = document.querySelector('#picture-result .after');"
        "return one.complete && one.naturalWidth > 0; }",
        polling=10,
    )


def video(app: App, folder: Path) -> None:
    """Print the rate of a video in the app beside that of `predict`, by turns, file to file.

    In the app that is from the call to the answer, the upload included, and for `predict` the
    whole process.
    """
    clip, what = material.clip_1080p()
    client = Client(app.url, verbose=False, download_files=False)
    rates: dict[str, list[float]] = {"app": [], "predict": []}
    frames = 0
    for turn in range(4):
        since_s = time.perf_counter()
        frames = client.predict(handle_file(str(clip)), api_name="/segment_video")[3]["frames"]
        app_s = time.perf_counter() - since_s
        since_s = time.perf_counter()
        subprocess.run(
            [
                *_PREDICT,
                str(clip),
                "--save",
                "overlay,jsonl,csv",
                "-o",
                str(folder / f"out-{turn}"),
            ],
            check=True,
            capture_output=True,
        )
        predict_s = time.perf_counter() - since_s
        if turn:  # the first one is for the disk
            rates["app"].append(frames / app_s)
            rates["predict"].append(frames / predict_s)
    ours, other = (statistics.median(rates[name]) for name in ("app", "predict"))
    print(f"1080p video ({what}): app {ours:.1f} fps, predict {other:.1f} fps: {ours / other:.0%}")


@dataclass
class Load:
    """What many visitors saw."""

    times_s: list[float] = field(default_factory=list)
    queue_full: int = 0
    errors: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def load(folder: Path, *, visitors: int, minutes: float) -> None:
    """Print what visitors saw who send a picture, look at the result, and send the next."""
    with App(folder / "load") as app:
        app.wait_for_examples()
        _crowd(app, folder, visitors=visitors, minutes=minutes)


def _crowd(app: App, folder: Path, *, visitors: int, minutes: float) -> None:
    images = _images(folder, size=(1080, 1920))
    seen, until_s = Load(), time.monotonic() + 60 * minutes
    threads = [
        threading.Thread(target=_visit, args=(app, images, seen, until_s, number))
        for number in range(visitors)
    ]
    for thread in threads:
        thread.start()
    memory: list[float] = []
    while any(thread.is_alive() for thread in threads):
        time.sleep(10)
        memory.append(app.rss_mb())
    for thread in threads:
        thread.join()
    left = sum(1 for path in app.temp.rglob("*") if path.is_file())
    times = sorted(seen.times_s)
    p95 = times[int(0.95 * len(times))]
    print(
        f"{visitors} visitors, {minutes:g} min: {len(times)} pictures, "
        f"{len(times) / (60 * minutes):.1f} a second; p50 {statistics.median(times):.2f} s, "
        f"p95 {p95:.2f} s; {seen.queue_full} times the queue was full; {len(seen.errors)} errors"
    )
    third = max(len(memory) // 3, 1)
    print(
        f"memory {statistics.median(memory[:third]):.0f} MB in the first third, "
        f"{statistics.median(memory[-third:]):.0f} MB in the last; {left} files on disk at the end"
    )
    for error in seen.errors[:5]:
        print("  ", error)


def _visit(app: App, images: list[Path], seen: Load, until_s: float, number: int) -> None:
    """Be one visitor: send a picture, count what came back, look at it for some seconds."""
    chance = random.Random(number)  # noqa: S311 - only to spread the visitors
    time.sleep(chance.uniform(0, 5))
    client = Client(app.url, verbose=False, download_files=False)
    while time.monotonic() < until_s:
        image = chance.choice(images)
        since_s = time.perf_counter()
        try:
            answer = client.predict(handle_file(str(image)), api_name="/segment")
        except Exception as error:  # noqa: BLE001 - whatever a visitor sees is counted
            with seen.lock:
                if "ueue is full" in str(error):
                    seen.queue_full += 1
                else:
                    seen.errors.append(f"{type(error).__name__}: {error}")
            time.sleep(chance.uniform(1, 3))
            continue
        took_s = time.perf_counter() - since_s
        with seen.lock:
            if answer[2]["size"] != [1920, 1080] or not answer[2]["instances"]:
                seen.errors.append(f"a wrong answer: {answer[2]['size']}")
            seen.times_s.append(took_s)
        time.sleep(chance.uniform(3, 9))


def _images(folder: Path, *, size: tuple[int, int]) -> list[Path]:
    """Return drawn streets that differ."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"street-{number}.jpg" for number in range(_IMAGES)]
    for number, path in enumerate(paths):
        if not path.exists():
            shot = next(iter(Street(size=size, seed=20 + number).shots(seconds=1.0)))
            write_image(path, shot.frame.image, overwrite=True)
    return paths


def _spread(times: list[float]) -> str:
    """Return median and extremes."""
    return f"{statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f})"


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="start,answers,video,load")
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=5.0)
    args = parser.parse_args()
    wanted = args.only.split(",")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "start" in wanted:
            first_page(folder)
        if {"answers", "video"} & set(wanted):
            with App(folder / "one") as app:
                app.wait_for_examples()
                if "answers" in wanted:
                    answers(app, folder / "images")
                if "video" in wanted:
                    video(app, folder)
        if "load" in wanted:
            load(folder, visitors=args.visitors, minutes=args.minutes)


if __name__ == "__main__":
    main()
