"""`VideoWriter`: MP4 (H.264 or VP9, yuv420p, faststart) with exact frame times and audio."""

from __future__ import annotations

import math
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
import av.error
import cv2
import numpy as np

from urban_segmentor.errors import OutputError, SettingError
from urban_segmentor.io.atomic import check_free, output_errors
from urban_segmentor.io.encoding import EncodingOptions
from urban_segmentor.structures.frame import Yuv420

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from av.container import OutputContainer
    from av.video.plane import VideoPlane
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from urban_segmentor.io.audio import AudioCopy
    from urban_segmentor.result import Result

_H273_MATRICES = {"bt709": 1, "bt601": 6, "bt2020": 9}
_ENCODERS = {"h264": "libx264", "vp9": "libvpx-vp9"}
_FINEST = Fraction(1, 10_000_000)  # seconds; MP4 counts the length of a frame in 32 bits
_FINE = Fraction(1, 1_000_000)


class VideoWriter:
    """Writes frames to a video file, which is renamed to its final path by `close`.

    Sides that are odd are made even by repeating the last row or column, since 4:2:0 video has
    no odd ones.

    Args:
        path: Output path, `.mp4`. Parent folders are made.
        time_base: Unit of the time stamps, seconds.
        rate: Mean frame rate, for the encoder's planning; times are those of the frames.
        aspect: Returns the sample aspect ratio, called at the first frame.
        audio: Opens the audio to copy, given the time of the first frame; None for no audio.
        encoding: How it is compressed.
        overwrite: False to refuse when the file exists.

    Raises:
        OutputError: The file exists already, or its folder cannot be written to.
        SettingError: The name does not end in `.mp4`.
    """

    stage_name = "encode"

    def __init__(  # noqa: PLR0913
        self,
        path: str | Path,
        *,
        time_base: Fraction = Fraction(1, 90_000),
        rate: Fraction | float = Fraction(30),
        aspect: Callable[[], Fraction] = lambda: Fraction(1),
        audio: Callable[[float], AudioCopy] | None = None,
        encoding: EncodingOptions | None = None,
        overwrite: bool = False,
    ) -> None:
        path = Path(path).expanduser()
        if path.suffix.lower() != ".mp4":
            raise SettingError(
                f"a video is an MP4 file here, got `{path.name}`",
                hint=f"name it `{path.with_suffix('.mp4')}`",
            )
        check_free(path, overwrite=overwrite)
        self._path = path
        self._partial = path.with_name(f".{path.name}.partial")
        self._time_base = time_base if time_base >= _FINEST else _FINE
        self._rate, self._aspect = Fraction(rate).limit_denominator(1001), aspect
        self._open_audio = audio
        self._audio: AudioCopy | None = None
        self._encoding = encoding or EncodingOptions()
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._size = (0, 0)
        self._start_s = 0.0
        self._last_pts = -1
        self._sound_ends_with_image = False
        self._closed = False

    def write(self, result: Result, /) -> None:
        """Append the frame as it was drawn on.

        Args:
            result: Of a frame of the size of those before.

        Raises:
            OutputError: The disk is full, or the frame has another size than those before.
        """
        frame = result.rendered
        if self._closed:
            raise OutputError(f"`{self._path}` is finished, nothing can be added")
        pixels = frame.pixels if isinstance(frame.pixels, Yuv420) else Yuv420.from_rgb(frame.pixels)
        if self._stream is not None and pixels.y.shape != self._size:
            height, width = pixels.y.shape
            raise OutputError(
                f"a frame of {width} x {height} pixels in a video of "
                f"{self._size[1]} x {self._size[0]}: one file cannot hold both"
            )
        with self._or_discard():
            if self._stream is None:
                self._open(pixels, start_s=frame.time_s)
            self._encode(pixels, frame.time_s - self._start_s)

    def end_sound_with_image(self) -> None:
        """Cut the audio at the last frame, for a run that ends before its source."""
        self._sound_ends_with_image = True

    def close(self) -> None:
        """Finish the file and rename it to its final path; safe to call twice.

        Raises:
            OutputError: The disk is full or the like; then there is no file.
        """
        if self._closed:
            return
        if self._container is None or self._stream is None:
            self._closed = True
            return
        with self._or_discard():
            self._container.mux(self._stream.encode(None))
            if self._audio is not None:
                self._audio.finish(self._container, end_s=self._sound_end_s())
            self._container.close()
            self._partial.replace(self._path)
            self._closed = True

    def _open(self, pixels: Yuv420, *, start_s: float) -> None:
        self._start_s = start_s
        self._partial.unlink(missing_ok=True)  # an earlier run may have left a link there
        if self._open_audio is not None:
            self._audio = self._open_audio(start_s)
        # Without the index in front a browser must fetch the whole file before it plays.
        # `file:` keeps FFmpeg from taking what stands before a colon for a protocol.
        self._container = av.open(
            f"file:{self._partial}", "w", format="mp4", options={"movflags": "faststart"}
        )
        self._stream = self._video_stream(self._container, pixels)
        if self._audio is not None:
            self._audio.attach(self._container)

    def _video_stream(self, container: OutputContainer, pixels: Yuv420) -> VideoStream:
        options = {"crf": str(self._encoding.crf)}
        if self._encoding.codec == "h264":
            options["preset"] = self._encoding.preset
        else:
            options |= {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "b": "0"}
        stream = cast(
            "VideoStream",
            container.add_stream(_ENCODERS[self._encoding.codec], rate=self._rate, options=options),
        )
        self._size = pixels.y.shape
        height, width = (side + side % 2 for side in self._size)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        stream.sample_aspect_ratio = self._aspect()
        stream.time_base = stream.codec_context.time_base = self._time_base
        stream.codec_context.thread_count = 0
        stream.codec_context.colorspace = _H273_MATRICES[pixels.matrix]
        stream.codec_context.color_range = 2 if pixels.full_range else 1
        return stream

    def _encode(self, pixels: Yuv420, time_s: float) -> None:
        container, stream = self._container, self._stream
        assert container is not None and stream is not None  # noqa: S101, PT018 - opened by `write`
        frame = av.VideoFrame(stream.width, stream.height, "yuv420p")
        for plane, values in zip(frame.planes, (pixels.y, pixels.u, pixels.v), strict=True):
            _fill(plane, values)
        # An encoder takes no two frames at one time.
        self._last_pts = max(round(Fraction(time_s) / self._time_base), self._last_pts + 1)
        frame.pts = self._last_pts
        frame.time_base = self._time_base
        container.mux(stream.encode(frame))
        if self._audio is not None:
            self._audio.copy_until(container, time_s)

    def _sound_end_s(self) -> float:
        if not self._sound_ends_with_image:
            return math.inf
        return float(self._last_pts * self._time_base + 1 / self._rate)

    @contextmanager
    def _or_discard(self) -> Generator[None]:
        """Remove the partial file when the body fails; `OSError` becomes `OutputError`."""
        try:
            with output_errors(self._path), _as_os_errors():
                yield
        except BaseException:
            self._closed = True
            with suppress(av.error.FFmpegError, OSError):  # the first failure is the one to tell
                if self._audio is not None:
                    self._audio.close()
                if self._container is not None:
                    self._container.close()
            with suppress(OSError):
                self._partial.unlink()
            raise


@contextmanager
def _as_os_errors() -> Generator[None]:
    """Return a context in which every FFmpeg error becomes an `OSError`."""
    try:
        yield
    except av.error.FFmpegError as error:
        raise OSError(error.errno, error.strerror) from error


def _fill(plane: VideoPlane, values: NDArray[np.uint8]) -> None:
    """Copy values into a plane of an encoder frame, replicating the border."""
    target = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    height, width = values.shape
    if (plane.height, plane.width) != (height, width):
        bottom, right = plane.height - height, plane.width - width
        values = np.asarray(
            cv2.copyMakeBorder(values, 0, bottom, 0, right, cv2.BORDER_REPLICATE), dtype=np.uint8
        )
    target[: plane.height, : plane.width] = values
