"""Precision over recall, and the area under it by the rule of the Cityscapes benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Curve:
    """Precision and recall at every score at which they change, the highest score last.

    Attributes:
        scores: float64 (K,), rising.
        precision: float64 (K,), in [0, 1].
        recall: float64 (K,), in [0, 1], falling.
    """

    scores: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    def area(self) -> float:
        """Return the area under the curve, in [0, 1].

        Stepwise, each point half a step to both sides, after a point of precision 1 at recall 0.
        """
        if not len(self.scores):
            return 0.0
        recall = np.append(self.recall, 0.0)
        widths = np.append(recall[0], recall[:-1]) - np.append(recall[1:], 0.0)
        return float(np.append(self.precision, 1.0) @ widths) / 2


def precision_recall(
    hits: NDArray[np.float64], misses: NDArray[np.float64], *, objects: int
) -> Curve:
    """Return precision over recall.

    Args:
        hits: float64 (T,), scores of true positives.
        misses: float64 (F,), scores of false positives.
        objects: How many there are to find, at least 1 where there are hits.
    """
    scores = np.concatenate([hits, misses])
    is_hit = np.append(np.ones(len(hits)), np.zeros(len(misses)))
    order = np.argsort(scores, kind="stable")
    levels, first = np.unique(scores[order], return_index=True)
    # Everything from the first place of a score on counts when that score is the threshold.
    true = np.cumsum(is_hit[order][::-1])[::-1][first]
    positives = len(scores) - first
    return Curve(scores=levels, precision=true / positives, recall=true / max(objects, 1))
