"""Precision-recall curves, and the area under them by the rule of the Cityscapes benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PrecisionRecallCurve:
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
    tp_scores: NDArray[np.float64], fp_scores: NDArray[np.float64], *, objects: int
) -> PrecisionRecallCurve:
    """Return the precision-recall curve.

    Args:
        tp_scores: float64 (T,), scores of true positives.
        fp_scores: float64 (F,), scores of false positives.
        objects: Number of objects in the ground truth, at least 1 with true positives.
    """
    scores = np.concatenate([tp_scores, fp_scores])
    is_tp = np.append(np.ones(len(tp_scores)), np.zeros(len(fp_scores)))
    order = np.argsort(scores, kind="stable")
    levels, firsts = np.unique(scores[order], return_index=True)
    # Everything from the first place of a score on counts when that score is the threshold.
    true_positives = np.cumsum(is_tp[order][::-1])[::-1][firsts]
    positives = len(scores) - firsts
    return PrecisionRecallCurve(
        scores=levels, precision=true_positives / positives, recall=true_positives / max(objects, 1)
    )
