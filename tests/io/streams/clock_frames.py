"""Pictures that tell when they were made, and what is needed to watch a source."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from tests.waiting import NEVER_S, PATIENCE_S, settled, wait_until
from urban_segmentor.errors import SourceError
from urban_segmentor.io.streams.live_source import LiveSource
from urban_segmentor.io.streams.retry import RetryPolicy
from urban_segmentor.io.streams.source_uri import parse_source_uri
from urban_segmentor.io.streams.stream_options import StreamOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from urban_segmentor.structures.frame import Frame

BARS = 16
ROUND_S = (1 << BARS) / 100
PATIENT = RetryPolicy(
    open_timeout_s=NEVER_S,
    read_timeout_s=NEVER_S,
    hls_timeout_s=NEVER_S,
    base_delay_s=0.25,
    max_delay_s=0.5,
    reset_after_s=1.0,
)
# Notices silence soon; a healthy stream is not silent for so long, on a slow machine either.
QUICK = replace(PATIENT, open_timeout_s=10.0, read_timeout_s=2.0, hls_timeout_s=2.0)
_READABLE_S = 60.0  # a picture that tells nonsense seems to be minutes old


def clock_image(size: tuple[int, int] = (96, 320)) -> NDArray[np.uint8]:
    """Return a picture, uint8 (H, W, 3), whose bars tell the time in hundredths of a second."""
    hundredths = int(time.monotonic() * 100) % (1 << BARS)
    bits = np.array([hundredths >> bit & 1 for bit in range(BARS)], dtype=np.uint8)
    row = (40 + 170 * bits)[np.arange(size[1]) * BARS // size[1]]
    return np.broadcast_to(row[None, :, None], (*size, 3)).astype(np.uint8).copy()


def made_s(frame: Frame, now_s: float) -> float:
    """Return when a picture was made, by `time.monotonic`; some time ago when it tells nonsense."""
    luma = frame.image.mean(axis=(0, 2))
    bars = [float(np.median(bar)) for bar in np.array_split(luma, BARS)]
    hundredths = sum((bar > 125) << bit for bit, bar in enumerate(bars))
    return round(now_s - (now_s - hundredths / 100) % ROUND_S, 2)


@dataclass
class CapturedRecord:
    """What was seen of one frame."""

    index: int
    time_s: float
    size: tuple[int, int]
    made_s: float
    captured_s: float
    at_s: float
    name: str
    dropped: int

    @property
    def age_s(self) -> float:
        """How long before it was taken the picture was made, seconds."""
        return self.at_s - self.made_s

    @property
    def delay_s(self) -> float:
        """How long after its capture it was taken, seconds."""
        return self.at_s - self.captured_s


@dataclass
class Watch:
    """Takes the frames of a source on a thread, as the pipeline does."""

    text: str
    options: StreamOptions = field(default_factory=StreamOptions)
    retry: RetryPolicy = PATIENT
    busy_s: float = 0.0
    records: list[CapturedRecord] = field(default_factory=list)
    states: list[tuple[str, float]] = field(default_factory=list)
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self.source = LiveSource(
            parse_source_uri(self.text),
            options=self.options,
            on_state=lambda state: self.states.append((state, time.monotonic())),
            retry=self.retry,
        )
        self.thread = threading.Thread(target=self._take, daemon=True)
        self._states_seen = 0

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.source.stop()
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()
        self.source.close()
        self.source.close()

    def _take(self) -> None:
        try:
            if self.source.first_size() is None:
                return
            for frame in self.source:
                now_s, dropped = time.monotonic(), self.source.dropped
                assert frame.captured_s is not None
                self.records.append(
                    CapturedRecord(
                        index=frame.index,
                        time_s=frame.time_s,
                        size=frame.size,
                        made_s=made_s(frame, now_s),
                        captured_s=frame.captured_s,
                        at_s=now_s,
                        name=frame.name,
                        dropped=dropped,
                    )
                )
                time.sleep(self.busy_s)
        except BaseException as error:  # noqa: BLE001 - looked at by the tests
            self.error = error

    def has(self, count: int) -> None:
        """Wait for some frames."""
        self.wait_until(lambda: len(self.records) >= count)

    def more(self, count: int = 10) -> list[CapturedRecord]:
        """Wait for further frames, and return them."""
        before = len(self.records)
        self.has(before + count)
        return self.records[before:]

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so; an error of the source ends the waiting at once."""
        wait_until(lambda: condition() or self.error)
        assert self.error is None, self.error

    def wait_for_state(self, beginning: str) -> float:
        """Wait for a state that begins so, after those waited for before; return when it came."""

        def is_told() -> bool:
            for number, (state, _) in enumerate(self.states[self._states_seen :]):
                if state.startswith(beginning):
                    self._states_seen += number + 1
                    return True
            return False

        wait_until(is_told)
        return self.states[self._states_seen - 1][1]

    def pause_until_still(self) -> int:
        """Pause for a second in which no frame comes; return how many came before."""
        self.source.pause(True)  # noqa: FBT003
        return settled(lambda: len(self.records), still_s=1.0)

    def check_order(self) -> None:
        """Check what holds for every source."""
        assert self.error is None, self.error
        for before, after in zip(self.records, self.records[1:], strict=False):
            assert after.index > before.index
            assert after.time_s > before.time_s
        assert all(record.delay_s >= 0 for record in self.records)

    def check_fresh(self, *, age_s: float = 1.0) -> None:
        """Check that pictures come whole, in the order they were made, and not from a queue.

        A single picture may be late on a busy machine; behind a queue all of them would be.

        Args:
            age_s: How old a picture may be that does not come from a queue, seconds.
        """
        made_s = [record.made_s for record in self.records]
        assert made_s == sorted(made_s)
        assert all(record.age_s < _READABLE_S for record in self.records)
        before = len(self.records)
        self.wait_until(lambda: any(one.age_s < age_s for one in self.records[before:]))

    def check_reconnects(self) -> None:
        """Check that there were reconnects, and that each connection counts as one."""
        lives = [state for state, _ in self.states].count("live")
        assert self.source.reconnects == lives - 1 > 0

    def check_pace(self, fps: float) -> None:
        """Check that no frame of a recording is due before its time."""
        for before, after in zip(self.records, self.records[1:], strict=False):
            steps = after.index - before.index
            assert after.captured_s - before.captured_s > steps / fps - 1e-3
        self.check_order()

    def check_dropped(self, *, stride: int = 1) -> None:
        """Check that what was missed counts as dropped, and nothing else does."""
        more = [
            record.dropped - (record.index // stride - number)
            for number, record in enumerate(self.records)
        ]
        # Frames may be dropped between taking one and looking at the count, but not always.
        assert min(more) == min(more[len(more) // 2 :]) == 0, more


def lag_spread_s(records: list[CapturedRecord]) -> float:
    """Return by how much the times of most frames differ from those of their making, seconds."""
    early, late = np.percentile([one.time_s - one.made_s for one in records], [25, 75])
    return float(late - early)


def failure_text(text: str, options: StreamOptions | None = None) -> str:
    """Return message and hint of the error that a source gives at once."""
    with Watch(text, options or StreamOptions()) as watch:
        wait_until(lambda: watch.error)
        assert isinstance(watch.error, SourceError), watch.error
        assert watch.error.hint
        return f"{watch.error} | {watch.error.hint}"
