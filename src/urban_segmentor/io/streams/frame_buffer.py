"""What a thread that reads a source and the one that takes its frames share."""

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
    """A frame before anybody wants it: converting those that are dropped would be a waste.

    Attributes:
        image: As decoded, or its planes.
        turn: How a decoded one becomes upright.
        index: As in `Frame`.
        time_s: As in `Frame`.
        captured_s: As in `Frame`.
    """

    image: av.VideoFrame | Yuv420
    turn: Orientation
    index: int
    time_s: float
    captured_s: float

    @property
    def planes(self) -> Yuv420:
        """Its planes, upright."""
        if isinstance(self.image, Yuv420):
            return self.image
        return planes_of(self.image, self.turn)


class FrameBuffer:
    """The newest shot, and what is known of the source; `stopped` and `paused` need no lock.

    Args:
        on_state: Called with each new state, from whichever thread sees it first.

    Attributes:
        newest: The newest shot.
        stopped: True when all is to end.
        paused: True while the picture stands still.
        since_s: When frames began to be taken, by `time.monotonic`; None before.
        over: True when no more shots will come.
        error: What ended the reading, or None.
        size: Height and width of the first picture, pixels; None before it came.
        rate: Nominal frame rate, frames a second, or None.
        reconnects: How often the source came back.
        damaged: Pictures or packets that were left out.
    """

    def __init__(self, on_state: Callable[[str], None]) -> None:
        self._on_state = on_state
        self.newest: LatestValue[CapturedFrame] = LatestValue()
        self.stopped = False
        self.paused = False
        self.since_s: float | None = None
        self.over = False
        self.error: BaseException | None = None
        self.size: tuple[int, int] | None = None
        self.rate: Fraction | None = None
        self.reconnects = 0
        self.damaged = 0
        self.put_s = 0.0
        self.state = "connecting"
        self._told = ""
        self._telling = threading.RLock()
        self.is_live = False
        self._notes: dict[str, None] = {}
        self._began = threading.Event()

    def begin(self, size: tuple[int, int]) -> None:
        """Tell that the first picture is here."""
        self.size = size
        self._began.set()

    def end(self, error: BaseException | None = None) -> None:
        """Tell that no more shots will come."""
        self.error = error
        self.is_live = False
        self.over = True
        self._began.set()

    def wait_for_begin(self) -> None:
        """Wait for the first picture, the end, or `stopped`."""
        while not (self.stopped or self._began.wait(POLL_S)):
            pass

    def put(self, shot: CapturedFrame) -> None:
        """Hand a shot on."""
        self.put_s = time.monotonic()
        self.newest.put(shot)

    def tell(self, state: str, *, is_live: bool = False) -> None:
        """Tell a new state; nothing comes after `ended`, whichever thread is late."""
        with self._telling:
            if self._told == "ended":
                return
            self.is_live = is_live
            if state != self._told:
                self.state = self._told = state
                self._on_state(state)

    def note(self, problem: str) -> None:
        """Keep a problem, once."""
        self._notes.setdefault(problem)

    @property
    def notes(self) -> list[str]:
        """The problems so far."""
        return list(self._notes)

    def sleep(self, seconds: float) -> bool:
        """Wait, in steps that `stopped` ends; return True when it did not."""
        until_s = time.monotonic() + seconds
        while not self.stopped and (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(left_s, POLL_S))
        return not self.stopped
