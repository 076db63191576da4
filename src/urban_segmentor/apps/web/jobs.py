"""Running video jobs, one per visitor."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urban_segmentor.apps.web.video import VideoJob


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
