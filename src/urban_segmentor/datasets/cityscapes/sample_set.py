"""A Cityscapes folder as a set of frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urban_segmentor.datasets.cityscapes.check import set_findings
from urban_segmentor.datasets.dataset_classes import DatasetClasses
from urban_segmentor.datasets.samples import SampleSet
from urban_segmentor.structures.cityscapes_labels import CITYSCAPES, TRAIN_LABELS

if TYPE_CHECKING:
    from urban_segmentor.datasets.cityscapes.layout import Layout

COLORED = DatasetClasses(
    labels=tuple(label for label in CITYSCAPES if label.label_id > 0 and any(label.color))
)
"""Every class that has a color of its own, also those that no network is trained on."""


def cityscapes_set(layout: Layout) -> SampleSet:
    """Return the frames of a Cityscapes folder.

    Args:
        layout: What the folder has.
    """
    return SampleSet(
        root=layout.root,
        kind="cityscapes",
        samples=layout.frames,
        classes=DatasetClasses(labels=tuple(label for label in CITYSCAPES if label.label_id > 0)),
        counted=DatasetClasses(labels=TRAIN_LABELS),
        drawn=COLORED,
        grouping="city",
        findings=tuple(set_findings(layout.frames)),
    )
