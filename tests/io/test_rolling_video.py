"""Recordings go on in new files, and each of them plays."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

import av
import numpy as np
import psutil
import pytest

from tests.io.clips import number_of, numbered_image, read_times, result_of
from tests.io.test_atomic import largest_file, names
from urban_segmentor.errors import OutputError, SettingError
from urban_segmentor.io.rolling_video import RollingVideoWriter
from urban_segmentor.io.video_writer import VideoWriter
from urban_segmentor.structures.frame import Frame, Yuv420

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from urban_segmentor.result import Result
    from urban_segmentor.structures.color import ColorMatrix


def frames_at(times_s: Iterable[float], size: tuple[int, int] = (48, 64)) -> list[Frame]:
    """Return frames at given times, numbered from 0."""
    return [
        Frame(pixels=numbered_image(number % 64, size), index=number, time_s=time_s)
        for number, time_s in enumerate(times_s)
    ]


def record(path: Path, frames: Iterable[Frame], **options: object) -> list[Path]:
    """Record frames; return the files."""
    sink = RollingVideoWriter(path, **options)  # pyright: ignore[reportArgumentType]
    for frame in frames:
        sink.write(result_of(frame))
    sink.close()
    sink.close()
    return sink.written


def numbers_in(path: Path) -> list[int]:
    """Return the numbers that the frames of a video tell."""
    with av.open(str(path)) as file:
        return [number_of(frame.to_ndarray(format="rgb24")) for frame in file.decode(video=0)]


def test_a_short_recording_is_one_file(tmp_path: Path) -> None:
    """With the frames' own times, from 0, however uneven."""
    times_s = [7.0, 7.033, 7.1, 7.5, 12.5]
    written = record(tmp_path / "sub" / "out.mp4", frames_at(times_s))
    assert written == [tmp_path / "sub" / "out.mp4"]
    assert names(tmp_path / "sub") == ["out.mp4"]
    assert read_times(written[0]) == pytest.approx([t - 7.0 for t in times_s], abs=1 / 90_000)
    assert numbers_in(written[0]) == [0, 1, 2, 3, 4]


def test_a_file_begins_after_a_length_of_time(tmp_path: Path) -> None:
    """The parts together hold every frame once."""
    frames = frames_at(i / 10 for i in range(25))
    written = record(tmp_path / "out.mp4", frames, max_length_s=1.0)
    assert [path.name for path in written] == ["out.mp4", "out-002.mp4", "out-003.mp4"]
    assert [numbers_in(path) for path in written] == [
        [*range(10)], [*range(10, 20)], [*range(20, 25)],
    ]  # fmt: skip
    for path in written:
        times = read_times(path)
        assert times == [Fraction(i, 10) for i in range(len(times))]


def test_a_file_begins_after_a_gap_and_when_time_runs_back(tmp_path: Path) -> None:
    """A source that comes back leaves no still picture of half an hour."""
    frames = frames_at([0, 0.1, 5.1, 10.3, 10.4, 0, 0.1])
    written = record(tmp_path / "out.mp4", frames)
    assert [numbers_in(path) for path in written] == [[0, 1, 2], [3, 4], [5, 6]]
    closer = record(tmp_path / "closer.mp4", frames_at([0, 1, 2.1]), max_gap_s=1.0)
    assert [numbers_in(path) for path in closer] == [[0, 1], [2]]


def test_a_file_begins_when_the_size_changes(tmp_path: Path) -> None:
    """Odd sides too; the size that comes back gets a file of its own."""
    sizes = [(48, 64), (48, 64), (33, 35), (48, 64)]
    frames = [frames_at([i / 10], size)[0] for i, size in enumerate(sizes)]
    written = record(tmp_path / "out.mp4", frames)
    assert len(written) == 3
    with av.open(str(written[1])) as file:
        assert (file.streams.video[0].height, file.streams.video[0].width) == (34, 36)
    assert len(read_times(written[0])) == 2


def test_a_file_begins_when_the_colors_change(tmp_path: Path) -> None:
    """A video has one matrix and one range."""
    kinds: list[tuple[ColorMatrix, bool]] = [
        ("bt601", False),
        ("bt601", False),
        ("bt709", False),
        ("bt709", True),
    ]
    image = numbered_image(5)
    frames = [
        Frame(pixels=Yuv420.from_rgb(image, matrix=matrix, full_range=full), time_s=i / 10)
        for i, (matrix, full) in enumerate(kinds)
    ]
    written = record(tmp_path / "out.mp4", frames)
    found = []
    for path in written:
        with av.open(str(path)) as file:
            context = file.streams.video[0].codec_context
            found.append((int(context.colorspace), int(context.color_range)))
    assert found == [(6, 1), (1, 1), (1, 2)]


def test_finished_files_are_there_at_once(tmp_path: Path) -> None:
    """A power cut takes the running one at most, which is hidden until it is whole."""
    sink = RollingVideoWriter(tmp_path / "out.mp4", max_length_s=1.0)
    for frame in frames_at(i / 10 for i in range(31)):
        sink.write(result_of(frame))
    seen = [name for name in names(tmp_path) if not name.startswith(".")]
    assert seen[0] == "out-002.mp4"  # of the third one may still be in work
    assert seen[-1] == "out.mp4"
    assert len(read_times(tmp_path / "out.mp4")) == 10
    assert ".out-004.mp4.partial" in names(tmp_path) or sink._number == 4
    sink.close()
    assert names(tmp_path) == ["out-002.mp4", "out-003.mp4", "out-004.mp4", "out.mp4"]


def test_without_frames_there_is_no_file(tmp_path: Path) -> None:
    """And nothing can be added after the end."""
    sink = RollingVideoWriter(tmp_path / "out.mp4")
    sink.close()
    assert sink.written == []
    assert names(tmp_path) == []
    with pytest.raises(OutputError, match="is finished"):
        sink.write(result_of(frames_at([0])[0]))


@pytest.mark.parametrize("taken", ["out.mp4", "out-002.mp4", "out-1234.mp4"])
def test_files_that_are_there_are_kept(tmp_path: Path, taken: str) -> None:
    """Said before the first frame; `overwrite` replaces those that come in the way."""
    (tmp_path / taken).write_bytes(b"old")
    with pytest.raises(OutputError, match=f"{taken}` exists already") as caught:
        RollingVideoWriter(tmp_path / "out.mp4")
    assert caught.value.hint == "add --overwrite, or choose another path"
    written = record(tmp_path / "out.mp4", frames_at([0, 9]), overwrite=True)
    assert [len(read_times(path)) for path in written] == [1, 1]
    is_in_the_way = taken != "out-1234.mp4"
    assert ((tmp_path / taken).read_bytes() != b"old") == is_in_the_way


@pytest.mark.parametrize("other", ["out-1.mp4", "out-002.mkv", "about-002.mp4", "o.t-002.mp4"])
def test_other_files_are_no_obstacle(tmp_path: Path, other: str) -> None:
    """Only names that a recording could come to."""
    (tmp_path / other).write_bytes(b"old")
    assert len(record(tmp_path / "out.mp4", frames_at([0]))) == 1


def test_a_file_that_came_meanwhile_is_kept(tmp_path: Path) -> None:
    """The recording ends there, and what was recorded before is whole."""
    sink = RollingVideoWriter(tmp_path / "out.mp4")
    first, second = frames_at([0, 60])
    sink.write(result_of(first))
    (tmp_path / "out-002.mp4").write_bytes(b"old")
    with pytest.raises(OutputError, match="exists already"):
        sink.write(result_of(second))
    sink.close()
    assert sink.written == [tmp_path / "out.mp4"]
    assert len(read_times(tmp_path / "out.mp4")) == 1
    assert (tmp_path / "out-002.mp4").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("name", "setting", "message"),
    [
        ("out.avi", {}, "MP4 file, got `out.avi`"),
        ("out", {}, "MP4 file, got `out`"),
        ("out.mp4", {"max_length_s": 0}, "`max_length_s` is 0, expected more than 0"),
        ("out.mp4", {"max_length_s": float("nan")}, "`max_length_s` is nan"),
        ("out.mp4", {"max_gap_s": -1}, "`max_gap_s` is -1"),
    ],
)
def test_wrong_settings_are_refused_at_once(
    tmp_path: Path, name: str, setting: dict[str, object], message: str
) -> None:
    """With a hint, and before a folder is made."""
    with pytest.raises(SettingError, match=message) as caught:
        record(tmp_path / "new" / name, [], **setting)
    assert caught.value.hint
    assert names(tmp_path) == []


def test_a_recording_has_a_name_with_its_suffix(tmp_path: Path) -> None:
    """In capitals too."""
    (written,) = record(tmp_path / "A.MP4", frames_at([0]))
    assert written.name == "A.MP4"
    with pytest.raises(SettingError) as caught:
        RollingVideoWriter(tmp_path / "a.b")
    assert caught.value.hint == f"name it `{tmp_path / 'a.mp4'}`"


def noise(count: int) -> list[Frame]:
    """Return frames that no encoder makes small, a tenth of a second apart."""
    images = np.random.default_rng(0).integers(0, 256, (count, 120, 160, 3), dtype=np.uint8)
    return [Frame(pixels=image, time_s=i / 10) for i, image in enumerate(images)]


def test_a_full_disk_leaves_earlier_files_whole(tmp_path: Path) -> None:
    """The one that did not fit is removed, and the recording is over."""
    small = frames_at([0, 0.1])
    sink = RollingVideoWriter(tmp_path / "out.mp4")

    def write_all() -> None:
        for frame in [*small, *noise(60)]:
            sink.write(result_of(frame))

    with largest_file(40_000), pytest.raises(OutputError, match=r"cannot write") as caught:
        write_all()
    assert "-o" not in (caught.value.hint or "-o")
    with pytest.raises(OutputError, match="is finished"):
        sink.write(result_of(small[0]))
    sink.close()
    assert names(tmp_path) == ["out.mp4"]
    assert sink.written == [tmp_path / "out.mp4"]
    assert len(read_times(tmp_path / "out.mp4")) == 2


def test_a_disk_that_is_full_at_the_end_is_told(tmp_path: Path) -> None:
    """When the last file is finished, in the other thread."""
    sink = RollingVideoWriter(tmp_path / "out.mp4")
    for frame in noise(2):
        sink.write(result_of(frame))
    with largest_file(1000), pytest.raises(OutputError, match=r"cannot write"):
        sink.close()
    sink.close()
    assert names(tmp_path) == []
    assert sink.written == []


def test_a_file_that_cannot_be_finished_ends_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told with the next frame; the one that runs meanwhile is kept."""
    real = VideoWriter.close

    def fail_first(sink: VideoWriter) -> None:
        if sink._path.name == "out.mp4":
            raise OutputError("cannot write: no space", hint="choose another path")
        real(sink)

    monkeypatch.setattr(VideoWriter, "close", fail_first)
    sink = RollingVideoWriter(tmp_path / "out.mp4", max_length_s=1.0)

    def write_all() -> None:
        for frame in frames_at([0, 1, 1.5, 2, 2.5]):
            sink.write(result_of(frame))

    with pytest.raises(OutputError, match="no space") as caught:
        write_all()
    assert caught.value.hint == "choose another path"
    sink.close()
    assert [path.name for path in sink.written] == ["out-002.mp4"]
    assert numbers_in(tmp_path / "out-002.mp4")[0] == 1


def test_the_image_does_not_wait_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is finished beside the next one, and one only: memory stays as it is."""
    import threading

    may_go_on, running = threading.Event(), []
    real_close, real_write = VideoWriter.close, VideoWriter.write

    def slow(sink: VideoWriter) -> None:
        assert may_go_on.wait(300)
        real_close(sink)

    def note(sink: VideoWriter, result: Result) -> None:
        running.append(sink._path.name)
        real_write(sink, result)

    monkeypatch.setattr(VideoWriter, "close", slow)
    monkeypatch.setattr(VideoWriter, "write", note)
    sink = RollingVideoWriter(tmp_path / "out.mp4", max_length_s=1.0)
    for frame in frames_at([0, 0.5, 1, 1.5]):
        sink.write(result_of(frame))
    assert running == ["out.mp4", "out.mp4", "out-002.mp4", "out-002.mp4"]
    assert sink.written == []
    may_go_on.set()
    sink.close()
    assert [len(read_times(path)) for path in sink.written] == [2, 2]


def test_a_thousand_frames_in_a_hundred_files(tmp_path: Path) -> None:
    """All of them come back in order, and neither memory, threads nor open files grow."""
    process = psutil.Process()
    sink = RollingVideoWriter(tmp_path / "out.mp4", max_length_s=0.39)
    for frame in frames_at((i / 25 for i in range(1000)), (16, 32)):
        sink.write(result_of(frame))
        if frame.index == 300:
            memory, files = process.memory_info().rss, process.num_fds()
            threads = process.num_threads()
    sink.close()
    assert process.memory_info().rss - memory < 20e6
    assert process.num_fds() <= files
    assert process.num_threads() <= threads
    assert len(sink.written) == 100
    assert sink.written[-1].name == "out-100.mp4"
    numbers = [number for path in sink.written for number in numbers_in(path)]
    assert numbers == [i % 64 for i in range(1000)]
    assert all(a < b for a, b in pairwise(read_times(sink.written[50])))
