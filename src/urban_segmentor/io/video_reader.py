"""`VideoReader`: frames of any video that FFmpeg decodes, with their presentation times."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import av.error
from av.stream import Disposition

from urban_segmentor.errors import SourceError
from urban_segmentor.io.clip_range import WHOLE, ClipRange
from urban_segmentor.io.timestamp_normalizer import TimestampNormalizer
from urban_segmentor.io.truncated_files import missing_bytes
from urban_segmentor.io.yuv_planes import Orientation, orientation_of, planes_of
from urban_segmentor.structures.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

_TOLERANCE_S = 1e-6  # sums of decimal numbers are not exact
_SUFFIXES_WITH_INDEX_AT_END = frozenset({".3gp", ".m4v", ".mov", ".mp4"})


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo:
    """Metadata of a video stream, as the file states it.

    Attributes:
        time_base: Unit of its pts, seconds.
        rate: Mean frame rate, frames per second.
        frames: Number of frames, or None when the file does not say.
        duration_s: Length, seconds, or None.
        aspect: Width of a pixel over its height, as decoded, before a quarter turn.
        has_audio: True when there is sound.
    """

    time_base: Fraction
    rate: Fraction
    frames: int | None
    duration_s: float | None
    aspect: Fraction
    has_audio: bool


class VideoReader:
    """Iterates over the frames of a video file, as YUV planes, in order of time.

    Damage is counted in `problems`, and so is a file that is cut off or changes its size; what
    the decoder makes of damaged frames is shown, as players do.

    Args:
        path: Any container that FFmpeg reads.
        name: Frames are called `{name}_{index:06d}`; None for the file's name without suffix.
        start_s: Start time, seconds after the first frame.
        duration_s: Length of the clip, seconds; None for all.
        stride: Read every nth frame.
        max_fps: Maximum frames per second, by their pts; None for all.

    Raises:
        SourceError: There is no video in the file.
        SettingError: A value is out of its range.
    """

    def __init__(  # noqa: PLR0913 - each has its name
        self,
        path: str | Path,
        *,
        name: str | None = None,
        start_s: float = WHOLE.start_s,
        duration_s: float | None = WHOLE.duration_s,
        stride: int = WHOLE.stride,
        max_fps: float | None = WHOLE.max_fps,
    ) -> None:
        path = Path(path).expanduser()
        self._path = path
        self._name = path.stem if name is None else name
        self.clip = ClipRange(
            start_s=start_s, duration_s=duration_s, stride=stride, max_fps=max_fps
        )
        self._container = open_video(path)
        self._stream = _video_stream(self._container, path)
        self._stream.thread_type = "AUTO"
        self.info = _video_info(self._container, self._stream)
        self._clock = TimestampNormalizer(time_base=self.info.time_base, rate=self.info.rate)
        self.problems: list[str] = []
        self._was_read = False
        self.aspect = self.info.aspect

    @property
    def first_pts(self) -> int | None:
        """Pts of the first frame, in units of the time base; None before it is decoded."""
        return self._clock.first_pts

    def __iter__(self) -> Iterator[Frame]:
        """Yield the selected frames; raise `SourceError` when not one frame decodes."""
        if self._was_read:
            raise SourceError(
                f"`{self._path}` was read already", hint="open it again: VideoReader(path)"
            )
        self._was_read = True
        size: tuple[int, int] | None = None
        orientation = Orientation()
        for index, time_s, decoded in self._selected():
            if size is None:
                orientation = orientation_of(decoded)
                self.aspect = 1 / self.info.aspect if orientation.transposed else self.info.aspect
            frame = Frame(
                pixels=planes_of(decoded, orientation),
                index=index,
                time_s=time_s,
                source=str(self._path),
                name=f"{self._name}_{index:06d}",
            )
            if size is not None and frame.size != size:
                self._note_new_size(size, frame)
                return
            size = frame.size
            yield frame
        if size is None:
            self.problems.append(f"`{self._path}` has no frame in the part that was chosen")

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _selected(self) -> Iterator[tuple[int, float, av.VideoFrame]]:
        """Yield index, time in seconds and decoded frame within the clip range."""
        clip = self.clip
        stop_s = math.inf if clip.duration_s is None else clip.start_s + clip.duration_s
        last_time_s = -math.inf
        for index, ticks, decoded in self._decoded():
            time_s = float(ticks * self.info.time_base)
            if time_s >= stop_s - _TOLERANCE_S:
                return
            if time_s < clip.start_s - _TOLERANCE_S or index % clip.stride:
                continue
            if clip.max_fps and time_s - last_time_s < 0.999 / clip.max_fps:
                continue
            last_time_s = time_s
            yield index, time_s, decoded

    def _decoded(self) -> Iterator[tuple[int, int, av.VideoFrame]]:
        """Yield index, ticks after the first frame and decoded frame, for every frame."""
        index = damaged = 0
        for decoded in self._packets_decoded():
            damaged += decoded is None or decoded.is_corrupt
            if decoded is None:
                continue
            pts = decoded.pts if decoded.pts is not None else decoded.dts
            yield index, self._clock.ticks(pts), decoded
            index += 1
        if index == 0:
            raise SourceError(f"no frame of `{self._path}` can be decoded", hint="fetch it again")
        if damaged:
            self.problems.append(f"`{self._path}`: {damaged} damaged frames or packets")
        missing = missing_bytes(self._path)
        if missing:
            self.problems.append(
                f"`{self._path}` is cut off: {index} frames could be decoded, "
                f"{missing} bytes are missing"
            )

    def _packets_decoded(self) -> Iterator[av.VideoFrame | None]:
        """Yield decoded frames, and None for each packet that does not decode."""
        try:
            for packet in self._container.demux(self._stream):
                try:
                    yield from packet.decode()  # pyright: ignore[reportReturnType]
                except av.error.FFmpegError:
                    yield None
        except (av.error.FFmpegError, OSError) as error:
            self.problems.append(f"`{self._path}` cannot be read to its end: {error.strerror}")

    def _note_new_size(self, before: tuple[int, int], frame: Frame) -> None:
        height, width = frame.size
        self.problems.append(
            f"`{self._path}` changes from {before[1]} x {before[0]} to {width} x {height} pixels "
            f"after {frame.time_s:.3f} s, and one file cannot hold both; for the rest add "
            f"--start {frame.time_s:.3f}"
        )


def probe_video(path: Path, *, formats: Sequence[str]) -> tuple[VideoInfo, tuple[int, int]]:
    """Return the metadata of an untrusted video file, and its height and width in pixels.

    Nothing but this file is opened: neither the parts of a playlist, nor addresses in it.

    Args:
        path: The file.
        formats: FFmpeg names of the accepted containers.

    Raises:
        SourceError: It is none of those, or there is no video in it.
    """
    container = open_video(path, formats=formats)
    try:
        stream = _video_stream(container, path)
        return _video_info(container, stream), (stream.height, stream.width)
    finally:
        container.close()


def open_video(path: Path, *, formats: Sequence[str] = ()) -> InputContainer:
    """Return the opened FFmpeg container.

    Args:
        path: The file.
        formats: FFmpeg names of the accepted containers, which also restricts it to this file;
            empty for all that FFmpeg knows.

    Raises:
        SourceError: It is missing, empty, cut off at the wrong place, or no media file.
    """
    try:
        if path.stat().st_size == 0:
            raise SourceError(f"`{path}` is empty", hint="fetch it again")
        options = {"format_whitelist": ",".join(formats), "protocol_whitelist": "file"}
        return av.open(
            f"file:{path.resolve()}",
            metadata_errors="replace",
            options=options if formats else {},
        )
    except (av.error.FFmpegError, OSError) as error:
        hint = "open it in a player to see whether it is a video"
        if path.suffix.lower() in _SUFFIXES_WITH_INDEX_AT_END:
            hint = "an MP4 whose end is missing has lost its index; fetch it again"
        raise SourceError(
            f"`{path}` cannot be opened as video: {error.strerror}", hint=hint
        ) from error


def has_decoder(stream: AudioStream | VideoStream) -> bool:
    """Return whether FFmpeg can decode a stream; PyAV has no codec context if not."""
    return getattr(stream, "codec_context", None) is not None


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    covers = 0
    for stream in container.streams.video:
        if stream.disposition & Disposition.attached_pic:
            covers += 1
        elif has_decoder(stream):
            return stream
    kinds = sorted({stream.type for stream in container.streams if stream.type != "video"})
    kinds += ["a cover picture"] if covers else []
    container.close()
    raise SourceError(
        f"`{path}` holds no video that can be decoded, only "
        f"{' and '.join(kinds) if kinds else 'what FFmpeg does not know'}",
        hint="name a file with moving pictures in it",
    )


def _video_info(container: InputContainer, stream: VideoStream) -> VideoInfo:
    duration_s = None
    if stream.duration is not None and stream.time_base is not None:
        duration_s = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        duration_s = container.duration / av.time_base
    return VideoInfo(
        time_base=stream.time_base or Fraction(1, 90_000),
        rate=stream.average_rate or stream.guessed_rate or Fraction(25),
        frames=stream.frames or None,
        duration_s=duration_s,
        aspect=stream.sample_aspect_ratio or Fraction(1),
        has_audio=any(has_decoder(sound) for sound in container.streams.audio),
    )
