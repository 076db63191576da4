"""Source, segmenter, renderer and sinks, each in a thread of its own, with bounded queues.

Frames keep their order. Networks work on several frames at once where the segmenter has several
streams. When the source fails, or the caller stops, what was read is finished; when another stage
fails, what is on its way is dropped. All threads have ended when the caller hears of it. Sinks
may serve many sources, so whoever opened them closes them.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from queue import Queue
from typing import TYPE_CHECKING, TypeAlias

import cv2

from urban_segmentor.profiling import StageTimes

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from urban_segmentor.protocols import InstanceSegmenter, Renderer, Sink, Source
    from urban_segmentor.structures.frame import Frame
    from urban_segmentor.structures.instances import Instances

_Pending: TypeAlias = "tuple[Frame, Future[Instances]] | None"
_Drawn: TypeAlias = "tuple[Frame, Instances] | None"
_SPARE_FRAMES = 2  # enough that no stage waits for another's jitter, and memory stays flat
_POLL_S = 0.1


@dataclass(slots=True, kw_only=True)
class RunReport:
    """What a run did.

    Attributes:
        frames: Frames finished.
        instances: Instances found.
        by_class: Instances found, by class id.
        frames_by_class: Frames in which a class was seen, by class id.
        elapsed_s: From start to end, seconds.
        interrupted: True when the run was stopped early.
    """

    frames: int = 0
    instances: int = 0
    by_class: Counter[int] = field(default_factory=Counter[int])
    frames_by_class: Counter[int] = field(default_factory=Counter[int])
    elapsed_s: float = 0.0
    interrupted: bool = False

    def add(self, instances: Instances) -> None:
        """Count the instances of one frame."""
        self.frames += 1
        self.instances += len(instances)
        ids: list[int] = instances.class_ids.tolist()
        self.by_class.update(ids)
        self.frames_by_class.update(set(ids))


class Pipeline:
    """Runs the frames of one source through a segmenter into sinks.

    Args:
        segmenter: Finds the instances.
        sinks: Get every frame as it was decoded, with its instances.
        renderer: Draws on every frame; None to leave them as they are.
        overlay: Gets every frame as it was drawn on.
        stages: Where durations are noted.
        newest: True for a source that gives the newest frame: one is only taken when a network is
            free to work on it, so that none grows old in a queue.
    """

    def __init__(  # noqa: PLR0913
        self,
        segmenter: InstanceSegmenter,
        *,
        sinks: Sequence[Sink] = (),
        renderer: Renderer | None = None,
        overlay: Sink | None = None,
        stages: StageTimes | None = None,
        newest: bool = False,
    ) -> None:
        self._segmenter = segmenter
        self._sinks = tuple(sinks)
        self._renderer, self._overlay = renderer, overlay
        self._stages = stages or StageTimes()
        self._stop = threading.Event()  # reading ends
        self._drop = threading.Event()  # what is on its way is not worth finishing
        self._errors: list[BaseException] = []
        self._free = threading.Semaphore(segmenter.streams) if newest else None
        spare = 0 if newest else _SPARE_FRAMES
        self._pending: Queue[_Pending] = Queue(segmenter.streams + spare)
        self._drawn: Queue[_Drawn] = Queue(max(spare, 1))
        self._report = RunReport()

    def run(self, source: Source, *, on_frame: Callable[[], None] = lambda: None) -> RunReport:
        """Run a source to its end, and return what was done; the sinks stay open.

        Args:
            source: Yields the frames; closed at the end.
            on_frame: Called after each finished frame.

        Raises:
            UrbanSegmentorError: What the first failing stage raised.
        """
        started_s = time.perf_counter()
        stages = (
            (self._read, (source,)),
            (self._draw, ()),
            (self._encode, (on_frame,)),
        )
        threads = [threading.Thread(target=stage, args=args) for stage, args in stages]
        with _one_opencv_thread():
            self._start(threads)
            self._wait(threads)
        with self._reporting():
            source.close()
        self._report.elapsed_s = time.perf_counter() - started_s
        if self._errors:
            raise self._errors[0]
        return self._report

    def stop(self) -> None:
        """End a run early; what is on its way is finished. May be called by a signal handler."""
        self._report.interrupted = True  # no lock, which the interrupted code might hold

    def _start(self, threads: Sequence[threading.Thread]) -> None:
        """Start all threads, also when Ctrl-C comes between two: each waits for the others."""
        for thread in threads:
            with self._interruptible():
                thread.start()

    def _wait(self, threads: Sequence[threading.Thread]) -> None:
        """Wait for all threads; Ctrl-C stops the reading, and the rest is finished."""
        while any(thread.is_alive() for thread in threads):
            with self._interruptible():
                for thread in threads:
                    thread.join(_POLL_S)

    def _read(self, source: Source) -> None:
        with self._reporting(), ThreadPoolExecutor(self._segmenter.streams) as pool:
            frames = iter(source)
            while self._wait_until_free():
                since_s = time.perf_counter()
                frame = next(frames, None)
                if frame is None:
                    break
                if self._free is None:  # else it is a wait for the next picture
                    self._stages.add("decode", time.perf_counter() - since_s)
                self._pending.put((frame, pool.submit(self._segment, frame)))
        self._pending.put(None)

    def _wait_until_free(self) -> bool:
        """Wait until a network is free, where that is asked for; return False when reading ends."""
        while not (self._stop.is_set() or self._report.interrupted):
            if self._free is None or self._free.acquire(timeout=_POLL_S):
                return True
        return False

    def _segment(self, frame: Frame) -> Instances:
        try:
            return self._segmenter(frame.pixels, on_stage=self._stages.add)
        finally:
            if self._free is not None:
                self._free.release()

    def _draw(self) -> None:
        while (item := self._pending.get()) is not None:
            frame, future = item
            if self._drop.is_set():
                future.cancel()
                continue  # run dry, so that the reader never waits for room
            with self._dropping():
                instances = future.result()
                if self._sinks:
                    with self._stages.measure("write"):
                        for sink in self._sinks:
                            sink.write(frame, instances)
                if self._renderer is not None:
                    with self._stages.measure("draw"):
                        frame = replace(frame, pixels=self._renderer(frame, instances))
                self._drawn.put((frame, instances))
        self._drawn.put(None)

    def _encode(self, on_frame: Callable[[], None]) -> None:
        while (item := self._drawn.get()) is not None:
            if self._drop.is_set():
                continue
            with self._dropping():
                frame, instances = item
                if self._overlay is not None:
                    with self._stages.measure("encode"):
                        self._overlay.write(frame, instances)
                self._report.add(instances)
                on_frame()

    @contextmanager
    def _reporting(self) -> Generator[None]:
        """Keep what the body raises for the caller, and stop the reading."""
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - re-raised in the caller's thread
            self._errors.append(error)
            self._stop.set()

    @contextmanager
    def _dropping(self) -> Generator[None]:
        """Do as `_reporting`, and let what is on its way be dropped when the body fails."""
        with self._reporting():
            try:
                yield
            except BaseException:
                self._drop.set()
                raise

    @contextmanager
    def _interruptible(self) -> Generator[None]:
        """Take Ctrl-C as the wish to stop; another exception of a signal handler drops all."""
        with self._dropping():
            try:
                yield
            except KeyboardInterrupt:
                self.stop()


@contextmanager
def _one_opencv_thread() -> Generator[None]:
    """Keep OpenCV from spreading over cores that other stages use."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
