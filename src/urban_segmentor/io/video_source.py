"""Video files of any container and codec that FFmpeg reads, with their true time stamps."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import av.error
import cv2
import numpy as np
from av.stream import Disposition

from urban_segmentor.errors import SourceError
from urban_segmentor.types import Frame, Yuv420

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import InputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from urban_segmentor.colour import ColourMatrix

_MATRICES: dict[int, ColourMatrix] = {1: "bt709", 5: "bt601", 6: "bt601", 9: "bt2020"}  # H.273
_SWS_SPACES: dict[ColourMatrix, int] = {"bt709": 1, "bt601": 5, "bt2020": 9}  # swscale's names
_FULL_RANGE = 2  # H.273
_HD_LINES = 576  # players take a stream that says nothing for BT.601 up to this height
_QUARTER_TURNS = {
    90: cv2.ROTATE_90_COUNTERCLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_CLOCKWISE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo:
    """What a file says about its video stream.

    Attributes:
        time_base: Unit of its time stamps, seconds.
        rate: Mean frame rate, frames per second.
        frames: Number of frames, or None when the file does not say.
        duration_s: Length, seconds, or None.
        aspect: Width of a pixel over its height.
        has_audio: True when there is sound.
    """

    time_base: Fraction
    rate: Fraction
    frames: int | None
    duration_s: float | None
    aspect: Fraction
    has_audio: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which part of a video is wanted.

    Attributes:
        start_s: Where to begin, seconds after the first frame.
        duration_s: How much of it, seconds; None for all.
        stride: Every how manyth frame.
        rate: At most so many frames a second, by their time stamps; None for all.
    """

    start_s: float = 0.0
    duration_s: float | None = None
    stride: int = 1
    rate: float | None = None

    @property
    def is_everything(self) -> bool:
        """True when no frame is left out."""
        return self == Selection()

    def frames_of(self, info: VideoInfo) -> int | None:
        """Return about how many frames it selects, or None when the file does not say."""
        if info.frames is None and info.duration_s is None:
            return None
        length_s = info.duration_s or (info.frames or 0) / info.rate
        wanted_s = max(float(length_s) - self.start_s, 0.0)
        if self.duration_s is not None:
            wanted_s = min(wanted_s, self.duration_s)
        if self.is_everything and info.frames:
            return info.frames
        rate = float(info.rate) / self.stride
        return round(wanted_s * (min(rate, self.rate) if self.rate else rate))


class VideoSource:
    """The frames of a video file, as planes, in order of time.

    Damaged frames are skipped and counted in `problems`, as is a file that is cut off.

    Args:
        path: Any container that FFmpeg reads.
        name: Output name; frames are called `{name}_{index:06d}`.
        selection: Which part of it.

    Raises:
        SourceError: There is no video in the file.
    """

    def __init__(self, path: Path, *, name: str, selection: Selection | None = None) -> None:
        self._path = path
        self._name = name
        self._selection = selection or Selection()
        self._container = _open(path)
        self._stream = _video_stream(self._container, path)
        self._stream.thread_type = "AUTO"
        self.info = _info(self._container, self._stream)
        self.problems: list[str] = []
        self.first_pts: int | None = None

    def __iter__(self) -> Iterator[Frame]:
        """Yield the selected frames; raise `SourceError` when not one frame decodes."""
        last_kept_s = -np.inf
        wanted = self._selection
        stop_s = np.inf if wanted.duration_s is None else wanted.start_s + wanted.duration_s
        for index, pts, decoded in self._decoded():
            time_s = float(pts * self.info.time_base)
            if time_s >= stop_s:
                break
            if time_s < wanted.start_s or index % wanted.stride:
                continue
            if wanted.rate and time_s - last_kept_s < 0.999 / wanted.rate:
                continue
            last_kept_s = time_s
            yield Frame(
                pixels=_planes(decoded),
                index=index,
                time_s=time_s,
                source=str(self._path),
                name=f"{self._name}_{index:06d}",
            )

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _decoded(self) -> Iterator[tuple[int, int, av.VideoFrame]]:
        """Yield index, time stamp after the first frame, and frame, of every frame."""
        index, last = 0, -1
        damaged = 0
        step = max(round(1 / (self.info.rate * self.info.time_base)), 1)
        for decoded in self._packets_decoded():
            if decoded is None or decoded.is_corrupt:
                damaged += 1
                if decoded is None:
                    continue
            pts = decoded.pts if decoded.pts is not None else decoded.dts
            if self.first_pts is None:
                self.first_pts = pts if pts is not None else 0
            relative = last + step if pts is None else pts - self.first_pts
            last = max(relative, last + 1)  # an encoder takes no frame twice at one time
            yield index, last, decoded
            index += 1
        if index == 0:
            raise SourceError(f"no frame of `{self._path}` can be decoded", hint="fetch it again")
        if damaged:
            self.problems.append(f"`{self._path}`: {damaged} damaged frames or packets")
        expected = self.info.frames
        if expected is not None and index + damaged < expected - 2:
            self.problems.append(
                f"`{self._path}` is cut off: {index} of {expected} frames could be decoded"
            )

    def _packets_decoded(self) -> Iterator[av.VideoFrame | None]:
        """Yield decoded frames, and None for each packet that does not decode."""
        try:
            for packet in self._container.demux(self._stream):
                try:
                    yield from packet.decode()  # pyright: ignore[reportReturnType]
                except av.error.InvalidDataError:
                    yield None
        except (av.error.FFmpegError, OSError) as error:
            self.problems.append(f"`{self._path}` cannot be read to its end: {error.strerror}")


def open_video(path: Path) -> InputContainer:
    """Return the file opened by FFmpeg.

    Raises:
        SourceError: It is missing, empty, cut off at the wrong place, or no media file.
    """
    return _open(path)


def _open(path: Path) -> InputContainer:
    try:
        if path.stat().st_size == 0:
            raise SourceError(f"`{path}` is empty", hint="fetch it again")
        return av.open(str(path.resolve()), metadata_errors="replace")
    except (av.error.FFmpegError, OSError) as error:
        raise SourceError(
            f"`{path}` cannot be opened as video: {error.strerror}",
            hint="an MP4 whose end is missing has lost its index; fetch it again",
        ) from error


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    kinds = sorted({stream.type for stream in container.streams})
    raise SourceError(
        f"`{path}` holds no video, only {', '.join(kinds) if kinds else 'nothing'}",
        hint="name a file with pictures in it",
    )


def _info(container: InputContainer, stream: VideoStream) -> VideoInfo:
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
        has_audio=bool(container.streams.audio),
    )


def _planes(frame: av.VideoFrame) -> Yuv420:
    """Return the planes of a decoded frame, upright, without copying where possible."""
    full_range = frame.color_range == _FULL_RANGE or frame.format.name.startswith("yuvj")
    default: ColourMatrix = "bt601" if frame.height <= _HD_LINES else "bt709"
    matrix = _MATRICES.get(int(frame.colorspace), default)
    if frame.format.name not in {"yuv420p", "yuvj420p"}:
        is_rgb = frame.format.is_rgb
        full_range = full_range and not is_rgb
        space = _SWS_SPACES[matrix]
        frame = frame.reformat(
            format="yuv420p",
            dst_colorspace=space,
            src_colorspace=None if is_rgb else space,
        )
    sizes = [(frame.height, frame.width)] + [((frame.height + 1) // 2, (frame.width + 1) // 2)] * 2
    y, u, v = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[:height, :width]
        for plane, (height, width) in zip(frame.planes, sizes, strict=True)
    )
    turn = _QUARTER_TURNS.get(frame.rotation % 360)
    if turn is not None:
        y, u, v = _turned(y, turn), _turned(u, turn), _turned(v, turn)
    return Yuv420(y=y, u=u, v=v, matrix=matrix, full_range=full_range)


def _turned(plane: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.rotate(np.ascontiguousarray(plane), turn), dtype=np.uint8)
