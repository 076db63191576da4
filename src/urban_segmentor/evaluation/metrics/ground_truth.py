"""Ground truth labels, decoded from official `instanceIds` values.

Source: `helpers/labels.py` and `evaluation/instances2dict.py` of cityscapesScripts: a value from
1000 on is one object, `label_id * 1000 + number`; a value below is stuff or a group, its label id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from urban_segmentor.errors import DatasetError
from urban_segmentor.structures._arrays import read_only
from urban_segmentor.structures.cityscapes_labels import CITYSCAPES, TRAIN_LABELS, CityscapesLabel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

Predicted = TypeVar("Predicted")

LABEL_COUNT = 34
"""Label ids are 0..33."""

THINGS: tuple[CityscapesLabel, ...] = tuple(label for label in TRAIN_LABELS if label.is_thing)
"""The eight classes of the instance benchmark."""

_FIRST_SINGLE = 1000
_LABEL_IDS = {label.label_id for label in CITYSCAPES if label.label_id >= 0}


class JointCounts(NamedTuple):
    """Joint histogram of two maps: pixels of each pair of values that occurs.

    Attributes:
        first: int64 (P,), value in the first map.
        second: int64 (P,), value in the second map.
        pixels: int64 (P,), at least 1.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    pixels: NDArray[np.int64]


def check_truth(instance_ids: NDArray[np.int32], *, size: tuple[int, int]) -> NDArray[np.int32]:
    """Return ground truth, read-only int32 (H, W), after checking that it fits.

    Args:
        instance_ids: int32 (H, W), official `instanceIds` values.
        size: Height and width of the prediction, pixels.

    Raises:
        ShapeError: It is no int32 (H, W) array.
        DatasetError: The predictions have another size.
    """
    frozen = read_only("instance_ids", instance_ids, "int32", "* *")
    check_same_size((frozen.shape[0], frozen.shape[1]), predicted=size)
    return frozen


def check_same_size(truth: tuple[int, int], *, predicted: tuple[int, int]) -> None:
    """Check that what was predicted has the size of the ground truth.

    Args:
        truth: Height and width of the ground truth, pixels.
        predicted: Those of the prediction.

    Raises:
        DatasetError: It has another one.
    """
    if truth != predicted:
        (height, width), (own_height, own_width) = truth, predicted
        raise DatasetError(
            f"the ground truth has {width} x {height} pixels, the prediction "
            f"{own_width} x {own_height}",
            hint="predict at the size of the labels, or resize the masks to it first",
        )


def paired(
    predictions: Iterable[Predicted], ground_truth: Iterable[NDArray[np.int32]]
) -> Iterator[tuple[Predicted, NDArray[np.int32]]]:
    """Yield pairs of a prediction and its ground truth, int32 (H, W) each.

    Raises:
        DatasetError: There are more of one than of the other.
    """
    rest = iter(ground_truth)
    for predicted in predictions:
        truth = next(rest, None)
        if truth is None:
            raise _uneven()
        yield predicted, truth
    if next(rest, None) is not None:
        raise _uneven()


def _uneven() -> DatasetError:
    return DatasetError(
        "there are not as many predictions as ground truths",
        hint="pass an empty prediction for a picture in which nothing was found",
    )


def joint_counts(
    first: NDArray[np.int32] | NDArray[np.uint8], second: NDArray[np.int32] | NDArray[np.uint8]
) -> JointCounts:
    """Return the joint histogram of two maps.

    Neighbours mostly agree, so runs of equal pairs are counted: one comparison a pixel.

    Args:
        first: int32 or uint8 (H, W), none negative.
        second: The same shape.
    """
    one, other = first.ravel(), second.ravel()
    if not len(one):
        nothing = np.zeros(0, dtype=np.int64)
        return JointCounts(nothing, nothing, nothing)
    changes = one[1:] != one[:-1]
    changes |= other[1:] != other[:-1]
    starts = np.append(0, np.flatnonzero(changes) + 1)
    keys = (one[starts].astype(np.int64) << 32) | other[starts]
    joint_keys, indices = np.unique(keys, return_inverse=True)
    pixels = np.bincount(
        indices, weights=np.diff(starts, append=len(one)), minlength=len(joint_keys)
    )
    return JointCounts(joint_keys >> 32, joint_keys & 0xFFFFFFFF, pixels.astype(np.int64))


def labels_of(instance_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the label id of each `instanceIds` value, int64 (K,).

    Args:
        instance_ids: int64 (K,).

    Raises:
        DatasetError: A value is of no label.
    """
    label_ids = np.where(instance_ids < _FIRST_SINGLE, instance_ids, instance_ids // _FIRST_SINGLE)
    unknown = [value for value in label_ids.tolist() if value not in _LABEL_IDS]
    if unknown:
        raise DatasetError(
            f"the ground truth has values of the label id {unknown[0]}, which does not exist",
            hint="it should be an official `instanceIds` picture, not one of train ids",
        )
    return label_ids


def is_single(instance_ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which `instanceIds` values are single objects, not stuff or groups, bool (K,).

    Args:
        instance_ids: int64 (K,).
    """
    return instance_ids >= _FIRST_SINGLE


def label_ids_of_classes(
    class_names: Sequence[str], labels: Sequence[CityscapesLabel]
) -> NDArray[np.int64]:
    """Return the label id of each class of a model, int64 (C,), 0 for those not evaluated.

    Args:
        class_names: The class list of the model; classes of one name are one class here.
        labels: The evaluated classes.
    """
    ids = {label.name: label.label_id for label in labels}
    return np.array([ids.get(name, 0) for name in class_names], dtype=np.int64)


def evaluated() -> NDArray[np.bool_]:
    """Return which label ids count in evaluation, bool (34,); the others are void."""
    table = np.zeros(LABEL_COUNT, dtype=np.bool_)
    table[[label.label_id for label in TRAIN_LABELS]] = True
    return table
