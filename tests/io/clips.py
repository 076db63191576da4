"""Small clips of every kind, made with PyAV, and what is needed to look at them again."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from urban_segmentor.io.audio import AudioCopy
from urban_segmentor.io.clip_range import ClipRange
from urban_segmentor.io.video_reader import VideoReader
from urban_segmentor.io.video_writer import VideoWriter
from urban_segmentor.result import Result
from urban_segmentor.structures.instances import Instances

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.structures.frame import Frame

FPS = 25
SOUND_RATE = 48_000
TONE_HZ = 440.0


def result_of(frame: Frame) -> Result:
    """Return a frame in which nothing was found."""
    return Result(frame=frame, instances=Instances.empty(frame.size))


def numbered_image(number: int, size: tuple[int, int] = (48, 64)) -> NDArray[np.uint8]:
    """Return a picture that tells its number: six vertical bars, bright where a bit is set."""
    bits = np.array([number >> i & 1 for i in range(6)], dtype=np.uint8)
    columns = np.minimum(np.arange(size[1]) * 6 // size[1], 5)
    row = np.repeat((40 + 170 * bits[columns])[:, None], 3, axis=1)
    return np.broadcast_to(row, (*size, 3)).astype(np.uint8).copy()


def number_of(image: NDArray[np.uint8]) -> int:
    """Return the number that a picture tells."""
    bars = np.array_split(image.mean(axis=(0, 2)), 6)
    return sum(int(np.median(bar) > 125) << i for i, bar in enumerate(bars))


def patches(size: tuple[int, int] = (6, 8), side: int = 16, seed: int = 0) -> NDArray[np.uint8]:
    """Return a picture of colored squares, uint8 (rows * side, columns * side, 3)."""
    colors = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    return colors.repeat(side, axis=0).repeat(side, axis=1)


def patch_colors(image: NDArray[np.uint8], side: int = 16) -> NDArray[np.float64]:
    """Return the mean color in the middle of each square, float64 (rows, columns, 3)."""
    height, width = image.shape[:2]
    blocks = image.reshape(height // side, side, width // side, side, 3)
    return blocks[:, 6:10, :, 6:10].mean(axis=(1, 3))


def tone(seconds: float, *, rate: int = SOUND_RATE, silent_s: float = 0.0) -> NDArray[np.float32]:
    """Return a sine that begins after a silence, float32 (samples,)."""
    times = np.arange(round(seconds * rate)) / rate
    return np.where(times < silent_s, 0, 0.5 * np.sin(2 * np.pi * TONE_HZ * times)).astype("f4")


def write_clip(  # noqa: PLR0913
    path: Path,
    *,
    images: Sequence[NDArray[np.uint8]] | int = 20,
    ticks: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, FPS),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    container: str | None = None,
    aspect: Fraction | None = None,
    colors: tuple[int, int] | None = None,
    sound: str | None = None,
    sound_samples: NDArray[np.float32] | None = None,
    sound_rate: int = SOUND_RATE,
    layout: str = "mono",
    movflags: str = "",
) -> Path:
    """Write a clip, numbered pictures unless others are given, and return its path."""
    if isinstance(images, int):
        images = [numbered_image(number) for number in range(images)]
    ticks = range(len(images)) if ticks is None else ticks
    if colors is not None:  # matrix and range, H.273
        options = (options or {}) | {"colorspace": str(colors[0]), "color_range": str(colors[1])}
    flags = {"movflags": movflags} if movflags else {}
    with av.open(str(path), "w", format=container, options=flags) as file:
        stream: Any = file.add_stream(codec, rate=FPS, options=options or {})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.codec_context.time_base = stream.time_base = time_base
        if aspect is not None:
            stream.sample_aspect_ratio = aspect
        voice: Any = None
        if sound is not None:
            voice = file.add_stream(sound, rate=sound_rate, layout=layout)
        for image, tick in zip(images, ticks, strict=True):
            frame = _video_frame(image, pix_fmt, colors)
            frame.pts, frame.time_base = tick, time_base
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
        if voice is not None:
            seconds = float(len(images) / FPS)
            samples = tone(seconds, rate=sound_rate) if sound_samples is None else sound_samples
            for packet in sound_packets_of(voice, samples, sound_rate, layout):
                file.mux(packet)
    return path


def _video_frame(
    image: NDArray[np.uint8], pix_fmt: str, colors: tuple[int, int] | None
) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
    matrix, light = colors or (5, 2 if pix_fmt.startswith("yuvj") else 1)
    is_rgb = av.VideoFormat(pix_fmt, 16, 16).is_rgb
    frame = frame.reformat(
        format=pix_fmt,
        dst_colorspace=None if is_rgb else matrix,
        src_color_range=2,
        dst_color_range=2 if is_rgb else light,
    )
    if colors is not None:
        frame.colorspace, frame.color_range = colors
    return frame


def sound_packets_of(
    voice: Any,  # noqa: ANN401
    samples: NDArray[np.float32],
    rate: int,
    layout: str,
) -> Iterator[Any]:
    """Yield the packets of a stream that holds some samples on all its channels."""
    resampler = av.AudioResampler(
        format=voice.codec_context.format.name, layout=layout, rate=rate, frame_size=1024
    )
    channels = av.AudioLayout(layout).nb_channels
    frame = av.AudioFrame.from_ndarray(
        np.repeat(samples[None], channels, axis=0), format="fltp", layout=layout
    )
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        yield from voice.encode(piece)
    yield from voice.encode(None)


def read_times(path: Path) -> list[Fraction]:
    """Return the exact times of the frames of a video, seconds, as a player would show them."""
    with av.open(str(path)) as file:
        return [frame.pts * frame.time_base for frame in file.decode(video=0)]


def sound_packets(path: Path) -> list[bytes]:
    """Return the bytes of the packets of the first sound stream."""
    with av.open(str(path)) as file:
        return [bytes(packet) for packet in file.demux(audio=0) if packet.size]


def sound_samples(path: Path, *, rate: int = SOUND_RATE) -> tuple[float, NDArray[np.float32]]:
    """Return the time of the first sample, seconds, and all samples as mono, float32."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
    pieces, first_s = [], None
    with av.open(str(path)) as file:
        for frame in file.decode(audio=0):
            first_s = frame.time if first_s is None else first_s
            pieces += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
    assert first_s is not None
    return first_s, np.concatenate(pieces)


def remake(
    path: Path,
    target: Path,
    *,
    selection: ClipRange | None = None,
    frames: int | None = None,
    **settings: Any,  # noqa: ANN401
) -> list[Frame]:
    """Read a clip and write it again, with its sound, as the pipeline does; return the frames.

    Args:
        path: The clip.
        target: Where to.
        selection: Which part.
        frames: Stop after so many, as Ctrl-C does.
        settings: For the sink.
    """
    wanted = selection or ClipRange()
    source = wanted.open(path, name="clip")
    start_s, length_s = wanted.start_s, wanted.duration_s

    def open_audio(first_time_s: float) -> AudioCopy:
        zero_s = float((source.first_pts or 0) * source.info.time_base)
        stop_s = None if length_s is None else zero_s + start_s + length_s
        return AudioCopy(path, start_s=zero_s + first_time_s, stop_s=stop_s)

    sink = VideoWriter(
        target,
        time_base=source.info.time_base,
        rate=source.info.rate,
        aspect=lambda: source.aspect,
        audio=open_audio if source.info.has_audio else None,
        **settings,
    )
    done: list[Frame] = []
    for frame in source:
        sink.write(result_of(frame))
        done.append(frame)
        if len(done) == frames:
            sink.end_sound_with_image()
            break
    sink.close()
    source.close()
    return done


def boxes_of(path: Path) -> list[str]:
    """Return the names of the outermost boxes of an MP4, in order."""
    data, position, names = path.read_bytes(), 0, []
    while position < len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, position + 8)
        names.append(name.decode())
        position += length
    assert position == len(data)
    return names


def set_display_matrix(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Write a, b, c and d of the display matrix into the first track of an MP4."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4 + 40  # version 0: the matrix stands 40 bytes into the box
    a, b, c, d = (value * 65_536 for value in matrix)
    struct.pack_into(">9i", data, start, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def begin_later(path: Path, ticks: int) -> None:
    """Move the start of the first edit list of an MP4, as cutting without encoding does."""
    data = bytearray(path.read_bytes())
    start = data.index(b"elst") + 4 + 4 + 4 + 4  # version and flags, count, duration
    (media_time,) = struct.unpack_from(">i", data, start)
    struct.pack_into(">i", data, start, media_time + ticks)
    path.write_bytes(data)


def read_clip(
    path: Path,
    **selection: Any,  # noqa: ANN401
) -> tuple[list[Frame], VideoReader]:
    """Return the selected frames of a video, and its source."""
    source = VideoReader(path, name="clip", **selection)
    frames = list(source)
    source.close()
    source.close()
    return frames, source


def numbers(frames: list[Frame]) -> list[int]:
    """Return the numbers that frames show."""
    return [number_of(frame.image) for frame in frames]
