"""Latency of a model, one image at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from urban_segmentor.datasets.sample_images import read_sample_image
from urban_segmentor.inference.panoptic_merge import merge_panoptic
from urban_segmentor.profiling import StageTimes, Stopwatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from urban_segmentor.datasets.samples import Sample
    from urban_segmentor.inference.segmenter import Segmenter
    from urban_segmentor.profiling import StageSummary
    from urban_segmentor.result import Result
    from urban_segmentor.structures.frame import Image

MAX_FRAMES = 30
_WARM_UP = 3


def measure_latency(
    segmenter: Segmenter, frames: Sequence[Sample], *, max_frames: int = MAX_FRAMES
) -> tuple[dict[str, StageSummary], int]:
    """Return the latency of each stage, one image at a time, and the number of images.

    With the thresholds that the segmenter has: use those of everyday, as evaluation lets through
    hundreds of weak instances. Masks are of the size of the picture, and all are decoded.

    Args:
        segmenter: The model.
        frames: Frames; those without an image are skipped.
        max_frames: Maximum number of frames.

    Raises:
        DatasetError: An image cannot be read.
    """
    images = [frame.image_path for frame in frames if frame.image_path is not None][:max_frames]
    stages = StageTimes()
    for path in images[:_WARM_UP]:
        segmenter(read_sample_image(path))
    for path in images:
        with stages.measure("decode"):
            image = read_sample_image(path)
        result = segment_with_masks(segmenter, image)
        stages.add_frame(result.milliseconds)
        with stages.measure("merge"):
            merge_panoptic(result.instances, semantic=result.semantic)
    return stages.summary(), len(images)


def segment_with_masks(segmenter: Segmenter, image: Image) -> Result:
    """Return the result for an image, its masks decoded, with their stage `masks`.

    Args:
        segmenter: The model.
        image: uint8 (H, W, 3), RGB.
    """
    result = segmenter(image)
    stopwatch = Stopwatch()
    for crop in result.instances.masks.crops:
        crop.any()
    stopwatch.lap("masks")
    return replace(result, milliseconds={**result.milliseconds, **stopwatch.milliseconds})
