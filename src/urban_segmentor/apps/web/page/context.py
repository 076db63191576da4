"""What all tabs work with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

    from urban_segmentor.apps.web.examples import Examples
    from urban_segmentor.apps.web.jobs import Jobs
    from urban_segmentor.apps.web.limits import UploadLimits
    from urban_segmentor.apps.web.model_pool import ModelPool
    from urban_segmentor.apps.web.temp_files import TempFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class AppContext:
    """What all tabs work with.

    Attributes:
        engine: Has the models.
        store: Has the files.
        jobs: The videos at work.
        examples: To try.
        limits: The most that is taken.
        slots: At most so many pictures are at work at once.
    """

    engine: ModelPool
    store: TempFiles
    jobs: Jobs
    examples: Examples
    limits: UploadLimits
    slots: threading.Semaphore
