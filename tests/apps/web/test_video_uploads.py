"""Videos from strangers: what they say of themselves, and nothing but the file is opened."""

from __future__ import annotations

import os
import struct
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.io.clips import write_clip
from tests.io.test_video_damage import write_sound
from tests.waiting import wait_until
from urban_segmentor.apps.web.limits import UploadLimits
from urban_segmentor.apps.web.uploads import VideoMetadata, check_video
from urban_segmentor.errors import SourceError, UploadError
from urban_segmentor.io.video_reader import open_video

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIMITS = UploadLimits()
CODECS = {
    "mp4": "libx264",
    "mov": "mpeg4",
    "mkv": "libx264",
    "webm": "libvpx",
    "avi": "mpeg4",
    "ts": "libx264",
    "mpg": "mpeg2video",
    "flv": "flv",
    "wmv": "wmv2",
    "gif": "gif",
}
# Each opens `part.ts` beside it when FFmpeg may choose what it is.
POINTERS = {
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:1,\npart.ts\n#EXT-X-ENDLIST\n",
    "list.ffconcat": "ffconcat version 1.0\nfile part.ts\n",
}
OTHERS = {
    "list.m3u8": "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/part.ts\n#EXT-X-ENDLIST\n",
    "talk.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "list.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
    "<Period><AdaptationSet><BaseURL>http://127.0.0.1:1/</BaseURL></AdaptationSet></Period></MPD>",
    "list.asx": '<asx version="3.0"><entry><ref href="http://127.0.0.1:1/"/></entry></asx>',
    "page.mp4": "<!doctype html><video src='part.ts'></video>",
    "words.avi": "once upon a time " * 100,
}


def clip(folder: Path, suffix: str = "mp4", *, frames: int = 10) -> Path:
    """Return a clip of 64 x 48 pixels and 25 frames a second."""
    pix_fmt = "rgb8" if suffix == "gif" else "yuv420p"
    return write_clip(
        folder / f"clip.{suffix}", images=frames, codec=CODECS[suffix], pix_fmt=pix_fmt
    )


def hinted(path: Path, limits: UploadLimits = LIMITS) -> str:
    """Return why it is refused; there is a hint, and neither its name nor FFmpeg's words."""
    with pytest.raises(UploadError) as refusal:
        check_video(path, limits=limits)
    said = f"{refusal.value} {refusal.value.hint}"
    assert refusal.value.hint
    assert not [word for word in (path.name, str(path.parent), "Invalid") if word in said]
    assert refusal.value.__cause__ is None
    return str(refusal.value)


@pytest.mark.parametrize("suffix", CODECS)
def test_usual_containers_are_taken(tmp_path: Path, suffix: str) -> None:
    """By what is in them, whatever they are called."""
    path = clip(tmp_path, suffix).rename(tmp_path / "upload")
    facts = check_video(path, limits=LIMITS)
    assert (facts.width, facts.height, facts.rate) == (64, 48, 25.0)
    assert facts.frames in {10, None}
    assert facts.duration_s is not None
    assert 0 < facts.duration_s < 0.45  # that of MPEG is guessed


def test_what_a_file_does_not_say_is_none(tmp_path: Path) -> None:
    """Matroska has no number of frames; a live recording has no length either."""
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w", options={"live": "1"}) as file:
        stream = file.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        file.mux([*stream.encode(frame), *stream.encode(None)])
    facts = check_video(path, limits=LIMITS)
    assert facts == VideoMetadata(width=64, height=48, duration_s=None, frames=None, rate=25.0)


@pytest.mark.parametrize("name", POINTERS)
def test_playlists_are_refused_unopened(tmp_path: Path, name: str) -> None:
    """FFmpeg would follow them to any file of the server."""
    path, part = tmp_path / name, tmp_path / "part.ts"
    path.write_text(POINTERS[name])
    os.mkfifo(part)
    assert is_read(part, by=lambda: open_video(path).close())  # so it is a trap
    assert not is_read(part, by=lambda: check_video(path, limits=LIMITS))
    assert hinted(path).startswith("this is no video that can be read here")


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_video_is_refused(tmp_path: Path, name: str) -> None:
    """Descriptions of streams, pages, and words, whatever they are called."""
    path = tmp_path / name
    path.write_text(OTHERS[name])
    assert hinted(path).startswith("this is no video that can be read here: MP4")
    lying = path.rename(tmp_path / "film.mp4")
    assert hinted(lying).startswith("this is no video that can be read here: MP4")


def test_images_that_are_numbered_are_no_video(tmp_path: Path) -> None:
    """FFmpeg would look for the others, whose names it makes by itself."""
    for number in range(3):
        (tmp_path / f"p{number:03}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    path = tmp_path / "p%03d.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert hinted(path).startswith("this is no video")


def test_a_film_that_names_another_file_does_not_get_it(tmp_path: Path) -> None:
    """QuickTime may keep its pictures elsewhere."""
    path, other = clip(tmp_path, "mov"), tmp_path / "other"
    path.write_bytes(pointing_to("other", path.read_bytes()))
    os.mkfifo(other)
    trap = {"enable_drefs": "1"}
    assert is_read(other, by=lambda: av.open(f"file:{path}", options=trap).close())
    assert not is_read(other, by=lambda: check_video(path, limits=LIMITS))
    assert not is_read(other, by=lambda: open_video(path).close())


def pointing_to(name: str, film: bytes) -> bytes:
    """Return a film whose data reference is an alias of a file beside it."""
    address = b"/" + name.encode()
    address += b"\0" * (len(address) % 2)
    alias = b"alis" + bytes(4 + 10 + 28 + 12 + 64 + 16) + struct.pack(">HH", 1, 1) + bytes(16)
    alias += struct.pack(">HH", 2, len(address)) + address + b"\xff\xff\0\0"
    entry = struct.pack(">I", len(alias) + 4) + alias
    start = film.index(b"dref") + 12  # behind version, flags and count
    (old,) = struct.unpack_from(">I", film, start)
    data = bytearray(film)
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        at = film.rindex(box, 0, start) - 4
        (length,) = struct.unpack_from(">I", data, at)
        struct.pack_into(">I", data, at, length + len(entry) - old)
    return bytes(data[:start]) + entry + bytes(data[start + old :])


def is_read(fifo: Path, *, by: Callable[[], object]) -> bool:
    """Return whether a pipe is opened by what is called; whoever does so waits for a writer."""

    def work() -> None:
        with suppress(SourceError, av.error.FFmpegError):
            by()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    seen = False

    def has_ended() -> bool:
        nonlocal seen
        with suppress(OSError):
            os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
            seen = True
        return not thread.is_alive()

    wait_until(has_ended, every_s=0.002)
    return seen


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (UploadLimits(video_side=60), "the video has 64 x 48 pixels"),
        (UploadLimits(video_s=2.0), "the video is 4 seconds long"),
        (UploadLimits(video_frames=99), "the video has 100 frames"),
        (UploadLimits(video_bytes=1000), "the video has 0 MB"),
    ],
)
def test_what_is_too_much_is_refused(tmp_path: Path, limits: UploadLimits, words: str) -> None:
    """With what is taken beside it."""
    path = clip(tmp_path, frames=100)
    assert hinted(path, limits) == words
    with pytest.raises(UploadError) as refusal:
        check_video(path, limits=limits)
    assert limits.video_text in (refusal.value.hint or "")
    assert check_video(path, limits=LIMITS).frames == 100


def test_too_much_for_minutes_is_said_in_minutes(tmp_path: Path) -> None:
    """Nobody reads 7200 seconds."""
    path = write_clip(tmp_path / "long.mp4", images=3, ticks=[0, 100_000, 180_000])
    assert hinted(path) == "the video is 120 minutes long"


@pytest.mark.parametrize("name", ["a.m4a", "a.mp3"])
def test_sound_is_no_video(tmp_path: Path, name: str) -> None:
    """Nor is a picture on its cover."""
    path = tmp_path / name
    write_sound(path, cover=name.endswith("mp3"))
    assert "with moving pictures in it" in hinted(path)


def test_files_that_are_missing_or_cut_off(tmp_path: Path) -> None:
    """Each is refused, and so is a folder."""
    whole = clip(tmp_path)
    for name, content in (("nought", b""), ("part", whole.read_bytes()[:500])):
        (tmp_path / name).write_bytes(content)
        assert hinted(tmp_path / name).startswith("this is no video")
    assert hinted(tmp_path / "elsewhere") == "the video is gone"
    assert hinted(tmp_path).startswith("this is no video")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a clip of each kind."""
    folder = tmp_path_factory.mktemp("clips")
    return {suffix: clip(folder, suffix, frames=4) for suffix in CODECS}


@given(
    suffix=st.sampled_from(sorted(CODECS)),
    changes=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), min_size=1, max_size=8),
    at_end=st.booleans(),
)
def test_damage_is_refused_or_harmless(
    clips: dict[str, Path], suffix: str, changes: list[tuple[int, int]], *, at_end: bool
) -> None:
    """Whatever bytes are wrong, there is a sentence, or facts within the limits."""
    data = bytearray(clips[suffix].read_bytes())
    for at, value in changes:
        place = at % len(data)
        data[-1 - place if at_end else place] = value
    path = clips[suffix].with_name("damaged")
    path.write_bytes(data)
    with suppress(UploadError):
        facts = check_video(path, limits=LIMITS)
        assert 1 <= max(facts.width, facts.height) <= LIMITS.video_side
        assert facts.duration_s is None or facts.duration_s <= LIMITS.video_s + 1
        assert facts.rate > 0
