"""Samples carry what does not count as a mask of its own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from urban_segmentor.exporters.ultralytics_env import require_modules

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (128, 256)


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    """Return a data set of one picture with one car and one ignored region."""
    root = tmp_path / "yolo"
    image = next((prepared / "images" / "train").iterdir())
    for part in ("images", "labels", "ignored"):
        (root / part / "train").mkdir(parents=True)
    shutil.copy(image, root / "images" / "train")
    name = f"{image.stem}.txt"
    (root / "labels" / "train" / name).write_text("13 0.1 0.5 0.3 0.5 0.3 0.9 0.1 0.9\n")
    (root / "ignored" / "train" / name).write_text("13 0.6 0.25 0.9 0.25 0.9 0.75 0.6 0.75\n")
    return root


def _dataset(root: Path, *, zoom: tuple[float, float], augment: bool = True, **more: Any) -> Any:
    require_modules("ultralytics")
    from ultralytics.cfg import get_cfg

    from urban_segmentor.training.dataset import StreetDataset

    still = {"mosaic": 0, "translate": 0, "fliplr": 0, "hsv_h": 0, "hsv_s": 0, "hsv_v": 0}
    return StreetDataset(
        img_path=str(root / "images" / "train"),
        imgsz=SIZE[1],
        batch_size=1,
        augment=augment,
        rect=True,
        stride=32,
        pad=0.0,
        task="segment",
        hyp=get_cfg(overrides=still),
        data={"names": dict(enumerate("abcdefghijklmnopqrs")), "channels": 3},
        zoom=zoom,
        **more,
    )


def test_an_ignored_region_is_no_object(folder: Path) -> None:
    sample = _dataset(folder, zoom=(1, 1))[0]
    assert sample["cls"].flatten().tolist() == [13]
    assert len(sample["bboxes"]) == len(sample["batch_idx"]) == 1
    expected = np.zeros((32, 64), dtype=bool)
    expected[8:24, 38:58] = True
    found = sample["ignored"].numpy()
    assert found.shape == expected.shape
    assert (found & expected).sum() / (found | expected).sum() > 0.85
    assert set(sample["masks"].unique().tolist()) == {0, 1}
    assert not (sample["masks"][0].bool() & sample["ignored"]).any()


def test_it_moves_with_the_image(folder: Path) -> None:
    """It moves with the picture."""
    small = _dataset(folder, zoom=(0.5, 0.5))[0]
    large = _dataset(folder, zoom=(1, 1))[0]
    assert 0.2 < small["ignored"].sum() / large["ignored"].sum() < 0.3


def test_validation_is_ultralytics_own(folder: Path) -> None:
    assert "ignored" not in _dataset(folder, zoom=(1, 1), augment=False)[0]


def test_batches_stack(folder: Path) -> None:
    dataset = _dataset(folder, zoom=(1, 1))
    batch = dataset.collate_fn([dataset[0], dataset[0]])
    assert tuple(batch["ignored"].shape) == (2, 32, 64)
    assert batch["batch_idx"].tolist() == [0, 1]


def test_images_of_two_shapes_share_one(folder: Path) -> None:
    """Pictures of two shapes share one."""
    import cv2

    image = np.zeros((144, 256, 3), dtype=np.uint8)
    cv2.imwrite(str(folder / "images" / "train" / "other.png"), image)
    (folder / "labels" / "train" / "other.txt").write_text("13 0.1 0.5 0.3 0.5 0.3 0.9\n")
    dataset = _dataset(folder, zoom=(1, 1))
    assert len({tuple(sample["img"].shape) for sample in (dataset[0], dataset[1])}) == 1
