"""`LiveSource`: the newest frame of a camera, network stream, screen or paced file."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from urban_segmentor.errors import SourceError
from urban_segmentor.io.streams.frame_buffer import POLL_S, CapturedFrame, FrameBuffer
from urban_segmentor.io.streams.paced_video import FileReader, open_video_file
from urban_segmentor.io.streams.retry import RetryPolicy
from urban_segmentor.io.streams.stream import StreamReader
from urban_segmentor.structures.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from fractions import Fraction

    from urban_segmentor.io.streams.source_uri import SourceUri
    from urban_segmentor.io.streams.stream_options import StreamOptions
    from urban_segmentor.io.video_reader import VideoReader

_JOIN_S = 0.2
_WITHOUT_TIMEOUT = frozenset({"camera", "screen"})  # FFmpeg has no read timeout there


def _ignore_state(_state: str) -> None:
    pass


class LiveSource:
    """Iterates over the newest frame of a live source.

    A thread reads and decodes, from `first_size` on. Nothing waits in a queue: a frame that
    nobody took before the next one came is dropped, and counted. Frames that come before the
    first one is asked for are not counted; time, index and the pace of a file begin then.

    Args:
        uri: The source.
        options: Options of the stream.
        on_state: Called with each new state: `connecting`, `live`,
            `lost: connection refused; retry in 4 s`, `ended`; from any thread.
        retry: Timeouts and retry delays.

    Raises:
        SettingError: An option does not apply to this kind of source.
    """

    def __init__(
        self,
        uri: SourceUri,
        *,
        options: StreamOptions,
        on_state: Callable[[str], None] = _ignore_state,
        retry: RetryPolicy | None = None,
    ) -> None:
        options.check_for(uri)
        self._uri, self._options = uri, options
        self._retry = retry or RetryPolicy()
        self._buffer = FrameBuffer(on_state)
        self._thread: threading.Thread | None = None
        self._file: VideoReader | None = None  # read without a thread, when every frame is taken
        self._frames: Iterator[Frame] | None = None
        self._first: Frame | None = None

    def first_size(self) -> tuple[int, int] | None:
        """Return height and width of the first frame, pixels; None when stopped before it came.

        Raises:
            SourceError: It can never come.
        """
        if not self._is_threaded:
            return self._read_first()
        self._start()
        self._buffer.wait_for_begin()
        buffer = self._buffer
        if buffer.size is None and buffer.error is not None:
            raise buffer.error
        if buffer.size is None and not buffer.stopped:
            raise self._no_frame_error()
        return buffer.size

    def __iter__(self) -> Iterator[Frame]:
        """Yield the newest frame, each once, in order of time, until the end or `stop`.

        Raises:
            SourceError: What cannot be mended.
        """
        try:
            if self._is_threaded:
                yield from self._iter_newest()
            else:
                yield from self._iter_all()
        finally:
            self._buffer.set_state("ended")

    def pause(self, paused: bool) -> None:  # noqa: FBT001 - a switch
        """Pause or resume the source.

        A file stands still; a camera is read on, and its frames do not count as dropped.
        """
        self._buffer.paused = paused

    def stop(self) -> None:
        """Ask the source to end; takes no lock, for signal handlers."""
        self._buffer.stopped = True

    def close(self) -> None:
        """Stop and release the source; safe to call twice.

        A thread that waits for a silent source is left behind: it ends by itself at the next
        packet or time limit, and does not keep the program from ending.
        """
        self.stop()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_S)
        if self._file is not None:
            self._file.close()
        self._buffer.newest.clear()

    @property
    def dropped(self) -> int:
        """Number of frames that were never taken."""
        return self._buffer.newest.dropped

    @property
    def reconnects(self) -> int:
        """Number of reconnections."""
        return self._buffer.reconnects

    @property
    def state(self) -> str:
        """The current state."""
        return self._buffer.state

    @property
    def is_live(self) -> bool:
        """True while new frames come."""
        return self._buffer.is_live

    @property
    def rate(self) -> Fraction | None:
        """Nominal frames per second after the stride; None when unknown."""
        return self._buffer.rate

    @property
    def problems(self) -> list[str]:
        """Problems that did not end the source."""
        problems = self._buffer.problems
        if self._file is not None:
            problems += self._file.problems
        if self._buffer.damaged:
            problems.append(
                f"`{self._uri.name}`: {self._buffer.damaged} damaged pictures were left out"
            )
        return problems

    @property
    def _is_threaded(self) -> bool:
        return self._uri.kind != "file" or self._options.paced

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, name="source", daemon=True)
            self._thread.start()

    def _read(self) -> None:
        buffer, uri = self._buffer, self._uri
        try:
            if uri.kind == "file":
                FileReader(uri, self._options, buffer).run()
            else:
                StreamReader(uri, self._options, buffer, self._retry).run()
        except BaseException as error:  # noqa: BLE001 - raised again where frames are taken
            buffer.end(error)
        else:
            buffer.end()

    def _iter_newest(self) -> Iterator[Frame]:
        buffer = self._buffer
        self._start()
        buffer.newest.clear()
        buffer.since_s = buffer.last_put_s = time.monotonic()
        while not (buffer.stopped or self._is_past_end()):
            finished = buffer.finished  # read first, so that the last frame is not overlooked
            captured = buffer.newest.take(timeout_s=POLL_S)
            if captured is None:
                if finished and buffer.error is not None:
                    raise buffer.error
                if finished:
                    return
                self._check_silence()
            elif not (buffer.paused and self._uri.kind != "file"):
                yield self._to_frame(captured)

    def _is_past_end(self) -> bool:
        buffer, duration_s = self._buffer, self._options.duration_s
        if self._uri.kind == "file" or duration_s is None or buffer.since_s is None:
            return False
        return time.monotonic() - buffer.since_s >= duration_s

    def _check_silence(self) -> None:
        """Set the state `lost` when a device is silent whose reads have no timeout."""
        buffer, limit_s = self._buffer, self._retry.read_timeout_s
        if (
            self._uri.kind in _WITHOUT_TIMEOUT
            and buffer.is_live
            and not buffer.paused
            and time.monotonic() - buffer.last_put_s > limit_s
        ):
            buffer.set_state(f"lost: nothing came for {limit_s:g} s; waiting for it")

    def _to_frame(self, captured: CapturedFrame) -> Frame:
        return Frame(
            pixels=captured.planes,
            index=captured.index,
            time_s=captured.time_s,
            source=self._source_name,
            name=f"{self._uri.stem}_{captured.index:06d}",
            captured_s=min(captured.captured_s, time.monotonic()),
        )

    @property
    def _source_name(self) -> str:
        return self._uri.target if self._uri.kind == "file" else self._uri.name

    def _read_first(self) -> tuple[int, int] | None:
        if self._frames is None:
            self._file = open_video_file(self._uri, self._options)
            self._buffer.rate = self._file.info.rate / self._options.stride
            self._frames = iter(self._file)
            self._first = next(self._frames, None)
            if self._first is None:
                raise self._no_frame_error()
            self._buffer.size = self._first.size
        return self._buffer.size

    def _no_frame_error(self) -> SourceError:
        return SourceError(
            f"`{self._uri.name}` gave no frame"
            + "".join(f"; {problem}" for problem in self.problems),
            hint="look at --start and --duration",
        )

    def _iter_all(self) -> Iterator[Frame]:
        """Yield every frame as fast as they are taken."""
        buffer = self._buffer
        self._read_first()
        frame, frames = self._first, self._frames
        self._first = None
        while frame is not None and frames is not None and not buffer.stopped:
            if buffer.paused:
                time.sleep(POLL_S / 5)
                continue
            buffer.set_state("live", is_live=True)
            yield replace(frame, captured_s=time.monotonic())
            frame = next(frames, None)
