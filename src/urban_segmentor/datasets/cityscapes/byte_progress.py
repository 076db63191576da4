"""Progress of long work on bytes: downloads and archives."""

from __future__ import annotations


class ByteProgress:
    """Receives progress and ignores it; derive from it to show progress."""

    def begin(self, step: str, *, total_bytes: int, done_bytes: int = 0) -> None:
        """Start a step.

        Args:
            step: The step, such as `fetching gtFine_trainvaltest.zip`.
            total_bytes: Length of the step.
            done_bytes: What an earlier run has done of it.
        """

    def advance(self, count_bytes: int) -> None:
        """Advance the step by a number of bytes."""

    def report(self, text: str) -> None:
        """Report an event in one line of text."""
