"""The code path of cameras, with FFmpeg's pattern generator in place of a device."""

from __future__ import annotations

import errno
import statistics
import time
from typing import TYPE_CHECKING, Any

import av
import av.error
import pytest

from tests.io.streams.clock_frames import Watch, failure_text
from urban_segmentor.io.streams import failures
from urban_segmentor.io.streams import open_stream as opening
from urban_segmentor.io.streams.stream_options import StreamOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from av.container import InputContainer

REAL_OPEN = av.open
PATTERN = "testsrc2=size={size}:rate=30,realtime"


class Device:
    """Stands for a camera; refuses what `refuses` says."""

    def __init__(
        self,
        refuses: Callable[[dict[str, str]], int] = lambda _: 0,
        pattern: str = PATTERN.format(size="640x480"),
    ) -> None:
        self.refuses, self.pattern = refuses, pattern
        self.asked: list[dict[str, str]] = []

    def open(self, target: str, **settings: Any) -> InputContainer:  # noqa: ANN401
        """Open it as `av.open` does."""
        assert target == "/dev/video0"
        assert settings["format"] == "v4l2"
        options = settings["options"]
        self.asked.append(options)
        if code := self.refuses(options):
            kind = av.error.classes[code]
            raise kind(code, "no", target)  # type: ignore[operator]
        return REAL_OPEN(self.pattern, format="lavfi", timeout=settings["timeout"])


def _use(monkeypatch: pytest.MonkeyPatch, device: Device) -> Device:
    monkeypatch.setattr(opening.av, "open", device.open)
    return device


def test_asks_for_mjpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    """MJPEG, size and rate are asked for, and pictures come."""
    device = _use(monkeypatch, Device())
    with Watch("0", StreamOptions(size=(640, 480), rate=30.0)) as watch:
        watch.has(10)
        watch.check_order()
        assert watch.records[0].size == (480, 640)
        assert watch.records[-1].name.startswith("video0_0000")
        assert watch.source.rate == 30
        assert watch.source.problems == []
    assert device.asked == [{"input_format": "mjpeg", "video_size": "640x480", "framerate": "30"}]


def test_asks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without options the camera's own size stays."""
    device = _use(monkeypatch, Device())
    with Watch("/dev/video0") as watch:
        watch.has(3)
    assert device.asked == [{"input_format": "mjpeg"}]


def test_no_mjpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    """A camera without MJPEG is read as it is, and that is said."""
    device = Device(lambda options: errno.EINVAL * ("input_format" in options))
    _use(monkeypatch, device)
    with Watch("0", StreamOptions(size=(1280, 720), rate=25.0)) as watch:
        watch.has(3)
        assert watch.source.problems == [
            "`/dev/video0`: it gives no MJPEG",
            "`/dev/video0` gives 640 x 480 pixels instead of 1280 x 720",
            "`/dev/video0` gives 30 frames a second instead of 25",
        ]
    assert device.asked[-1] == {"video_size": "1280x720", "framerate": "25"}


def test_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    """A camera that takes no options is read without."""
    device = _use(monkeypatch, Device(lambda options: errno.EINVAL * bool(options)))
    with Watch("0", StreamOptions(size=(640, 480))) as watch:
        watch.has(3)
        assert watch.source.problems == [
            "`/dev/video0`: it gives neither MJPEG nor the size or rate that was asked for"
        ]
    assert device.asked[-1] == {}


def test_kernel_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of capture is the kernel's, where it is of our clock; the picture is older."""
    offset_s = time.time() - time.monotonic()
    stamped = f"settb=1/1000000,setpts=RTCTIME-{round((offset_s + 0.2) * 1e6)}"
    _use(monkeypatch, Device(pattern=f"{PATTERN.format(size='320x240')},{stamped}"))
    with Watch("0") as watch:
        watch.has(10)
        watch.check_order()
        # One that is a second old on a busy machine counts as taken when it arrived.
        assert statistics.median(record.delay_s for record in watch.records) >= 0.2


def test_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A camera that is pulled out and put in again goes on, whatever it says meanwhile."""
    state = {"gone": False}
    pattern = "testsrc2=size=320x240:rate=30:duration=0.5,realtime"
    device = Device(lambda _: errno.ENOENT * state["gone"], pattern)
    _use(monkeypatch, device)
    with Watch("0") as watch:
        watch.has(5)
        state["gone"] = True
        watch.wait_for_state("lost: there is no such camera; retry in")
        state["gone"] = False
        watch.more(5)
        watch.check_order()
        assert watch.source.reconnects >= 1


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOENT, "no such camera | there are: /dev/video4 (Street)"),
        (errno.EBUSY, "the camera is in use, by cheese (pid 12) | end the other program"),
        (errno.EACCES, "you may not use the camera | sudo usermod -aG video"),
        (errno.EINVAL, "it is no camera"),
        (errno.ENOTTY, "it is no camera"),
        (errno.EIO, "input/output error"),
    ],
    ids=lambda value: errno.errorcode.get(value, "") if isinstance(value, int) else "",
)
def test_fails_at_once(monkeypatch: pytest.MonkeyPatch, code: int, message: str) -> None:
    """What is wrong with a camera is told at once, with what to do."""
    _use(monkeypatch, Device(lambda _: code))
    monkeypatch.setattr(failures, "cameras_hint", lambda: "there are: /dev/video4 (Street)")
    monkeypatch.setattr(failures, "processes_using", lambda _: ["cheese (pid 12)"])
    assert message in failure_text("0")


def test_not_there() -> None:
    """Without a patch, on a machine where there is no such device."""
    assert "no such camera" in failure_text("987")


def test_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other systems are told what works there."""
    monkeypatch.setattr(opening.sys, "platform", "darwin")
    assert "Linux only" in failure_text("0")
