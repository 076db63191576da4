"""Small prepared data sets and a small checkpoint, for all that trains."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from urban_segmentor.datasets.cityscapes.layout import read_layout
from urban_segmentor.datasets.convert.options import ConversionOptions
from urban_segmentor.datasets.convert.output_folder import finish_conversion
from urban_segmentor.datasets.convert.prepare import prepare
from urban_segmentor.datasets.dataset_classes import parse_dataset_classes
from urban_segmentor.synthetic import save_cityscapes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in YOLO format with 6 training and 2 validation pictures; read it only."""
    root = tmp_path_factory.mktemp("train")
    save_cityscapes(root / "cityscapes", frames=8, size=(128, 256), workers=1)
    layout = read_layout(root / "cityscapes")
    how = ConversionOptions(out=root / "yolo", format="yolo", classes=parse_dataset_classes("19"))
    finish_conversion(how, prepare(layout, how, splits=["train", "val"], workers=1))
    return root / "yolo"


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an untrained YOLOv8n-seg with the 80 classes of COCO, the same each time."""
    path = tmp_path_factory.mktemp("start") / "start.pt"
    code = (
        "import sys, torch; from ultralytics import YOLO; torch.manual_seed(0); "
        "YOLO('yolov8n-seg.yaml').save(sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True)
    return path
