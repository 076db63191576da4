"""Label ids in the layout of the Cityscapes benchmark: one picture for each picture.

Source: `evaluation/evalPixelLevelSemanticLabeling.py` of cityscapesScripts, which finds the
prediction of a picture by its city, sequence and frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.errors import PredictionError
from urban_segmentor.evaluation.predictions.png import read_label_ids
from urban_segmentor.evaluation.predictions.prediction import FramePrediction
from urban_segmentor.evaluation.predictions.resizing import scaled_map
from urban_segmentor.structures.cityscapes_labels import CITYSCAPES, TRAIN_LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

_LOOKED_AT = 8
_LAST_TRAIN_ID = len(TRAIN_LABELS) - 1
_IGNORED_TRAIN_ID = 255
_MOST_LABEL_ID = max(label.label_id for label in CITYSCAPES)
_FIRST_LABEL_ID = min(label.label_id for label in TRAIN_LABELS)
_TRAIN_IDS_HINT = (
    "save label ids (road 7, car 26), as the benchmark wants them: "
    "`labelId = trainId2label[trainId].id` of cityscapesscripts.helpers.labels"
)


class LabelImagePredictions:
    """Pictures of label ids.

    Args:
        root: The folder, which no picture may leave.
        images: The picture of label ids of each picture.
        resize: True when they may be scaled to the ground truth.

    Raises:
        PredictionError: Some of them are damaged, or hold train ids.
    """

    kind = "Cityscapes label ids"
    class_names = tuple(label.name for label in TRAIN_LABELS)

    def __init__(self, root: Path, images: Mapping[str, Path], *, resize: bool) -> None:
        self._root = root
        self._images = dict(images)
        self._resize = resize
        self.stems = frozenset(images)
        self._check_kind()

    def of(self, stem: str, *, size: tuple[int, int]) -> FramePrediction:
        """Return the label ids of a picture.

        Args:
            stem: Its name, one of `stems`.
            size: Height and width of the ground truth, pixels.

        Raises:
            PredictionError: There is no picture of it, or it is damaged, of another size, or has
                values that are no label ids.
        """
        path = self._images.get(stem)
        if path is None:
            raise PredictionError(
                f"`{self._root}` has no picture of `{stem}`", hint="predict all of the split"
            )
        found = read_label_ids(path, root=self._root, size=size, resize=self._resize)
        _check_values(_values(found), path)
        labels = scaled_map(found, wanted=size)
        return FramePrediction(instances=None, panoptic=None, label_ids=labels)

    def _check_kind(self) -> None:
        """Look at some pictures: a set that only has small values, some of no class, is odd."""
        order = sorted(self._images)
        seen = np.zeros(256, dtype=np.bool_)
        for stem in order[:: max(1, len(order) // _LOOKED_AT)][:_LOOKED_AT]:
            path = self._images[stem]
            values = _values(read_label_ids(path, root=self._root, size=None, resize=False))
            _check_values(values, path)
            seen[values] = True
        # Label ids 1 to 6 are of no class that anybody predicts; train ids 1 to 6 are everywhere.
        values = np.flatnonzero(seen)
        if values.max(initial=0) <= _LAST_TRAIN_ID and seen[1:_FIRST_LABEL_ID].any():
            raise PredictionError(
                f"the pictures in `{self._root}` seem to hold train ids: their values are "
                f"{', '.join(map(str, values))}",
                hint=_TRAIN_IDS_HINT,
            )


def _values(labels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the values that occur, rising, intp (K,)."""
    return np.flatnonzero(np.bincount(labels.ravel(), minlength=256))


def _check_values(values: NDArray[np.intp], path: Path) -> None:
    """Refuse a picture with values that are no label ids."""
    most = int(values.max(initial=0))
    if most <= _MOST_LABEL_ID:
        return
    if most == _IGNORED_TRAIN_ID and not np.any(values[:-1] > _LAST_TRAIN_ID):
        raise PredictionError(
            f"`{path}` holds train ids: its values are 0 to {_LAST_TRAIN_ID} and 255",
            hint=_TRAIN_IDS_HINT,
        )
    raise PredictionError(
        f"`{path}` has the value {most}, label ids are 0 to {_MOST_LABEL_ID}",
        hint="save label ids, 0 where there is nothing",
    )
