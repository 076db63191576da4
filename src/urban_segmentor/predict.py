"""Files in, results in a folder out: what `urban-segmentor predict` does."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from urban_segmentor.errors import SettingError, SourceError
from urban_segmentor.io.atomic import check_free, check_not_source
from urban_segmentor.io.audio import AudioCopy
from urban_segmentor.io.image_files import ImageReader, ImageWriter
from urban_segmentor.io.output_options import FRAMES, OVERLAY, WRITER_PATHS, OutputOptions
from urban_segmentor.io.video_writer import VideoWriter
from urban_segmentor.io.writers import WRITERS
from urban_segmentor.pipeline import Pipeline
from urban_segmentor.profiling import StageTimes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from urban_segmentor.inference.panoptic_segmenter import PanopticSegmenter
    from urban_segmentor.inference.segmenter import Segmenter
    from urban_segmentor.io.clip_range import ClipRange
    from urban_segmentor.io.inputs import Inputs
    from urban_segmentor.io.video_reader import VideoReader
    from urban_segmentor.pipeline import RunReport
    from urban_segmentor.protocols import Renderer, Sink, Source


@dataclass(slots=True, kw_only=True)
class PredictReport:
    """What was done.

    Attributes:
        frames: Pictures and video frames finished.
        instances: Instances found.
        by_class: Instances by class id.
        frames_by_class: Frames in which a class was seen, by class id.
        elapsed_s: Working time, seconds.
        written: Files and folders with results.
        problems: What could not be read, one sentence each.
        interrupted: True when it was stopped early.
        stages: How long each stage took.
    """

    frames: int = 0
    instances: int = 0
    by_class: Counter[int] = field(default_factory=Counter[int])
    frames_by_class: Counter[int] = field(default_factory=Counter[int])
    elapsed_s: float = 0.0
    written: list[Path] = field(default_factory=list[Path])
    problems: list[str] = field(default_factory=list[str])
    interrupted: bool = False
    stages: StageTimes = field(default_factory=StageTimes)

    def add(self, report: RunReport) -> None:
        """Add the report of one source."""
        self.frames += report.frames
        self.instances += report.instances
        self.by_class += report.by_class
        self.frames_by_class += report.frames_by_class
        self.elapsed_s += report.elapsed_s
        self.interrupted = self.interrupted or report.interrupted


class PredictRun:
    """Segments files and writes the results.

    Everything that can be refused is refused when it is made, before any work.

    Args:
        inputs: The files.
        segmenter: Finds the instances; a panoptic one for the kinds that hold segments.
        renderers: Draw on each frame, where an overlay is wanted.
        outputs: What is written, and where.
        selection: Which part of each video.
        smooth: Let the surfaces of videos follow the last frames, so that they flicker less.

    Raises:
        OutputError: A result exists already, would replace its source, or cannot be written.
        SettingError: Frames of videos are to be kept, and there is no video.
    """

    def __init__(  # noqa: PLR0913 - each has its name
        self,
        inputs: Inputs,
        *,
        segmenter: Segmenter | PanopticSegmenter,
        renderers: Sequence[Renderer],
        outputs: OutputOptions,
        selection: ClipRange,
        smooth: bool = True,
    ) -> None:
        self._inputs, self._segmenter, self._renderers = inputs, segmenter, renderers
        self._smooth = smooth
        self._outputs, self._selection = outputs, selection
        self._outcome = PredictReport()
        self._pipeline: Pipeline | None = None
        self._stopped = False
        if FRAMES in outputs.kinds and not inputs.videos:
            raise SettingError(
                f"`{FRAMES}` keeps the frames of videos, and there is no video",
                hint="images are files already; leave it out",
            )
        if OVERLAY in outputs.kinds:
            self._check_overlays()
        classes = segmenter.spec.classes
        self._sinks: list[Sink] = [
            WRITERS[kind](outputs.folder, classes=classes, overwrite=outputs.overwrite)
            for kind in outputs.kinds
            if kind != OVERLAY
        ]

    def run(
        self,
        *,
        on_source: Callable[[str, int | None], None] = lambda _name, _frames: None,
        on_frame: Callable[[], None] = lambda: None,
    ) -> PredictReport:
        """Do the work, and return what was done.

        Args:
            on_source: Called with the name of each source and about how many frames it has.
            on_frame: Called after each finished frame.

        Raises:
            UrbanSegmentorError: A stage failed; what was finished before is in its place.
        """
        with ExitStack() as closing:
            for sink in self._sinks:
                closing.callback(sink.close)
            if self._inputs.images:
                on_source("images", len(self._inputs.images))
                self._run_images(on_frame)
            for path, name in self._inputs.videos:
                if self._outcome.interrupted or self._stopped:
                    break
                self._run_video(path, name, on_source, on_frame)
        self._outcome.interrupted = self._outcome.interrupted or self._stopped
        kinds = [kind for kind in self._outputs.kinds if kind != OVERLAY]
        self._outcome.written += [self._outputs.folder / WRITER_PATHS[kind] for kind in kinds]
        return self._outcome

    def stop(self) -> None:
        """End the work early; what is done is put in its place. For signal handlers, too."""
        self._stopped = True
        if self._pipeline is not None:
            self._pipeline.stop()

    def _check_overlays(self) -> None:
        sink = self._image_sink()
        for path, name in self._inputs.images:
            sink.target(str(path), name)
        for path, name in self._inputs.videos:
            target = self._video_target(name)
            check_not_source(target, path)
            check_free(target, overwrite=self._outputs.overwrite)

    def _image_sink(self) -> ImageWriter:
        return ImageWriter(self._outputs.folder, overwrite=self._outputs.overwrite)

    def _video_target(self, name: str) -> Path:
        return self._outputs.folder / f"{name}.mp4"

    def _run_images(self, on_frame: Callable[[], None]) -> None:
        source = ImageReader(self._inputs.images, folder=self._inputs.folder)
        overlay = self._image_sink() if OVERLAY in self._outputs.kinds else None
        self._run(source, overlay, on_frame, smooth=False)
        self._outcome.problems += source.problems
        if overlay is not None and self._outcome.frames:
            self._outcome.written += (
                [overlay.written] if len(self._inputs.images) == 1 else [self._outputs.folder]
            )

    def _run_video(
        self,
        path: Path,
        name: str,
        on_source: Callable[[str, int | None], None],
        on_frame: Callable[[], None],
    ) -> None:
        try:
            source = self._selection.open(path, name=name)
        except SourceError as error:
            self._outcome.problems.append(_sentence(error))
            return
        on_source(path.name, self._selection.frames_of(source.info))
        overlay = self._video_sink(source, path, name) if OVERLAY in self._outputs.kinds else None
        before = self._outcome.frames
        with ExitStack() as closing:
            if overlay is not None:
                closing.callback(overlay.close)
            try:
                self._run(source, overlay, on_frame, smooth=self._smooth)
            except SourceError as error:
                self._outcome.problems.append(_sentence(error))
            if overlay is not None and (self._outcome.interrupted or source.problems):
                overlay.end_sound_with_image()
        self._outcome.problems += source.problems
        if overlay is not None and self._outcome.frames > before:
            self._outcome.written.append(self._video_target(name))

    def _run(
        self, source: Source, overlay: Sink | None, on_frame: Callable[[], None], *, smooth: bool
    ) -> None:
        segmenter, stages = self._segmenter.for_video() if smooth else (self._segmenter, ())
        pipeline = Pipeline(
            source,
            segmenter,
            stages=stages,
            renderers=() if overlay is None else self._renderers,
            sinks=[*self._sinks, *([] if overlay is None else [overlay])],
            times=self._outcome.stages,
            keep_open=True,
        )
        self._pipeline = pipeline
        if self._stopped:  # before there was a pipeline to stop
            pipeline.stop()
        self._outcome.add(pipeline.run(on_result=lambda _: on_frame()))

    def _video_sink(self, source: VideoReader, path: Path, name: str) -> VideoWriter:
        return overlay_sink(
            self._video_target(name),
            source=source,
            path=path,
            outputs=self._outputs,
            selection=self._selection,
        )


def overlay_sink(
    target: Path, *, source: VideoReader, path: Path, outputs: OutputOptions, selection: ClipRange
) -> VideoWriter:
    """Return what writes the overlay of a video, with the sound of what is selected.

    Args:
        target: The video to be written.
        source: The open video.
        path: Its file, for the sound.
        outputs: How it is encoded.
        selection: Which part of it is read.

    Raises:
        OutputError: The target exists already, or cannot be written.
    """

    def open_audio(first_time_s: float) -> AudioCopy:
        first_s = float((source.first_pts or 0) * source.info.time_base)
        length_s = selection.duration_s
        stop_s = None if length_s is None else first_s + selection.start_s + length_s
        return AudioCopy(path, start_s=first_s + first_time_s, stop_s=stop_s)

    return VideoWriter(
        target,
        time_base=source.info.time_base,
        rate=_mean_rate(source, selection),
        aspect=lambda: source.aspect,
        audio=open_audio if source.info.has_audio else None,
        encoding=outputs.encoding,
        overwrite=outputs.overwrite,
    )


def _mean_rate(source: VideoReader, selection: ClipRange) -> Fraction:
    """Return the mean frame rate of what is selected."""
    rate = source.info.rate / selection.stride
    wanted = selection.max_fps
    return rate if wanted is None else min(rate, Fraction(wanted).limit_denominator(1001))


def _sentence(error: SourceError) -> str:
    return f"{error}; {error.hint}" if error.hint else str(error)
