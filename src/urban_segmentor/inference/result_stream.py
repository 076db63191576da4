"""Results in the order of their frames, while the next frames are read and segmented."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Queue
from typing import TYPE_CHECKING, Self, TypeAlias

from urban_segmentor.inference.opencv_threads import single_opencv_thread
from urban_segmentor.profiling import StageTimes

if TYPE_CHECKING:
    from collections.abc import Callable

    from urban_segmentor.protocols import InstanceSegmenter, Source
    from urban_segmentor.result import Result
    from urban_segmentor.structures.frame import Frame

_Pending: TypeAlias = "Future[Result] | None"
_SPARE_FRAMES = 2  # enough that no stage waits for another's jitter, and memory stays flat
_POLL_S = 0.1


class ResultStream(Iterator["Result"]):
    """Iterates over the results of a source, in order, with bounded memory.

    A thread reads; `segmenter.streams` frames are in work at once. When the source fails, what
    was read still comes, and then the error. As a context it is closed at the end.

    Args:
        source: Yields the frames; closed at the end.
        segmenter: Segments them.
        newest: True for a source that gives the newest frame: one is only taken when a network is
            free to work on it, so that none grows old in a queue.
        prepare: Called in the reading thread before the first frame.
        times: Where durations are noted.

    Attributes:
        source_error: What the source raised, once it has.
    """

    def __init__(
        self,
        source: Source,
        segmenter: InstanceSegmenter,
        *,
        newest: bool = False,
        prepare: Callable[[], None] | None = None,
        times: StageTimes | None = None,
    ) -> None:
        self._source, self._segmenter = source, segmenter
        self._prepare = prepare
        self._times = StageTimes() if times is None else times
        self._stopped = False  # no lock, which an interrupted signal handler might hold
        self.source_error: BaseException | None = None
        self._free = threading.Semaphore(segmenter.streams) if newest else None
        self._pending: Queue[_Pending] = Queue(segmenter.streams + (0 if newest else _SPARE_FRAMES))
        self._threads = single_opencv_thread()
        self._reader = threading.Thread(target=self._read, name="reader")
        self._started = self._drained = self._ended = False

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close it."""
        self.close()

    def __next__(self) -> Result:
        """Return the next result.

        Raises:
            StopIteration: The source has ended, or `stop` was called.
            UrbanSegmentorError: The source or the segmenter failed; nothing comes after that.
        """
        if self._ended:
            raise StopIteration
        self._start()
        future = self._take()
        if future is None:
            if self.source_error is not None:
                self._close_after(self.source_error)
                raise self.source_error
            self._end()
            raise StopIteration
        try:
            return future.result()
        except BaseException as error:
            self._close_after(error)
            raise

    def _close_after(self, error: BaseException) -> None:
        """Close; a source that cannot even be closed does not hide what went wrong before."""
        try:
            self.close()
        except Exception as closing:  # noqa: BLE001 - told with the first
            error.add_note(f"then closing failed: {closing}")

    def stop(self) -> None:
        """Read no further; what is on its way still comes. May be called by a signal handler."""
        self._stopped = True

    def close(self) -> None:
        """End everything now, and drop what is on its way; safe to call twice."""
        self.stop()
        stop_source = getattr(self._source, "stop", None)  # live ones may wait for a frame
        if stop_source is not None:
            stop_source()
        if self._started:
            while (future := self._take()) is not None:
                future.cancel()
        self._end()

    def _take(self) -> Future[Result] | None:
        """Return what was read next, or None, again and again, after the last."""
        if self._drained:
            return None
        future = self._pending.get()
        self._drained = future is None
        return future

    def _start(self) -> None:
        if not self._started:
            self._started = True
            self._threads.__enter__()
            self._reader.start()

    def _end(self) -> None:
        if self._ended:
            return
        self._ended = True
        if self._started:
            self._reader.join()
            self._threads.__exit__(None, None, None)
        close = getattr(self._source, "close", None)  # a list of frames has none
        if close is not None:
            close()

    def _read(self) -> None:
        """Read the frames and hand them to the segmenter; runs in a thread."""
        try:
            if self._prepare is not None:
                self._prepare()
            with ThreadPoolExecutor(self._segmenter.streams) as pool:
                frames = iter(self._source)
                while self._wait_until_free():
                    since_s = time.perf_counter()
                    frame = next(frames, None)
                    if frame is None:
                        break
                    if self._free is None:  # else it is a wait for the next frame
                        self._times.add("decode", time.perf_counter() - since_s)
                    self._pending.put(pool.submit(self._segment, frame))
        except BaseException as error:  # noqa: BLE001 - raised again in the consumer's thread
            self.source_error = error
        finally:
            self._pending.put(None)

    def _wait_until_free(self) -> bool:
        """Wait until a network is free, where that is asked for; return False when reading ends."""
        while not self._stopped:
            if self._free is None or self._free.acquire(timeout=_POLL_S):
                return True
        return False

    def _segment(self, frame: Frame) -> Result:
        try:
            result = self._segmenter(frame)
        finally:
            if self._free is not None:
                self._free.release()
        self._times.add_frame(result.milliseconds)
        return result
