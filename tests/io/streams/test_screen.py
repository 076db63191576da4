"""The screen of a virtual X server."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.io.streams.clock_frames import QUICK, Watch, failure_text
from tests.waiting import NEVER_S, wait_until
from urban_segmentor.io.streams.stream_options import StreamOptions

if TYPE_CHECKING:
    from collections.abc import Iterator


class Screen:
    """A virtual X server."""

    def __init__(self, number: int | None = None) -> None:
        self.number = number
        self.begin()

    def begin(self) -> None:
        """Start it; it finds a free number at the first time."""
        read, write = os.pipe()
        own = [] if self.number is None else [f":{self.number}"]
        self.process = subprocess.Popen(
            ["Xvfb", *own, "-screen", "0", "640x480x24", "-displayfd", str(write)],  # noqa: S607
            pass_fds=[write],
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as output:
            line = output.readline().strip()
        assert line, "the X server does not begin"
        self.number = int(line)

    def kill(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait(300)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    """Return a virtual X server that `DISPLAY` names."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not there")
    server = Screen()
    monkeypatch.setenv("DISPLAY", f":{server.number}")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    yield server
    server.kill()


def _is_at_rate(watch: Watch, rate: float) -> bool:
    """Return whether some frames in a row have the times of a rate; a busy machine is uneven."""
    return any(
        abs(last.time_s - first.time_s - (last.index - first.index) / rate) < 0.1
        for first, last in zip(watch.records, watch.records[4:], strict=False)
    )


@pytest.mark.parametrize(
    ("text", "options", "size"),
    [
        ("screen", StreamOptions(), (480, 640)),
        ("screen:0", StreamOptions(rate=10.0), (480, 640)),
        ("screen", StreamOptions(size=(320, 200)), (200, 320)),
        ("screen:200x100+440,380", StreamOptions(), (100, 200)),
        ("screen:201x101+1,3", StreamOptions(), (101, 201)),
    ],
    ids=["all", "number", "size", "part", "odd"],
)
@pytest.mark.usefixtures("screen")
def test_screen(text: str, options: StreamOptions, size: tuple[int, int]) -> None:
    """The whole screen or a part of it, at the rate that is asked for."""
    with Watch(text, options) as watch:
        watch.has(6)
        watch.check_order()
        assert {record.size for record in watch.records} == {size}
        rate = options.rate or 30
        assert watch.source.rate == rate
        watch.wait_until(lambda: _is_at_rate(watch, rate))
        assert watch.records[-1].name.startswith("screen_0000")


@pytest.mark.usefixtures("screen")
def test_wrong() -> None:
    """A part outside, or a screen that is not there, is told at once."""
    assert "cannot be captured" in failure_text("screen:640x480+10,10")
    assert "cannot be captured" in failure_text("screen:7")


def test_goes_away(screen: Screen) -> None:
    """An X server that hangs, ends, and comes back."""
    with Watch("screen", retry=QUICK) as watch:
        watch.has(5)
        screen.process.send_signal(signal.SIGSTOP)
        watch.wait_for_state("lost: nothing came for 2 s")
        assert not watch.source.is_live
        screen.process.send_signal(signal.SIGCONT)
        watch.more(5)
        watch.wait_until(lambda: watch.source.is_live)
        screen.kill()
        watch.wait_for_state("lost: the X display cannot be captured")
        screen.begin()
        watch.more(5)
        watch.check_order()
        assert watch.source.reconnects >= 2


def test_stop_while_it_hangs(screen: Screen) -> None:
    """All ends soon though FFmpeg waits for an X server that hangs."""
    with Watch("screen") as watch:
        watch.has(5)
        screen.process.send_signal(signal.SIGSTOP)
        time.sleep(0.2)
        since_s = time.monotonic()
        watch.source.stop()
        wait_until(lambda: not watch.thread.is_alive())
        watch.source.close()
        assert time.monotonic() - since_s < NEVER_S / 2


def test_no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a display that is said."""
    monkeypatch.delenv("DISPLAY", raising=False)
    assert "DISPLAY is not set" in failure_text("screen")
    monkeypatch.setenv("DISPLAY", ":7654")
    assert "cannot be captured" in failure_text("screen")
