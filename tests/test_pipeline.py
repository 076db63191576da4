"""Order, limits and ends of the pipeline, with stages that are simple enough to be trusted."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.parts import STREAMS, Adding, Counting, Keeping, Numbers, rows
from urban_segmentor.errors import ModelError, OutputError, SourceError
from urban_segmentor.pipeline import Pipeline, RunReport
from urban_segmentor.profiling import StageTimes
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from urban_segmentor.structures.frame import Frame

MANY = 150
IN_FLIGHT = 20  # more frames than all queues and stages can hold
PATIENCE_S = 10.0

pytestmark = pytest.mark.usefixtures("all_threads_end")


@pytest.fixture
def all_threads_end() -> Iterator[None]:
    """Fail a test that leaves a thread behind, or OpenCV with another number of threads."""
    before, opencv = set(threading.enumerate()), cv2.getNumThreads()
    yield
    assert set(threading.enumerate()) == before
    assert cv2.getNumThreads() == opencv


def failing(error: BaseException, *, at: int) -> Callable[[int], None]:
    """Return a function that raises when it is called with a number or a higher one."""

    def fail(number: int) -> None:
        if number >= at:
            raise error

    return fail


def run_aside(call: Callable[[], RunReport]) -> list[RunReport | BaseException]:
    """Return what a call gives or raises; fail when it does not end."""
    outcome: list[RunReport | BaseException] = []

    def work() -> None:
        try:
            outcome.append(call())
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            outcome.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    assert not thread.is_alive(), "the pipeline hangs"
    return outcome


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 25), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_frames_keep_their_order(count: int, streams: int, seed: int) -> None:
    """Whatever each stage takes, both kinds of sinks get every frame once, in order."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    delays = {i: chance.random() * 2e-3 for i in range(30)}

    def pause(number: int) -> None:
        time.sleep(delays[number])

    segmenter = Counting(pause)
    segmenter.streams = streams
    plain, drawn = Keeping(pause), Keeping(pause)
    pipeline = Pipeline(segmenter, sinks=[plain], renderer=Adding(), overlay=drawn)
    source = Numbers(count, pause)
    seen: list[None] = []
    report = pipeline.run(source, on_frame=lambda: seen.append(None))
    assert plain.rows == rows(count)
    assert drawn.rows == rows(count, drawn=True)
    assert len(seen) == report.frames == count
    assert source.closed == 1
    assert not report.interrupted


def test_networks_work_side_by_side() -> None:
    """As many pictures as there are streams are in work at once, and no more."""
    together = threading.Barrier(STREAMS)
    lock = threading.Lock()
    working = most = 0

    def meet(_: int) -> None:
        nonlocal working, most
        with lock:
            working += 1
            most = max(most, working)
        together.wait(PATIENCE_S)  # breaks unless all streams get here
        with lock:
            working -= 1
        together.wait(PATIENCE_S)

    assert Pipeline(Counting(meet)).run(Numbers(4 * STREAMS)).frames == 4 * STREAMS
    assert most == STREAMS


def test_the_report_counts_instances_and_frames() -> None:
    """Frames 0 to 7 hold 0, 1, 2, 0, 1, 2, 0, 1 instances."""
    report = Pipeline(Counting()).run(Numbers(8))
    assert (report.frames, report.instances) == (8, 7)
    assert report.by_class == Counter({0: 5, 1: 2})
    assert report.frames_by_class == Counter({0: 5, 1: 2})
    assert report.elapsed_s > 0


def test_a_class_that_comes_twice_is_one_frame() -> None:
    """Instances are counted each, frames once for a class."""
    found = Instances(
        boxes=np.zeros((3, 4), dtype=np.float32),
        masks=Masks.from_dense(np.zeros((3, 2, 2), dtype=np.bool_)),
        scores=np.ones(3, dtype=np.float32),
        class_ids=np.array([4, 4, 6], dtype=np.int32),
    )
    report = RunReport()
    report.add(found)
    assert report.by_class == Counter({4: 2, 6: 1})
    assert report.frames_by_class == Counter({4: 1, 6: 1})


def test_no_frames() -> None:
    """An empty source is a run like any other."""
    plain, drawn = Keeping(), Keeping()
    stages = StageTimes()
    pipeline = Pipeline(Counting(), sinks=[plain], renderer=Adding(), overlay=drawn, stages=stages)
    source = Numbers(0)
    report = pipeline.run(source)
    assert report == replace(RunReport(), elapsed_s=report.elapsed_s)
    assert plain.rows == drawn.rows == []
    assert source.closed == 1
    assert stages.summary() == {}


SOURCE, NETWORK, PAINT, WRITE = (
    SourceError("frame 5 is damaged"),
    ModelError("the network fails"),
    ValueError("the renderer fails"),
    OutputError("the disk is full"),
)


@pytest.mark.parametrize(
    ("error", "stage"),
    [
        (SOURCE, "source"),
        (NETWORK, "segmenter"),
        (PAINT, "renderer"),
        (WRITE, "sink"),
        (WRITE, "overlay"),
        (KeyError("a bug"), "on_frame"),
        (SystemExit(3), "segmenter"),
    ],
)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_failure_surfaces_as_itself(error: BaseException, stage: str, at: int) -> None:
    """Whichever stage fails, its own exception comes out and the source is closed."""
    fails = {stage: failing(error, at=at)}
    source = Numbers(3 * IN_FLIGHT, fails.get("source", lambda _: None))
    segmenter = Counting(fails.get("segmenter", lambda _: None))
    plain = Keeping(fails.get("sink", lambda _: None))
    drawn = Keeping(fails.get("overlay", lambda _: None))
    renderer = Adding(fails.get("renderer", lambda _: None))
    pipeline = Pipeline(segmenter, sinks=[plain], renderer=renderer, overlay=drawn)
    finished: list[int] = []

    def on_frame() -> None:
        fails.get("on_frame", lambda _: None)(len(finished))
        finished.append(len(finished))

    assert run_aside(lambda: pipeline.run(source, on_frame=on_frame)) == [error]
    assert source.closed == 1
    assert source.given < 3 * IN_FLIGHT  # nothing reads on for a run that has failed
    assert plain.rows == rows(len(plain.rows))  # what was written is whole and in order
    assert drawn.rows == rows(len(drawn.rows), drawn=True)
    assert len(plain.rows) >= len(drawn.rows) == len(finished) + (stage == "on_frame")


def test_frames_before_a_damaged_one_are_finished() -> None:
    """A video that breaks off gives all that could be read of it, every time."""
    plain, drawn = Keeping(), Keeping()
    pipeline = Pipeline(
        Counting(lambda _: time.sleep(2e-3)), sinks=[plain], renderer=Adding(), overlay=drawn
    )
    with pytest.raises(SourceError) as caught:
        pipeline.run(Numbers(IN_FLIGHT, failing(SOURCE, at=9)))
    assert caught.value is SOURCE
    assert plain.rows == rows(9)
    assert drawn.rows == rows(9, drawn=True)


def test_the_first_failure_counts() -> None:
    """A source that cannot even be closed does not hide why the run failed."""

    class Stuck(Numbers):
        def close(self) -> None:
            raise OutputError("cannot be closed")

    assert run_aside(lambda: Pipeline(Counting(failing(NETWORK, at=0))).run(Stuck(9))) == [NETWORK]
    with pytest.raises(OutputError, match="cannot be closed"):
        Pipeline(Counting()).run(Stuck(1))


def test_a_source_that_cannot_begin() -> None:
    """What `iter` raises comes out too."""

    class Dead(Numbers):
        def __iter__(self) -> Iterator[Frame]:
            raise SOURCE

    dead = Dead(3)
    assert run_aside(lambda: Pipeline(Counting()).run(dead)) == [SOURCE]
    assert dead.closed == 1


@pytest.mark.parametrize(
    ("slow", "most"),
    [
        ("segmenter", STREAMS + 4),  # 1 waited for, STREAMS + 2 behind it, 1 in the reader's hand
        ("sink", STREAMS + 4),
        ("overlay", STREAMS + 7),  # 1 in work, 2 behind it, and the rest as above
    ],
)
def test_a_slow_stage_holds_up_the_source(slow: str, most: int) -> None:
    """However slow a stage is, memory holds a bounded number of frames."""
    gate = threading.Event()

    def wait(_: int) -> None:
        assert gate.wait(PATIENCE_S)

    waits = {slow: wait}
    source = Numbers(5 * IN_FLIGHT)
    plain = Keeping(waits.get("sink", lambda _: None))
    drawn = Keeping(waits.get("overlay", lambda _: None))
    segmenter = Counting(waits.get("segmenter", lambda _: None))
    pipeline = Pipeline(segmenter, sinks=[plain], renderer=Adding(), overlay=drawn)
    outcome: list[RunReport] = []
    runner = threading.Thread(target=lambda: outcome.append(pipeline.run(source)))
    runner.start()
    deadline_s = time.monotonic() + PATIENCE_S / 2
    while source.given < most and time.monotonic() < deadline_s:
        time.sleep(0.005)
    time.sleep(0.1)  # to run ahead, if it would
    given = source.given
    gate.set()
    runner.join(PATIENCE_S)
    assert given == most
    assert outcome[0].frames == 5 * IN_FLIGHT


class Signalled(BaseException):
    """What a signal handler may raise."""


class Interrupting(threading.Thread):
    """A thread whose methods raise in the caller, as Ctrl-C does at any moment."""

    where = "join"
    error: type[BaseException] = KeyboardInterrupt
    due: threading.Event

    def start(self) -> None:
        """Start, and raise before the caller goes on."""
        super().start()
        self.strike("start")

    def join(self, timeout: float | None = None) -> None:
        """Raise once, after some frames."""
        super().join(0.005)
        self.strike("join")
        super().join(timeout)

    def strike(self, where: str) -> None:
        """Raise once in a test, where signals arrive: in the main thread."""
        here = threading.current_thread() is threading.main_thread()
        if here and self.where == where and not self.due.is_set():
            self.due.set()
            raise self.error


def interrupted_source(
    monkeypatch: pytest.MonkeyPatch, error: type[BaseException], where: str
) -> Numbers:
    """Return a source whose run is interrupted once in the caller's thread, before frame 20."""
    due = threading.Event()
    monkeypatch.setattr(Interrupting, "due", due, raising=False)
    monkeypatch.setattr(Interrupting, "where", where)
    monkeypatch.setattr(Interrupting, "error", error)
    monkeypatch.setattr("urban_segmentor.pipeline.threading.Thread", Interrupting)
    return Numbers(MANY, lambda i: None if i < 20 else due.wait(PATIENCE_S) and None)


@pytest.mark.parametrize("where", ["start", "join"])
def test_ctrl_c_ends_cleanly(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """What was read is finished, in order, and the report says that there is no more."""
    plain, drawn = Keeping(), Keeping()
    pipeline = Pipeline(
        Counting(lambda _: time.sleep(1e-3)), sinks=[plain], renderer=Adding(), overlay=drawn
    )
    source = interrupted_source(monkeypatch, KeyboardInterrupt, where)
    report = pipeline.run(source)
    assert report.interrupted
    assert source.closed == 1
    assert source.given == report.frames < MANY
    assert plain.rows == rows(report.frames)
    assert drawn.rows == rows(report.frames, drawn=True)


@pytest.mark.parametrize("where", ["start", "join"])
def test_another_signal_comes_out_after_the_threads(
    monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """What a handler of SIGTERM raises reaches the caller, and no thread is left behind."""
    source = interrupted_source(monkeypatch, Signalled, where)
    with pytest.raises(Signalled):
        Pipeline(Counting(lambda _: time.sleep(1e-3))).run(source)
    assert source.closed == 1
    assert source.given < MANY


def test_stop_from_another_thread_or_before_the_run() -> None:
    """`stop` ends the reading; what was read is finished."""
    pipeline = Pipeline(Counting())
    report = pipeline.run(Numbers(200, lambda i: pipeline.stop() if i == 4 else None))
    assert (report.frames, report.interrupted) == (5, True)
    early = Pipeline(Counting())
    early.stop()
    report = early.run(Numbers(9))
    assert (report.frames, report.interrupted) == (0, True)


def test_every_stage_is_timed_once_a_frame() -> None:
    """The end of a source is no frame, and what the segmenter reports arrives."""
    noted: Counter[str] = Counter()

    class Noting(StageTimes):
        def add(self, stage: str, seconds: float) -> None:
            noted[stage] += 1
            super().add(stage, seconds)

    stages = Noting()
    pipeline = Pipeline(
        Counting(), sinks=[Keeping()], renderer=Adding(), overlay=Keeping(), stages=stages
    )
    pipeline.run(Numbers(7))
    assert noted == dict.fromkeys(("decode", "infer", "write", "draw", "encode"), 7)
    assert stages.summary()["infer"]["p50_ms"] == 3.0


def test_without_a_renderer_frames_stay_as_they_are() -> None:
    """A renderer is called where there is one, whether or not its pictures are written."""
    brightened: list[int] = []
    Pipeline(Counting(), renderer=Adding(brightened.append)).run(Numbers(3))
    assert brightened == [0, 1, 2]
    drawn = Keeping()
    Pipeline(Counting(), overlay=drawn).run(Numbers(3))
    assert drawn.rows == rows(3)


def test_the_newest_frame_is_taken_when_a_network_is_free() -> None:
    """No frame is asked for while all networks are busy, so that none grows old in a queue."""
    lock = threading.Lock()
    waiting = most = 0

    def ask(_: int) -> None:
        nonlocal waiting, most
        with lock:
            waiting += 1
            most = max(most, waiting)

    def work(_: int) -> None:
        nonlocal waiting
        time.sleep(2e-3)
        with lock:
            waiting -= 1

    stages = StageTimes()
    plain = Keeping()
    pipeline = Pipeline(Counting(work), sinks=[plain], stages=stages, newest=True)
    assert pipeline.run(Numbers(MANY, ask)).frames == MANY
    assert most <= STREAMS
    assert plain.rows == rows(MANY)
    assert "decode" not in stages.summary()  # waiting for a picture is no work


def test_a_run_of_the_newest_frames_fails_and_stops_as_others_do() -> None:
    """A network that fails gives its place back, and the failure comes out."""
    pipeline = Pipeline(Counting(failing(NETWORK, at=5)), newest=True)
    assert run_aside(lambda: pipeline.run(Numbers(MANY))) == [NETWORK]
    stopped = Pipeline(Counting(lambda _: stopped.stop()), newest=True)
    (report,) = run_aside(lambda: stopped.run(Numbers(10_000)))
    assert isinstance(report, RunReport)
    assert report.interrupted
    assert 0 < report.frames < 10_000
