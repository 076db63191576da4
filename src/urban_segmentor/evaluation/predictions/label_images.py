"""Semantic maps in the layout of the Cityscapes benchmark: one PNG of label ids per image.

Source: `evaluation/evalPixelLevelSemanticLabeling.py` of cityscapesScripts, which finds the
prediction of an image by its city, sequence and frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.errors import PredictionError
from urban_segmentor.evaluation.predictions.png import read_label_ids
from urban_segmentor.evaluation.predictions.prediction import FramePrediction
from urban_segmentor.structures.cityscapes_labels import CITYSCAPES, TRAIN_LABELS
from urban_segmentor.structures.label_maps import resize_nearest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

_MAX_CHECKED = 8
_LAST_TRAIN_ID = len(TRAIN_LABELS) - 1
_IGNORED_TRAIN_ID = 255
_MAX_LABEL_ID = max(label.label_id for label in CITYSCAPES)
_FIRST_LABEL_ID = min(label.label_id for label in TRAIN_LABELS)
_TRAIN_IDS_HINT = (
    "save label ids (road 7, car 26), as the benchmark wants them: "
    "`labelId = trainId2label[trainId].id` of cityscapesscripts.helpers.labels"
)


class LabelImagePredictions:
    """Predicted semantic maps, PNG files of label ids.

    Args:
        root: The folder that all files must lie in.
        images: Path of the PNG by stem.
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
        """Return the predicted label ids of an image.

        Args:
            stem: Its name, one of `stems`.
            size: Height and width of the ground truth, pixels.

        Raises:
            PredictionError: There is no PNG of it, or it is damaged, of another size, or has
                values that are no label ids.
        """
        path = self._images.get(stem)
        if path is None:
            raise PredictionError(
                f"`{self._root}` has no picture of `{stem}`", hint="predict all of the split"
            )
        labels = read_label_ids(path, root=self._root, size=size, resize=self._resize)
        _check_values(_values(labels), path)
        labels = resize_nearest(labels, size)
        return FramePrediction(instances=None, panoptic=None, label_ids=labels)

    def _check_kind(self) -> None:
        """Check some of the images for train ids: small values only, some of no class."""
        order = sorted(self._images)
        seen = np.zeros(256, dtype=np.bool_)
        for stem in order[:: max(1, len(order) // _MAX_CHECKED)][:_MAX_CHECKED]:
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
    """Return the unique values of a map, ascending, intp (K,)."""
    return np.flatnonzero(np.bincount(labels.ravel(), minlength=256))


def _check_values(values: NDArray[np.intp], path: Path) -> None:
    """Check that all values are label ids."""
    largest = int(values.max(initial=0))
    if largest <= _MAX_LABEL_ID:
        return
    if largest == _IGNORED_TRAIN_ID and not np.any(values[:-1] > _LAST_TRAIN_ID):
        raise PredictionError(
            f"`{path}` holds train ids: its values are 0 to {_LAST_TRAIN_ID} and 255",
            hint=_TRAIN_IDS_HINT,
        )
    raise PredictionError(
        f"`{path}` has the value {largest}, label ids are 0 to {_MAX_LABEL_ID}",
        hint="save label ids, 0 where there is nothing",
    )
