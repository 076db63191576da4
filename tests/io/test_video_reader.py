"""Frames of all kinds of files come with the right pixels, at the right times."""

import gc
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.io.clips import (
    FPS,
    number_of,
    numbered_image,
    numbers,
    read_clip,
    write_clip,
)
from urban_segmentor.errors import SettingError
from urban_segmentor.io.clip_range import ClipRange
from urban_segmentor.io.timestamp_normalizer import TimestampNormalizer
from urban_segmentor.io.video_reader import VideoInfo, VideoReader

MKV_TICKS = [0, 40, 41, 200, 1000, 1033, 1066, 5000]


@pytest.mark.parametrize(
    ("suffix", "codec", "pix_fmt"),
    [
        ("mp4", "libx264", "yuv420p"),
        ("mov", "mpeg4", "yuv420p"),
        ("mkv", "libx264", "yuv420p"),
        ("avi", "mjpeg", "yuvj420p"),
        ("webm", "libvpx-vp9", "yuv420p"),
        ("ts", "libx264", "yuv420p"),
        ("mpg", "mpeg2video", "yuv420p"),
        ("flv", "flv", "yuv420p"),
        ("gif", "gif", "rgb8"),
        ("y4m", "wrapped_avframe", "yuv420p"),
        ("nut", "ffv1", "yuv420p"),
    ],
)
def test_containers(tmp_path: Path, suffix: str, codec: str, pix_fmt: str) -> None:
    """Every frame comes once, in order, and the first is at 0, whatever the file's clock says."""
    path = write_clip(tmp_path / f"clip.{suffix}", codec=codec, pix_fmt=pix_fmt)
    frames, source = read_clip(path)
    assert numbers(frames) == list(range(20))
    assert [frame.index for frame in frames] == list(range(20))
    assert [frame.time_s for frame in frames] == pytest.approx([i / FPS for i in range(20)])
    assert frames[3].name == "clip_000003"
    assert frames[3].source == str(path)
    assert source.problems == []


def test_the_clock_of_a_transport_stream_begins_late(tmp_path: Path) -> None:
    """Its offset is kept for the sound, and taken off the frames."""
    frames, source = read_clip(write_clip(tmp_path / "clip.ts"))
    assert source.first_pts
    assert frames[0].time_s == 0


def test_variable_frame_rates(tmp_path: Path) -> None:
    """Times are the stream's own."""
    path = write_clip(tmp_path / "clip.mkv", images=8, ticks=MKV_TICKS, time_base=Fraction(1, 1000))
    frames, _ = read_clip(path)
    assert [round(frame.time_s * 1000) for frame in frames] == MKV_TICKS


def test_frames_without_times(tmp_path: Path) -> None:
    """A bare stream has only a rate."""
    path = write_clip(tmp_path / "clip.h264", options={"bf": "0"})
    frames, source = read_clip(path)
    assert numbers(frames) == list(range(20))
    assert [frame.time_s for frame in frames] == pytest.approx([i / FPS for i in range(20)])
    assert source.problems == []


def test_joined_recordings(tmp_path: Path) -> None:
    """Where the clock is set back, time goes on from the frame before."""
    write_clip(tmp_path / "one.ts")
    data = (tmp_path / "one.ts").read_bytes()
    (tmp_path / "two.ts").write_bytes(data + data)
    frames, _ = read_clip(tmp_path / "two.ts")
    assert numbers(frames) == [*range(20), *range(20)]
    assert [frame.time_s for frame in frames] == pytest.approx([i / FPS for i in range(40)])


def test_a_size_that_changes_ends_the_video(tmp_path: Path) -> None:
    """It is told, with what does the rest; following that does the rest."""
    write_clip(tmp_path / "small.ts")
    large = [numbered_image(number, (96, 128)) for number in range(20, 30)]
    write_clip(tmp_path / "large.ts", images=large)
    both = tmp_path / "both.ts"
    both.write_bytes((tmp_path / "small.ts").read_bytes() + (tmp_path / "large.ts").read_bytes())
    frames, source = read_clip(both)
    assert numbers(frames) == list(range(20))
    (problem,) = source.problems
    assert "from 64 x 48 to 128 x 96 pixels" in problem
    start_s = float(problem.rpartition("--start ")[2])
    rest, source = read_clip(both, start_s=start_s)
    assert numbers(rest) == list(range(20, 30))
    assert rest[0].size == (96, 128)


def test_a_part_of_a_video(tmp_path: Path) -> None:
    """By time, every Nth, and at most so many a second; numbers are those of the file."""
    path = write_clip(tmp_path / "clip.mp4", images=50)

    def indices(**selection: float) -> list[int]:
        return [frame.index for frame in read_clip(path, **selection)[0]]

    assert indices() == list(range(50))
    assert indices(start_s=1.0) == list(range(25, 50))
    assert indices(start_s=0.4, duration_s=0.2) == [10, 11, 12, 13, 14]
    assert indices(duration_s=0.04) == [0]
    assert indices(stride=20) == [0, 20, 40]
    assert indices(start_s=1.0, stride=10) == [30, 40]
    assert indices(max_fps=5) == [0, 5, 10, 15, 20, 25, 30, 35, 40, 45]
    assert indices(max_fps=1000) == list(range(50))
    assert indices(start_s=0.41, max_fps=12.5) == list(range(11, 50, 2))
    assert number_of(read_clip(path, start_s=1.0)[0][0].image) == 25


def test_a_part_that_is_empty_is_told(tmp_path: Path) -> None:
    """Nothing found and nothing looked at are not the same."""
    frames, source = read_clip(write_clip(tmp_path / "clip.mp4"), start_s=60)
    assert frames == []
    assert source.problems == [f"`{tmp_path}/clip.mp4` has no frame in the part that was chosen"]


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ({"start_s": -1.0}, "start"),
        ({"start_s": float("nan")}, "start"),
        ({"start_s": float("inf")}, "start"),
        ({"duration_s": 0.0}, "duration"),
        ({"duration_s": -2.0}, "duration"),
        ({"duration_s": float("nan")}, "duration"),
        ({"max_fps": 0.0}, "fps"),
        ({"max_fps": -5.0}, "fps"),
        ({"max_fps": float("nan")}, "fps"),
        ({"max_fps": float("inf")}, "fps"),
        ({"stride": 0}, "vid_stride"),
        ({"stride": -1}, "vid_stride"),
    ],
)
def test_wishes_that_make_no_sense(wish: dict[str, float], name: str) -> None:
    """The message names the option and its value, and the hint shows one that works."""
    with pytest.raises(SettingError, match=f"`{name}` is ") as caught:
        ClipRange(**wish)  # pyright: ignore[reportArgumentType]
    assert str(next(iter(wish.values()))) in str(caught.value)
    assert f"--{name.replace('_', '-')}" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("wish", "frames"),
    [
        ({}, 100),
        ({"stride": 4}, 25),
        ({"start_s": 3.0}, 25),
        ({"start_s": 9.0}, 0),
        ({"duration_s": 2.0}, 50),
        ({"max_fps": 5.0}, 20),
        ({"max_fps": 500.0}, 100),
    ],
)
def test_progress_knows_how_many_frames_come(wish: dict[str, float], frames: int) -> None:
    """As far as the file says how long it is."""
    info = VideoInfo(
        time_base=Fraction(1, 1000),
        rate=Fraction(25),
        frames=100,
        duration_s=4.0,
        aspect=Fraction(1),
        has_audio=False,
    )
    assert ClipRange(**wish).frames_of(info) == frames  # pyright: ignore[reportArgumentType]


pts_lists = st.lists(st.none() | st.integers(-(2**40), 2**40), max_size=30)
clocks = st.builds(
    TimestampNormalizer,
    time_base=st.sampled_from([Fraction(1, 25), Fraction(1, 1000), Fraction(1, 90_000)]),
    rate=st.sampled_from([Fraction(1), Fraction(25), Fraction(30_000, 1001), Fraction(240)]),
)


@given(clocks, pts_lists)
def test_time_only_grows(clock: TimestampNormalizer, stamps: list[int | None]) -> None:
    """From 0, whatever a file says."""
    times = [clock.ticks(pts) for pts in stamps]
    assert times[:1] == [0][: len(times)]
    assert all(later > earlier for earlier, later in pairwise(times))


@given(clocks, st.lists(st.integers(-(2**40), 2**40), min_size=1, unique=True).map(sorted))
def test_times_that_grow_are_kept(clock: TimestampNormalizer, stamps: list[int]) -> None:
    """Exactly."""
    assert [clock.ticks(pts) for pts in stamps] == [pts - stamps[0] for pts in stamps]
    assert clock.first_pts == stamps[0]


def test_frames_are_let_go_at_once(tmp_path: Path) -> None:
    """Decoded frames go when nobody needs them, without waiting for cycles to be collected."""
    path = write_clip(tmp_path / "clip.mp4")
    gc.collect()
    gc.disable()
    try:
        for _ in VideoReader(path, name="clip"):
            pass
        alive = [thing for thing in gc.get_objects() if issubclass(type(thing), av.VideoFrame)]
    finally:
        gc.enable()
    assert len(alive) < 5  # of 20: the first was asked how it is turned, the last is still held
