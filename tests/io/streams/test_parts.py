"""The slot, the waiting, the time line and the list of cameras, each alone."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.waiting import NEVER_S, PATIENCE_S
from urban_segmentor.io.streams.cameras import cameras_hint, list_cameras, processes_using
from urban_segmentor.io.streams.frame_buffer import FrameBuffer
from urban_segmentor.io.streams.latest import LatestValue
from urban_segmentor.io.streams.retry import Backoff, RetryPolicy
from urban_segmentor.io.streams.timestamp_mapper import PlaybackClock, TimestampMapper

if TYPE_CHECKING:
    from pathlib import Path


@given(st.lists(st.sampled_from(["put", "take", "clear"])))
def test_slot(steps: list[str]) -> None:
    """A slot behaves as one variable and one count."""
    slot, waiting, dropped = LatestValue[int](), None, 0
    for number, step in enumerate(steps):
        if step == "put":
            slot.put(number)
            dropped += waiting is not None
            waiting = number
        elif step == "take":
            assert slot.take(timeout_s=0) == waiting
            waiting = None
        else:
            slot.clear()
            waiting = None
        assert slot.dropped == dropped


def test_slot_between_threads() -> None:
    """Nothing is lost uncounted, nothing comes twice or out of order."""
    slot, count = LatestValue[int](), 20_000
    taken: list[int] = []

    def take() -> None:
        while not taken or taken[-1] < count:
            item = slot.take(timeout_s=PATIENCE_S)
            assert item is not None
            taken.append(item)

    taker = threading.Thread(target=take)
    taker.start()
    for number in range(1, count + 1):
        slot.put(number)
    taker.join(PATIENCE_S)
    assert taken == sorted(set(taken))
    assert taken[-1] == count
    assert len(taken) + slot.dropped == count


def test_slot_waits() -> None:
    """Taking wakes at once when something comes, and gives up in time."""
    slot = LatestValue[int]()
    since_s = time.monotonic()
    assert slot.take(timeout_s=0.05) is None
    assert time.monotonic() - since_s >= 0.04
    threading.Timer(0.05, slot.put, [1]).start()
    since_s = time.monotonic()
    assert slot.take(timeout_s=NEVER_S) == 1
    assert time.monotonic() - since_s < NEVER_S / 2


@given(st.floats(0.01, 5), st.floats(5, 60), st.lists(st.floats(0, 10), min_size=1, max_size=30))
def test_backoff(base_delay_s: float, max_delay_s: float, lives: list[float]) -> None:
    """Waits double up to the cap, and begin anew after a good while only."""
    backoff = Backoff(
        RetryPolicy(base_delay_s=base_delay_s, max_delay_s=max_delay_s, reset_after_s=5)
    )
    before_s = None
    for lived_s in lives:
        backoff.reset_after_success(lived_s)
        wait_s = backoff.next_s()
        expected_s = (
            base_delay_s if before_s is None or lived_s >= 5 else min(2 * before_s, max_delay_s)
        )
        assert wait_s == pytest.approx(expected_s)
        before_s = wait_s


@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.floats(-1e5, 1e5)), st.floats(0, 50), st.booleans()),
        min_size=2,
        max_size=40,
    )
)
def test_time_grows(frames: list[tuple[float | None, float, bool]]) -> None:
    """Whatever stamps say, time begins at 0, grows, and never runs far ahead of the clock."""
    timeline, arrived_s, last_s = TimestampMapper(), 1000.0, -1.0
    for number, (stamp_s, gap_s, lost) in enumerate(frames):
        if lost:
            timeline.reset_origin()
        arrived_s += gap_s
        time_s = timeline.time_s(stamp_s, arrived_s=arrived_s)
        assert time_s > last_s
        assert number or time_s == 0
        assert number == 0 or time_s - last_s <= gap_s + 10.001
        last_s = time_s


def test_time_follows_stamps() -> None:
    """Late packets do not change the time of their pictures; a new clock goes on by ours."""
    timeline = TimestampMapper()
    times = [timeline.time_s(100 + i / 25, arrived_s=i / 25 + i % 3 / 10) for i in range(50)]
    assert times == pytest.approx([i / 25 for i in range(50)])
    assert timeline.time_s(5.0, arrived_s=49 / 25 + 0.1 + 3.0) == pytest.approx(49 / 25 + 3.0)
    assert timeline.time_s(5.2, arrived_s=99.0) == pytest.approx(49 / 25 + 3.2)


def test_pacer() -> None:
    """Jitter moves nothing, a long delay moves everything."""
    pacer = PlaybackClock()
    assert pacer.due_s(10.0, now_s=50.0) == 50.0
    assert pacer.due_s(10.2, now_s=50.5) == pytest.approx(50.2)
    assert pacer.due_s(10.4, now_s=55.0) == pytest.approx(55.0)
    assert pacer.due_s(10.6, now_s=55.0) == pytest.approx(55.2)


def _camera(listed: Path, number: int, name: str, index: str) -> None:
    folder = listed / f"video{number}"
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "index").write_text(f"{index}\n")


def test_cameras(tmp_path: Path) -> None:
    """Cameras are listed by name, in order, without devices for metadata."""
    for number, name, index in ((10, "Desk", "0"), (2, "Street", "0"), (3, "Street", "1")):
        _camera(tmp_path, number, name, index)
    assert list_cameras(tmp_path) == {"/dev/video2": "Street", "/dev/video10": "Desk"}
    assert cameras_hint(tmp_path) == "there are: /dev/video2 (Street), /dev/video10 (Desk)"
    assert "no camera" in cameras_hint(tmp_path / "nothing")


def test_holders(tmp_path: Path) -> None:
    """Programs that hold a camera are named."""
    for pid, name, target in (("12", "cheese", "/dev/video0"), ("7", "bash", "/dev/null")):
        (tmp_path / pid / "fd").mkdir(parents=True)
        (tmp_path / pid / "fd" / "3").symlink_to(target)
        (tmp_path / pid / "comm").write_text(f"{name}\n")
    (tmp_path / "99").mkdir()  # gone, or not ours
    assert processes_using("/dev/video0", tmp_path) == ["cheese (pid 12)"]


def test_nothing_after_the_end() -> None:
    """States are told once each, and none after the end, even by a thread that is late."""
    states: list[str] = []
    feed = FrameBuffer(states.append)
    for state in ("connecting", "live", "live", "ended", "live"):
        feed.set_state(state, is_live=state == "live")
    assert states == ["connecting", "live", "ended"]
    assert feed.state == "ended"
    assert not feed.is_live
