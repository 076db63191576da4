"""Recording for as long as it goes, in files of which each is whole by itself."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from fractions import Fraction
from typing import TYPE_CHECKING

from urban_segmentor.errors import OutputError, SettingError
from urban_segmentor.io.atomic import check_free, output_errors
from urban_segmentor.io.video_writer import DEFAULT_CRF, VideoWriter, check_encoding
from urban_segmentor.structures.frame import Yuv420

if TYPE_CHECKING:
    from collections.abc import Generator
    from concurrent.futures import Future
    from pathlib import Path

    from urban_segmentor.result import Result
    from urban_segmentor.structures.frame import Frame

_TIME_BASE = Fraction(1, 90_000)
_SUFFIX = ".mp4"


class RollingVideoWriter:
    """A `Sink` that writes `out.mp4`, `out-002.mp4`, `out-003.mp4`, ..., each from its own 0 on.

    A new file begins after a length of time, and where one video cannot go on: when the size or
    the kind of colors changes, or the time jumps, as it does when a source comes back. A file is
    put in its place when the next one begins, and the last one by `close`. When the process is
    killed or the power fails, the file that is being written is lost, `segment_s` at most; those
    before it are whole.

    Finished files get their index in a thread of their own, since that copies the file, and the
    picture shall not stand still meanwhile.

    Args:
        path: Where the first file goes. Folders above it are made.
        segment_s: Longest time in one file, seconds.
        gap_s: Longest time from one frame to the next in one file, seconds.
        rate: Mean frame rate, for the encoder's planning; times are those of the frames.
        codec: `h264` or `vp9`.
        crf: Constant rate factor, 0 (best) to 51.
        preset: x264's preset, from `ultrafast` to `veryslow`.
        overwrite: False to refuse when `path` or one of the files that might follow it exists.

    Attributes:
        written: The files that are in their places.

    Raises:
        OutputError: Such a file exists already, or its folder cannot be written to.
        SettingError: The name does not end in `.mp4`, a length is not above 0, or there is no such
            codec, rate factor or preset.
    """

    stage_name = "encode"

    def __init__(  # noqa: PLR0913
        self,
        path: Path,
        *,
        segment_s: float = 600.0,
        gap_s: float = 5.0,
        rate: Fraction = Fraction(30),
        codec: str = "h264",
        crf: int = DEFAULT_CRF,
        preset: str = "ultrafast",
        overwrite: bool = False,
    ) -> None:
        _check_lengths(segment_s=segment_s, gap_s=gap_s)
        if path.suffix.lower() != _SUFFIX:
            raise SettingError(
                f"a recording is an MP4 file, got `{path.name}`",
                hint=f"--record {path.with_suffix(_SUFFIX)}",
            )
        check_encoding(codec=codec, crf=crf, preset=preset)
        with _hints():
            check_free(path, overwrite=overwrite)
            if not overwrite:
                _check_followers(path)
        self._path, self._segment_s, self._gap_s = path, segment_s, gap_s
        self._rate, self._codec, self._crf, self._preset = rate, codec, crf, preset
        self._overwrite = overwrite
        self._running: VideoWriter | None = None
        self._number = 0
        self._kind: tuple[object, ...] = ()
        self._start_s = self._last_s = 0.0
        self._closed = False
        self._finisher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="finish-video")
        self._finishing: Future[Path] | None = None
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
        with _hints(), self._ends_on_failure():
            if self._running is None or not self._goes_on(frame):
                self._begin(frame)
            assert self._running is not None  # noqa: S101 - begun above
            try:
                self._running.write(result)
            except BaseException:
                self._running = None  # it has removed its file
                raise
            self._last_s = frame.time_s

    def close(self) -> None:
        """Finish the last file and put it in its place; safe to call twice.

        Raises:
            OutputError: The disk is full or the like; earlier files are whole.
        """
        if self._closed:
            return
        with _hints(), self._ends_on_failure():
            self._finish()
            self._collect()
            self._end()

    def _goes_on(self, frame: Frame) -> bool:
        step_s = frame.time_s - self._last_s
        return (
            0 <= step_s <= self._gap_s
            and frame.time_s - self._start_s < self._segment_s
            and _kind_of(frame) == self._kind
        )

    def _begin(self, frame: Frame) -> None:
        self._finish()
        self._number += 1
        self._kind, self._start_s = _kind_of(frame), frame.time_s
        self._running = VideoWriter(
            self._name(),
            time_base=_TIME_BASE,
            rate=self._rate,
            codec=self._codec,
            crf=self._crf,
            preset=self._preset,
            overwrite=self._overwrite,
        )

    def _name(self) -> Path:
        if self._number == 1:
            return self._path
        return self._path.with_stem(f"{self._path.stem}-{self._number:03d}")

    def _finish(self) -> None:
        """Let the running file be finished, when the one before it is."""
        if self._running is not None:
            self._collect()
            running, name, self._running = self._running, self._name(), None
            self._finishing = self._finisher.submit(_finished, running, name)

    def _collect(self) -> None:
        """Wait for the file that is being finished."""
        if self._finishing is not None:
            finishing, self._finishing = self._finishing, None
            self.written.append(finishing.result())

    def _end(self) -> None:
        self._closed = True
        self._finisher.shutdown()

    @contextmanager
    def _ends_on_failure(self) -> Generator[None]:
        """Keep what can be kept when the body fails, and take no more."""
        try:
            if self._finishing is not None and self._finishing.done():
                self._collect()
            yield
        except BaseException:
            for rescue in (self._collect, self._finish, self._collect):
                with suppress(OutputError):  # the first failure is the one to tell
                    rescue()
            self._end()
            raise


def _finished(sink: VideoWriter, name: Path) -> Path:
    sink.close()
    return name


def _kind_of(frame: Frame) -> tuple[object, ...]:
    """Return what has to be the same in all frames of one file."""
    if isinstance(frame.pixels, Yuv420):
        return (*frame.size, frame.pixels.matrix, frame.pixels.full_range)
    return frame.size


def _check_lengths(**lengths_s: float) -> None:
    for name, length_s in lengths_s.items():
        if not length_s > 0:
            raise SettingError(
                f"`{name}` is {length_s:g}, expected more than 0 seconds", hint="--segment 600"
            )


def _check_followers(path: Path) -> None:
    """Check that none of the files exists that a long recording would write."""
    follower = re.compile(rf"{re.escape(path.stem)}-\d{{3,}}{re.escape(path.suffix)}")
    with output_errors(path):
        found = sorted(other for other in path.parent.iterdir() if follower.fullmatch(other.name))
    if found:
        check_free(found[0], overwrite=False)


@contextmanager
def _hints() -> Generator[None]:
    """Return a context in which hints name the option of recordings."""
    try:
        yield
    except OutputError as error:
        hint = error.hint and error.hint.replace("with -o", "with --record")
        raise OutputError(str(error), hint=hint) from error
