"""Evidence turned into scores that are probabilities, with the constants measured for that.

The evidence for a mask is the overlap with the truth that a network itself expects, see
`expected_iou`. A curve of two constants makes of it how often such a mask has an IoU above 0.5.
`python benchmarks/merge.py` measures the constants anew, for other weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MARGIN = 1e-6  # evidence and probabilities never are 0 or 1, whose log odds are infinite


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A rising curve from evidence to a probability: a line of their log odds.

    Attributes:
        offset: Log odds of the probability where the evidence is 0.5.
        slope: By how much they rise with those of the evidence; above 0.
    """

    offset: float
    slope: float

    def probability(self, evidence: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probability that a mask is right, float32 (N,), in [0, 1].

        Args:
            evidence: float32 (N,), in [0, 1]; 0 stays 0.
        """
        odds = self.offset + self.slope * _log_odds(evidence)
        return np.where(evidence > 0, 0.5 + 0.5 * np.tanh(odds / 2), 0).astype(np.float32)

    def evidence(self, probability: float) -> float:
        """Return the evidence that is needed for a probability, in [0, 1].

        Args:
            probability: In [0, 1].
        """
        if probability <= 0:
            return 0.0
        odds = (float(_log_odds(np.float32(probability))) - self.offset) / self.slope
        return float(0.5 + 0.5 * np.tanh(odds / 2))


# Of 237 frames, Weimar and Ulm, and a model of mIoU 57 and AP 18. Fitted to one city alone they are
# 1.61, 1.10 and 1.64, 1.17; 0.55, 3.86 and 0.28, 3.47.
THINGS = Calibration(offset=1.62, slope=1.13)
SURFACES = Calibration(offset=0.44, slope=3.69)


def expected_iou(
    agreed: NDArray[np.number], area: NDArray[np.number], mass: NDArray[np.number]
) -> NDArray[np.float32]:
    """Return the overlap of each mask with the truth that probabilities let expect, float32 (N,).

    Args:
        agreed: Any real dtype, (N,), the sum of the probabilities inside of the mask.
        area: The same of its pixels; 0 gives 0.
        mass: The same of the probabilities inside and outside.
    """
    union = area + mass - agreed
    return np.where(area > 0, agreed / np.maximum(union, _MARGIN), 0).clip(0, 1).astype(np.float32)


def _log_odds(share: NDArray[np.float32] | np.float32) -> NDArray[np.float64]:
    inside = np.clip(np.asarray(share, dtype=np.float64), _MARGIN, 1 - _MARGIN)
    return np.log(inside / (1 - inside))
