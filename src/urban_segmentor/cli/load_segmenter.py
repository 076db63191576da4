"""What `predict`, `live` and `val` do with the options of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urban_segmentor.inference.config import ModelOptions, SegmenterConfig
    from urban_segmentor.inference.segmenter import Segmenter


def load_segmenter(model: ModelOptions, config: SegmenterConfig) -> Segmenter:
    """Return a segmenter that is ready to be called.

    Args:
        model: Which model, and what runs it.
        config: Thresholds, classes and input size.

    Raises:
        ModelError: The model is not there, damaged, or of another task.
        SettingError: The model has no such class or size, or the machine no such device.
        MissingExtraError: The runtime is not installed.
    """
    from urban_segmentor.inference.segmenter import Segmenter

    return Segmenter(
        model.model,
        device=model.device,
        runtime=model.runtime,
        precision=model.precision,
        streams=model.streams,
        imgsz=config.imgsz,
        conf=config.conf,
        iou=config.iou,
        max_det=config.max_det,
        classes=config.classes,
    )
