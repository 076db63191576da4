"""The newest frame in, the picture with its outlines out, for as long as it goes."""

from __future__ import annotations

import math
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.apps.live.controlled_stages import SteeredOverlay, SteeredSegmenter
from urban_segmentor.apps.live.fault_tolerant_sink import FaultTolerantSink
from urban_segmentor.apps.live.fps_meter import DelaySummary, FpsMeter
from urban_segmentor.apps.live.stats_collector import LiveStatsCollector
from urban_segmentor.io.streams.latest import LatestValue
from urban_segmentor.pipeline import Pipeline
from urban_segmentor.profiling import StageTimes
from urban_segmentor.structures.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from urban_segmentor.apps.live.display import Display
    from urban_segmentor.apps.live.view_controls import ViewControls
    from urban_segmentor.errors import OutputError
    from urban_segmentor.inference.segmenter import Segmenter
    from urban_segmentor.io.streams.live_source import LiveSource
    from urban_segmentor.protocols import Sink
    from urban_segmentor.structures.frame import Image, Yuv420
    from urban_segmentor.structures.instances import Instances
    from urban_segmentor.visualization.live_stats import LiveStats
    from urban_segmentor.visualization.overlay import OverlayStyle

_POLL_S = 0.05
_PATIENCE_S = 1.0  # for a display that has to show every frame
_STAGES_KEPT = 36_000  # durations of each stage


@dataclass(slots=True, kw_only=True)
class LiveReport:
    """What a run was like.

    Attributes:
        frames: Frames that were shown.
        fps: Of them, a second, from display to display; 0 before there are two.
        latency: From capture to display, milliseconds; None when no frame was shown.
        dropped: Frames of the source that were never shown.
        reconnects: How often a source came back.
        elapsed_s: From start to end, seconds.
        stages: How long each stage took.
        problems: What could not be read or written, a sentence each.
        failed_outputs: True when a recording or a result is not complete.
        stopped: True when it was ended from outside, rather than by its source or viewer.
    """

    frames: int = 0
    fps: float = 0.0
    latency: DelaySummary | None = None
    dropped: int = 0
    reconnects: int = 0
    elapsed_s: float = 0.0
    stages: StageTimes = field(default_factory=StageTimes)
    problems: list[str] = field(default_factory=list[str])
    failed_outputs: bool = False
    stopped: bool = False


class Live:
    """Segments the newest frames of a source, and shows them.

    Args:
        source: Gives the newest frame.
        segmenter: Finds the instances.
        controls: What the viewers want.
        display: Shows the frames.
        style: How they are drawn.
        recorder: Gets every frame as it was drawn on; None to record nothing.
        sinks: Get every frame as it came, with its instances.
        every: True for a source that gives every frame, so that each is shown.
        until_s: How long it goes at most, seconds from the start, whether pictures come or not.
        on_problem: Called with what cannot be written, when it happens.
    """

    def __init__(  # noqa: PLR0913
        self,
        source: LiveSource,
        *,
        segmenter: Segmenter,
        controls: ViewControls,
        display: Display,
        style: OverlayStyle,
        recorder: Sink | None = None,
        sinks: Sequence[Sink] = (),
        every: bool = False,
        until_s: float | None = None,
        on_problem: Callable[[OutputError], None] = lambda _error: None,
    ) -> None:
        self._source, self._segmenter = source, segmenter
        self._controls, self._display = controls, display
        self._on_problem = on_problem
        self._outcome = LiveReport(stages=StageTimes(most=_STAGES_KEPT))
        self._meter = FpsMeter()
        self._newest = LatestValue[Frame]()
        self._until_s = math.inf if until_s is None else until_s
        self._patience_s = _PATIENCE_S if every else 0.0
        self._gauge = LiveStatsCollector(
            source=source,
            meter=self._meter,
            stages=self._outcome.stages,
            dropped=lambda: source.dropped + self._newest.dropped,
        )
        self._sinks = [FaultTolerantSink(sink, on_problem=self._note) for sink in sinks]
        self._recorder = (
            None if recorder is None else FaultTolerantSink(recorder, on_problem=self._note)
        )
        self._overlay = SteeredOverlay(controls, style=style, readings=self._readings)
        self._pipeline = Pipeline(
            SteeredSegmenter(segmenter, controls),
            sinks=self._sinks,
            renderer=self._draw,
            overlay=self._recorder,
            stages=self._outcome.stages,
            newest=True,
        )
        self._error: BaseException | None = None
        self._stopped = False

    def run(self) -> LiveReport:
        """Show frames until the source ends, a viewer quits, or `stop` is called.

        Raises:
            SourceError: The source can never give a frame.
            UrbanSegmentorError: A stage failed.
        """
        since_s = time.monotonic()
        worker = threading.Thread(target=self._work, name="live")
        with ExitStack() as closing:
            for sink in (*self._sinks, *([] if self._recorder is None else [self._recorder])):
                closing.callback(sink.close)
            closing.callback(self._source.close)
            worker.start()
            try:
                self._show_until_end(worker)
            finally:
                self._end()
                worker.join()
        outcome = self._outcome
        outcome.frames, outcome.fps = self._meter.frames, self._meter.rate()
        outcome.latency = self._meter.delays()
        outcome.dropped = self._source.dropped + self._newest.dropped
        outcome.reconnects = self._source.reconnects
        outcome.elapsed_s = time.monotonic() - since_s
        outcome.problems += self._source.problems
        outcome.stopped = self._stopped
        if self._error is not None:
            raise self._error
        return outcome

    def stop(self) -> None:
        """End the run; what is on its way is finished. Takes no lock, for signal handlers."""
        self._stopped = True

    def _show_until_end(self, worker: threading.Thread) -> None:
        paused, end_s = False, time.monotonic() + self._until_s
        while worker.is_alive():
            if self._stopped or self._controls.wants_quit or time.monotonic() > end_s:
                self._end()
            if self._controls.view.paused != paused:
                paused = not paused
                self._source.pause(paused)
            frame = self._newest.take(timeout_s=_POLL_S)
            if frame is not None:
                self._show(frame)
            self._display.poll(self._readings())
        if (frame := self._newest.take(timeout_s=0)) is not None:
            self._show(frame)

    def _show(self, frame: Frame) -> None:
        with self._outcome.stages.measure("show"):
            self._display.show(frame, self._readings())
        self._meter.shown(time.monotonic(), captured_s=frame.captured_s)

    def _end(self) -> None:
        self._source.stop()
        self._pipeline.stop()

    def _work(self) -> None:
        """Wait for the first frame, get the network ready for its size, and run."""
        try:
            size = self._source.first_size()
            if size is not None:
                self._segmenter(np.zeros((*size, 3), dtype=np.uint8))
                self._pipeline.run(self._source)
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            self._error = error

    def _draw(self, frame: Frame, instances: Instances) -> Image | Yuv420:
        """Draw a frame, and hand it to the display before anything else is done with it."""
        drawn = self._overlay(frame, instances)
        self._newest.put(replace(frame, pixels=drawn), patience_s=self._patience_s)
        return drawn

    def _readings(self) -> LiveStats:
        return self._gauge.read(paused=self._controls.view.paused)

    def _note(self, error: OutputError) -> None:
        self._outcome.failed_outputs = True
        self._outcome.problems.append(f"{error}; {error.hint}" if error.hint else str(error))
        self._on_problem(error)
