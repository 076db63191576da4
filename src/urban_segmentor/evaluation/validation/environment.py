"""Model, runtime, latency and library versions of a run, as JSON for the report."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from urban_segmentor.evaluation.validation.latency import measure_latency
from urban_segmentor.evaluation.validation.summary import COCO_RULES, RULES
from urban_segmentor.inference.panoptic_config import PanopticConfig
from urban_segmentor.versions import versions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from urban_segmentor.datasets.samples import Sample
    from urban_segmentor.evaluation.validation.validate import ValidationRun
    from urban_segmentor.inference.segmenter import Segmenter

_LIBRARIES = ("faster-coco-eval", "numpy", "openvino", "onnxruntime", "opencv-python-headless")


def about_model(model: str, segmenter: Segmenter, outcome: ValidationRun) -> dict[str, Any]:
    """Return a description of a model and its settings, as JSON values.

    Args:
        model: As the user named it.
        segmenter: What ran it.
        outcome: What came out; its pictures say what size the network got.
    """
    settings = segmenter.config
    size, _ = outcome.sizes.most_common(1)[0]
    return {
        "model": model,
        "imgsz": list(segmenter.input_size(size)),
        "description": segmenter.spec.description,
        "runtime": segmenter.selection.runtime,
        "device": segmenter.selection.device,
        "conf": settings.conf,
        "iou": settings.iou,
        "max_det": settings.max_det,
    }


def about_latency(segmenter: Segmenter, samples: Sequence[Sample]) -> dict[str, Any]:
    """Return the latency of each stage, one image at a time, as JSON values.

    Raises:
        DatasetError: A picture cannot be read.
    """
    stages, frames = measure_latency(segmenter, samples)
    return {"latency": {"stages": stages, "images": frames, "conf": segmenter.config.conf}}


def about_run(outcome: ValidationRun) -> dict[str, Any]:
    """Return a description of the ground truth and the metrics, as JSON values.

    Args:
        outcome: Result of the validation.
    """
    return {
        "label_sizes": _sizes(outcome.sizes),
        "truth": dict(outcome.truth),
        "merge": asdict(PanopticConfig()),
        "implementation": {
            "ap, ap50, miou, pq, sq, rq": RULES,
            "coco": COCO_RULES,
            "versions": versions(_LIBRARIES),
        },
        "elapsed_s": round(outcome.elapsed_s, 2),
        "problems": outcome.problems,
    }


def _sizes(sizes: Mapping[tuple[int, int], int]) -> dict[str, int]:
    return {f"{width}x{height}": count for (height, width), count in sizes.items()}
