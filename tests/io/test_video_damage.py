"""Files that are cut off, damaged or no video at all are told from those that are whole."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.io.clips import (
    FPS,
    begin_later,
    numbered_image,
    numbers,
    read_clip,
    sound_packets_of,
    tone,
    write_clip,
)
from urban_segmentor.errors import SourceError
from urban_segmentor.io.truncated_files import missing_bytes
from urban_segmentor.io.video_reader import VideoReader


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm", "avi"])
def test_a_file_that_is_cut_off(tmp_path: Path, suffix: str) -> None:
    """What is there is done, and what is missing is told."""
    codec = {"webm": "libvpx-vp9", "avi": "mpeg4"}.get(suffix, "libx264")
    noise = [*np.random.default_rng(0).integers(0, 256, (20, 48, 64, 3), dtype=np.uint8)]
    path = write_clip(
        tmp_path / f"clip.{suffix}",
        images=noise,
        codec=codec,
        movflags="faststart" if suffix == "mp4" else "",
    )
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    frames, source = read_clip(path)
    assert 3 <= len(frames) < 20
    assert f"is cut off: {len(frames)} frames could be decoded" in source.problems[-1]
    missing = len(data) - len(data) * 6 // 10
    assert f"{missing} bytes are missing" in source.problems[-1]


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return complete files by suffix."""
    folder = tmp_path_factory.mktemp("whole")
    codecs = {"avi": "mpeg4", "webm": "libvpx-vp9"}
    return {
        suffix: write_clip(
            folder / f"clip.{suffix}", codec=codecs.get(suffix, "libx264"), images=5
        ).read_bytes()
        for suffix in ("mp4", "mov", "mkv", "webm", "avi")
    }


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "avi"])
@given(share=st.floats(0, 1), behind=st.binary(max_size=40))
def test_missing_bytes_are_counted(
    whole_files: dict[str, bytes],
    tmp_path_factory: pytest.TempPathFactory,
    suffix: str,
    share: float,
    behind: bytes,
) -> None:
    """Wherever it is cut inside the pictures; what somebody appended does no harm."""
    data = whole_files[suffix]
    path = tmp_path_factory.getbasetemp() / f"cut.{suffix}"
    images = data.index(b"mdat") + 8 if suffix in {"mp4", "mov"} else 200
    # The index of MP4 follows the pictures, and how long it would have been cannot be known.
    end = data.index(b"moov") - 4 if suffix in {"mp4", "mov"} else len(data)
    cut = images + round(share * (end - images))
    path.write_bytes(data[:cut])
    assert missing_bytes(path) == end - cut
    path.write_bytes(data + b"\0" * 16 + behind)
    assert missing_bytes(path) == 0


FTYP = (8).to_bytes(4, "big") + b"ftyp"
EBML = b"\x1a\x45\xdf\xa3\x80"
SEGMENT = b"\x18\x53\x80\x67"


@pytest.mark.parametrize(
    ("content", "missing"),
    [
        (FTYP + b"\0\0\0\1mdat" + (2**33).to_bytes(8, "big") + b"x" * 84, 2**33 - 100),
        (FTYP + b"\0\0\0\0mdat" + b"x" * 50, 0),
        (EBML + SEGMENT + b"\x01" + (1000).to_bytes(7, "big") + b"x" * 400, 600),
        (EBML + SEGMENT + b"\x01" + b"\xff" * 7 + b"x" * 400, 0),
        (EBML + SEGMENT + b"\xff" + b"x" * 400, 0),
        (b"RIFF" + (12).to_bytes(4, "little") + b"AVI xxxxxxxx" + b"RIFF\x40\0\0\0AVIX", 60),
        (b"RIFF" + (11).to_bytes(4, "little") + b"AVI xxxxxxx\0", 0),
        (b"", 0),
        (b"\x47" * 188, 0),
    ],
    ids=[
        *("long box", "box to the end", "long element", "live", "short and live"),
        *("second chunk", "odd chunk", "empty", "transport stream"),
    ],
)
def test_lengths_of_all_kinds(tmp_path: Path, content: bytes, missing: int) -> None:
    """Large files, live recordings and long AVI have heads of their own."""
    path = tmp_path / "file"
    path.write_bytes(content)
    assert missing_bytes(path) == missing


def test_a_clip_that_begins_later_is_complete(tmp_path: Path) -> None:
    """Cutting without encoding leaves frames in the file that are not shown."""
    path = write_clip(tmp_path / "clip.mp4", options={"bf": "2"}, movflags="use_metadata_tags")
    before, _ = read_clip(path)
    begin_later(path, round(12_800 * 8 / FPS))
    frames, source = read_clip(path)
    assert len(before) == 20
    assert numbers(frames) == list(range(8, 20))
    assert frames[0].time_s == 0
    assert source.problems == []


def test_damage_in_the_middle(tmp_path: Path) -> None:
    """The rest is done, the damage is counted, and times stay right."""
    noise = [*np.random.default_rng(0).integers(0, 256, (30, 48, 64, 3), dtype=np.uint8)]
    path = write_clip(tmp_path / "clip.mp4", images=noise, options={"g": "5"})
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(range(1, 251)) * 16
    path.write_bytes(data)
    frames, source = read_clip(path)
    assert 20 <= len(frames) <= 30
    assert "damaged frames or packets" in source.problems[0]
    assert frames[-1].time_s == pytest.approx(29 / FPS)


def refusal(path: Path) -> SourceError:
    """Return what a file is refused with."""
    with pytest.raises(SourceError) as caught:
        list(VideoReader(path, name="clip"))
    assert str(path) in str(caught.value)
    assert caught.value.hint
    return caught.value


def test_files_that_are_no_video(tmp_path: Path) -> None:
    """Each is refused in words of its own."""
    missing, empty, text = (tmp_path / name for name in ("no.mp4", "empty.mp4", "text.avi"))
    empty.touch()
    text.write_text("Once upon a time there was a street.")
    assert "No such file" in str(refusal(missing))
    assert "is empty" in str(refusal(empty))
    assert "cannot be opened as video" in str(refusal(text))
    assert "index" not in (refusal(text).hint or "")
    clip = write_clip(tmp_path / "clip.mp4").read_bytes()
    headless = tmp_path / "headless.mp4"
    headless.write_bytes(clip[: len(clip) // 2])
    assert "has lost its index" in (refusal(headless).hint or "")
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(np.random.default_rng(0).bytes(5000))
    refusal(noise)


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    """Nor is sound with a picture on its cover."""
    sound = tmp_path / "sound.m4a"
    write_sound(sound, cover=False)
    assert "only audio" in str(refusal(sound))
    covered = tmp_path / "covered.mp3"
    write_sound(covered, cover=True)
    assert "only audio and a cover picture" in str(refusal(covered))


def write_sound(path: Path, *, cover: bool) -> None:
    """Write a second of sound; with a cover as ID3v2 has it in front."""
    with av.open(str(path), "w") as file:
        codec = "libmp3lame" if path.suffix == ".mp3" else "aac"
        voice = file.add_stream(codec, rate=48_000, layout="mono")
        for packet in sound_packets_of(voice, tone(1.0), 48_000, "mono"):
            file.mux(packet)
    if cover:
        image = cv2.imencode(".jpg", numbered_image(3))[1].tobytes()
        content = b"\0image/jpeg\0\x03\0" + image
        frame = b"APIC" + len(content).to_bytes(4, "big") + b"\0\0" + content
        size = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
        path.write_bytes(b"ID3\x03\0\0" + size + frame + path.read_bytes())
