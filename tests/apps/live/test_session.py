"""A live picture from its source to its display, with parts that can be trusted."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.apps.live.fakes import NAMES, SIZE, Given, Model, Noting
from tests.waiting import PATIENCE_S, wait_until
from urban_segmentor.apps.live.session import LiveReport, LiveSession
from urban_segmentor.apps.live.view_controls import ViewControls, ViewState
from urban_segmentor.errors import ModelError, OutputError, SourceError
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.structures.frame import Yuv420
from urban_segmentor.visualization.style import OverlayStyle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from urban_segmentor.result import Result
    from urban_segmentor.structures.frame import Frame

ENDLESS = 1_000_000_000
PLAIN = OverlayStyle(outlines=False, boxes=False, labels=False)


@pytest.fixture(autouse=True)
def all_threads_end() -> Iterator[None]:
    """Fail a test that leaves a thread behind."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


def luma(frame: Frame) -> NDArray[np.uint8]:
    """Return the Y plane, uint8 (H, W)."""
    assert isinstance(frame.pixels, Yuv420)
    return frame.pixels.y


class Keeping:
    """A sink that keeps names, drawn pixels and counts; it fails at a frame of a number."""

    def __init__(self, *, fails_at: int | None = None) -> None:
        self.fails_at = fails_at
        self.rows: list[tuple[str, int, int]] = []
        self.closed = 0

    def write(self, result: Result, /) -> None:
        """Keep the name, the last pixel that was drawn, and how many there are."""
        if len(self.rows) == self.fails_at:
            raise OutputError("the disk is full", hint="free some space")
        self.rows.append((result.frame.name, luma(result.rendered)[-1, -1], len(result)))

    def close(self) -> None:
        """Count the calls."""
        self.closed += 1


class Setup:
    """A run and its parts."""

    def __init__(self, source: Given, **other: Any) -> None:  # noqa: ANN401
        self.source = source
        self.model: Any = other.pop("model", Model())
        self.controls = ViewControls(
            ClassList.from_names(NAMES), view=other.pop("view", ViewState(figures=False))
        )
        self.display = other.pop("display", Noting())
        self.live = LiveSession(
            source,  # pyright: ignore[reportArgumentType]
            segmenter=self.model,
            controls=self.controls,
            display=self.display,
            style=PLAIN,
            **other,
        )

    def run(self) -> LiveReport:
        """Run it; a watchdog stops it when it hangs."""
        watchdog = threading.Timer(PATIENCE_S, self.live.stop)
        watchdog.start()
        try:
            return self.live.run()
        finally:
            watchdog.cancel()
            watchdog.join()


def test_every_frame_is_shown_drawn_on() -> None:
    """With figures and rate at the end; the problems of the source are told."""
    setup = Setup(Given(20), every=True)
    outcome = setup.run()
    assert [frame.index for frame in setup.display.frames] == list(range(20))
    plain = [16 + i for i in range(20)]
    assert all(luma(f)[0, 0] != y for f, y in zip(setup.display.frames, plain, strict=True))
    assert outcome.frames == 20
    assert outcome.fps > 0
    assert outcome.latency is not None
    assert 0 < outcome.latency["p50"] <= outcome.latency["p95"] <= outcome.latency["max"]
    assert (outcome.dropped, outcome.reconnects) == (7, 2)
    assert outcome.problems == ["a frame was damaged"]
    assert {"infer", "draw", "show"} <= set(outcome.stages.summary())
    assert not outcome.stopped
    assert setup.source.closed


def test_a_slow_display_gets_the_newest_and_holds_up_nobody() -> None:
    """What it is too slow for counts as dropped; the frames stay in order."""
    model = Model()

    def fall_behind(_count: int) -> None:
        behind = len(model.confs)
        wait_until(lambda: len(model.confs) >= min(behind + 10, 60))

    display = Noting(fall_behind)
    setup = Setup(Given(60, every_s=0.004), model=model, display=display)
    outcome = setup.run()
    indices = [frame.index for frame in display.frames]
    assert indices == sorted(set(indices))
    assert indices[-1] == 59
    assert len(indices) < 20
    assert outcome.dropped == 7 + 60 - len(indices)


def test_the_network_is_ready_before_the_first_frame_counts() -> None:
    """It runs once on a black picture of the source's size, so nothing is dropped meanwhile."""
    calls: list[float] = []
    setup = Setup(Given(3), model=Model(before=lambda: calls.append(time.monotonic())))
    setup.run()
    assert len(calls) == 4
    assert setup.display.frames[0].captured_s is not None
    assert setup.display.frames[0].captured_s >= calls[0]


def test_what_viewers_set_counts_for_the_next_frame() -> None:
    """Lowest score, classes, masks only; results that are saved follow."""
    sink = Keeping()

    def each(count: int) -> None:
        changes: dict[int, Callable[[], None]] = {
            5: lambda: setup.controls.set_conf(0.5),
            10: lambda: setup.controls.set_classes(["person"]),
            15: lambda: setup.controls.set_classes([]),
            20: lambda: setup.controls.set_classes(None),
        }
        changes.get(count, lambda: None)()

    setup = Setup(Given(25), display=Noting(each), sinks=[sink], every=True)
    setup.run()
    found = [count for _, _, count in sink.rows]
    assert found[:5] == [3] * 5
    assert found[8:10] == [2] * 2
    assert found[13:15] == [1] * 2
    assert found[18:20] == [0] * 2
    assert found[23:] == [2] * 2
    assert set(setup.model.confs) == {0.25, 0.5}


def test_quitting_stopping_and_time() -> None:
    """A viewer, a signal, or the clock ends a source that never does."""
    quits = Setup(Given(ENDLESS), display=Noting(lambda n: n == 3 and quits.controls.quit()))
    outcome = quits.run()
    assert outcome.frames >= 3
    assert not outcome.stopped
    assert quits.source.stopped

    stops = Setup(Given(ENDLESS), display=Noting(lambda n: n == 3 and stops.live.stop()))
    assert stops.run().stopped

    timed = Setup(Given(ENDLESS, every_s=0.01), until_s=0.3)
    since_s = time.monotonic()
    assert not timed.run().stopped
    assert time.monotonic() - since_s > 0.25


def test_nothing_came_before_the_end() -> None:
    """A source that was stopped before its first frame is an empty run."""
    outcome = Setup(Given(size=None)).run()
    assert (outcome.frames, outcome.fps, outcome.latency) == (0, 0.0, None)


def test_pausing_reaches_the_source_and_the_readings() -> None:
    """The display is asked on while the picture stands still."""

    class Standing(Given):
        def __iter__(self) -> Iterator[Frame]:
            frames = super().__iter__()
            yield next(frames)
            while not self.pauses and not self.stopped:
                time.sleep(0.005)
            while self.pauses[-1:] == [True] and not self.stopped:
                time.sleep(0.005)
            yield from frames

    def go_on() -> None:
        wait_until(lambda: "paused" in {reading.state for reading in setup.display.readings})
        setup.controls.set_paused(False)

    def each(count: int) -> None:
        if count == 1:
            setup.controls.set_paused(True)
            threading.Thread(target=go_on).start()

    setup = Setup(Standing(3), display=Noting(each), every=True)
    assert setup.run().frames == 3
    assert setup.source.pauses == [True, False]
    assert "paused" in {reading.state for reading in setup.display.readings}


@pytest.mark.parametrize("error", [SourceError("no camera"), ModelError("broken", hint="mend")])
def test_a_source_that_can_never_work_is_told(error: Exception) -> None:
    """What it raises comes out of the run, after everything is closed."""
    sink = Keeping()
    setup = Setup(Given(error=error), sinks=[sink])
    with pytest.raises(type(error)) as caught:
        setup.run()
    assert caught.value is error
    assert setup.source.closed
    assert sink.closed == 1


def test_a_model_that_fails_ends_the_run() -> None:
    """No frame is shown without having been looked at."""

    def fail() -> None:
        if len(setup.model.confs) == 3:
            raise ModelError("numbers that are none", hint="export again")

    setup = Setup(Given(50), model=Model(before=fail))
    with pytest.raises(ModelError):
        setup.run()
    assert setup.source.closed


def test_a_full_disk_ends_the_recording_and_not_the_image() -> None:
    """It is told once, at once; the other results and the picture go on."""
    told: list[OutputError] = []
    recorder, lines = Keeping(fails_at=4), Keeping()
    setup = Setup(Given(20), recorder=recorder, sinks=[lines], every=True, on_problem=told.append)
    outcome = setup.run()
    assert len(setup.display.frames) == len(lines.rows) == 20
    assert len(recorder.rows) == 4
    assert recorder.closed == lines.closed == 1
    assert [str(error) for error in told] == ["the disk is full"]
    assert outcome.failed_outputs
    assert outcome.problems == ["the disk is full; free some space", "a frame was damaged"]


def test_the_recording_is_what_is_shown() -> None:
    """Every frame of a source that leaves nothing out, as drawn, figures included."""
    recorder = Keeping()
    setup = Setup(Given(10), recorder=recorder, every=True, view=ViewState())
    setup.run()
    assert len(recorder.rows) == 10
    assert [row[1] for row in recorder.rows] == [
        luma(frame)[-1, -1] for frame in setup.display.frames
    ]
    assert setup.display.frames[0].size == SIZE
