"""The loss of the branch: where it looks, and what it leaves out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from urban_segmentor.training.panoptic.label_maps import VOID


def scene() -> tuple[Any, Any, Any]:
    """Return logits that are sure of class 0 left and 1 right, such labels, and all points."""
    import torch

    labels = torch.zeros(1, 16, 32, dtype=torch.uint8)
    labels[:, :, 16:] = 1
    logits = torch.full((1, 3, 4, 8), -10.0)
    logits[:, 0, :, :4], logits[:, 1, :, 4:] = 10.0, 10.0
    return logits, labels, torch.arange(16 * 32)[None]


def loss_of(logits: Any, labels: Any, points: Any) -> tuple[Any, float]:
    """Return the loss, and its cross entropy."""
    import torch

    from urban_segmentor.training.panoptic.semantic_loss import semantic_loss

    whole, entropy = semantic_loss(logits, labels, points, weights=torch.ones(3), dice=0.5)
    return whole, float(entropy)


def test_what_is_right_costs_nothing_away_from_edges() -> None:
    import torch

    logits, labels, _ = scene()
    inside = torch.tensor([[0, 5, 31, 16 * 32 - 1]])
    whole, entropy = loss_of(logits, labels, inside)
    assert entropy < 1e-4
    assert float(whole.detach()) < 0.01
    assert loss_of(-logits, labels, inside)[1] > 5


def test_it_is_interpolated_as_a_resize_does() -> None:
    import torch
    from torch.nn import functional

    logits, labels, points = scene()
    full = functional.interpolate(logits, size=(16, 32), mode="bilinear", align_corners=False)
    expected = functional.cross_entropy(full, labels.long())
    assert loss_of(logits, labels, points)[1] == pytest.approx(float(expected), rel=1e-4)
    assert torch.isfinite(full).all()


def test_void_teaches_nothing() -> None:
    logits, labels, points = scene()
    labels[:, :, 16:] = VOID
    logits[:, :, :, 6:] = 99.0
    logits.requires_grad_()
    loss_of(logits, labels, points)[0].backward()
    assert logits.grad[..., 6:].abs().max() == 0
    assert logits.grad.abs().max() > 0
    labels[:] = VOID
    logits.grad = None
    whole, entropy = loss_of(logits, labels, points)
    whole.backward()
    assert (float(whole.detach()), entropy) == (0.0, 0.0)
    assert logits.grad.abs().max() == 0


def test_weights_of_rare_classes_are_bounded() -> None:
    from urban_segmentor.training.panoptic.semantic_loss import class_weights

    weights = class_weights(np.array([10**9, 10**7, 10, 0])).numpy()
    assert weights[0] < weights[1] < weights[2] == 4.0
    assert weights[0] >= 0.5
    assert weights[3] == 1.0  # of a class that never occurs
