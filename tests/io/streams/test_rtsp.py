"""A real RTSP server that is killed, comes back, changes, hangs, and talks nonsense."""

from __future__ import annotations

import time
from urllib.parse import quote

import pytest

from tests.io.streams.clock_frames import QUICK, Watch, failure_text, lag_spread_s
from tests.io.streams.servers import GarbageServer, RtspServer
from tests.waiting import NEVER_S, settled, wait_until
from urban_segmentor.io.streams.stream_options import StreamOptions


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_plays(transport: str) -> None:
    """Pictures come as they are made, over TCP and UDP."""
    with (
        RtspServer() as server,
        Watch(server.address(), StreamOptions(transport=transport)) as watch,
    ):  # type: ignore[arg-type]
        watch.has(40)
        watch.check_order()
        watch.check_fresh()
        first = watch.records[0]
        assert (first.index == 0) == (first.time_s == 0)
        assert first.size == (96, 320)
        assert first.name == f"127.0.0.1_street_{first.index:06d}"
        assert watch.source.rate == 25
        assert lag_spread_s(watch.records) < 0.1
    assert [state for state, _ in watch.states] == ["connecting", "live", "ended"]


def test_killed() -> None:
    """A server that is killed and comes back with another size is found within the back-off."""
    with RtspServer() as server, Watch(server.address()) as watch:
        watch.has(10)
        server.kill()
        watch.wait_for_state("lost: ")
        # What had arrived before is still taken; then there are some tries in vain.
        wait_from = settled(lambda: len(watch.records), still_s=1.0)
        watch.wait_for_state("lost: connection refused; retry in ")
        assert len(watch.records) == wait_from
        assert not watch.source.is_live
        server.begin("480x128")
        again = watch.more()
        delays = {state.partition("retry in ")[2] for state, _ in watch.states if "retry" in state}
        assert delays <= {"0.25 s", "0.5 s"}
        assert {record.size for record in again} == {(128, 480)}
        assert again[0].time_s - watch.records[wait_from - 1].time_s > 0.9
        watch.check_order()
        watch.check_fresh()
        assert watch.source.reconnects == 1


def test_size_changes() -> None:
    """Another size in mid-stream goes on without a loss."""
    with RtspServer() as server, Watch(server.address()) as watch:
        watch.has(10)
        server.resize("640x192")
        watch.wait_until(lambda: watch.records[-1].size == (192, 640))
        watch.more()
        sizes = [record.size for record in watch.records]
        assert sizes == sorted(sizes)
        assert set(sizes) == {(96, 320), (192, 640)}
        watch.check_order()
        watch.check_fresh()
        assert watch.source.reconnects == 0


def test_stalls() -> None:
    """A server that hangs is noticed, nothing old is shown when it goes on."""
    with RtspServer() as server, Watch(server.address(), retry=QUICK) as watch:
        watch.has(10)
        server.stall()
        watch.wait_for_state("lost: nothing came for 2 s; retry in")
        count = settled(lambda: len(watch.records))
        resumed_s = time.monotonic()
        server.resume()
        again = watch.more(20)
        assert min(record.made_s for record in again) > resumed_s - 0.02  # told in hundredths
        watch.check_order()
        watch.check_fresh()
        watch.check_reconnects()
        assert watch.records[count].time_s - watch.records[count - 1].time_s > 1.0


def test_garbage() -> None:
    """Noise on the port of a camera that was there before is survived."""
    with RtspServer() as server, Watch(server.address()) as watch:
        watch.has(10)
        server.kill()
        garbage = GarbageServer(server.port)
        count = len(watch.records)
        watch.wait_for_state("lost: what it sends is no video that can be read")
        assert garbage.calls
        garbage.close()
        server.begin()
        watch.more()
        assert len(watch.records) > count
        watch.check_fresh()


def test_half_a_image() -> None:
    """Pictures of which a part is missing at the start are left out, with all that need them."""
    with RtspServer("--sliced") as server, Watch(server.address()) as watch:
        watch.has(20)
        watch.check_fresh()


def test_b_images() -> None:
    """Pictures that are sent out of order come in order."""
    with RtspServer("--codec", "h264b") as server, Watch(server.address()) as watch:
        watch.has(40)
        watch.check_order()
        watch.check_fresh(age_s=2.0)
        assert lag_spread_s(watch.records[10:]) < 0.1


def test_slow_consumer() -> None:
    """A slow model gets the newest picture, and what it missed is counted."""
    with RtspServer() as server, Watch(server.address(), busy_s=0.3) as watch:
        watch.has(6)
        watch.wait_until(lambda: watch.records[-1].index + 1 - len(watch.records) > 15)
        watch.check_order()
        # What waited in a queue would be older than the consumer is busy.
        assert min(record.delay_s for record in watch.records[1:]) < 0.3
        watch.check_fresh()
        watch.check_dropped()


def test_comes_later() -> None:
    """A server that is not there yet is waited for."""
    with RtspServer() as server:
        server.kill()
        with Watch(server.address()) as watch:
            watch.wait_for_state("lost: connection refused; retry in ")
            server.begin()
            watch.has(5)
            assert watch.source.reconnects == 0


@pytest.mark.parametrize("way", [(), ("--digest",)])
def test_password(way: tuple[str, ...]) -> None:
    """A wrong password is told at once, and special characters work when encoded."""
    user, password = "ad min", "p@s:s/w#r?d%ä"
    with RtspServer("--user", f"{user}:{password}", *way) as server:
        for login in ("", "admin:wrong@"):
            message = failure_text(server.address(login))
            assert "password is wrong, or missing" in message
            assert "rtsp://USER:PASSWORD@127.0.0.1/" in message
            assert "%40" in message
            assert "wrong@" not in message
        login = f"{quote(user, safe='')}:{quote(password, safe='')}@"
        with Watch(server.address(login)) as watch:
            watch.has(3)


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("nowhere", (), "no such stream (404)"),
        ("street", ("--codec", "sound"), "only audio"),
    ],
    ids=["path", "sound"],
)
def test_fails_at_once(path: str, options: tuple[str, ...], message: str) -> None:
    """What cannot get better ends at once."""
    with RtspServer(*options) as server:
        assert message in failure_text(server.address("", path))


def test_stop_in_a_stall() -> None:
    """All ends soon, even while nothing comes."""
    with RtspServer() as server:
        watch = Watch(server.address())
        with watch:
            watch.has(5)
            server.stall()
            time.sleep(0.3)
            since_s = time.monotonic()
            watch.source.stop()
            wait_until(lambda: not watch.thread.is_alive())
            watch.source.close()
            assert time.monotonic() - since_s < NEVER_S / 2
        assert watch.error is None
