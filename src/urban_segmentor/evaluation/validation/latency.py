"""What a picture costs when it has the machine to itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from urban_segmentor.datasets.images import read_image
from urban_segmentor.inference.panoptic_merge import merge_panoptic
from urban_segmentor.profiling import StageTimes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from urban_segmentor.datasets.cityscapes.layout import CityscapesFrame
    from urban_segmentor.inference.segmenter import Segmenter
    from urban_segmentor.profiling import StageSummary

MOST_FRAMES = 30
_WARM_UP = 3


def measure_latency(
    segmenter: Segmenter, samples: Sequence[CityscapesFrame], *, most: int = MOST_FRAMES
) -> tuple[dict[str, StageSummary], int]:
    """Return what each stage takes for one picture at a time, and over how many pictures.

    With the thresholds that the segmenter has: use those of everyday, as evaluation lets through
    hundreds of weak instances. Masks are of the size of the picture, and all are decoded.

    Args:
        segmenter: The model.
        samples: Frames; those without a picture are passed over.
        most: Frames measured.

    Raises:
        DatasetError: A picture cannot be read.
    """
    images = [sample.image for sample in samples if sample.image is not None][:most]
    stages = StageTimes()
    for path in images[:_WARM_UP]:
        segmenter(read_image(path))
    for path in images:
        with stages.measure("decode"):
            image = read_image(path)
        result = segmenter(image)
        instances = result.instances
        for stage, milliseconds in result.milliseconds.items():
            stages.add(stage, milliseconds / 1e3)
        since_s = time.perf_counter()
        for crop in instances.masks.crops:
            crop.any()
        stages.add("masks", time.perf_counter() - since_s)
        with stages.measure("merge"):
            merge_panoptic(instances)
    return stages.summary(), len(images)
