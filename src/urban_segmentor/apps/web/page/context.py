"""`AppContext`: state that the tabs share, and what they do with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from urban_segmentor.apps.web.image import segment_image
from urban_segmentor.apps.web.video import VideoJob

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from urban_segmentor.apps.web.examples import ExampleFiles
    from urban_segmentor.apps.web.image import ImageResult
    from urban_segmentor.apps.web.limits import UploadLimits
    from urban_segmentor.apps.web.model_pool import ModelPool
    from urban_segmentor.apps.web.segment_options import SegmentOptions
    from urban_segmentor.apps.web.temp_files import SavedResult, TempFiles
    from urban_segmentor.apps.web.video import VideoJobs


@dataclass(frozen=True, slots=True, kw_only=True)
class AppContext:
    """State that the tabs share.

    Attributes:
        models: The models.
        temp_files: Uploads and results.
        jobs: Running video jobs.
        examples: The examples.
        limits: Limits of uploads.
        slots: Limits concurrent inference.
    """

    models: ModelPool
    temp_files: TempFiles
    jobs: VideoJobs
    examples: ExampleFiles
    limits: UploadLimits
    slots: threading.Semaphore

    def segment_image(
        self, path: Path, *, options: SegmentOptions, saved: SavedResult
    ) -> ImageResult:
        """Return what the page shows of an image, when there is a slot for it.

        Args:
            path: The upload.
            options: What the visitor chose.
            saved: Where the files go.

        Raises:
            UploadError: It is no image, or too large.
            SettingError: The model has no such class.
        """
        with self.slots:
            return segment_image(
                path,
                title=path.name,
                engine=self.models,
                choices=options,
                limits=self.limits,
                answer=saved,
            )

    def video_job(self, path: Path, *, options: SegmentOptions, visitor: str) -> VideoJob:
        """Return the job of a visitor's video, which has not started.

        Args:
            path: The upload.
            options: What the visitor chose.
            visitor: Secret id of the visitor.

        Raises:
            UploadError: It is no video, or too long or too large.
            SettingError: The model has no such class.
        """
        return VideoJob(
            path,
            title=path.name,
            engine=self.models,
            choices=options,
            limits=self.limits,
            answer=self.temp_files.new_result(visitor),
        )
