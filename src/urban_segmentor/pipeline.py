"""Source, segmenter, stages, renderers, sinks and viewers, side by side with bounded queues.

Frames keep their order. Networks work on several frames at once where the segmenter has several
streams; stages and renderers run in a second thread, sinks in a third, and viewers in the thread
that calls `run`. When the source fails, or the caller stops, what was read is finished; when
another part fails, what is on its way is dropped. All threads have ended when the caller hears of
it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, Literal, TypeAlias

from urban_segmentor.errors import OutputError, SettingError
from urban_segmentor.inference.result_stream import ResultStream
from urban_segmentor.io.sources import open_source
from urban_segmentor.io.streams.latest import LatestValue
from urban_segmentor.profiling import StageTimes

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from urban_segmentor.protocols import (
        InstanceSegmenter,
        Renderer,
        Sink,
        Source,
        Stage,
        Viewer,
    )
    from urban_segmentor.result import Result
    from urban_segmentor.structures.instances import Instances

SinkErrors: TypeAlias = Literal["raise", "disable"]
"""What a sink that fails does: end the run, or be left out from then on while the rest goes on."""

_SPARE_RESULTS = 2  # enough that no thread waits for another's jitter, and memory stays flat
_POLL_S = 0.1
_VIEWER_POLL_S = 0.05


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
        problems: What sinks that were left out could not write, one sentence each.
        times: How long each stage took.
    """

    frames: int = 0
    instances: int = 0
    by_class: Counter[int] = field(default_factory=Counter[int])
    frames_by_class: Counter[int] = field(default_factory=Counter[int])
    elapsed_s: float = 0.0
    interrupted: bool = False
    problems: list[str] = field(default_factory=list[str])
    times: StageTimes = field(default_factory=StageTimes)

    def add(self, instances: Instances) -> None:
        """Count the instances of one frame."""
        self.frames += 1
        self.instances += len(instances)
        ids: list[int] = instances.class_ids.tolist()
        self.by_class.update(ids)
        self.frames_by_class.update(set(ids))


class Pipeline:
    """Runs the frames of one source through a segmenter, stages and renderers into sinks.

    Args:
        source: Yields the frames, closed at the end; or what `open_source` opens: a video, a
            folder, a pattern, an address, the number of a camera.
        segmenter: Segments them.
        stages: Change each result, in order: trackers, counters, filters.
        renderers: Draw on each frame, one after the other; see `result.rendered`.
        sinks: Get every result, in order; closed at the end.
        viewers: Show the newest result, in the thread that calls `run`; closed at the end.
        newest: True for a source that gives the newest frame: one is only taken when a network is
            free to work on it, so that none grows old in a queue.
        sink_errors: `raise` to end the run when a sink fails with an `OutputError`; `disable` to
            leave that sink out from then on, and name the problem in the report.
        on_sink_error: Called once for each sink that is left out, in its thread.
        prepare: Called in the reading thread before the first frame.
        viewer_patience_s: How long a result waits to be shown when the one before was not yet;
            0 to show the newest alone.
        times: Where durations are noted.
        keep_open: True to leave sinks and viewers open at the end, for the next source.
    """

    def __init__(  # noqa: PLR0913
        self,
        source: Source | str | int | Path,
        segmenter: InstanceSegmenter,
        *,
        stages: Sequence[Stage] = (),
        renderers: Sequence[Renderer] = (),
        sinks: Sequence[Sink] = (),
        viewers: Sequence[Viewer] = (),
        newest: bool = False,
        sink_errors: SinkErrors = "raise",
        on_sink_error: Callable[[Sink, OutputError], None] | None = None,
        prepare: Callable[[], None] | None = None,
        viewer_patience_s: float = 0.0,
        times: StageTimes | None = None,
        keep_open: bool = False,
    ) -> None:
        for name, value in (
            ("stages", stages),
            ("renderers", renderers),
            ("sinks", sinks),
            ("viewers", viewers),
        ):
            if not isinstance(value, list | tuple):
                raise SettingError(f"`{name}` is no list", hint=f"{name}=[...]")
        if not callable(segmenter):
            raise SettingError(f"`{segmenter!r}` segments nothing", hint="us.Segmenter('urban-n')")
        if isinstance(source, str | int | Path):
            opened = open_source(source)
            source, newest = opened.source, newest or opened.is_live
        if sink_errors not in {"raise", "disable"}:
            raise SettingError(
                f"`sink_errors` is `{sink_errors}`", hint="choose `raise` or `disable`"
            )
        self._stages, self._renderers = tuple(stages), tuple(renderers)
        self._sinks, self._viewers = list(sinks), tuple(viewers)
        self._closing = () if keep_open else (*sinks, *viewers)
        self._sink_errors, self._on_sink_error = sink_errors, on_sink_error
        self._patience_s = viewer_patience_s
        self._report = RunReport() if times is None else RunReport(times=times)
        self._times = self._report.times
        self._results = ResultStream(
            source, segmenter, newest=newest, prepare=prepare, times=self._times
        )
        self._drawn: Queue[Result | None] = Queue(1 if newest else _SPARE_RESULTS)
        self._shown = LatestValue["Result"]()
        self._drop = threading.Event()  # what is on its way is not worth finishing
        self._errors: list[BaseException] = []

    @property
    def not_shown(self) -> int:
        """Results that no viewer showed, because a newer one had come."""
        return self._shown.dropped

    def run(self, *, on_result: Callable[[Result], None] | None = None) -> RunReport:
        """Run the source to its end, and return what was done.

        Args:
            on_result: Called after each finished result, in the thread of the sinks.

        Raises:
            UrbanSegmentorError: What the first failing part raised.
        """
        started_s = time.perf_counter()
        threads = [
            threading.Thread(target=self._draw, name="draw"),
            threading.Thread(target=self._write, args=(on_result,), name="write"),
        ]
        for stage in self._stages:
            reset = getattr(stage, "reset", None)  # a plain function holds no state
            if reset is not None:
                reset()
        self._start(threads)
        self._wait(threads)
        with self._reporting():
            self._results.close()
        self._close()
        self._report.elapsed_s = time.perf_counter() - started_s
        if self._errors:
            raise self._errors[0]
        return self._report

    def stop(self) -> None:
        """End a run early; what is on its way is finished. May be called by a signal handler."""
        self._report.interrupted = True  # no lock, which the interrupted code might hold
        self._results.stop()

    def _start(self, threads: Sequence[threading.Thread]) -> None:
        """Start all threads, also when Ctrl-C comes between two: each waits for the others."""
        for thread in threads:
            with self._interruptible():
                thread.start()

    def _wait(self, threads: Sequence[threading.Thread]) -> None:
        """Wait for all threads; Ctrl-C stops the reading, and the rest is finished."""
        while any(thread.is_alive() for thread in threads):
            with self._interruptible():
                if self._viewers:
                    self._show(timeout_s=_VIEWER_POLL_S)
                    continue
                for thread in threads:
                    thread.join(_POLL_S)
        if self._viewers and not self._drop.is_set():
            with self._interruptible():
                self._show(timeout_s=0)

    def _show(self, *, timeout_s: float) -> None:
        """Let the viewers show the newest result, if there is one, and take input."""
        result = self._shown.take(timeout_s=timeout_s)
        for viewer in self._viewers:
            if result is not None:
                with self._times.measure("show"):
                    viewer.show(result)
            viewer.poll()
            if viewer.wants_quit:
                self.stop()

    def _draw(self) -> None:
        """Hand results through stages and renderers; runs in a thread."""
        with self._dropping():
            for result in self._until_the_source_fails():
                if self._drop.is_set():
                    break
                self._drawn.put(self._rendered(self._staged(result)))
        if self._drop.is_set():
            with self._reporting():
                self._results.close()
        self._drawn.put(None)

    def _until_the_source_fails(self) -> Iterator[Result]:
        """Yield results; what was read before the source failed is finished."""
        try:
            yield from self._results
        except BaseException as error:
            if error is not self._results.source_error:
                raise
            self._errors.append(error)

    def _staged(self, result: Result) -> Result:
        if self._stages:
            with self._times.measure("stages"):
                for stage in self._stages:
                    result = stage(result)
        return result

    def _rendered(self, result: Result) -> Result:
        if self._renderers:
            with self._times.measure("draw"):
                frame = result.rendered
                for renderer in self._renderers:
                    frame = replace(frame, pixels=renderer(frame, result))
                result = replace(result, drawn=frame)
        if self._viewers:
            self._shown.put(result, timeout_s=self._patience_s)
        return result

    def _write(self, on_result: Callable[[Result], None] | None) -> None:
        """Hand results to the sinks; runs in a thread."""
        while (result := self._drawn.get()) is not None:
            if self._drop.is_set():
                continue  # run dry, so that nobody waits for room
            with self._dropping():
                for sink in tuple(self._sinks):
                    with self._times.measure(getattr(sink, "stage_name", "write")):
                        self._write_to(sink, result)
                self._report.add(result.instances)
                if on_result is not None:
                    on_result(result)

    def _write_to(self, sink: Sink, result: Result) -> None:
        try:
            sink.write(result)
        except (OutputError, OSError) as error:
            if self._sink_errors == "raise":
                raise
            self._disable(sink, error)

    def _disable(self, sink: Sink, failure: OutputError | OSError) -> None:
        """Leave a sink out from now on, and say so once."""
        error = failure if isinstance(failure, OutputError) else OutputError(str(failure))
        self._sinks.remove(sink)
        self._report.problems.append(f"{error}; {error.hint}" if error.hint else str(error))
        if self._on_sink_error is not None:
            self._on_sink_error(sink, error)

    def _close(self) -> None:
        """Close sinks and viewers, each whatever becomes of the others."""
        for closing in self._closing:
            with self._reporting():
                try:
                    closing.close()
                except (OutputError, OSError) as error:
                    if self._sink_errors == "raise":
                        raise
                    if closing in self._sinks:
                        self._disable(closing, error)

    @contextmanager
    def _reporting(self) -> Generator[None]:
        """Keep what the body raises for the caller, and stop the reading."""
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - re-raised in the caller's thread
            self._errors.append(error)
            self._results.stop()

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
