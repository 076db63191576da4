"""A video writer that starts a new file after a maximum length."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from fractions import Fraction
from typing import TYPE_CHECKING

from urban_segmentor.errors import OutputError, SettingError
from urban_segmentor.io.atomic import check_free, output_errors
from urban_segmentor.io.encoding import EncodingOptions
from urban_segmentor.io.recording_options import RecordingOptions
from urban_segmentor.io.video_writer import VideoWriter
from urban_segmentor.structures.frame import Yuv420

if TYPE_CHECKING:
    from collections.abc import Generator
    from concurrent.futures import Future
    from pathlib import Path

    from urban_segmentor.result import Result
    from urban_segmentor.structures.frame import Frame

_TIME_BASE = Fraction(1, 90_000)
_SUFFIX = ".mp4"
_USUAL = RecordingOptions()


class RollingVideoWriter:
    """A `Sink` that writes `out.mp4`, `out-002.mp4`, `out-003.mp4`, ..., each from its own 0 on.

    A new file begins after `max_length_s`, and where one video cannot go on: when the size or
    the color format changes, or the time jumps, as it does when a source reconnects. A file is
    finished when the next one begins, and the last one by `close`. When the process is
    killed or the power fails, the file that is being written is lost, `max_length_s` at most; those
    before it are whole.

    Finished files get their index in a thread of their own, since that copies the file, and the
    picture shall not stand still meanwhile.

    Args:
        path: Path of the first file. Parent folders are made.
        max_length_s: Longest time in one file, seconds.
        max_gap_s: Longest time from one frame to the next in one file, seconds.
        rate: Mean frame rate, for the encoder's planning; times are those of the frames.
        encoding: How it is compressed.
        overwrite: False to refuse when `path` or one of the files that might follow it exists.

    Attributes:
        written: Paths of the finished files.

    Raises:
        OutputError: Such a file exists already, or its folder cannot be written to.
        SettingError: The name does not end in `.mp4`, or a length is not above 0.
    """

    stage_name = "encode"

    def __init__(  # noqa: PLR0913
        self,
        path: Path,
        *,
        max_length_s: float = _USUAL.max_length_s,
        max_gap_s: float = 5.0,
        rate: Fraction = Fraction(30),
        encoding: EncodingOptions | None = None,
        overwrite: bool = False,
    ) -> None:
        _check_lengths(max_length_s=max_length_s, max_gap_s=max_gap_s)
        if path.suffix.lower() != _SUFFIX:
            raise SettingError(
                f"a recording is an MP4 file, got `{path.name}`",
                hint=f"name it `{path.with_suffix(_SUFFIX)}`",
            )
        check_free(path, overwrite=overwrite)
        if not overwrite:
            _check_next_files(path)
        self._path, self._max_length_s, self._max_gap_s = path, max_length_s, max_gap_s
        self._rate, self._encoding = rate, encoding or EncodingOptions()
        self._overwrite = overwrite
        self._writer: VideoWriter | None = None
        self._number = 0
        self._format: tuple[object, ...] = ()
        self._start_s = self._last_s = 0.0
        self._closed = False
        self._finisher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="finish-video")
        self._pending: Future[Path] | None = None
        self.written: list[Path] = []

    def write(self, result: Result, /) -> None:
        """Append the frame as it was drawn on.

        Args:
            result: Of a frame of any size.

        Raises:
            OutputError: The disk is full or the like; the recording ends, and files that were
                finished before are whole.
        """
        frame = result.rendered
        if self._closed:
            raise OutputError(f"`{self._path}` is finished, nothing can be added")
        with self._close_on_failure():
            if self._writer is None or not self._fits_current_file(frame):
                self._start_file(frame)
            assert self._writer is not None  # noqa: S101 - begun above
            try:
                self._writer.write(result)
            except BaseException:
                self._writer = None  # it has removed its file
                raise
            self._last_s = frame.time_s

    def close(self) -> None:
        """Finish the last file; safe to call twice.

        Raises:
            OutputError: The disk is full or the like; earlier files are whole.
        """
        if self._closed:
            return
        with self._close_on_failure():
            self._finish()
            self._collect()
            self._mark_closed()

    def _fits_current_file(self, frame: Frame) -> bool:
        step_s = frame.time_s - self._last_s
        return (
            0 <= step_s <= self._max_gap_s
            and frame.time_s - self._start_s < self._max_length_s
            and _format_of(frame) == self._format
        )

    def _start_file(self, frame: Frame) -> None:
        self._finish()
        self._number += 1
        self._format, self._start_s = _format_of(frame), frame.time_s
        self._writer = VideoWriter(
            self._current_path(),
            time_base=_TIME_BASE,
            rate=self._rate,
            encoding=self._encoding,
            overwrite=self._overwrite,
        )

    def _current_path(self) -> Path:
        if self._number == 1:
            return self._path
        return self._path.with_stem(f"{self._path.stem}-{self._number:03d}")

    def _finish(self) -> None:
        """Finish the current file on the worker thread, after the one before it."""
        if self._writer is not None:
            self._collect()
            writer, name, self._writer = self._writer, self._current_path(), None
            self._pending = self._finisher.submit(_close_writer, writer, name)

    def _collect(self) -> None:
        """Wait for the file that the worker thread is finishing."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            self.written.append(pending.result())

    def _mark_closed(self) -> None:
        self._closed = True
        self._finisher.shutdown()

    @contextmanager
    def _close_on_failure(self) -> Generator[None]:
        """Finish the files that can be finished when the body fails, and close."""
        try:
            if self._pending is not None and self._pending.done():
                self._collect()
            yield
        except BaseException:
            for rescue in (self._collect, self._finish, self._collect):
                with suppress(OutputError):  # the first failure is the one to tell
                    rescue()
            self._mark_closed()
            raise


def _close_writer(sink: VideoWriter, name: Path) -> Path:
    sink.close()
    return name


def _format_of(frame: Frame) -> tuple[object, ...]:
    """Return frame size and color format, which are fixed within one file."""
    if isinstance(frame.pixels, Yuv420):
        return (*frame.size, frame.pixels.matrix, frame.pixels.full_range)
    return frame.size


def _check_lengths(**lengths_s: float) -> None:
    for name, length_s in lengths_s.items():
        if not length_s > 0:
            raise SettingError(
                f"`{name}` is {length_s:g}, expected more than 0 seconds",
                hint=f"--segment {_USUAL.max_length_s:g}",
            )


def _check_next_files(path: Path) -> None:
    """Check that no numbered file of a long recording exists."""
    next_file = re.compile(rf"{re.escape(path.stem)}-\d{{3,}}{re.escape(path.suffix)}")
    with output_errors(path):
        existing = sorted(
            other for other in path.parent.iterdir() if next_file.fullmatch(other.name)
        )
    if existing:
        check_free(existing[0], overwrite=False)
