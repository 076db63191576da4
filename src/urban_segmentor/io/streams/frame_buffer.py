"""The buffer between the thread that reads a live source and its consumer."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from urban_segmentor.io.streams.latest import LatestValue
from urban_segmentor.io.yuv_planes import planes_of
from urban_segmentor.structures.frame import Yuv420

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    import av

    from urban_segmentor.io.yuv_planes import Orientation

POLL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedFrame:
    """A decoded frame, converted to planes only when it is used: most may be dropped.

    Attributes:
        image: The decoded frame, or its planes.
        orientation: Display orientation of a decoded frame.
        index: As in `Frame`.
        time_s: As in `Frame`.
        captured_s: As in `Frame`.
    """

    image: av.VideoFrame | Yuv420
    orientation: Orientation
    index: int
    time_s: float
    captured_s: float

    @property
    def planes(self) -> Yuv420:
        """The upright YUV 4:2:0 planes."""
        if isinstance(self.image, Yuv420):
            return self.image
        return planes_of(self.image, self.orientation)


class FrameBuffer:
    """The newest captured frame and the state of its source; `stopped` and `paused` need no lock.

    Args:
        on_state: Called with each new state, from whichever thread sees it first.

    Attributes:
        newest: The newest captured frame.
        stopped: True when reading shall end.
        paused: True while the source is paused.
        since_s: When the consumer began to take frames, by `time.monotonic`; None before.
        finished: True when no more frames will come.
        error: The exception that ended the reading, or None.
        size: Height and width of the first frame, pixels; None before it came.
        rate: Nominal frame rate, frames a second, or None.
        reconnects: Number of reconnections.
        damaged: Number of damaged frames or packets, which are skipped.
    """

    def __init__(self, on_state: Callable[[str], None]) -> None:
        self._on_state = on_state
        self.newest: LatestValue[CapturedFrame] = LatestValue()
        self.stopped = False
        self.paused = False
        self.since_s: float | None = None
        self.finished = False
        self.error: BaseException | None = None
        self.size: tuple[int, int] | None = None
        self.rate: Fraction | None = None
        self.reconnects = 0
        self.damaged = 0
        self.last_put_s = 0.0
        self.state = "connecting"
        self._reported = ""
        self._state_lock = threading.RLock()
        self.is_live = False
        self._problems: dict[str, None] = {}
        self._began = threading.Event()

    def begin(self, size: tuple[int, int]) -> None:
        """Set the size of the first frame, and wake `wait_for_begin`."""
        self.size = size
        self._began.set()

    def end(self, error: BaseException | None = None) -> None:
        """Mark the buffer as finished."""
        self.error = error
        self.is_live = False
        self.finished = True
        self._began.set()

    def wait_for_begin(self) -> None:
        """Wait for the first frame, the end, or `stopped`."""
        while not (self.stopped or self._began.wait(POLL_S)):
            pass

    def put(self, captured: CapturedFrame) -> None:
        """Publish a captured frame, in place of the newest one."""
        self.last_put_s = time.monotonic()
        self.newest.put(captured)

    def set_state(self, state: str, *, is_live: bool = False) -> None:
        """Set the state and call `on_state` if it is new; nothing follows `ended`."""
        with self._state_lock:
            if self._reported == "ended":
                return
            self.is_live = is_live
            if state != self._reported:
                self.state = self._reported = state
                self._on_state(state)

    def add_problem(self, problem: str) -> None:
        """Add a problem, once."""
        self._problems.setdefault(problem)

    @property
    def problems(self) -> list[str]:
        """The problems so far."""
        return list(self._problems)

    def sleep(self, seconds: float) -> bool:
        """Sleep unless `stopped` is set; return False when it was."""
        until_s = time.monotonic() + seconds
        while not self.stopped and (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(left_s, POLL_S))
        return not self.stopped
