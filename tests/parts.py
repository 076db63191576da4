"""Stages of a pipeline that are simple enough to be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.result import Result
from urban_segmentor.structures.frame import Frame, Image
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from urban_segmentor.models.spec import ModelSpec

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

    @property
    def spec(self) -> ModelSpec:
        """Nobody asks for it here."""
        raise NotImplementedError

    def __call__(self, image: Frame, /) -> Result:
        """Return instances of class 0, 1, ..."""
        number = image.index
        self.before(number)
        n = number % 3
        instances = Instances(
            boxes=np.zeros((n, 4), dtype=np.float32),
            masks=Masks.from_dense(np.zeros((n, 2, 2), dtype=np.bool_)),
            scores=np.ones(n, dtype=np.float32),
            class_ids=np.arange(n, dtype=np.int32),
        )
        return Result(frame=image, instances=instances, milliseconds={"infer": float(number)})


class Keeping:
    """A sink that keeps what it gets: frame number, first pixel, number of instances."""

    def __init__(
        self, before: Callable[[int], None] = lambda _: None, *, drawn: bool = False
    ) -> None:
        self.before, self.drawn = before, drawn
        self.stage_name = "encode" if drawn else "write"
        self.closed = 0
        self.rows: list[tuple[int, int, int]] = []

    def write(self, result: Result, /) -> None:
        """Append a row."""
        frame = result.rendered if self.drawn else result.frame
        self.before(frame.index)
        self.rows.append((frame.index, int(frame.image[0, 0, 0]), len(result)))

    def close(self) -> None:
        """Count the calls."""
        self.closed += 1


class Adding:
    """A renderer that adds 100 to every pixel."""

    def __init__(self, before: Callable[[int], None] = lambda _: None) -> None:
        self.before = before

    def __call__(self, frame: Frame, result: Result, /) -> Image:
        """Return the brighter picture."""
        self.before(len(result))
        return frame.image + np.uint8(100)


def rows(count: int, *, drawn: bool = False) -> list[tuple[int, int, int]]:
    """Return what a sink has got after so many frames."""
    return [(i, i + 100 * drawn, i % 3) for i in range(count)]
