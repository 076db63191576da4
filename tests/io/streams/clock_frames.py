"""Pictures that tell when they were made, and what is needed to watch a source."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

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
QUICK = RetryPolicy(
    open_timeout_s=1.2,
    read_timeout_s=0.8,
    hls_timeout_s=2.0,
    base_delay_s=0.25,
    max_delay_s=0.5,
    reset_after_s=1.0,
)


def clock_image(size: tuple[int, int] = (96, 320)) -> NDArray[np.uint8]:
    """Return a picture, uint8 (H, W, 3), whose bars tell the time in hundredths of a second."""
    hundredths = int(time.monotonic() * 100) % (1 << BARS)
    bits = np.array([hundredths >> bit & 1 for bit in range(BARS)], dtype=np.uint8)
    row = (40 + 170 * bits)[np.arange(size[1]) * BARS // size[1]]
    return np.broadcast_to(row[None, :, None], (*size, 3)).astype(np.uint8).copy()


def age_s(frame: Frame) -> float:
    """Return how long ago a picture was made, seconds; near `ROUND_S` when it tells nonsense."""
    luma = frame.image.mean(axis=(0, 2))
    bars = [float(np.median(bar)) for bar in np.array_split(luma, BARS)]
    hundredths = sum((bar > 125) << bit for bit, bar in enumerate(bars))
    return (time.monotonic() - hundredths / 100) % ROUND_S


def wait_for(met: Callable[[], object], *, seconds: float = 10.0) -> None:
    """Wait until something is so; fail when it does not come."""
    until_s = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < until_s, "it did not come in time"
        time.sleep(0.01)


@dataclass
class CapturedRecord:
    """What was seen of one frame."""

    index: int
    time_s: float
    size: tuple[int, int]
    age_s: float
    delay_s: float
    at_s: float
    name: str


@dataclass
class Watch:
    """Takes the frames of a source on a thread, as the pipeline does."""

    text: str
    options: StreamOptions = field(default_factory=StreamOptions)
    retry: RetryPolicy = QUICK
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

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.source.stop()
        self.thread.join(2.0)
        assert not self.thread.is_alive()
        self.source.close()
        self.source.close()

    def _take(self) -> None:
        try:
            if self.source.first_size() is None:
                return
            for frame in self.source:
                now_s = time.monotonic()
                assert frame.captured_s is not None
                self.records.append(
                    CapturedRecord(
                        index=frame.index,
                        time_s=frame.time_s,
                        size=frame.size,
                        age_s=age_s(frame),
                        delay_s=now_s - frame.captured_s,
                        at_s=now_s,
                        name=frame.name,
                    )
                )
                time.sleep(self.busy_s)
        except BaseException as error:  # noqa: BLE001 - looked at by the tests
            self.error = error

    def has(self, count: int, *, seconds: float = 10.0) -> None:
        """Wait for some frames."""
        wait_for(lambda: len(self.records) >= count or self.error, seconds=seconds)
        assert self.error is None, self.error

    def more(self, count: int = 10, *, seconds: float = 10.0) -> list[CapturedRecord]:
        """Wait for further frames, and return them."""
        before = len(self.records)
        self.has(before + count, seconds=seconds)
        return self.records[before:]

    def wait_for_state(self, beginning: str, *, seconds: float = 10.0) -> float:
        """Wait for a state that begins so, as the last one; return when it was told."""
        wait_for(lambda: self.states and self.states[-1][0].startswith(beginning), seconds=seconds)
        return self.states[-1][1]

    def check_order(self) -> None:
        """Check what holds for every source."""
        assert self.error is None, self.error
        for before, after in zip(self.records, self.records[1:], strict=False):
            assert after.index > before.index
            assert after.time_s > before.time_s
        assert all(record.delay_s >= 0 for record in self.records)

    def check_fresh(self, *, within_s: float = 1.0) -> None:
        """Check that every picture was made just before it was seen."""
        stale = [record for record in self.records if not record.age_s < within_s]
        assert not stale, stale[:3]


def failure_text(text: str, options: StreamOptions | None = None) -> str:
    """Return message and hint of the error that a source gives at once."""
    with Watch(text, options or StreamOptions()) as watch:
        wait_for(lambda: watch.error, seconds=QUICK.open_timeout_s + 1)
        assert isinstance(watch.error, SourceError), watch.error
        assert watch.error.hint
        return f"{watch.error} | {watch.error.hint}"
