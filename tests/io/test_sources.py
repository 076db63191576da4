"""Which source is opened for what a user names, and which frames it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.runner import save_image
from tests.io.clips import number_of, numbered_image, write_clip
from tests.parts import Numbers
from urban_segmentor.errors import SettingError, SourceError
from urban_segmentor.io.sources import OpenedSource, open_source
from urban_segmentor.io.streams.live_source import LiveSource
from urban_segmentor.io.video_reader import VideoReader

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Return a folder with a picture and two clips, of 4 and 3 frames that tell their numbers."""
    folder = tmp_path / "clips"
    save_image(folder / "still.png")
    write_clip(folder / "a.mp4", images=4)
    write_clip(folder / "b.mp4", images=[numbered_image(10 + i) for i in range(3)])
    return folder


def numbers(opened: OpenedSource) -> list[int]:
    """Return the numbers that the frames of a source tell, and close it."""
    try:
        return [number_of(frame.image) for frame in opened.source]
    finally:
        opened.source.close()


@pytest.mark.parametrize("as_text", [True, False])
def test_a_clip(clips: Path, *, as_text: bool) -> None:
    """Its frames, or those of a part of it."""
    path = clips / "a.mp4"
    given = str(path) if as_text else path
    opened = open_source(given)
    assert isinstance(opened.source, VideoReader)
    assert not opened.is_live
    assert numbers(opened) == [0, 1, 2, 3]
    assert numbers(open_source(given, stride=2)) == [0, 2]
    assert numbers(open_source(given, start_s=0.08)) == [2, 3]
    assert numbers(open_source(given, duration_s=0.08)) == [0, 1]
    assert numbers(open_source(given, max_fps=12.5)) == [0, 2]


def test_a_folder(clips: Path) -> None:
    """Pictures first, then the clips one after the other, each from its own beginning."""
    assert numbers(open_source(clips))[1:] == [0, 1, 2, 3, 10, 11, 12]
    assert numbers(open_source(str(clips / "*.mp4"), stride=3)) == [0, 3, 10]
    assert len(numbers(open_source(clips / "still.png"))) == 1


def test_a_clip_that_cannot_be_read_ends_the_folder(clips: Path) -> None:
    """What came before it was given; it is not left out in silence."""
    (clips / "b.mp4").write_bytes(b"no clip")
    frames = iter(open_source(clips).source)
    assert [number_of(next(frames).image) for _ in range(5)][1:] == [0, 1, 2, 3]
    with pytest.raises(SourceError, match=r"b\.mp4"):
        next(frames)


@pytest.mark.parametrize(
    "name",
    [3, "0", "12", "/dev/video3", "rtsp://me:secret@camera.local/stream", "udp://:5000", "screen"],
)
def test_live_sources(name: str | int) -> None:
    """Nothing is opened before frames are asked for, and what videos alone can is refused."""
    opened = open_source(name, stride=2, duration_s=1.0)
    assert isinstance(opened.source, LiveSource)
    assert opened.is_live
    opened.source.close()
    with pytest.raises(SettingError, match="`max_fps` is for videos") as caught:
        open_source(name, max_fps=5)
    assert "stride" in str(caught.value.hint)


def test_a_file_with_the_name_of_a_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies there is meant."""
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "clip.mp4", images=2).rename("7")
    opened = open_source("7")
    assert not opened.is_live
    opened.source.close()


def test_a_source_of_ones_own() -> None:
    """It is given back as it is, and chooses its frames itself."""
    own = Numbers(3)
    assert open_source(own) == OpenedSource(source=own, is_live=False)
    for settings in ({"stride": 2}, {"start_s": 1.0}, {"duration_s": 1.0}, {"max_fps": 9.0}):
        with pytest.raises(SettingError, match="chooses its frames itself") as caught:
            open_source(own, **settings)
        assert "leave stride, start_s, duration_s and max_fps out" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["nowhere.mp4", "nowhere/", "*.nowhere", "gopher://host/clip"])
def test_what_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((SourceError, SettingError)) as caught:
        open_source(name)
    assert caught.value.hint
