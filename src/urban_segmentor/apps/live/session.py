"""The newest frame in, the picture with its outlines out, for as long as it goes."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.apps.live.stats_collector import LiveStatsCollector
from urban_segmentor.apps.live.view_stages import ViewFilter, ViewRenderer
from urban_segmentor.pipeline import Pipeline
from urban_segmentor.profiling import DelaySummary, FpsMeter, StageTimes
from urban_segmentor.structures.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from urban_segmentor.apps.live.display import Display
    from urban_segmentor.apps.live.view_controls import ViewControls
    from urban_segmentor.errors import OutputError
    from urban_segmentor.inference.segmenter import Segmenter
    from urban_segmentor.io.streams.live_source import LiveSource
    from urban_segmentor.protocols import Sink
    from urban_segmentor.result import Result
    from urban_segmentor.visualization.live_stats import LiveStats
    from urban_segmentor.visualization.style import OverlayStyle

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


class LiveSession:
    """Segments the newest frames of a source, and shows them.

    Args:
        source: Gives the newest frame.
        segmenter: Finds the instances; what viewers set does not change it for others.
        controls: What the viewers want.
        display: Shows the frames.
        style: How they are drawn.
        recorder: Gets every frame as it was drawn on; None to record nothing.
        sinks: Get every result.
        smooth: Let surfaces follow the last frames, so that they flicker less.
        every: True for a source that gives every frame, so that each is shown.
        until_s: How long it goes at most, seconds from the start, whether frames come or not.
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
        smooth: bool = True,
        every: bool = False,
        until_s: float | None = None,
        on_problem: Callable[[OutputError], None] = lambda _error: None,
    ) -> None:
        self._source = source
        own = segmenter.with_config()
        self._segmenter, smoothers = own.for_video() if smooth else (own, ())
        self._on_problem = on_problem
        self._report = LiveReport(stages=StageTimes(max_kept=_STAGES_KEPT))
        self._pipeline = Pipeline(
            source,
            self._segmenter,
            stages=[*smoothers, ViewFilter(controls)],
            renderers=[ViewRenderer(controls, style=style, stats=self._read_stats)],
            sinks=[*sinks, *([] if recorder is None else [recorder])],
            viewers=[self],
            newest=True,
            sink_errors="disable",
            on_sink_error=self._note,
            prepare=self._warm_up,
            viewer_patience_s=_PATIENCE_S if every else 0.0,
            times=self._report.stages,
        )
        self._controls, self._display = controls, display
        self._meter = FpsMeter()
        self._collector = LiveStatsCollector(
            source=source,
            meter=self._meter,
            stages=self._report.stages,
            dropped=lambda: source.dropped + self._pipeline.not_shown,
        )
        self._until_s = math.inf if until_s is None else until_s
        self._end_s = math.inf
        self._paused = False
        self._stopped = False

    def run(self) -> LiveReport:
        """Show frames until the source ends, a viewer quits, or `stop` is called.

        Raises:
            SourceError: The source can never give a frame.
            UrbanSegmentorError: A stage failed.
        """
        started_s = time.monotonic()
        self._end_s = started_s + self._until_s
        self._follow_view()
        report = self._report
        try:
            ran = self._pipeline.run()
        finally:
            self._source.close()
        report.problems += ran.problems + self._source.problems
        report.failed_outputs = bool(ran.problems)
        report.frames, report.fps = self._meter.frames, self._meter.rate()
        report.latency = self._meter.delays()
        report.dropped = self._source.dropped + self._pipeline.not_shown
        report.reconnects = self._source.reconnects
        report.elapsed_s = time.monotonic() - started_s
        report.stopped = self._stopped
        return report

    def stop(self) -> None:
        """End the run; what is on its way is finished. Takes no lock, for signal handlers."""
        self._stopped = True
        self._end()

    @property
    def wants_quit(self) -> bool:
        """True when the run is over for the viewers."""
        return self._controls.wants_quit or time.monotonic() > self._end_s

    def show(self, result: Result, /) -> None:
        """Show a frame; a `Viewer` of the pipeline calls it so."""
        frame = result.rendered
        self._display.show(frame, self._read_stats())
        self._meter.shown(time.monotonic(), captured_s=frame.captured_s)

    def poll(self) -> None:
        """Do what the viewers set since the last time."""
        if self._stopped or self.wants_quit:
            self._end()
        self._follow_view()
        self._display.poll(self._read_stats())

    def close(self) -> None:
        """Leave the display to whoever opened it."""

    def _follow_view(self) -> None:
        view = self._controls.view
        if view.paused != self._paused:
            self._paused = view.paused
            self._source.pause(view.paused)
        if view.conf != self._segmenter.config.conf:
            self._segmenter.config = replace(self._segmenter.config, conf=view.conf)

    def _end(self) -> None:
        self._source.stop()
        self._pipeline.stop()

    def _warm_up(self) -> None:
        """Wait for the first frame, and get the network ready for its size."""
        size = self._source.first_size()
        if size is not None:
            self._segmenter(Frame(pixels=np.zeros((*size, 3), dtype=np.uint8)))

    def _read_stats(self) -> LiveStats:
        return self._collector.read(paused=self._controls.view.paused)

    def _note(self, _sink: Sink, error: OutputError) -> None:
        self._on_problem(error)
