"""Ultralytics data set of a prepared YOLO folder, with ignore regions."""

# Ultralytics gives few types; what is used of it is checked by tests.
# pyright: basic, reportArgumentType=false, reportCallIssue=false, reportGeneralTypeIssues=false
# pyright: reportIncompatibleMethodOverride=false, reportAttributeAccessIssue=false

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ultralytics.data.dataset import YOLODataset

from urban_segmentor.training.conversion import ignored_outlines


class StreetDataset(YOLODataset):
    """A `YOLODataset` whose samples have a mask of ignore regions, `ignored`, bool (H / 4, W / 4).

    The outlines under `ignored/` travel through all augmentations as objects of one class more
    than there are, and leave the samples' objects at the end.

    Args:
        zoom: Lowest and highest factor of random scaling, in place of `1 +- scale`.
        more: Arguments of `YOLODataset`.
    """

    def __init__(self, *args: Any, zoom: tuple[float, float] | None = None, **more: Any) -> None:
        self._zoom = zoom
        super().__init__(*args, **more)

    def build_transforms(self, hyp: Any = None) -> Any:
        """Return the augmentations of Ultralytics, with this data set's range of zoom."""
        if hyp is not None and self._zoom is not None:
            hyp = copy(hyp)
            hyp.scale = self._zoom
        return super().build_transforms(hyp)

    def set_rectangle(self) -> None:
        """Set one shape for all training images: batches of several could not be shuffled."""
        super().set_rectangle()
        if self.augment:
            self.batch_shapes[:] = self.batch_shapes.max(axis=0)

    def get_labels(self) -> list[dict[str, Any]]:
        """Return the labels of each image, the ignore regions after its objects."""
        labels = super().get_labels()
        if not self.augment:
            return labels
        return [self._with_ignored(label) for label in labels]

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return a sample of Ultralytics, the ignore regions as a mask instead of objects."""
        sample = super().__getitem__(index)
        if not self.augment:
            return sample
        return _split_ignored(sample, n_classes=len(self.data["names"]))

    @staticmethod
    def collate_fn(batch: list[dict[str, Any]]) -> dict[str, Any]:
        """Return a batch of samples; `ignored` becomes bool (B, H / 4, W / 4)."""
        collated = YOLODataset.collate_fn(batch)
        if "ignored" in collated:
            collated["ignored"] = torch.stack(list(collated["ignored"]), 0)
        return collated

    def _with_ignored(self, label: dict[str, Any]) -> dict[str, Any]:
        outlines = ignored_outlines(Path(label["im_file"]))
        if not outlines:
            return label
        boxes = np.array(
            [[*(ring.min(0) + ring.max(0)) / 2, *np.ptp(ring, axis=0)] for ring in outlines],
            dtype=np.float32,
        )
        extra = np.full((len(outlines), 1), len(self.data["names"]), dtype=label["cls"].dtype)
        return {
            **label,
            "cls": np.concatenate([label["cls"], extra]),
            "bboxes": np.concatenate([label["bboxes"], boxes]),
            "segments": [*label["segments"], *outlines],
        }


def _split_ignored(sample: dict[str, Any], *, n_classes: int) -> dict[str, Any]:
    """Return a sample with its ignore regions as a mask instead of objects."""
    index_map = sample["masks"][0].long()
    counts = sample["cls"].flatten() < n_classes
    number = torch.cumsum(counts, 0) * counts
    ignored = torch.cat([torch.zeros(1, dtype=torch.bool), ~counts])[index_map]
    sample["masks"] = torch.cat([torch.zeros(1, dtype=number.dtype), number])[index_map][None].to(
        sample["masks"].dtype
    )
    if "sem_masks" in sample:  # class 0 is no claim where the mask is empty
        sample["sem_masks"] = torch.where(ignored, 0, sample["sem_masks"])
    return {
        **sample,
        "ignored": ignored,
        **{name: sample[name][counts] for name in ("cls", "bboxes", "batch_idx")},
    }
