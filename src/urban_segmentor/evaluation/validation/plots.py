"""Plots of precision-recall curves and the confusion matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.reports.plots import heat_map_png, lines_png
from urban_segmentor.structures.cityscapes_labels import BY_NAME, TRAIN_NAMES

if TYPE_CHECKING:
    from urban_segmentor.evaluation.metrics.instance_ap import InstanceAp
    from urban_segmentor.evaluation.metrics.mean_iou import MeanIou


def precision_recall_png(result: InstanceAp) -> bytes:
    """Return the precision-recall curves of all classes of things at IoU 0.5, as PNG.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    there = {name: figures for name, figures in result.classes.items() if figures.objects}
    return lines_png(
        {
            f"{name}, AP50 {100 * figures.ap50:.1f}": (
                figures.curve.recall.tolist(),
                figures.curve.precision.tolist(),
            )
            for name, figures in there.items()
        },
        colors=[BY_NAME[name].color for name in there],
        title=f"Precision over recall at IoU 0.5, {result.images} pictures",
        across="recall",
        down="precision",
        limits=(0, 1.02),
    )


def confusion_png(result: MeanIou) -> bytes:
    """Return the confusion matrix of pixels, normalized by class, as PNG.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    pixels = result.confusion.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        shares = result.confusion / pixels
    return heat_map_png(
        shares,
        rows=TRAIN_NAMES,
        columns=(*TRAIN_NAMES, "nothing"),
        title=f"Pixels of each class, %, {result.images} pictures",
        across="predicted",
        down="true",
    )
