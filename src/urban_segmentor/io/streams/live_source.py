"""The newest frame of a camera, a stream, the screen, or a file at its own pace."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from urban_segmentor.errors import SourceError
from urban_segmentor.io.streams.frame_buffer import POLL_S, CapturedFrame, FrameBuffer
from urban_segmentor.io.streams.paced_video import FileReader, open_file
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
_UNINTERRUPTED = frozenset({"camera", "screen"})  # there FFmpeg waits without looking at the time


def _say_nothing(_state: str) -> None:
    pass


class LiveSource:
    """The newest frame of a live source, again and again.

    A thread reads and decodes, from `first_size` on. Nothing waits in a queue: a frame that
    nobody took before the next one came is dropped, and counted. Frames that come before the
    first one is asked for are not counted; time, index and the pace of a file begin then.

    Args:
        address: Where the frames come from.
        wishes: What is asked of it.
        on_state: Called with each new state: `connecting`, `live`,
            `lost: connection refused; retry in 4 s`, `ended`; from any thread.
        timing: How patient to be.

    Raises:
        SettingError: Something is asked that this kind of source cannot do.
    """

    def __init__(
        self,
        address: SourceUri,
        *,
        wishes: StreamOptions,
        on_state: Callable[[str], None] = _say_nothing,
        timing: RetryPolicy | None = None,
    ) -> None:
        wishes.check_for(address)
        self._address, self._wishes = address, wishes
        self._timing = timing or RetryPolicy()
        self._feed = FrameBuffer(on_state)
        self._thread: threading.Thread | None = None
        self._file: VideoReader | None = None  # where every frame is wanted, without a thread
        self._frames: Iterator[Frame] | None = None
        self._first: Frame | None = None

    def first_size(self) -> tuple[int, int] | None:
        """Return height and width of the first frame, pixels; None when stopped before it came.

        Raises:
            SourceError: It can never come.
        """
        if not self._is_threaded:
            return self._first_of_all()
        self._start()
        self._feed.wait_for_begin()
        feed = self._feed
        if feed.size is None and feed.error is not None:
            raise feed.error
        if feed.size is None and not feed.stopped:
            raise self._nothing()
        return feed.size

    def __iter__(self) -> Iterator[Frame]:
        """Yield the newest frame, each once, in order of time, until the end or `stop`.

        Raises:
            SourceError: What cannot be mended.
        """
        try:
            if self._is_threaded:
                yield from self._newest()
            else:
                yield from self._all()
        finally:
            self._feed.tell("ended")

    def pause(self, paused: bool) -> None:  # noqa: FBT001 - a switch
        """Let the picture stand still, or go on.

        A file stands still; a camera is read on, and its frames do not count as dropped.
        """
        self._feed.paused = paused

    def stop(self) -> None:
        """End everything soon; takes no lock, for signal handlers."""
        self._feed.stopped = True

    def close(self) -> None:
        """End everything; safe to call twice.

        A thread that waits for a silent source is left behind: it ends by itself at the next
        packet or time limit, and does not keep the program from ending.
        """
        self.stop()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_S)
        if self._file is not None:
            self._file.close()
        self._feed.newest.clear()

    @property
    def dropped(self) -> int:
        """Frames that were never taken."""
        return self._feed.newest.dropped

    @property
    def reconnects(self) -> int:
        """How often the source came back."""
        return self._feed.reconnects

    @property
    def state(self) -> str:
        """The state as it is now."""
        return self._feed.state

    @property
    def is_live(self) -> bool:
        """True while new pictures come."""
        return self._feed.is_live

    @property
    def rate(self) -> Fraction | None:
        """Nominal rate of the frames, per second, after the stride; None when nobody knows."""
        return self._feed.rate

    @property
    def problems(self) -> list[str]:
        """What went wrong without ending it, in words."""
        found = self._feed.notes
        if self._file is not None:
            found += self._file.problems
        if self._feed.damaged:
            found.append(
                f"`{self._address.name}`: {self._feed.damaged} damaged pictures were left out"
            )
        return found

    @property
    def _is_threaded(self) -> bool:
        return self._address.kind != "file" or self._wishes.paced

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, name="source", daemon=True)
            self._thread.start()

    def _read(self) -> None:
        feed, address = self._feed, self._address
        try:
            if address.kind == "file":
                FileReader(address, self._wishes, feed).run()
            else:
                StreamReader(address, self._wishes, feed, self._timing).run()
        except BaseException as error:  # noqa: BLE001 - raised again where frames are taken
            feed.end(error)
        else:
            feed.end()

    def _newest(self) -> Iterator[Frame]:
        feed = self._feed
        self._start()
        feed.newest.clear()
        feed.since_s = feed.put_s = time.monotonic()
        while not (feed.stopped or self._is_past_end()):
            over = feed.over  # asked first, so that the last shot is not overlooked
            shot = feed.newest.take(timeout_s=POLL_S)
            if shot is None:
                if over and feed.error is not None:
                    raise feed.error
                if over:
                    return
                self._watch()
            elif not (feed.paused and self._address.kind != "file"):
                yield self._frame(shot)

    def _is_past_end(self) -> bool:
        feed, duration_s = self._feed, self._wishes.duration_s
        if self._address.kind == "file" or duration_s is None or feed.since_s is None:
            return False
        return time.monotonic() - feed.since_s >= duration_s

    def _watch(self) -> None:
        """See a device that has gone silent, where the reading thread cannot."""
        feed, limit_s = self._feed, self._timing.read_s
        if (
            self._address.kind in _UNINTERRUPTED
            and feed.is_live
            and not feed.paused
            and time.monotonic() - feed.put_s > limit_s
        ):
            feed.tell(f"lost: nothing came for {limit_s:g} s; waiting for it")

    def _frame(self, shot: CapturedFrame) -> Frame:
        return Frame(
            pixels=shot.planes,
            index=shot.index,
            time_s=shot.time_s,
            source=self._source_name,
            name=f"{self._address.stem}_{shot.index:06d}",
            captured_s=min(shot.captured_s, time.monotonic()),
        )

    @property
    def _source_name(self) -> str:
        return self._address.target if self._address.kind == "file" else self._address.name

    def _first_of_all(self) -> tuple[int, int] | None:
        if self._frames is None:
            self._file = open_file(self._address, self._wishes)
            self._feed.rate = self._file.info.rate / self._wishes.stride
            self._frames = iter(self._file)
            self._first = next(self._frames, None)
            if self._first is None:
                raise self._nothing()
            self._feed.size = self._first.size
        return self._feed.size

    def _nothing(self) -> SourceError:
        return SourceError(
            f"`{self._address.name}` gave no frame"
            + "".join(f"; {problem}" for problem in self.problems),
            hint="look at --start and --duration",
        )

    def _all(self) -> Iterator[Frame]:
        """Yield every frame as fast as they are taken."""
        feed = self._feed
        self._first_of_all()
        frame, frames = self._first, self._frames
        self._first = None
        while frame is not None and frames is not None and not feed.stopped:
            if feed.paused:
                time.sleep(POLL_S / 5)
                continue
            feed.tell("live", is_live=True)
            yield replace(frame, captured_s=time.monotonic())
            frame = next(frames, None)
