"""Which images a step learns from, and how each is changed: a function of seed and step alone.

So a training that was killed goes on with the very batches that it would have had.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

_ORDER, _OFFSET, _SHAPE, _IMAGE = range(4)  # streams of chance


class BatchItem(NamedTuple):
    """One image of a batch.

    Attributes:
        position: Of the image in the training data.
        seed: Of all chance in its changes.
        size: Height and width of the batch, pixels.
    """

    position: int
    seed: tuple[int, ...]
    size: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """The batches of a training, from any step on.

    Attributes:
        factors: How often each image is to be seen in a pass.
        batch: Images in a batch.
        shapes: Heights and widths of batches, with their weights.
        seed: Of all chance.
    """

    factors: tuple[float, ...]
    batch: int
    shapes: tuple[tuple[tuple[int, int], float], ...]
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        """Batches of a pass over the data; at least 1."""
        return max(int(sum(self.factors)) // self.batch, 1)

    def order(self, epoch: int) -> list[int]:
        """Return the images of a pass in random order, each about as often as its factor says.

        Args:
            epoch: Number of the pass, from 0.
        """
        ends = np.cumsum(self.factors)
        count = max(int(sum(self.factors)), self.batch)
        offset = self._rng(_OFFSET, epoch).random()
        points = (np.arange(count) + offset) * (sum(self.factors) / count)
        chosen = np.minimum(np.searchsorted(ends, points, side="right"), len(ends) - 1)
        order: list[int] = self._rng(_ORDER, epoch).permutation(chosen).tolist()
        return order

    def batches(self, step: int) -> Iterator[list[BatchItem]]:
        """Yield the batches from a step on, without end.

        Args:
            step: Number of the first one, from 0.
        """
        sizes = [size for size, _ in self.shapes]
        whole = sum(weight for _, weight in self.shapes)
        weights = [weight / whole for _, weight in self.shapes]
        while True:
            epoch, first = divmod(step, self.steps_per_epoch)
            order = self.order(epoch)
            for number in range(first, self.steps_per_epoch):
                chosen = self._rng(_SHAPE, step).choice(len(sizes), p=weights)
                start = number * self.batch
                yield [
                    BatchItem(index, (self.seed, _IMAGE, step, place), sizes[chosen])
                    for place, index in enumerate(order[start : start + self.batch])
                ]
                step += 1

    def _rng(self, *stream: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, *stream))
