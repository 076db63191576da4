"""Sound goes along unchanged where MP4 can hold it, and in step with the picture always."""

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.io.clips import (
    FPS,
    SOUND_RATE,
    TONE_HZ,
    read_times,
    remake,
    sound_packets,
    sound_samples,
    tone,
    write_clip,
)
from urban_segmentor.io.clip_range import ClipRange

LATE = 0.05  # seconds; lips and voice may be so far apart before anyone notices
BEGINS_S = 0.5


def begins_s(path: Path) -> float:
    """Return when the tone of a file begins, seconds after the first frame."""
    first_s, samples = sound_samples(path)
    loud = np.abs(samples) > 0.25
    return first_s + int(np.argmax(loud)) / SOUND_RATE - float(read_times(path)[0])


def pitch_hz(samples: NDArray[np.float32]) -> float:
    """Return the strongest frequency."""
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.argmax(spectrum)) * SOUND_RATE / len(samples)


def beep(path: Path, sound: str = "aac", **options: object) -> Path:
    """Write two seconds of video with a tone that begins after half a second."""
    samples = tone(2.0, silent_s=BEGINS_S)
    return write_clip(path, images=50, sound=sound, sound_samples=samples, **options)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("mp4", "aac"), ("mkv", "aac"), ("mp4", "libmp3lame"), ("mkv", "flac"), ("webm", "libopus")],
)
def test_sound_is_copied_bit_by_bit(tmp_path: Path, suffix: str, codec: str) -> None:
    """No packet is lost, changed or made anew."""
    video = "libvpx-vp9" if suffix == "webm" else "libx264"
    path = beep(tmp_path / f"in.{suffix}", codec, codec=video)
    remake(path, tmp_path / "out.mp4")
    assert sound_packets(tmp_path / "out.mp4") == sound_packets(path)
    assert begins_s(tmp_path / "out.mp4") == pytest.approx(begins_s(path), abs=LATE)


@pytest.mark.parametrize(
    ("suffix", "codec", "video"),
    [
        ("mp4", "aac", "libx264"),
        ("ts", "aac", "libx264"),
        ("mkv", "ac3", "libx264"),
        ("mov", "pcm_s16le", "libx264"),
        ("mkv", "mp2", "libx264"),
        ("mpg", "mp2", "mpeg2video"),
        ("avi", "pcm_s16le", "mpeg4"),
        ("webm", "libopus", "libvpx"),
    ],
)
def test_sound_stays_in_step(tmp_path: Path, suffix: str, codec: str, video: str) -> None:
    """From any container, whatever its clock begins with, and it is the same tone."""
    path = beep(tmp_path / f"in.{suffix}", codec, codec=video)
    target = tmp_path / "out.mp4"
    remake(path, target)
    assert begins_s(target) == pytest.approx(begins_s(path), abs=LATE)
    assert begins_s(target) == pytest.approx(BEGINS_S, abs=0.1)
    _, samples = sound_samples(target)
    assert len(samples) / SOUND_RATE == pytest.approx(2.0, abs=0.15)
    assert pitch_hz(samples[SOUND_RATE:][:24_000]) == pytest.approx(TONE_HZ, abs=5)


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
def test_a_part_has_its_own_sound(tmp_path: Path, codec: str) -> None:
    """The tone begins as long after the part's first frame as it should."""
    path = beep(tmp_path / "in.mov", codec)
    target = tmp_path / "out.mp4"
    frames = remake(path, target, selection=ClipRange(start_s=0.32, duration_s=1.0))
    assert [frame.index for frame in frames] == list(range(8, 33))
    assert begins_s(target) == pytest.approx(BEGINS_S - 0.32, abs=LATE)
    _, samples = sound_samples(target)
    assert len(samples) / SOUND_RATE == pytest.approx(1.0, abs=0.1)


def test_fewer_frames_leave_the_sound_whole(tmp_path: Path) -> None:
    """Every fifth frame plays as long as all of them."""
    path = beep(tmp_path / "in.mp4")
    remake(path, tmp_path / "out.mp4", selection=ClipRange(stride=5))
    assert sound_packets(tmp_path / "out.mp4") == sound_packets(path)
    assert len(read_times(tmp_path / "out.mp4")) == 10


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
def test_sound_ends_with_a_image_that_ends_early(tmp_path: Path, codec: str) -> None:
    """After Ctrl-C nobody wants minutes of sound without a picture."""
    path = beep(tmp_path / "in.mov", codec)
    target = tmp_path / "out.mp4"
    assert len(remake(path, target, frames=20)) == 20
    _, samples = sound_samples(target)
    assert len(samples) / SOUND_RATE == pytest.approx(20 / FPS, abs=0.1)


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 96_000, 192_000])
@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1(side)"])
def test_sound_that_must_be_made_anew(tmp_path: Path, rate: int, layout: str) -> None:
    """AAC does not have all rates and layouts; the nearest are taken, and the tone stays."""
    path = write_clip(
        tmp_path / "in.mov",
        images=25,
        sound="pcm_s16le",
        sound_samples=tone(1.0, rate=rate),
        sound_rate=rate,
        layout=layout,
    )
    target = tmp_path / "out.mp4"
    remake(path, target)
    with av.open(str(target)) as file:
        context = file.streams.audio[0].codec_context
        assert context.name == "aac"
        assert context.sample_rate == min(rate, 96_000)
        assert context.layout.nb_channels == (1 if layout == "mono" else 2)
    _, samples = sound_samples(target)
    assert len(samples) / SOUND_RATE == pytest.approx(1.0, abs=0.2)
    assert pitch_hz(samples[4800:][:38_400]) == pytest.approx(TONE_HZ, abs=5)


def test_damaged_sound_does_not_stop_the_image(tmp_path: Path) -> None:
    """Noise in place of packets is skipped."""
    path = write_clip(tmp_path / "in.mkv", images=50, sound="mp2")
    data = bytearray(path.read_bytes())
    packet = sound_packets(path)[20]
    start = data.index(packet)
    data[start : start + len(packet)] = bytes(255 for _ in packet)
    path.write_bytes(data)
    assert len(remake(path, tmp_path / "out.mp4")) == 50
    assert len(read_times(tmp_path / "out.mp4")) == 50


def test_joined_recordings_have_sound_that_mp4_takes(tmp_path: Path) -> None:
    """Where the clock is set back, time stamps must not."""
    one = beep(tmp_path / "one.ts").read_bytes()
    (tmp_path / "two.ts").write_bytes(one + one)
    frames = remake(tmp_path / "two.ts", tmp_path / "out.mp4")
    assert len(frames) == len(read_times(tmp_path / "out.mp4")) == 100
    assert begins_s(tmp_path / "out.mp4") == pytest.approx(BEGINS_S, abs=0.1)
