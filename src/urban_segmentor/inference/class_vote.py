"""What the map of classes says about the objects of the head: their masks, and how sure they are.

The classes of the head stay as they are. It tells a truck from a bus better than the map does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from urban_segmentor.inference.calibration import THINGS, Calibration, expected_iou

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.structures.classes import ClassList

_PEOPLE = frozenset({"person", "rider"})
_MAX_LOG_ODDS = 4.0  # the map may be sure, and not right

MASK_WEIGHT = 0.25
"""Weight of the map's log odds in the logits of masks."""


class ThingMaps(NamedTuple):
    """How probable objects are at each pixel of the network's maps.

    Attributes:
        groups: float32 (2, h, w): people, and all other things. Riders are people to the map, and
            trucks cars, more often than walls are either.
        group_of: intp (C,), the group of each class.
    """

    groups: NDArray[np.float32]
    group_of: NDArray[np.intp]


def thing_maps(probabilities: NDArray[np.float32], classes: ClassList) -> ThingMaps:
    """Return how probable objects are at each pixel.

    Args:
        probabilities: float32 (C, h, w), of the classes.
        classes: The class list of the model.
    """
    is_person = np.array([name in _PEOPLE for name in classes.names])
    members = [is_person & classes.is_thing, ~is_person & classes.is_thing]
    return ThingMaps(
        groups=np.stack([probabilities[member].sum(axis=0) for member in members]),
        group_of=(~is_person).astype(np.intp),
    )


def voted_masks(
    coefficients: NDArray[np.float32],
    prototypes: NDArray[np.float32],
    class_ids: NDArray[np.int32],
    maps: ThingMaps,
    *,
    weight: float = MASK_WEIGHT,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return coefficients and prototypes in which the map has its say.

    Its log odds are one more prototype for each group, of which each object of the group takes
    the weight, so that the product that makes masks adds them as it goes.

    Args:
        coefficients: float32 (N, M), weights of the mask prototypes.
        prototypes: float32 (M, h, w).
        class_ids: int32 (N,).
        maps: How probable objects are.
        weight: Of the map.

    Returns:
        float32 (N, M + 2) and (M + 2, h, w).
    """
    edge = 1 / (1 + np.exp(_MAX_LOG_ODDS))
    groups = np.clip(maps.groups, edge, 1 - edge)
    log_odds = np.log(groups / (1 - groups)).astype(np.float32)
    shares = np.zeros((len(coefficients), len(groups)), dtype=np.float32)
    shares[np.arange(len(shares)), maps.group_of[class_ids]] = weight
    return np.hstack([coefficients, shares]), np.concatenate([prototypes, log_odds])


def voted_scores(
    scores: NDArray[np.float32],
    logits: NDArray[np.float32],
    boxes: NDArray[np.float32],
    maps: ThingMaps,
    *,
    calibration: Calibration = THINGS,
) -> NDArray[np.float32]:
    """Return how probable it is that objects are right, float32 (N,), in [0, 1].

    The evidence is the score of the head times the expected IoU of the mask, where a pixel belongs
    to it as far as head and map both say so.

    Args:
        scores: float32 (N,), of the head.
        logits: float32 (N, h, w), of the masks; positive is inside.
        boxes: float32 (N, 4), pixels of the maps, `x1, y1, x2, y2`.
        maps: How probable objects are.
        calibration: From evidence to probability.
    """
    things = maps.groups.sum(axis=0)
    return calibration.probability(scores * _overlaps(logits, boxes, things))


def _overlaps(
    logits: NDArray[np.float32], boxes: NDArray[np.float32], things: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the expected IoU of masks, each inside its own box, float32 (N,)."""
    height, width = things.shape
    low = np.floor(boxes[:, :2]).clip(0, [width, height]).astype(np.intp)
    high = np.ceil(boxes[:, 2:]).clip(low, [width, height]).astype(np.intp)
    # The pixels of all boxes in one row, as one operation for all costs less than many for each.
    columns, rows = (high - low).T
    counts = rows * columns
    owner = np.repeat(np.arange(len(boxes)), counts)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    down, across = np.divmod(within, columns[owner])
    down, across = down + low[owner, 1], across + low[owner, 0]
    values = logits[owner, down, across]
    probable = (0.5 + 0.5 * np.tanh(values / 2)) * things[down, across]
    inside = values > 0
    area, agreed, mass = (
        np.bincount(owner, weights=weights, minlength=len(boxes))
        for weights in (inside, probable * inside, probable)
    )
    return expected_iou(agreed, area, mass)
