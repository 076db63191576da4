"""Videos: each segmented in a thread of its own that can be watched, and stopped."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypedDict

import cv2
import numpy as np

from urban_segmentor.apps.web.class_counts import ChartPoint, ClassCounts
from urban_segmentor.apps.web.uploads import check_video
from urban_segmentor.errors import UploadError, UrbanSegmentorError
from urban_segmentor.io.clip_range import ClipRange
from urban_segmentor.io.image_codec import encode_image
from urban_segmentor.io.output_options import WRITER_PATHS, OutputOptions
from urban_segmentor.io.writers import WRITERS
from urban_segmentor.pipeline import Pipeline
from urban_segmentor.predict import overlay_sink
from urban_segmentor.profiling import FpsMeter
from urban_segmentor.structures.frame import Frame, Yuv420

if TYPE_CHECKING:
    from pathlib import Path

    from urban_segmentor.apps.web.limits import UploadLimits
    from urban_segmentor.apps.web.model_pool import ModelPool
    from urban_segmentor.apps.web.segment_options import SegmentOptions
    from urban_segmentor.apps.web.temp_files import SavedResult
    from urban_segmentor.result import Result

VIDEO = "video.mp4"
_SAVED = ("jsonl", "csv")
_PREVIEW_WIDTH = 640  # pixels
_QUALITY = 75  # of JPEG
_WARM_UP_S = 0.5  # a rate measured over less says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress:
    """How far a job is.

    Attributes:
        frames: Finished.
        total: About how many there are, or None when the file does not say.
        fps: Frames a second since the first one.
        left_s: About how long it will take still, seconds, or None when nobody knows.
        state: `working`, `done`, `cancelled` or `failed`.
        note: What the visitor should know, or nothing.
    """

    frames: int
    total: int | None
    fps: float
    left_s: float | None
    state: str
    note: str


class VideoResult(TypedDict):
    """What the page shows of a finished video; addresses are relative to its own.

    Attributes:
        title: What the video is called.
        video: Address of the overlay, MP4.
        frames: How many there are.
        fps: Frames a second while it was made.
        note: What the visitor should know, or nothing.
        totals: Class, mean number in a frame, and most in one frame.
        points: The chart.
        files: Names and addresses of what can be kept.
    """

    title: str
    video: str
    frames: int
    fps: float
    note: str
    totals: list[tuple[str, float, int]]
    points: list[ChartPoint]
    files: dict[str, str]


class VideoJob:
    """The work on one video.

    Args:
        path: What was uploaded; checked here.
        title: What the visitor calls it; stands in the results, where a path never does.
        engine: Has the models.
        choices: The controls.
        limits: The most that is taken; what a file hides behind its header is cut off there.
        answer: Where the files go.

    Raises:
        UploadError: It is no video, or too long or too large.
        SettingError: The model has no such class.
    """

    def __init__(  # noqa: PLR0913
        self,
        path: Path,
        *,
        title: str,
        engine: ModelPool,
        choices: SegmentOptions,
        limits: UploadLimits,
        answer: SavedResult,
    ) -> None:
        check_video(path, limits=limits)
        self.answer, self.title = answer, title
        self.counts = ClassCounts(engine.class_names(choices.model))
        self._path, self._limits = path, limits
        self._segmenter, self._overlay = engine.segmenter_for(choices), engine.overlay(choices)
        self._clip = ClipRange(duration_s=limits.video_s)
        self._lock = threading.Lock()
        self._meter, self._total = FpsMeter(), None
        self._latest: Frame | None = None
        self._cancelled = threading.Event()
        self._pipeline: Pipeline | None = None
        self._state, self._note = "working", ""
        self._thread = threading.Thread(target=self._work, daemon=True, name="video")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def cancel(self) -> None:
        """End the work; nothing is kept of it. May be called at any time, from any thread."""
        self._cancelled.set()
        if self._pipeline is not None:
            self._pipeline.stop()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, but not for longer than that; return whether it has come."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def progress(self) -> JobProgress:
        """How far it is."""
        with self._lock:
            frames, fps, total = self._meter.frames, self._meter.rate(), self._total
            left = None
            if total is not None and fps > 0 and (frames - 1) / fps > _WARM_UP_S:
                left = max(total - frames, 0) / fps
            return JobProgress(
                frames=frames,
                total=total,
                fps=fps,
                left_s=left,
                state=self._state,
                note=self._note,
            )

    def result(self) -> VideoResult:
        """Return what the page shows, after the job is done."""
        progress, address = self.progress, self.answer.url
        return {
            "title": self.title,
            "video": address(VIDEO),
            "frames": progress.frames,
            "fps": round(progress.fps, 1),
            "note": progress.note,
            "totals": self.counts.totals(),
            "points": self.counts.points(),
            "files": {
                "MP4": address(VIDEO),
                "JSONL": address(WRITER_PATHS["jsonl"]),
                "CSV": address(WRITER_PATHS["csv"]),
            },
        }

    def preview(self) -> bytes | None:
        """Return the newest finished frame as a small JPEG, or None before there is one."""
        frame = self._latest
        return None if frame is None else _preview(frame)

    def _work(self) -> None:
        try:
            self._segment()
            state = "cancelled" if self._cancelled.is_set() else "done"
            note = self._note
        except UrbanSegmentorError as error:
            state, note = "failed", self._public(str(error))
        except Exception:  # noqa: BLE001 - a visitor gets a sentence, and no path
            state, note = (
                "failed",
                "Something went wrong on the server; the video was not finished.",
            )
        with self._lock:
            self._state, self._note = state, note

    def _segment(self) -> None:
        source = self._clip.open(self._path, name=self.title.rpartition(".")[0] or self.title)
        self._total = self._clip.frames_of(source.info)
        folder = self.answer.folder
        classes = self._segmenter.classes
        sinks = [WRITERS[kind](folder, classes=classes, overwrite=True) for kind in _SAVED]
        overlay = overlay_sink(
            folder / VIDEO,
            source=source,
            path=self._path,
            outputs=OutputOptions(folder=folder, overwrite=True),
            selection=self._clip,
        )
        with ExitStack() as closing:
            for sink in (*sinks, overlay):
                closing.callback(sink.close)
            segmenter, smoothers = self._segmenter.for_video()
            pipeline = Pipeline(
                source,
                segmenter,
                stages=[_UploadStage(self.title, max_px=self._limits.video_side), *smoothers],
                renderers=[self._overlay],
                sinks=[*sinks, overlay],
                keep_open=True,
            )
            self._pipeline = pipeline
            if self._cancelled.is_set():  # before there was a pipeline to stop
                pipeline.stop()
            report = pipeline.run(on_result=self._note_result)
            if report.interrupted or source.problems:
                overlay.end_sound_with_image()
        if source.problems:
            self._note = self._public("; ".join(source.problems))

    def _note_result(self, result: Result) -> None:
        """Note a result that is written; called in order."""
        self.counts.add(result.instances, time_s=result.frame.time_s)
        self._latest = result.rendered
        self._meter.shown(time.monotonic(), captured_s=None)
        frames = self._meter.frames
        if frames >= self._limits.video_frames and self._pipeline is not None:
            self._note = f"The video is longer than it said; {frames} frames were taken."
            self._pipeline.stop()

    def _public(self, text: str) -> str:
        """Return a message with the title in the place of the path."""
        return text.replace(str(self._path), self.title)


class VideoJobs:
    """The running video job of each visitor."""

    def __init__(self) -> None:
        self._jobs: dict[str, VideoJob] = {}
        self._lock = threading.Lock()

    def start(self, visitor: str, job: VideoJob) -> None:
        """Start a job, and cancel the previous one of the visitor.

        Args:
            visitor: Id of the visitor.
            job: The job.
        """
        with self._lock:
            previous = self._jobs.get(visitor)
            self._jobs[visitor] = job
        if previous is not None:
            previous.cancel()
        job.start()

    def cancel(self, visitor: str) -> None:
        """Cancel the job of a visitor, if there is one."""
        with self._lock:
            job = self._jobs.get(visitor)
        if job is not None:
            job.cancel()

    def remove(self, visitor: str, job: VideoJob) -> None:
        """Remove a job that has ended."""
        with self._lock:
            if self._jobs.get(visitor) is job:
                del self._jobs[visitor]

    def close(self) -> None:
        """Cancel all jobs."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.cancel()
        for job in jobs:
            job.wait(10.0)


class _UploadStage:
    """A `Stage` that names the upload by its title instead of its path, and checks its size."""

    def __init__(self, title: str, *, max_px: int) -> None:
        self._title, self._max_px = title, max_px

    def __call__(self, result: Result, /) -> Result:
        """Return the result of a frame that says where it came from as visitors know it."""
        height, width = result.frame.size
        if max(height, width) > self._max_px:
            raise UploadError(
                f"the video has pictures of {width} x {height} pixels",
                hint="make it smaller first",
            )
        return replace(result, frame=replace(result.frame, source=self._title))

    def reset(self) -> None:
        """Do nothing: it holds no state."""


def _preview(frame: Frame) -> bytes:
    height, width = frame.size
    scale = min(1.0, _PREVIEW_WIDTH / width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    if isinstance(frame.pixels, Yuv420):
        small = frame.pixels.resized_rgb(*size)
    else:
        small = cv2.resize(frame.pixels, size, interpolation=cv2.INTER_AREA)
    return encode_image(np.asarray(small, dtype=np.uint8), suffix=".jpg", quality=_QUALITY)
