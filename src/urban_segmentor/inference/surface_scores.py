"""How sure a map of classes is of each of its surfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.inference.calibration import SURFACES, Calibration, expected_iou
from urban_segmentor.structures.pixel_grids import grid_axes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.structures.panoptic import SemanticMap


def surface_scores(
    semantic: SemanticMap, is_free: NDArray[np.bool_], *, calibration: Calibration = SURFACES
) -> NDArray[np.float32]:
    """Return how probable it is that each class has its pixels right, float32 (C,), in [0, 1].

    The evidence is the expected IoU of all pixels of a class: a wall that may as well be a fence,
    or one that may go on where the map says building, has little. It is summed up at the
    resolution of the network; a class that is best at none of its pixels has 0.

    Args:
        semantic: The class of each pixel.
        is_free: bool (H, W), the pixels that no object covers; others do not count.
        calibration: From evidence to probability.
    """
    count, *size = semantic.logits.shape
    down, across = grid_axes(semantic.letterbox, (size[0], size[1]))
    inside = np.s_[down.first : down.last + 1, across.first : across.last + 1]
    free = is_free[np.ix_(down.centres(), across.centres())].ravel()
    class_ids = semantic.coarse_class_ids[inside].ravel()[free]
    area, agreed = (
        np.bincount(class_ids, weights=weights, minlength=count)
        for weights in (None, semantic.coarse_scores[inside].ravel()[free])
    )
    shares = semantic.probabilities[(slice(None), *inside)].reshape(count, -1)
    mass = shares @ free.astype(np.float32)
    return calibration.probability(expected_iou(agreed, area, mass))
