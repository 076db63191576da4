"""Times of stages against NumPy, on a clock that the test holds."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from urban_segmentor.profiling import STAGES, FpsMeter, StageTimes

durations = st.lists(st.floats(0, 10, width=32), min_size=1, max_size=40)


@given(st.dictionaries(st.sampled_from(STAGES), durations, min_size=1))
def test_summary_is_what_numpy_says(times_s: dict[str, list[float]]) -> None:
    """Median, 95th percentile and share, in the order of the stages, whoever came first."""
    stages = StageTimes()
    for stage, values in times_s.items():
        for value in values:
            stages.add(stage, value)
    summary = stages.summary()
    assert list(summary) == [stage for stage in STAGES if stage in times_s]
    total = sum(map(sum, times_s.values()))
    for stage, values in times_s.items():
        row = summary[stage]
        assert row["p50_ms"] == pytest.approx(1e3 * np.median(values), abs=0.0051)
        assert row["p95_ms"] == pytest.approx(1e3 * np.percentile(values, 95), abs=0.0051)
        assert row["share"] == pytest.approx(sum(values) / total if total else 0, abs=0.00051)


def test_measure_reads_the_clock_around_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """1 to 20 ms, one after another, on a clock that only the body moves."""
    now_s = 50.0
    monkeypatch.setattr("urban_segmentor.profiling.time.perf_counter", lambda: now_s)
    stages = StageTimes()
    for milliseconds in range(1, 21):
        with stages.measure("draw"):
            now_s += milliseconds / 1e3
        now_s += 7  # between frames nothing counts
    assert stages.summary() == {"draw": {"p50_ms": 10.5, "p95_ms": 19.05, "share": 1.0}}


def test_a_stage_that_fails_leaves_no_time() -> None:
    """Only finished work is measured."""
    stages = StageTimes()
    with pytest.raises(ZeroDivisionError), stages.measure("draw"):
        raise ZeroDivisionError
    assert stages.summary() == {}


def test_threads_lose_nothing() -> None:
    """Half the durations of each of four threads are 2 ms, half are 4 ms."""
    stages = StageTimes()

    def work() -> None:
        for number in range(2000):
            stages.add("infer", 0.002 + 0.002 * (number % 2))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stages.add("decode", 8 * 3.0)  # as long as all of it
    assert stages.summary()["infer"] == {"p50_ms": 3.0, "p95_ms": 4.0, "share": 0.5}


def test_what_runs_for_days_does_not_grow() -> None:
    """Only about as many durations stay as were asked for, the latest."""
    stages = StageTimes(max_kept=100)
    for number in range(10_000):
        stages.add("infer", number * 1e-3)
    summary = stages.summary()["infer"]
    assert 9_800 <= summary["p50_ms"] <= 9_999
    assert stages.latest(3) == {"infer": 9_998.0}
    assert StageTimes().latest(3) == {}


def shown(meter: FpsMeter, times_s: list[float], *, delay_s: float = 0.04) -> None:
    """Show a frame at each of some times."""
    for time_s in times_s:
        meter.shown(time_s, captured_s=time_s - delay_s)


def test_rate_and_delay_of_the_last_second() -> None:
    """What was slow before does not count any more."""
    meter = FpsMeter()
    shown(meter, [0.0, 1.0, 2.0], delay_s=0.5)
    shown(meter, [3.0 + i / 50 for i in range(101)])
    fps, delay_ms = meter.now(5.0)
    assert fps == pytest.approx(50)
    assert delay_ms == pytest.approx(40)
    assert meter.frames == 104
    assert meter.rate() == pytest.approx(103 / 5)


def test_nothing_is_said_before_there_are_two_frames() -> None:
    """One frame has no rate."""
    meter = FpsMeter()
    assert meter.now(0.0) == (None, None)
    assert meter.delays() is None
    meter.shown(1.0, captured_s=0.9)
    assert meter.now(1.0) == (None, None)
    assert meter.rate() == 0.0


def test_a_source_that_stops_loses_its_rate_at_once() -> None:
    """Half a second without frames halves the rate, a whole one ends it."""
    meter = FpsMeter()
    shown(meter, [i / 30 for i in range(31)])
    assert meter.now(1.0)[0] == pytest.approx(30)
    half, _ = meter.now(1.5)
    assert half is not None
    assert 10 < half < 20
    assert meter.now(2.5) == (None, None)


def test_delays_of_the_whole_run() -> None:
    """Median, 95th percentile, and the longest, milliseconds."""
    meter = FpsMeter()
    for i in range(100):
        meter.shown(i / 30, captured_s=i / 30 - (i + 1) / 1000)
    assert meter.delays() == {"p50": 50.5, "p95": 95.0, "max": 100.0}


def test_frames_whose_arrival_nobody_knows_count_for_the_rate_alone() -> None:
    """The rate is known, the delay is not."""
    meter = FpsMeter()
    for i in range(31):
        meter.shown(i / 30, captured_s=None)
    assert meter.now(1.0) == (pytest.approx(30), None)
    assert meter.delays() is None


def test_days_of_frames_do_not_grow() -> None:
    """Only the latest delays are kept; the longest stays known."""
    meter = FpsMeter()
    meter.shown(0.0, captured_s=-9.0)
    for i in range(1, 200_000):
        meter.shown(i / 60, captured_s=i / 60 - 0.02)
        if i % 1000 == 0:
            meter.now(i / 60)
    assert len(meter._delays_s) < 80_000
    assert meter.delays() == {"p50": 20.0, "p95": 20.0, "max": 9000.0}
    assert meter.now(200_000 / 60)[0] == pytest.approx(60, rel=0.02)
