"""What the sink writes decodes back at the same times, and plays wherever MP4 plays."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.io.clips import (
    boxes_of,
    number_of,
    numbered_image,
    patch_colors,
    patches,
    read_times,
    result_of,
)
from tests.io.test_atomic import HINT, largest_file, names
from urban_segmentor.errors import OutputError, SettingError
from urban_segmentor.io.encoding import EncodingOptions
from urban_segmentor.io.video_reader import VideoReader
from urban_segmentor.io.video_writer import VideoWriter
from urban_segmentor.structures.frame import Frame, Yuv420

MS = Fraction(1, 1000)
TIME_BASES = [
    *(MS, Fraction(1, 25), Fraction(1001, 30_000), Fraction(1, 12_800)),
    *(Fraction(1, 90_000), Fraction(1, 1_000_000)),
]


def frame_at(time_s: float, number: int = 0, size: tuple[int, int] = (48, 64)) -> Frame:
    """Return a numbered frame."""
    return Frame(pixels=numbered_image(number, size), index=number, time_s=time_s)


def write(path: Path, frames: list[Frame], **options: object) -> Path:
    """Write frames and close."""
    given_options = {"time_base": MS, "rate": Fraction(25)} | options
    sink = VideoWriter(path, **given_options)  # pyright: ignore[reportArgumentType]
    for frame in frames:
        sink.write(result_of(frame))
    sink.close()
    return path


@contextmanager
def decoded(path: Path) -> Iterator[tuple[av.video.stream.VideoStream, list[av.VideoFrame]]]:
    """Return a context with the stream and the frames of a video."""
    with av.open(str(path)) as file:
        yield file.streams.video[0], list(file.decode(video=0))


@settings(max_examples=40)
@given(
    intervals=st.lists(st.integers(1, 5000), min_size=1, max_size=14),
    time_base=st.sampled_from(TIME_BASES),
    preset=st.sampled_from(["ultrafast", "medium"]),
    codec=st.sampled_from(["h264", "h264", "h264", "vp9"]),
)
def test_times_come_back_exactly(
    intervals: list[int], time_base: Fraction, preset: str, codec: str
) -> None:
    """Whatever the intervals and the unit, with and without frames that are shown out of order."""
    ticks = [sum(intervals[:i]) for i in range(len(intervals))]
    frames = [frame_at(float(t * time_base), i % 64, (16, 32)) for i, t in enumerate(ticks)]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.mp4"
        write(
            path, frames, time_base=time_base, encoding=EncodingOptions(preset=preset, codec=codec)
        )
        assert read_times(path) == [t * time_base for t in ticks]


def test_times_count_from_the_first_frame_written(tmp_path: Path) -> None:
    """A part of a video begins at 0."""
    path = write(tmp_path / "a.mp4", [frame_at(7.5), frame_at(7.6)])
    assert read_times(path) == [0, Fraction(1, 10)]


def test_two_frames_at_one_time_are_both_written(tmp_path: Path) -> None:
    """The second comes one tick later, since an encoder refuses it at the same."""
    path = write(tmp_path / "a.mp4", [frame_at(0), frame_at(0.0001), frame_at(0.040)])
    assert read_times(path) == [0, MS, 40 * MS]


def test_a_unit_of_nanoseconds_is_coarsened(tmp_path: Path) -> None:
    """MP4 has 32 bits for the length of a frame, which nanoseconds fill in two seconds."""
    frames = [frame_at(0), frame_at(3), frame_at(7.5)]
    path = write(tmp_path / "a.mp4", frames, time_base=Fraction(1, 10**9))
    assert [float(time) for time in read_times(path)] == [0, 3, 7.5]


def test_the_last_frame_is_shown_as_long_as_the_others(tmp_path: Path) -> None:
    """Else the sound would be longer than the picture."""
    path = write(tmp_path / "a.mp4", [frame_at(i / 25, i) for i in range(10)])
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        assert stream.duration is not None
        assert stream.duration * stream.time_base == Fraction(10, 25)


@pytest.mark.parametrize("preset", ["ultrafast", "medium"])
def test_it_is_what_browsers_play(tmp_path: Path, preset: str) -> None:
    """H.264, 4:2:0 with 8 bits, and the index before the pictures."""
    path = write(
        tmp_path / "a.mp4",
        [frame_at(i / 25, i) for i in range(5)],
        encoding=EncodingOptions(preset=preset),
    )
    boxes = boxes_of(path)
    assert boxes[0] == "ftyp"
    assert boxes.index("moov") < boxes.index("mdat")
    with decoded(path) as (stream, frames):
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.format.name == "yuv420p"
        assert [number_of(f.to_ndarray(format="rgb24")) for f in frames] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("codec", ["h264", "vp9"])
@pytest.mark.parametrize("size", [(1, 1), (47, 64), (48, 63), (33, 35)])
def test_odd_sides_are_made_even(tmp_path: Path, codec: str, size: tuple[int, int]) -> None:
    """By repeating the last row and column."""
    image = numbered_image(5, size)
    frames = [Frame(pixels=image, time_s=i / 25) for i in range(3)]
    path = write(tmp_path / "a.mp4", frames, encoding=EncodingOptions(codec=codec, crf=1))
    with decoded(path) as (_, back):
        shown = back[0].to_ndarray(format="rgb24")
    height, width = (side + side % 2 for side in size)
    assert shown.shape == (height, width, 3)
    padded = np.pad(image, ((0, height - size[0]), (0, width - size[1]), (0, 0)), mode="edge")
    # Neighbours share their color in 4:2:0, so only brightness can be compared at edges.
    difference = np.abs(shown.mean(axis=2) - padded.mean(axis=2))
    assert np.quantile(difference, 0.9) < 12


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
def test_colors_come_back(tmp_path: Path, matrix: str, full_range: bool) -> None:  # noqa: FBT001
    """The file says which matrix and range it uses, and the source reads it so."""
    image = patches()
    pixels = Yuv420.from_rgb(image, matrix=matrix, full_range=full_range)  # pyright: ignore[reportArgumentType]
    path = write(tmp_path / "a.mp4", [Frame(pixels=pixels)], encoding=EncodingOptions(crf=1))
    with decoded(path) as (stream, _):
        code = {"bt709": 1, "bt601": 6, "bt2020": 9}[matrix]
        assert int(stream.codec_context.colorspace) == code
        assert int(stream.codec_context.color_range) == (2 if full_range else 1)
    (frame,) = VideoReader(path, name="a")
    assert isinstance(frame.pixels, Yuv420)
    assert (frame.pixels.matrix, frame.pixels.full_range) == (matrix, full_range)
    assert np.abs(patch_colors(frame.image) - patch_colors(image)).max() < 6


def test_the_shape_of_pixels_is_kept(tmp_path: Path) -> None:
    """Anamorphic video plays in its right proportions."""
    aspect = Fraction(4, 3)
    path = write(tmp_path / "a.mp4", [frame_at(0)], aspect=lambda: aspect)
    with decoded(path) as (stream, _):
        assert stream.sample_aspect_ratio == aspect


def test_another_size_is_refused_and_the_rest_is_kept(tmp_path: Path) -> None:
    """The message names both sizes; the frames before are a valid file."""
    sink = VideoWriter(tmp_path / "a.mp4", time_base=MS, rate=Fraction(25))
    sink.write(result_of(frame_at(0)))
    with pytest.raises(OutputError, match="20 x 10 pixels in a video of 64 x 48"):
        sink.write(result_of(frame_at(0.04, size=(10, 20))))
    sink.close()
    assert len(read_times(tmp_path / "a.mp4")) == 1


def test_nothing_is_in_the_place_before_the_end(tmp_path: Path) -> None:
    """Only a complete file gets the name; without frames there is none."""
    sink = VideoWriter(tmp_path / "sub" / "a.mp4", time_base=MS, rate=Fraction(25))
    assert names(tmp_path / "sub") == []
    for number in range(60):  # encoders hold the first frames back
        sink.write(result_of(frame_at(number / 25)))
    assert names(tmp_path / "sub") == [".a.mp4.partial"]
    sink.close()
    sink.close()
    assert names(tmp_path / "sub") == ["a.mp4"]
    with pytest.raises(OutputError, match="is finished"):
        sink.write(result_of(frame_at(0.04)))
    write(tmp_path / "sub" / "b.mp4", [])
    assert names(tmp_path / "sub") == ["a.mp4"]


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    """Until the new one is complete, and only with `overwrite` is it replaced."""
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")
    with pytest.raises(OutputError, match=r"a\.mp4` exists already") as caught:
        write(path, [frame_at(0)])
    assert caught.value.hint == HINT
    assert path.read_bytes() == b"old"
    sink = VideoWriter(path, time_base=MS, rate=Fraction(25), overwrite=True)
    sink.write(result_of(frame_at(0)))
    assert path.read_bytes() == b"old"
    sink.close()
    assert len(read_times(path)) == 1


def test_what_an_earlier_run_left_is_replaced(tmp_path: Path) -> None:
    """A link in the place of the partial file is not followed."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"keep")
    (tmp_path / ".a.mp4.partial").symlink_to(victim)
    write(tmp_path / "a.mp4", [frame_at(0)])
    assert victim.read_bytes() == b"keep"
    assert names(tmp_path) == ["a.mp4", "victim"]


@pytest.mark.parametrize("name", ["a:b.mp4", "100%d %s.mp4", "straße 道路.mp4", "[x]#?&.mp4"])
def test_odd_names_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Also relative ones, where FFmpeg takes what stands before a colon for a protocol."""
    monkeypatch.chdir(tmp_path)
    write(Path("in:out") / name, [frame_at(0), frame_at(0.04)])
    assert names(tmp_path / "in:out") == [name]
    assert len(list(VideoReader(Path("in:out") / name, name="a"))) == 2


@pytest.mark.parametrize("room", [0, 2000, 60_000], ids=["at once", "early", "late"])
def test_a_file_that_does_not_fit_leaves_nothing(tmp_path: Path, room: int) -> None:
    """Whether the disk is full at the start, in between or when the index is written."""
    noise = np.random.default_rng(0).integers(0, 256, (12, 120, 160, 3), dtype=np.uint8)
    frames = [Frame(pixels=image, time_s=i / 25) for i, image in enumerate(noise)]
    whole = write(tmp_path / "whole.mp4", frames).stat().st_size
    assert whole > 60_000
    sink = VideoWriter(tmp_path / "a.mp4", time_base=MS, rate=Fraction(25))

    def write_all() -> None:
        for frame in frames:
            sink.write(result_of(frame))
        sink.close()

    with largest_file(room), pytest.raises(OutputError, match=r"cannot write `.*a\.mp4`"):
        write_all()
    sink.close()
    assert names(tmp_path) == ["whole.mp4"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"codec": "h265"}, "no codec `h265`"),
        ({"crf": -1}, "`crf` is -1, expected 0 to 51"),
        ({"crf": 52}, "`crf` is 52"),
        ({"preset": "warp"}, "no preset `warp`"),
    ],
)
def test_wrong_settings_are_refused(setting: dict[str, object], message: str) -> None:
    """With a hint, before there is anything to write."""
    with pytest.raises(SettingError, match=message) as caught:
        EncodingOptions(**setting)  # pyright: ignore[reportArgumentType]
    assert caught.value.hint
