"""Files at their own pace, and as fast as they are taken."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.io.clips import FPS, number_of, numbers, write_clip
from tests.io.streams.clock_frames import Watch, failure_text
from tests.waiting import wait_until
from urban_segmentor.errors import SourceError
from urban_segmentor.io.clip_range import ClipRange
from urban_segmentor.io.streams import open_stream as opening
from urban_segmentor.io.streams.live_source import LiveSource
from urban_segmentor.io.streams.source_uri import parse_source_uri
from urban_segmentor.io.streams.stream_options import StreamOptions
from urban_segmentor.structures.frame import Yuv420

if TYPE_CHECKING:
    from pathlib import Path

    from urban_segmentor.structures.frame import Frame


SESSION = """v=0
o=- 0 0 IN IP4 127.0.0.1
s=x
c=IN IP4 127.0.0.1
t=0 0
m=video 5555 RTP/AVP 96
a=rtpmap:96 H264/90000
"""


def _all(path: Path, **options: object) -> tuple[list[Frame], int]:
    """Return the frames of a file that were taken, and how many were not."""
    source = LiveSource(parse_source_uri(str(path)), options=StreamOptions(**options))  # type: ignore[arg-type]
    frames = list(source)
    dropped = source.dropped
    assert source.state == "ended"
    assert not source.problems
    source.close()
    source.close()
    return frames, dropped


@pytest.mark.parametrize("paced", [True, False])
@pytest.mark.parametrize(
    "part", [{}, {"stride": 3}, {"start_s": 0.2, "duration_s": 0.5, "stride": 2}], ids=str
)
def test_same_as_predict(tmp_path: Path, paced: bool, part: dict[str, object]) -> None:  # noqa: FBT001
    """The frames are those of `VideoReader`, with their names, index, and time."""
    path = write_clip(tmp_path / "clip.mp4", images=25)
    expected = list(ClipRange(**part).open(path, name="clip"))  # type: ignore[arg-type]
    frames, dropped = _all(path, paced=paced, **part)
    assert len(frames) + dropped == len(expected) > 3
    assert paced or not dropped  # a busy machine may miss some that are due
    assert frames[-1].index == expected[-1].index
    by_index = {frame.index: frame for frame in expected}
    for frame in frames:
        other = by_index.pop(frame.index)
        assert (frame.index, frame.time_s, frame.name) == (other.index, other.time_s, other.name)
        assert frame.source == other.source
        assert isinstance(frame.pixels, Yuv420)
        assert number_of(frame.image) == number_of(other.image) == frame.index


def test_pace(tmp_path: Path) -> None:
    """A file takes as long as it is, from when its first frame is asked for.

    That it takes no longer is what `PlaybackClock` is tested for.
    """
    path = write_clip(tmp_path / "clip.mp4", images=30)
    source = LiveSource(parse_source_uri(str(path)), options=StreamOptions())
    assert source.first_size() == (48, 64)
    assert source.rate == FPS
    time.sleep(0.4)  # a network is compiled
    since_s = time.monotonic()
    count = 0
    for frame in source:
        count += 1
        assert frame.captured_s is not None
        assert since_s + frame.time_s <= frame.captured_s + 1e-3 <= time.monotonic() + 1e-3
    assert time.monotonic() - since_s >= 29 / FPS
    assert count + source.dropped == 30
    source.close()


def test_slow_consumer(tmp_path: Path) -> None:
    """What a slow model misses is counted exactly, and the last frame comes."""
    path = write_clip(tmp_path / "clip.mp4", images=40)
    with Watch(str(path), busy_s=0.15) as watch:
        watch.wait_for_state("ended")
        watch.check_order()
        assert watch.records[-1].index == 39
        assert watch.source.dropped > 0
        assert len(watch.records) + watch.source.dropped == 40
        # What waited in a queue would be older than the consumer is busy.
        assert min(record.delay_s for record in watch.records[1:]) < 0.15


def test_pause(tmp_path: Path) -> None:
    """A file stands still where it is, and goes on there."""
    path = write_clip(tmp_path / "clip.mp4", images=100)
    with Watch(str(path)) as watch:
        watch.has(5)
        count = watch.pause_until_still()
        watch.source.pause(False)  # noqa: FBT003
        watch.wait_for_state("ended")
        before, after = watch.records[count - 1 : count + 1]
        assert after.index - before.index < 20  # not 25, which a second has
        assert after.captured_s - before.captured_s > 0.9
        assert len(watch.records) + watch.source.dropped == 100
        watch.check_pace(FPS)


@pytest.mark.parametrize("paced", [True, False])
def test_stop(tmp_path: Path, paced: bool) -> None:  # noqa: FBT001
    """All ends soon after `stop`."""
    path = write_clip(tmp_path / "clip.mp4", images=1000)
    with Watch(str(path), StreamOptions(paced=paced), busy_s=0.02) as watch:
        watch.has(5)
        watch.source.stop()
        wait_until(lambda: not watch.thread.is_alive())
        assert watch.records[-1].index < 999
    assert watch.error is None


def test_stopped_before() -> None:
    """A source that is stopped before its first frame says so."""
    source = LiveSource(parse_source_uri("udp://127.0.0.1:9"), options=StreamOptions())
    source.stop()
    assert source.first_size() is None
    assert list(source) == []
    source.close()


@pytest.mark.parametrize("paced", [True, False])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nclip.ts\n#EXT-X-ENDLIST\n"),
        ("list.mp4", "ffconcat version 1.0\nfile 'clip.ts'\n"),
        (
            "list.sdp",
            SESSION,
        ),
    ],
    ids=["hls", "concat", "sdp"],
)
def test_lists(tmp_path: Path, name: str, text: str, paced: bool) -> None:  # noqa: FBT001
    """A file that names others is not followed."""
    write_clip(tmp_path / "clip.ts", images=10)
    (tmp_path / name).write_text(text)
    assert "a list of other files" in failure_text(str(tmp_path / name), StreamOptions(paced=paced))


@pytest.mark.parametrize("data", [b"", b"no video at all" * 99], ids=["empty", "noise"])
def test_no_video(tmp_path: Path, data: bytes) -> None:
    """What is no video is told at once."""
    (tmp_path / "x.mp4").write_bytes(data)
    assert "x.mp4" in failure_text(str(tmp_path / "x.mp4"))


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures over the limit are refused before one is decoded."""
    path = write_clip(tmp_path / "clip.mp4", images=3)
    monkeypatch.setattr(opening, "MAX_FRAME_PX", 64 * 48 - 1)
    assert "64 x 48 pixels" in failure_text(str(path))


def test_nothing_chosen(tmp_path: Path) -> None:
    """A part without a frame is told."""
    path = write_clip(tmp_path / "clip.mp4", images=5)
    for paced in (True, False):
        source = LiveSource(
            parse_source_uri(str(path)), options=StreamOptions(start_s=9.0, paced=paced)
        )
        with pytest.raises(SourceError, match="gave no frame"):
            source.first_size()
        source.close()


def test_damage_is_told(tmp_path: Path) -> None:
    """Problems of the file reach the one who asks."""
    path = write_clip(tmp_path / "clip.mp4", images=25, movflags="faststart")
    path.write_bytes(path.read_bytes()[:-400])
    for paced in (True, False):
        source = LiveSource(parse_source_uri(str(path)), options=StreamOptions(paced=paced))
        assert numbers(list(source))
        source.close()
        assert any("cut off" in problem for problem in source.problems)
