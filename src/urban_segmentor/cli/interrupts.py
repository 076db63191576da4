"""Ctrl-C and `kill`: what is done so far is kept."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

EXIT_CODE = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_PATIENCE = 3  # signals; whoever sends so many wants out, whatever is lost


class Interrupted(BaseException):
    """The user stopped the command before it had anything to finish.

    Args:
        hint: How to go on, or None when there is nothing to suggest.
    """

    def __init__(self, *, hint: str | None = None) -> None:
        super().__init__()
        self.hint = hint


def raise_on_signals() -> None:
    """Make Ctrl-C and `kill` raise `Interrupted` in the main thread."""

    def interrupt(_number: int, _frame: object) -> None:
        raise Interrupted

    for number in _SIGNALS:
        signal.signal(number, interrupt)


@contextmanager
def stop_on_signals(stop: Callable[[], None]) -> Generator[None]:
    """Return a context in which Ctrl-C and `kill` call a function, and raise nothing.

    What an exception would tear apart, such as the index of a video that is being written, is so
    finished. The third signal ends the process at once.

    Args:
        stop: Asks the work to end; takes no locks.
    """
    received = 0

    def ask(_number: int, _frame: object) -> None:
        nonlocal received
        received += 1
        stop()
        if received == _PATIENCE:
            os._exit(EXIT_CODE)
        os.write(2, b"finishing what is done so far; Ctrl-C three times to drop it\n")

    before = {number: signal.signal(number, ask) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
