"""`AppContext`: state that the tabs share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

    from urban_segmentor.apps.web.examples import ExampleFiles
    from urban_segmentor.apps.web.jobs import VideoJobs
    from urban_segmentor.apps.web.limits import UploadLimits
    from urban_segmentor.apps.web.model_pool import ModelPool
    from urban_segmentor.apps.web.temp_files import TempFiles


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
