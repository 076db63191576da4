"""How many threads OpenCV may use."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    from collections.abc import Generator


class _Holders:
    """Counts who wants one thread, so that contexts may overlap in any order."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0
        self.before = 0


_holders = _Holders()


@contextmanager
def single_opencv_thread() -> Generator[None]:
    """Return a context in which OpenCV keeps to one thread, as others work on the other cores."""
    with _holders.lock:
        if _holders.count == 0:
            _holders.before = cv2.getNumThreads()
            cv2.setNumThreads(1)
        _holders.count += 1
    try:
        yield
    finally:
        with _holders.lock:
            _holders.count -= 1
            if _holders.count == 0:
                cv2.setNumThreads(_holders.before)
