"""Our loss is Ultralytics', but for what does not count."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from urban_segmentor.exporters.ultralytics_env import require_modules


@pytest.fixture(scope="module")
def model() -> Any:
    """Model."""
    import torch

    require_modules("ultralytics")
    from ultralytics.cfg import get_cfg
    from ultralytics.nn.tasks import SegmentationModel

    torch.manual_seed(0)
    model = SegmentationModel("yolov8n-seg.yaml", nc=19, verbose=False)
    model.args = SimpleNamespace(**vars(get_cfg()))
    return model.train()


@pytest.fixture(scope="module")
def ours() -> Any:
    """Our loss, imported when it is needed, as Ultralytics comes with it."""
    require_modules("ultralytics")
    from urban_segmentor.training import loss

    return loss


@pytest.fixture
def batch() -> dict[str, Any]:
    """Batch."""
    import torch

    generator = torch.Generator().manual_seed(1)
    masks = torch.zeros(2, 32, 64, dtype=torch.uint8)
    masks[0, 4:20, 4:30], masks[0, 8:30, 35:60], masks[1, 2:28, 10:50] = 1, 2, 1
    boxes = [[17, 12, 26, 16], [47.5, 19, 25, 22], [30, 15, 40, 26]]
    return {
        "img": torch.rand(2, 3, 128, 256, generator=generator),
        "cls": torch.tensor([[13.0], [11.0], [2.0]]),
        "batch_idx": torch.tensor([0.0, 0.0, 1.0]),
        "bboxes": torch.tensor(boxes) / torch.tensor([64, 32, 64, 32]),
        "masks": masks,
        "ignored": torch.zeros(2, 32, 64, dtype=torch.bool),
    }


def _parts(criterion: Any, preds: Any, batch: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in criterion(preds, batch)[1].items()}


def test_equals_ultralytics_where_all_counts(ours: Any, model: Any, batch: dict[str, Any]) -> None:
    preds = model(batch["img"])
    theirs = _parts(model.init_criterion(), preds, batch)
    mine = _parts(ours.StreetCriterion(model.init_criterion(), strides=[8, 16, 32]), preds, batch)
    assert mine == pytest.approx(theirs, rel=1e-5)
    assert theirs["seg_loss"] > 0


def test_masks_in_boxes_have_the_gradients_of_whole_ones(
    ours: Any, model: Any, batch: dict[str, Any]
) -> None:
    import torch

    preds = model(batch["img"])
    slopes = []
    for criterion in (
        model.init_criterion(),
        ours.StreetCriterion(model.init_criterion(), strides=[8, 16, 32]),
    ):
        loss = criterion(preds, batch)[0][1]
        wanted = [preds["mask_coefficient"], preds["proto"]]
        slopes.append(torch.autograd.grad(loss, wanted, retain_graph=True))
    for theirs, mine in zip(*slopes, strict=True):
        assert theirs.abs().max() > 0
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-7)


def test_boxes_that_reach_out_of_the_image(ours: Any) -> None:
    import torch

    boxes = torch.tensor([[-3.0, -2.0, 1.5, 0.5], [2.2, 1.0, 9.0, 9.0], [3.0, 3.0, 3.0, 3.0]])
    owner, pixels = ours._pixels_in_boxes(boxes, 4, 5)
    assert owner.tolist() == [0, 0, *([1] * 6)]
    assert pixels.tolist() == [0, 1, 8, 9, 13, 14, 18, 19]


def test_ignored_background_costs_nothing(ours: Any, model: Any, batch: dict[str, Any]) -> None:
    import torch

    criterion = ours.StreetCriterion(model.init_criterion(), strides=[8, 16, 32])
    before = _parts(criterion, model(batch["img"]), batch)
    batch["ignored"][1, :, 52:] = True  # beside the object of the second picture
    preds = model(batch["img"])
    after = _parts(criterion, preds, batch)
    assert after["cls_loss"] < before["cls_loss"]
    assert after["box_loss"] == pytest.approx(before["box_loss"])
    total = criterion(preds, batch)[0][2]
    (slope,) = torch.autograd.grad(total, preds["scores"])
    grid = slope[1].abs().sum(0)[: 16 * 32].view(16, 32)  # anchors of stride 8
    assert not grid[:, 26:].any()
    assert grid[:, :24].all()


def test_ignored_pixels_teach_no_mask(ours: Any, model: Any, batch: dict[str, Any]) -> None:
    import torch

    preds = model(batch["img"])
    criterion = ours.StreetCriterion(model.init_criterion(), strides=[8, 16, 32])
    batch["ignored"][0, :, 10:20] = True
    total = criterion(preds, batch)[0][1]
    (slope,) = torch.autograd.grad(total, preds["proto"])
    assert not slope[0, :, :, 10:20].any()
    assert slope[0, :, 5:19, 5:9].any()


def test_an_end_to_end_head(ours: Any, batch: dict[str, Any]) -> None:
    import torch

    require_modules("ultralytics")
    from ultralytics.cfg import get_cfg
    from ultralytics.nn.tasks import SegmentationModel

    torch.manual_seed(0)
    model: Any = SegmentationModel("yolo26n-seg.yaml", nc=19, verbose=False)
    model.args = SimpleNamespace(**vars(get_cfg()))
    batch["sem_masks"] = torch.zeros(2, 32, 64)
    preds = model.train()(batch["img"])
    criterion = ours.StreetCriterion(model.init_criterion(), strides=[8, 16, 32])
    total, parts = criterion(preds, batch)
    assert torch.isfinite(total).all()
    assert parts["seg_loss"] > 0
    criterion.update()
