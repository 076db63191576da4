"""Images with label maps as what a panoptic network learns from."""

# PyTorch gives few types; what is used of it is checked by tests.
# pyright: basic

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from urban_segmentor.errors import DatasetError
from urban_segmentor.structures.label_regions import label_regions
from urban_segmentor.training.panoptic.augment import (
    LabeledImage,
    mirrored,
    place,
    random_light,
    random_placement,
)
from urban_segmentor.training.panoptic.copy_paste import ground_ids, paste_objects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from urban_segmentor.training.panoptic.batch_plan import BatchItem
    from urban_segmentor.training.panoptic.settings import PanopticSettings
    from urban_segmentor.training.panoptic.training_frames import TrainingFrame

_MASK_STRIDE = 4
_MIN_OBJECT_PX = 12
_EDGE_PX = 5  # the width of the band around edges that half of the points lie in


class PanopticDataset(Dataset[dict[str, Any]]):
    """Randomly changed images by `BatchItem`, as tensors.

    A sample has `img` uint8 (3, H, W); `semantic` uint8 (H, W) and `points` int64 (P,), flat
    positions in it to learn from; `masks` float32 (H / 4, W / 4), 0 for none, k for the k-th
    object; `ignored` bool of that size; `cls` (K, 1) and `bboxes` (K, 4), `x, y, w, h` in shares
    of the image; `problems`, sentences about what could not be read.

    Args:
        frames: The images.
        names: Names of the classes by class id.
        instance_class_ids: Which classes are things, by the row of the head.
        settings: How images are changed.
    """

    def __init__(
        self,
        frames: Sequence[TrainingFrame],
        *,
        names: Sequence[str],
        instance_class_ids: Sequence[int],
        settings: PanopticSettings,
    ) -> None:
        cv2.setNumThreads(1)
        self._frames = frames
        self._settings = settings
        self._ground = ground_ids(names)
        self._rows = np.full(max(instance_class_ids) + 1, -1, dtype=np.int64)
        self._rows[list(instance_class_ids)] = np.arange(len(instance_class_ids))
        shares = {
            i: sum(i in frame.class_ids for frame in frames) / len(frames)
            for i in instance_class_ids
        }
        self._rare = frozenset(i for i, share in shares.items() if 0 < share < settings.rare * 2)
        self._donors = [i for i, frame in enumerate(frames) if frame.class_ids & self._rare]
        self._weights = _donor_weights(
            [frames[i].class_ids for i in self._donors], self._rare, shares
        )

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._frames)

    def __getitem__(self, item: BatchItem) -> dict[str, Any]:
        """Return the sample of an item; where its image cannot be read, that of the next one."""
        problems: list[str] = []
        for step in range(len(self._frames)):
            index = (item.position + step) % len(self._frames)
            try:
                sample = self._changed(self._frames[index].read(), item, problems)
            except DatasetError as error:
                problems.append(str(error))
            else:
                return {
                    **_tensors(sample, self._rows, item, self._settings.points),
                    "problems": problems,
                }
        raise DatasetError("no image of the training can be read any more", hint=problems[0])

    def _changed(self, sample: LabeledImage, item: BatchItem, problems: list[str]) -> LabeledImage:
        rng = np.random.default_rng(item.seed)
        settings = self._settings
        placement = random_placement(
            sample.image.shape[:2], item.size, rng, scale=settings.scale, bars=settings.bars
        )
        placed = place(sample, placement)
        if self._donors and rng.random() < settings.paste:
            frame = self._frames[int(rng.choice(self._donors, p=self._weights))]
            try:
                donor = frame.read()
            except DatasetError as error:
                problems.append(str(error))
            else:
                if donor.image.shape == sample.image.shape:
                    if rng.random() < 0.5:
                        placement = mirrored(placement, donor.image.shape[:2])
                    donor = place(donor, placement)
                    placed = paste_objects(placed, donor, wanted=self._rare, ground=self._ground)
        top, bottom, left, right = placement.window
        image = placed.image.copy()
        image[top:bottom, left:right] = random_light(image[top:bottom, left:right], rng)
        return LabeledImage(image=image, maps=placed.maps)


def collated(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a batch; `batch_idx` says which image each object is of.

    Args:
        samples: Of a `PanopticDataset`.
    """
    stacked = ("img", "semantic", "points", "masks", "ignored")
    batch: dict[str, Any] = {key: torch.stack([one[key] for one in samples]) for key in stacked}
    for key in ("cls", "bboxes"):
        batch[key] = torch.cat([one[key] for one in samples])
    counts = torch.tensor([len(one["cls"]) for one in samples])
    batch["batch_idx"] = torch.repeat_interleave(torch.arange(len(samples)), counts).float()
    batch["problems"] = [text for one in samples for text in one["problems"]]
    return batch


def _donor_weights(
    donors: Sequence[frozenset[int]], rare: frozenset[int], shares: dict[int, float]
) -> NDArray[np.float64] | None:
    """Return how likely each image gives objects: the rarer they are, the likelier."""
    if not donors:
        return None
    weights = np.array([max(shares[i] ** -0.5 for i in classes & rare) for classes in donors])
    return weights / weights.sum()


def _tensors(
    sample: LabeledImage, rows: NDArray[np.int64], item: BatchItem, points: int
) -> dict[str, Any]:
    maps = sample.maps
    height, width = maps.semantic.shape
    regions = label_regions(maps.instances.astype(np.int32))
    is_kept = (regions.values > 0) & (regions.pixels >= _MIN_OBJECT_PX)
    is_tiny = (regions.values > 0) & ~is_kept
    ignored = maps.ignored.astype(bool) | np.isin(maps.instances, regions.values[is_tiny])
    numbers = np.zeros(len(maps.class_ids) + 1, dtype=np.float32)
    numbers[regions.values[is_kept]] = np.arange(1, is_kept.sum() + 1)
    boxes = regions.boxes[is_kept].astype(np.float32) / (width, height, width, height)
    centers, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    classes = rows[maps.class_ids[regions.values[is_kept] - 1]]
    half = _MASK_STRIDE // 2
    coarse = (slice(half, None, _MASK_STRIDE), slice(half, None, _MASK_STRIDE))
    rng = np.random.default_rng((*item.seed, 1))
    return {
        "img": torch.from_numpy(np.ascontiguousarray(sample.image.transpose(2, 0, 1))),
        "semantic": torch.from_numpy(np.ascontiguousarray(maps.semantic)),
        "points": torch.from_numpy(_points(maps.semantic, rng, points)),
        "masks": torch.from_numpy(numbers[maps.instances[coarse]]),
        "ignored": torch.from_numpy(np.ascontiguousarray(ignored[coarse])),
        "cls": torch.from_numpy(classes.astype(np.float32)[:, None]),
        "bboxes": torch.from_numpy(np.hstack([centers, sides]).astype(np.float32)),
    }


def _points(semantic: NDArray[np.uint8], rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Return flat positions, int64 (count,): half of them anywhere, half near edges of classes."""
    edges = np.zeros(semantic.shape, dtype=np.uint8)
    edges[:-1] |= semantic[:-1] != semantic[1:]
    edges[:, :-1] |= semantic[:, :-1] != semantic[:, 1:]
    near = np.flatnonzero(cv2.dilate(edges, np.ones((_EDGE_PX, _EDGE_PX), dtype=np.uint8)))
    anywhere = rng.integers(0, semantic.size, count if not len(near) else count // 2)
    if not len(near):
        return anywhere
    return np.concatenate([anywhere, near[rng.integers(0, len(near), count - len(anywhere))]])
