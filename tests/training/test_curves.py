"""Curves show what was measured, and nothing else."""

from __future__ import annotations

import cv2
import numpy as np

from urban_segmentor.training.curves import curves_png
from urban_segmentor.training.run_folder import has_metrics

MEASURED = {"epoch": 1.0, "train/box_loss": 2.0, "val/box_loss": 3.0, "metrics/mAP50(M)": 0.0}
PASSED_OVER = {"epoch": 2.0, "train/box_loss": 2.0, "val/box_loss": 0.0, "metrics/mAP50(M)": 0.0}


def test_zeros_of_what_was_not_measured() -> None:
    """An epoch without validation adds nothing to the plots of validation."""
    assert has_metrics(MEASURED)
    assert not has_metrics(PASSED_OVER)
    one, two = (image([MEASURED]), image([MEASURED, PASSED_OVER]))
    across, down = one.shape[1] // 2, one.shape[0] // 2
    assert (one[:down, :across] != two[:down, :across]).any()  # the loss of training
    assert (one[:down, across:] == two[:down, across:]).all()
    assert (one[down:] == two[down:]).all()


def image(rows: list[dict[str, float]]) -> np.ndarray:
    """Return the curves as they are drawn, uint8 (H, W, 3)."""
    drawn = cv2.imdecode(np.frombuffer(curves_png(rows), dtype=np.uint8), cv2.IMREAD_COLOR)
    assert drawn is not None
    return drawn
