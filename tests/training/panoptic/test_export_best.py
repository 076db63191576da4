"""What a panoptic training ends with: its best weights as ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.exporters.test_panoptic import save_checkpoint
from tests.networks.test_panoptic import base
from urban_segmentor import Segmenter
from urban_segmentor.training.export_best import export_best
from urban_segmentor.training.run_folder import RunFolder, TrainingResult

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore")  # of torch and Ultralytics, not ours


def test_the_best_weights_become_onnx(cityscapes: Path, tmp_path: Path) -> None:
    """For the shape of its images, which its folder has no list of."""
    folder = RunFolder(tmp_path / "run")
    record = {
        "task": "panoptic",
        "settings": {"imgsz": 120},
        "data": [str(cityscapes)],
        "images": {"train": 6, "val": 2},
    }
    folder.create_panoptic(roots=[cityscapes], record=record, overwrite=False)
    folder.best.parent.mkdir()
    save_checkpoint(folder.best, base("yolov8n-seg"), metrics={"metrics/PQ": 30.0})
    result = TrainingResult(folder=folder, best=folder.best, epochs=1, max_epochs=1, metrics={})
    path = export_best(result)
    assert path == folder.exported
    spec = Segmenter(path).spec
    assert spec.has_semantic
    assert spec.imgsz == (64, 128)
    assert spec.training_data == "cityscapes: 6 pictures, 1 epoch"
    assert spec.accuracy == "PQ 30.0 on its validation data"
