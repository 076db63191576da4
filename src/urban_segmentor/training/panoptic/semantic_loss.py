"""The loss of the semantic branch at points of the full-size labels."""

# PyTorch gives few types; what is used of it is checked by tests.
# pyright: basic

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from urban_segmentor.training.panoptic.label_maps import VOID

if TYPE_CHECKING:
    from numpy.typing import NDArray

_POWER = 0.35
_WEIGHTS = (0.5, 4.0)


def class_weights(pixels: NDArray[np.int64]) -> Tensor:
    """Return a weight for each class, float32 (C,): more for rare ones, within bounds.

    Args:
        pixels: int64 (C,), how many there are of each class; 0 for classes that never occur.
    """
    mean = pixels.sum() / max(len(pixels), 1)
    weights = np.clip((mean / np.maximum(pixels, 1)) ** _POWER, *_WEIGHTS)
    return torch.from_numpy(np.where(pixels > 0, weights, 1.0).astype(np.float32))


def semantic_loss(
    logits: Tensor, labels: Tensor, points: Tensor, *, weights: Tensor, dice: float
) -> tuple[Tensor, Tensor]:
    """Return the loss of the branch, and its cross entropy alone.

    Logits are interpolated at points of the labels, so that edges are learnt where they are.

    Args:
        logits: float (B, C, H / 4, W / 4).
        labels: uint8 (B, H, W), class ids, 255 for what nobody knows.
        points: int64 (B, P), flat positions in the labels.
        weights: float32 (C,), of each class.
        dice: Weight of the Dice loss over the classes that occur.
    """
    height, width = labels.shape[-2:]
    rows, columns = torch.div(points, width, rounding_mode="floor"), points % width
    grid = torch.stack([(columns + 0.5) / width, (rows + 0.5) / height], -1) * 2 - 1
    sampled = functional.grid_sample(
        logits.float(),
        grid[:, None].float(),
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )[:, :, 0]
    truth = labels.flatten(1).gather(1, points).long()
    known = truth != VOID
    if not known.any():
        nothing = (logits * 0).sum()
        return nothing, nothing.detach()
    entropy = functional.cross_entropy(sampled, truth, weight=weights, ignore_index=VOID)
    shares = sampled.softmax(1).permute(0, 2, 1)[known]
    classes = truth[known]
    common = torch.zeros_like(weights).scatter_add(
        0, classes, shares.gather(1, classes[:, None])[:, 0]
    )
    counts = torch.bincount(classes, minlength=len(weights)).float()
    losses = 1 - (2 * common + 1) / (shares.sum(0) + counts + 1)
    return entropy + dice * losses[counts > 0].mean(), entropy.detach()
