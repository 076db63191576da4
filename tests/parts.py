"""Stages of a pipeline that are simple enough to be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.structures.frame import Frame, Image, Yuv420
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STREAMS = 3


def numbered(index: int) -> Frame:
    """Return a frame whose pixels say which it is."""
    return Frame(pixels=np.full((2, 2, 3), index, dtype=np.uint8), index=index)


class Numbers:
    """A source of numbered frames; before each it calls a function with the number."""

    def __init__(self, count: int, before: Callable[[int], None] = lambda _: None) -> None:
        self.count, self.before = count, before
        self.given = self.closed = 0

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames."""
        for index in range(self.count):
            self.before(index)
            self.given += 1
            yield numbered(index)

    def close(self) -> None:
        """Count the calls."""
        self.closed += 1


class Counting:
    """A segmenter that finds as many instances as the picture's number, modulo 3."""

    def __init__(self, before: Callable[[int], None] = lambda _: None) -> None:
        self.streams, self.before = STREAMS, before

    def __call__(
        self, pixels: Image | Yuv420, *, on_stage: Callable[[str, float], None]
    ) -> Instances:
        """Return instances of class 0, 1, ..."""
        assert not isinstance(pixels, Yuv420)
        number = int(pixels[0, 0, 0])
        self.before(number)
        on_stage("infer", 0.001 * number)
        n = number % 3
        return Instances(
            boxes=np.zeros((n, 4), dtype=np.float32),
            masks=Masks.from_dense(np.zeros((n, 2, 2), dtype=np.bool_)),
            scores=np.ones(n, dtype=np.float32),
            class_ids=np.arange(n, dtype=np.int32),
        )


class Keeping:
    """A sink that keeps what it gets: frame number, first pixel, number of instances."""

    def __init__(self, before: Callable[[int], None] = lambda _: None) -> None:
        self.before = before
        self.rows: list[tuple[int, int, int]] = []

    def write(self, frame: Frame, instances: Instances) -> None:
        """Append a row."""
        self.before(frame.index)
        self.rows.append((frame.index, int(frame.image[0, 0, 0]), len(instances)))

    def close(self) -> None:
        """Do nothing."""


class Adding:
    """A renderer that adds 100 to every pixel."""

    def __init__(self, before: Callable[[int], None] = lambda _: None) -> None:
        self.before = before

    def __call__(self, frame: Frame, instances: Instances) -> Image:
        """Return the brighter picture."""
        self.before(len(instances))
        return frame.image + np.uint8(100)


def rows(count: int, *, drawn: bool = False) -> list[tuple[int, int, int]]:
    """Return what a sink has got after so many frames."""
    return [(i, i + 100 * drawn, i % 3) for i in range(count)]
