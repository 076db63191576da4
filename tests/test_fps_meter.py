"""Frame rate and delay are those of what was shown."""

from __future__ import annotations

import pytest

from urban_segmentor.profiling import FpsMeter


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
