"""The window on an X server of its own, with keys as a keyboard sends them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("pygame")
TITLE = "street under test"

_RUN = """
import json, os, signal, sys, time
import numpy as np
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.apps.live.view_controls import ViewControls
from urban_segmentor.apps.live.window import WindowDisplay
from urban_segmentor.visualization.live_stats import LiveStats
from urban_segmentor.structures.frame import Frame, Yuv420

before = dict(os.environ)
heard = []
signal.signal(signal.SIGTERM, lambda *_: heard.append("term"))
signal.signal(signal.SIGINT, lambda *_: heard.append("int"))
controls = ViewControls(ClassList.from_names(["car", "person"]))
window = WindowDisplay(controls, title=TITLE, save_image=lambda _frame: None)
added = {name for name in os.environ if name not in before}
assert not added & {"PYGAME_HIDE_SUPPORT_PROMPT", "SDL_NO_SIGNAL_HANDLERS"}, added
image = np.zeros((480, 640, 3), np.uint8)
image[:240, :320], image[240:, 320:] = (255, 0, 0), (0, 0, 255)
frame, last, end = Frame(pixels=Yuv420.from_rgb(image)), None, time.monotonic() + 300
window.show(frame, LiveStats(is_live=True, fps=1.0, latency_ms=1.0))
while not controls.wants_quit and time.monotonic() < end:
    window.poll(LiveStats(is_live=True, fps=1.0, latency_ms=1.0, state="live"))
    view, shown = controls.view, window._screen.pixels()
    now = {"conf": view.conf, "classes": view.classes, "masks_only": view.masks_only,
           "figures": view.figures, "paused": view.paused, "heard": heard[:],
           "size": shown.shape[:2], "corner": (shown[5, 5] > 128).tolist(),
           "handlers": int(open("/proc/self/status").read().split("SigCgt:")[1].split()[0], 16)}
    if now != last:
        print(json.dumps(now), flush=True)
    last = now
    time.sleep(0.02)
window.close()
print(json.dumps({"quit": controls.wants_quit}), flush=True)
"""


@contextmanager
def real_window() -> Iterator[tuple[Any, Any, dict[str, str]]]:
    """Return a context with a window on a screen of its own: what it says, keys, environment."""
    for program in ("Xvfb", "xdotool"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    reader, writer = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1024x768x24", "-nolisten", "tcp"],  # noqa: S607
        pass_fds=[writer],
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    with os.fdopen(reader) as pipe:
        number = pipe.readline().strip()
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("SDL_", "WAYLAND"))}
    environ["DISPLAY"] = f":{number}"
    child = subprocess.Popen(
        [sys.executable, "-c", _RUN.replace("TITLE", repr(TITLE))],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def do(*words: str) -> str:
        command = ["xdotool", *words]
        return subprocess.check_output(command, env=environ, timeout=300, text=True).strip()

    try:
        yield child, do, environ
    finally:
        child.kill()
        child.communicate()
        server.terminate()
        server.wait()


def test_keys_of_a_real_window() -> None:
    """On an X server: keys, another size, signals, the pixels, and nothing else on stdout."""
    with real_window() as (child, do, environ):

        def told(**expected: object) -> dict[str, Any]:
            for line in child.stdout:  # it ends by itself after some time
                now = json.loads(line)
                if all(now.get(name) == value for name, value in expected.items()):
                    return now
            pytest.fail(f"never came to {expected}: {child.stderr.read()}")

        first = told(size=[480, 640], corner=[True, False, False])
        own = do("search", "--pid", str(child.pid))
        do("windowfocus", own)
        for keys, expected in (
            ("m", {"masks_only": True}),
            ("h", {"figures": False}),
            ("plus", {"conf": 0.3}),
            ("equal", {"conf": 0.35}),
            ("KP_Add", {"conf": 0.4}),
            ("minus", {"conf": 0.35}),
            ("KP_Subtract", {"conf": 0.3}),
            ("c", {"classes": ["car"]}),
            ("c", {"classes": ["person"]}),
            ("shift+c", {"classes": ["car"]}),
            ("space", {"paused": True}),
            ("space", {"paused": False}),
        ):
            do("key", keys)
            told(**expected)
        do("windowsize", own, "500", "700")
        told(size=[700, 500], corner=[False, False, False])
        child.send_signal(2)
        told(heard=["int"])
        child.send_signal(15)
        last = told(heard=["int", "term"])
        assert last["handlers"] == first["handlers"]
        if shutil.which("import") is not None:
            grabbed = subprocess.run(
                ["import", "-window", "root", "-depth", "8", "rgb:-"],  # noqa: S607
                env=environ, check=True, capture_output=True,
            ).stdout  # fmt: skip
            screen = np.frombuffer(grabbed, np.uint8).reshape(768, 1024, 3)
            assert (np.abs(screen.astype(int) - [254, 0, 0]).max(axis=2) < 6).sum() > 30_000
        do("key", "q")
        assert child.stdout.readlines()[-1] == '{"quit": true}\n'
        assert child.wait(300) == 0


def test_nothing_is_said_and_no_handler_is_set() -> None:
    """Standard output is for results, and signals are the program's."""
    code = (
        "import signal, os; "
        "from urban_segmentor.apps.live.view_controls import ViewControls; "
        "from urban_segmentor.apps.live.window import WindowDisplay; "
        "from urban_segmentor.structures.classes import ClassList; "
        "w = WindowDisplay(ViewControls(ClassList.from_names(['car'])), "
        "title='t\\0', save_image=print); "
        "import pygame; assert not pygame.mixer.get_init(); "
        "assert not [n for n in os.environ if n.startswith('PYGAME_')]; "
        "os.kill(os.getpid(), 15)"
    )
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PYGAME_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environ | {"SDL_VIDEODRIVER": "dummy"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-15, "", "")
