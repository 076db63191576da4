"""What eight bits cost in accuracy, and whether that is too much."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from urban_segmentor.errors import DatasetError, ModelError
from urban_segmentor.evaluation.validation.predictors import ModelPredictor
from urban_segmentor.evaluation.validation.validate import validate
from urban_segmentor.inference.segmenter import Segmenter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from urban_segmentor.datasets.cityscapes.layout import CityscapesFrame
    from urban_segmentor.inference.runtimes.selection import Precision

MOST_LOST = 1.0
"""Points of AP, of 100."""

_CONF = 0.001  # AP wants weak instances too


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyGate:
    """Accuracy before and after.

    Attributes:
        ap_float: Official instance AP in float32, points of 100.
        ap_int8: The same in INT8.
        frames: Frames that both were measured on.
        of_frames: Frames that the split has.
        where: The data and the split.
        imgsz: Long side of the network's input, pixels.
    """

    ap_float: float
    ap_int8: float
    frames: int
    of_frames: int
    where: str
    imgsz: int

    @property
    def lost(self) -> float:
        """Points of AP, of 100; below zero when it got better."""
        return self.ap_float - self.ap_int8

    def sentence(self) -> str:
        """Return the outcome for people."""
        return (
            f"AP {self.ap_int8:.1f} in INT8, {self.ap_float:.1f} in float32 ({self.frames} of "
            f"{self.of_frames} frames of {self.where}, input {self.imgsz} px)"
        )

    def check(self) -> None:
        """Check that the loss is small.

        Raises:
            ModelError: It is not, or the model is too weak to tell.
        """
        if self.ap_float <= MOST_LOST:
            raise ModelError(
                f"the model has AP {self.ap_float:.1f} before it is quantized, too little to see "
                f"whether {MOST_LOST} is lost",
                hint="train it longer, or add --accept-loss",
            )
        if self.lost > MOST_LOST:
            raise ModelError(
                f"quantizing costs {self.lost:.1f} points of AP, more than {MOST_LOST}, so nothing "
                f"is written: {self.sentence()}",
                hint="try --float-head, stay with float, or add --accept-loss",
            )


def measure_ap(
    model: Path,
    samples: Sequence[CityscapesFrame],
    *,
    imgsz: int,
    precision: Precision,
    on_frame: Callable[[], None] = lambda: None,
) -> float:
    """Return the official instance AP of a model, points of 100.

    Args:
        model: `.onnx` or `.xml`.
        samples: Frames with labels.
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
        conf=_CONF,
        streams=os.cpu_count() or 1,
    )
    outcome = validate(samples, ModelPredictor(segmenter), on_frame=on_frame)
    if outcome.problems:
        raise DatasetError(outcome.problems[0], hint="urban-segmentor data check DIR")
    ap = math.nan if outcome.evaluation.instance is None else outcome.evaluation.instance.ap
    if math.isnan(ap):
        raise DatasetError(
            f"none of {len(samples)} frames has an object of any class that counts",
            hint="measure on more frames with --gate-images 0",
        )
    return 100 * ap
