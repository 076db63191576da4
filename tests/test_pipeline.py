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
from tests.waiting import PATIENCE_S, settled, wait_until
from urban_segmentor.errors import ModelError, OutputError, SettingError, SourceError
from urban_segmentor.pipeline import Pipeline, RunReport
from urban_segmentor.profiling import StageTimes
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from urban_segmentor.result import Result
    from urban_segmentor.structures.frame import Frame

MANY = 150
IN_FLIGHT = 20  # more frames than all queues and stages can hold

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


@settings(max_examples=15)
@given(st.integers(0, 25), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_frames_keep_their_order(count: int, streams: int, seed: int) -> None:
    """Whatever each stage takes, both kinds of sinks get every frame once, in order."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    delays = {i: chance.random() * 2e-3 for i in range(30)}

    def pause(number: int) -> None:
        time.sleep(delays[number])

    segmenter = Counting(pause)
    segmenter.streams = streams
    plain, drawn = Keeping(pause), Keeping(pause, drawn=True)
    source = Numbers(count, pause)
    pipeline = Pipeline(source, segmenter, renderers=[Adding()], sinks=[plain, drawn])
    seen: list[int] = []
    report = pipeline.run(on_result=lambda result: seen.append(result.frame.index))
    assert plain.rows == rows(count)
    assert drawn.rows == rows(count, drawn=True)
    assert seen == list(range(count))
    assert report.frames == count
    assert plain.closed == drawn.closed == 1
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

    assert Pipeline(Numbers(4 * STREAMS), Counting(meet)).run().frames == 4 * STREAMS
    assert most == STREAMS


def test_the_report_counts_instances_and_frames() -> None:
    """Frames 0 to 7 hold 0, 1, 2, 0, 1, 2, 0, 1 instances."""
    report = Pipeline(Numbers(8), Counting()).run()
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
    plain, drawn = Keeping(), Keeping(drawn=True)
    times = StageTimes()
    source = Numbers(0)
    pipeline = Pipeline(source, Counting(), renderers=[Adding()], sinks=[plain, drawn], times=times)
    report = pipeline.run()
    assert report == RunReport(elapsed_s=report.elapsed_s, times=times)
    assert plain.rows == drawn.rows == []
    assert source.closed == 1
    assert times.summary() == {}


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
        (KeyError("a bug"), "on_result"),
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
    drawn = Keeping(fails.get("overlay", lambda _: None), drawn=True)
    renderer = Adding(fails.get("renderer", lambda _: None))
    pipeline = Pipeline(source, segmenter, renderers=[renderer], sinks=[plain, drawn])
    finished: list[int] = []

    def on_result(_: Result) -> None:
        fails.get("on_result", lambda _: None)(len(finished))
        finished.append(len(finished))

    assert run_aside(lambda: pipeline.run(on_result=on_result)) == [error]
    assert source.closed == 1
    assert source.given < 3 * IN_FLIGHT  # nothing reads on for a run that has failed
    assert plain.rows == rows(len(plain.rows))  # what was written is whole and in order
    assert drawn.rows == rows(len(drawn.rows), drawn=True)
    assert len(plain.rows) >= len(drawn.rows) == len(finished) + (stage == "on_result")


def test_frames_before_a_damaged_one_are_finished() -> None:
    """A video that breaks off gives all that could be read of it, every time."""
    plain, drawn = Keeping(), Keeping(drawn=True)
    pipeline = Pipeline(
        Numbers(IN_FLIGHT, failing(SOURCE, at=9)),
        Counting(lambda _: time.sleep(2e-3)),
        renderers=[Adding()],
        sinks=[plain, drawn],
    )
    with pytest.raises(SourceError) as caught:
        pipeline.run()
    assert caught.value is SOURCE
    assert plain.rows == rows(9)
    assert drawn.rows == rows(9, drawn=True)


def test_the_first_failure_counts() -> None:
    """A source that cannot even be closed does not hide why the run failed."""

    class Stuck(Numbers):
        def close(self) -> None:
            raise OutputError("cannot be closed")

    assert run_aside(lambda: Pipeline(Stuck(9), Counting(failing(NETWORK, at=0))).run()) == [
        NETWORK
    ]
    with pytest.raises(OutputError, match="cannot be closed"):
        Pipeline(Stuck(1), Counting()).run()


def test_a_source_that_cannot_begin() -> None:
    """What `iter` raises comes out too."""

    class Dead(Numbers):
        def __iter__(self) -> Iterator[Frame]:
            raise SOURCE

    dead = Dead(3)
    assert run_aside(lambda: Pipeline(dead, Counting()).run()) == [SOURCE]
    assert dead.closed == 1


@pytest.mark.parametrize(
    ("slow", "most"),
    [
        ("segmenter", STREAMS + 4),  # 1 waited for, STREAMS + 2 behind it, 1 in the reader's hand
        ("sink", STREAMS + 7),
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
    drawn = Keeping(waits.get("overlay", lambda _: None), drawn=True)
    segmenter = Counting(waits.get("segmenter", lambda _: None))
    pipeline = Pipeline(source, segmenter, renderers=[Adding()], sinks=[plain, drawn])
    outcome: list[RunReport] = []
    runner = threading.Thread(target=lambda: outcome.append(pipeline.run()))
    runner.start()
    wait_until(lambda: source.given >= most)
    given = settled(lambda: source.given)  # it may run ahead, if it would
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
    plain, drawn = Keeping(), Keeping(drawn=True)
    source = interrupted_source(monkeypatch, KeyboardInterrupt, where)
    pipeline = Pipeline(
        source,
        Counting(lambda _: time.sleep(1e-3)),
        renderers=[Adding()],
        sinks=[plain, drawn],
    )
    report = pipeline.run()
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
        Pipeline(source, Counting(lambda _: time.sleep(1e-3))).run()
    assert source.closed == 1
    assert source.given < MANY


def test_stop_from_another_thread_or_before_the_run() -> None:
    """`stop` ends the reading; what was read is finished."""
    source = Numbers(200, lambda i: pipeline.stop() if i == 4 else None)
    pipeline = Pipeline(source, Counting())
    report = pipeline.run()
    assert (report.frames, report.interrupted) == (5, True)
    early = Pipeline(Numbers(9), Counting())
    early.stop()
    report = early.run()
    assert (report.frames, report.interrupted) == (0, True)


def test_every_stage_is_timed_once_a_frame() -> None:
    """The end of a source is no frame, and what the segmenter reports arrives."""
    noted: Counter[str] = Counter()

    class Noting(StageTimes):
        def add(self, stage: str, seconds: float) -> None:
            noted[stage] += 1
            super().add(stage, seconds)

    times = Noting()
    pipeline = Pipeline(
        Numbers(7),
        Counting(),
        renderers=[Adding()],
        sinks=[Keeping(), Keeping(drawn=True)],
        times=times,
    )
    pipeline.run()
    assert noted == dict.fromkeys(("decode", "infer", "write", "draw", "encode"), 7)
    assert times.summary()["infer"]["p50_ms"] == 3.0


def test_without_a_renderer_frames_stay_as_they_are() -> None:
    """A renderer is called where there is one, whether or not its pictures are written."""
    brightened: list[int] = []
    Pipeline(Numbers(3), Counting(), renderers=[Adding(brightened.append)]).run()
    assert brightened == [0, 1, 2]
    drawn = Keeping(drawn=True)
    Pipeline(Numbers(3), Counting(), sinks=[drawn]).run()
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

    times = StageTimes()
    plain = Keeping()
    pipeline = Pipeline(Numbers(MANY, ask), Counting(work), sinks=[plain], times=times, newest=True)
    assert pipeline.run().frames == MANY
    assert most <= STREAMS
    assert plain.rows == rows(MANY)
    assert "decode" not in times.summary()  # waiting for a picture is no work


def test_a_run_of_the_newest_frames_fails_and_stops_as_others_do() -> None:
    """A network that fails gives its place back, and the failure comes out."""
    pipeline = Pipeline(Numbers(MANY), Counting(failing(NETWORK, at=5)), newest=True)
    assert run_aside(pipeline.run) == [NETWORK]
    stopped = Pipeline(Numbers(10_000), Counting(lambda _: stopped.stop()), newest=True)
    (report,) = run_aside(stopped.run)
    assert isinstance(report, RunReport)
    assert report.interrupted
    assert 0 < report.frames < 10_000


class Tagging:
    """A stage that counts what it saw, and notes it as an event."""

    def __init__(self, before: Callable[[int], None] = lambda _: None) -> None:
        self.before = before
        self.count = 0
        self.resets = 0

    def __call__(self, result: Result, /) -> Result:
        """Return the result with the number of results before it as an event."""
        self.before(result.frame.index)
        self.count += 1
        return replace(result, events=(*result.events, self.count - 1))

    def reset(self) -> None:
        """Count from 0 again."""
        self.count = 0
        self.resets += 1


def test_stages_change_results_in_order() -> None:
    """Each stage sees every result once, in order; renderers and sinks see what they made."""
    events: list[tuple[int, ...]] = []

    class Events(Keeping):
        def write(self, result: Result, /) -> None:
            events.append(result.events)

    first, second = Tagging(), Tagging()
    Pipeline(Numbers(20), Counting(), stages=[first, second], sinks=[Events()]).run()
    assert events == [(i, i) for i in range(20)]
    assert first.resets == second.resets == 1


def test_stages_are_timed_together_once_a_frame() -> None:
    """Their cost is that of a frame, however many they are; without any there is no such row."""
    both, none = StageTimes(), StageTimes()
    slow = Tagging(lambda _: time.sleep(0.02))
    Pipeline(Numbers(5), Counting(), stages=[Tagging(), slow], times=both).run()
    assert both.summary()["stages"]["p50_ms"] >= 20
    Pipeline(Numbers(5), Counting(), times=none).run()
    assert "stages" not in none.summary()


def test_a_stage_that_fails_ends_the_run() -> None:
    """Its own exception comes out."""
    stage = Tagging(failing(PAINT, at=3))
    assert run_aside(Pipeline(Numbers(MANY), Counting(), stages=[stage]).run) == [PAINT]


def test_a_failing_sink_is_left_out_where_that_is_asked_for() -> None:
    """The others get everything, the failure is told once, and it stands in the report."""
    bad, good = Keeping(failing(WRITE, at=2)), Keeping()
    told: list[tuple[object, OutputError]] = []
    pipeline = Pipeline(
        Numbers(9),
        Counting(),
        sinks=[bad, good],
        sink_errors="disable",
        on_sink_error=lambda sink, error: told.append((sink, error)),
    )
    report = pipeline.run()
    assert told == [(bad, WRITE)]
    assert report.problems == ["the disk is full"]
    assert (bad.rows, good.rows) == (rows(2), rows(9))
    assert bad.closed == good.closed == 1


def test_a_sink_that_cannot_be_finished() -> None:
    """It is told when closing fails, too, and the other is closed all the same."""

    class Unfinished(Keeping):
        def close(self) -> None:
            raise WRITE

    good = Keeping()
    assert run_aside(Pipeline(Numbers(3), Counting(), sinks=[Unfinished(), good]).run) == [WRITE]
    assert good.closed == 1
    pipeline = Pipeline(Numbers(3), Counting(), sinks=[Unfinished()], sink_errors="disable")
    assert pipeline.run().problems == ["the disk is full"]


def test_sinks_stay_open_where_that_is_asked_for() -> None:
    """So that they serve the next source."""
    sink = Keeping()
    for _ in range(2):
        Pipeline(Numbers(2), Counting(), sinks=[sink], keep_open=True).run()
    assert sink.rows == rows(2) * 2
    assert sink.closed == 0


def test_sink_errors_are_one_of_two() -> None:
    """Another word is refused before anything runs."""
    with pytest.raises(SettingError, match="sink_errors"):
        Pipeline(Numbers(1), Counting(), sink_errors="ignore")  # type: ignore[arg-type]


class Watching:
    """A viewer that keeps what it is shown, and quits after some."""

    def __init__(self, *, quits_after: int = MANY + 1) -> None:
        self.rows: list[tuple[int, int]] = []
        self.threads: set[threading.Thread] = set()
        self.quits_after = quits_after
        self.polls = self.closed = 0

    @property
    def wants_quit(self) -> bool:
        """True after some frames."""
        return len(self.rows) >= self.quits_after

    def show(self, result: Result, /) -> None:
        """Keep number and first pixel of what is shown."""
        self.threads.add(threading.current_thread())
        self.rows.append((result.frame.index, int(result.rendered.image[0, 0, 0])))

    def poll(self) -> None:
        """Count."""
        self.polls += 1

    def close(self) -> None:
        """Count."""
        self.closed += 1


def test_viewers_see_drawn_frames_in_the_callers_thread() -> None:
    """The newest each time, in order, the last one always; patience shows every one."""
    viewer = Watching()
    pipeline = Pipeline(
        Numbers(30),
        Counting(),
        renderers=[Adding()],
        viewers=[viewer],
        viewer_patience_s=PATIENCE_S,
    )
    pipeline.run()
    assert viewer.rows == [(i, i + 100) for i in range(30)]
    assert viewer.threads == {threading.current_thread()}
    assert viewer.polls >= 30
    assert viewer.closed == 1
    assert pipeline.not_shown == 0
    hasty = Watching()
    pipeline = Pipeline(Numbers(30), Counting(), viewers=[hasty])
    pipeline.run()
    assert hasty.rows[-1][0] == 29
    assert [index for index, _ in hasty.rows] == sorted({index for index, _ in hasty.rows})
    assert len(hasty.rows) + pipeline.not_shown == 30


def test_a_viewer_may_end_the_run() -> None:
    """What was read is finished."""
    viewer = Watching(quits_after=3)
    sink = Keeping()
    source = Numbers(100 * MANY, lambda _: time.sleep(1e-3))
    report = Pipeline(source, Counting(), viewers=[viewer], sinks=[sink]).run()
    assert report.interrupted
    assert sink.rows == rows(report.frames)
    assert report.frames < 100 * MANY


def test_prepare_runs_before_the_first_frame() -> None:
    """In the reading thread; what it raises ends the run."""
    source = Numbers(3)
    given: list[int] = []
    Pipeline(source, Counting(), prepare=lambda: given.append(source.given)).run()
    assert given == [0]

    def fail() -> None:
        raise NETWORK

    assert run_aside(Pipeline(Numbers(3), Counting(), prepare=fail).run) == [NETWORK]
