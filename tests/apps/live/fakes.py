"""A source, a display and a model that are simple enough to be trusted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.inference.config import SegmenterConfig
from urban_segmentor.result import Result
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.structures.frame import Frame, Yuv420
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from urban_segmentor.protocols import Stage
    from urban_segmentor.visualization.live_stats import LiveStats

SIZE = (36, 64)
NAMES = ("car", "person", "road")
CLASSES = ClassList.from_names(NAMES, is_thing=[True, True, False])


def image(index: int) -> Yuv420:
    """Return planes whose luma says which frame it is."""
    return Yuv420(
        y=np.full(SIZE, 16 + index % 200, dtype=np.uint8),
        u=np.full((SIZE[0] // 2, SIZE[1] // 2), 128, dtype=np.uint8),
        v=np.full((SIZE[0] // 2, SIZE[1] // 2), 128, dtype=np.uint8),
    )


class Given:
    """A source that gives frames one after the other; `LiveSource` without a reader.

    Args:
        count: How many.
        every_s: Time between two, seconds.
        size: Height and width to tell; None as if it was stopped before the first frame, so that
            none comes.
        error: Raised instead of the first frame.
    """

    def __init__(
        self,
        count: int = 5,
        *,
        every_s: float = 0.0,
        size: tuple[int, int] | None = SIZE,
        error: BaseException | None = None,
    ) -> None:
        self.count, self.every_s, self.size, self.error = count, every_s, size, error
        self.dropped, self.reconnects, self.state, self.is_live = 7, 2, "live", True
        self.problems = ["a frame was damaged"]
        self.pauses: list[bool] = []
        self.stopped = size is None
        self.closed = 0

    def first_size(self) -> tuple[int, int] | None:
        """Return the size at once."""
        if self.error is not None:
            raise self.error
        return self.size

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames, until it is stopped."""
        for index in range(self.count):
            time.sleep(self.every_s)
            if self.stopped:
                return
            yield Frame(
                pixels=image(index),
                index=index,
                time_s=index / 25,
                name=f"given_{index:06d}",
                captured_s=time.monotonic(),
            )

    def pause(self, paused: bool) -> None:  # noqa: FBT001 - as `LiveSource` has it
        """Note the wish."""
        self.pauses.append(paused)

    def stop(self) -> None:
        """End soon."""
        self.stopped = True

    def close(self) -> None:
        """Count the calls."""
        self.closed += 1


class Model:
    """A segmenter that finds one instance of each class everywhere; scores 0.9, 0.6, 0.3."""

    streams = 1

    def __init__(self, *, conf: float = 0.25, before: Callable[[], None] = lambda: None) -> None:
        self.config = SegmenterConfig(conf=conf)
        self.before = before
        self.confs: list[float] = []

    def with_config(self) -> Model:
        """Return one with a configuration of its own."""
        other = Model(conf=self.config.conf, before=self.before)
        other.confs = self.confs
        return other

    def for_video(self) -> tuple[Model, tuple[Stage, ...]]:
        """Return itself: it has no maps to smooth."""
        return self, ()

    def __call__(self, image: Frame, /) -> Result:
        """Return what is above the lowest score."""
        self.before()
        conf = self.config.conf
        self.confs.append(conf)
        height, width = image.size
        scores = np.array([0.9, 0.6, 0.3], dtype=np.float32)
        found = Instances(
            boxes=np.array([[0, 0, width, height]] * 3, dtype=np.float32),
            masks=Masks.from_dense(np.ones((3, height, width), dtype=np.bool_)),
            scores=scores,
            class_ids=np.arange(3, dtype=np.int32),
            classes=CLASSES,
        )
        kept = found.select(scores > conf)
        return Result(frame=image, instances=kept, milliseconds={"infer": 10.0})


class Noting:
    """A display that keeps what it was given; it calls a function for each frame."""

    where = "a list"

    def __init__(self, each: Callable[[int], None] = lambda _count: None) -> None:
        self.each = each
        self.frames: list[Frame] = []
        self.readings: list[LiveStats] = []
        self.polls = 0

    def show(self, frame: Frame, readings: LiveStats) -> None:
        """Keep the frame."""
        self.frames.append(frame)
        self.readings.append(readings)
        self.each(len(self.frames))

    def poll(self, readings: LiveStats) -> None:
        """Count the calls."""
        self.polls += 1
        self.readings.append(readings)

    def say(self, message: str) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
