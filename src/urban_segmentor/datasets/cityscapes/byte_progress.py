"""Who wants to know how far a long piece of work with bytes has come."""

from __future__ import annotations


class ByteProgress:
    """Hears of every step and ignores it; derive from it to show progress."""

    def begin(self, step: str, *, total_bytes: int | None, done_bytes: int = 0) -> None:
        """A step begins.

        Args:
            step: The step, such as `fetching gtFine_trainvaltest.zip`.
            total_bytes: How much there is to do in all; None when nobody can tell how far it is.
            done_bytes: How much of it an earlier run has done.
        """

    def advance(self, count_bytes: int) -> None:
        """So many bytes more are done."""

    def report(self, text: str) -> None:
        """Something happened that is worth a line."""
