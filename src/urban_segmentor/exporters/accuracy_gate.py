"""The accuracy gate: instance AP before and after quantization, and the loss allowed."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from urban_segmentor.errors import DatasetError, ModelError
from urban_segmentor.evaluation.validation.predictors import ModelPredictor
from urban_segmentor.evaluation.validation.validate import validate
from urban_segmentor.inference.config import AP_CONF
from urban_segmentor.inference.segmenter import Segmenter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from urban_segmentor.datasets.cityscapes.frame import CityscapesFrame
    from urban_segmentor.inference.runtimes.selection import Precision

MAX_AP_LOSS = 1.0
"""Maximum loss of AP, points of 100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyGate:
    """Instance AP before and after quantization.

    Attributes:
        ap_float: Official instance AP in float32, points of 100.
        ap_int8: The same in INT8.
        frames: Frames that AP was measured on.
        of_frames: Frames of the split in all.
        dataset: Name of the data set and split.
        imgsz: Long side of the network's input, pixels.
    """

    ap_float: float
    ap_int8: float
    frames: int
    of_frames: int
    dataset: str
    imgsz: int

    @property
    def ap_loss(self) -> float:
        """Loss of AP, points of 100; negative when it improved."""
        return self.ap_float - self.ap_int8

    def describe(self) -> str:
        """Return both APs as one line of text."""
        return (
            f"AP {self.ap_int8:.1f} in INT8, {self.ap_float:.1f} in float32 ({self.frames} of "
            f"{self.of_frames} frames of {self.dataset}, input {self.imgsz} px)"
        )

    def check(self) -> None:
        """Check that the loss of AP is within `MAX_AP_LOSS`.

        Raises:
            ModelError: It is larger, or the float model is too weak to measure a loss.
        """
        if self.ap_float <= MAX_AP_LOSS:
            raise ModelError(
                f"the model has AP {self.ap_float:.1f} before it is quantized, too little to see "
                f"whether {MAX_AP_LOSS} is lost",
                hint="train it longer, or add --accept-loss",
            )
        if self.ap_loss > MAX_AP_LOSS:
            raise ModelError(
                f"quantizing costs {self.ap_loss:.1f} points of AP, more than {MAX_AP_LOSS}, so "
                f"nothing is written: {self.describe()}",
                hint="try --float-head, stay with float, or add --accept-loss",
            )


def measure_ap(
    model: Path,
    frames: Sequence[CityscapesFrame],
    *,
    imgsz: int,
    precision: Precision,
    on_frame: Callable[[], None] = lambda: None,
) -> float:
    """Return the official instance AP of a model, points of 100.

    Args:
        model: `.onnx` or `.xml`.
        frames: Frames with ground truth.
        imgsz: Long side of the network's input, pixels.
        precision: `auto` or `f32`.
        on_frame: Called after each frame.

    Raises:
        DatasetError: A frame cannot be scored, or none has an object.
        MissingExtraError: faster-coco-eval is not installed.
    """
    segmenter = Segmenter(
        model,
        device="cpu",
        precision=precision,
        imgsz=imgsz,
        conf=AP_CONF,
        streams=os.cpu_count() or 1,
    )
    outcome = validate(frames, ModelPredictor(segmenter), on_frame=on_frame)
    if outcome.problems:
        raise DatasetError(outcome.problems[0], hint="urban-segmentor data check DIR")
    ap = math.nan if outcome.evaluation.instance is None else outcome.evaluation.instance.ap
    if math.isnan(ap):
        raise DatasetError(
            f"none of {len(frames)} frames has an object of any class that counts",
            hint="measure on more frames with --gate-images 0",
        )
    return 100 * ap
