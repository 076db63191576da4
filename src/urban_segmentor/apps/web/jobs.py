"""The videos at work, one for each visitor, so that they can be stopped."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urban_segmentor.apps.web.video import VideoJob


class Jobs:
    """Finds the job of a visitor."""

    def __init__(self) -> None:
        self._jobs: dict[str, VideoJob] = {}
        self._lock = threading.Lock()

    def begin(self, visitor: str, job: VideoJob) -> None:
        """Start a job; an earlier one of the same visitor ends for it.

        Args:
            visitor: Whose it is.
            job: The work.
        """
        with self._lock:
            before = self._jobs.get(visitor)
            self._jobs[visitor] = job
        if before is not None:
            before.cancel()
        job.start()

    def cancel(self, visitor: str) -> None:
        """Stop what a visitor has at work; nothing happens where there is nothing."""
        with self._lock:
            job = self._jobs.get(visitor)
        if job is not None:
            job.cancel()

    def end(self, visitor: str, job: VideoJob) -> None:
        """Forget a job that has ended."""
        with self._lock:
            if self._jobs.get(visitor) is job:
                del self._jobs[visitor]

    def close(self) -> None:
        """Stop all."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.cancel()
        for job in jobs:
            job.wait(10.0)
