"""Random scenes with all that makes evaluations differ: groups, void, ties, duplicates, specks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.structures.cityscapes_labels import (
    BY_NAME,
    CITYSCAPES,
    TRAIN_LABELS,
    TRAIN_NAMES,
)
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks
from urban_segmentor.structures.panoptic import PanopticMap, Segment

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = (72, 96)
_THINGS = [label.label_id for label in CITYSCAPES if label.is_thing]
_ALL = [label.label_id for label in CITYSCAPES if label.label_id >= 0]
NAMES = (*TRAIN_NAMES, "caravan")  # the benchmark leaves out the last one


def truth(rng: np.random.Generator, *, size: tuple[int, int] = SIZE) -> NDArray[np.int32]:
    """Return ground truth, int32 (H, W): stuff, void, groups, objects large and tiny."""
    ids = np.full(size, rng.choice(_ALL), dtype=np.int32)
    for number in range(int(rng.integers(0, 25))):
        y1, x1 = (int(rng.integers(0, side)) for side in size)
        height, width = rng.integers(1, 40, 2).tolist()
        kind = rng.random()
        value = int(rng.choice(_ALL))
        if kind < 0.6:
            value = int(rng.choice(_THINGS)) * 1000 + number
        elif kind < 0.75:
            value = int(rng.choice(_THINGS))
        ids[y1 : y1 + height, x1 : x1 + width] = value
    return ids


def instances(rng: np.random.Generator, ids: NDArray[np.int32]) -> Instances:
    """Return predictions, some near the truth, some twice, some of nothing; scores with ties."""
    masks: list[NDArray[np.bool_]] = []
    classes: list[int] = []
    for value in np.unique(ids).tolist():
        label = value if value < 1000 else value // 1000
        own = [i for i, name in enumerate(NAMES) if BY_NAME[name].label_id == label]
        for _ in range(int(rng.choice([0, 1, 1, 2]))):
            mask = np.roll(ids == value, rng.integers(-3, 4, 2), axis=(0, 1))
            mask &= rng.random(ids.shape) > rng.choice([0.0, 0.2, 0.5])
            masks.append(mask)
            classes.append(own[0] if own and rng.random() < 0.8 else int(rng.integers(len(NAMES))))
    for _ in range(int(rng.integers(0, 6))):
        mask = np.zeros(ids.shape, dtype=np.bool_)
        y, x = (int(rng.integers(0, side)) for side in ids.shape)
        mask[y : y + int(rng.integers(0, 30)), x : x + int(rng.integers(1, 30))] = True
        masks.append(mask)
        classes.append(int(rng.integers(len(NAMES))))
    dense = np.stack(masks) if masks else np.zeros((0, *ids.shape), dtype=np.bool_)
    return of_masks(dense, classes, rng.integers(1, 8, len(masks)) / np.float32(8))


def of_masks(
    dense: NDArray[np.bool_], classes: list[int], scores: NDArray[np.float32]
) -> Instances:
    """Return instances of masks, bool (N, H, W), whose boxes hug them."""
    masks = Masks.from_dense(dense)
    return Instances(
        boxes=masks.rectangles(),
        masks=masks,
        scores=scores.astype(np.float32),
        class_ids=np.array(classes, dtype=np.int32),
        classes=known_classes(NAMES),
    )


def panoptic(rng: np.random.Generator, ids: NDArray[np.int32]) -> PanopticMap:
    """Return a prediction near the truth: shifted, noisy, with wrong classes and void."""
    shifted = np.roll(ids, rng.integers(-4, 5, 2), axis=(0, 1))
    noise = rng.random(ids.shape) < 0.1
    shifted = np.where(noise, np.roll(shifted, 7, axis=1), shifted)
    out = np.zeros(ids.shape, dtype=np.int32)
    segments: list[Segment] = []
    for number, value in enumerate(np.unique(shifted).tolist(), start=1):
        label = value if value < 1000 else value // 1000
        own = [i for i, row in enumerate(TRAIN_LABELS) if row.label_id == label]
        if rng.random() < 0.1 or (not own and rng.random() < 0.5):
            continue
        class_id = own[0] if own and rng.random() < 0.8 else int(rng.integers(19))
        out[shifted == value] = number * 3
        segments.append(
            Segment(
                segment_id=number * 3,
                class_id=class_id,
                is_thing=TRAIN_LABELS[class_id].is_thing,
                score=0.5,
                area_px=int(np.count_nonzero(shifted == value)),
            )
        )
    return PanopticMap(segment_ids=out, segments=tuple(segments))
