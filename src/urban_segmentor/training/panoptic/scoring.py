"""Figures and pictures of a network in the middle of its training, by the rules of `val`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urban_segmentor.datasets.samples import spread
from urban_segmentor.evaluation.validation.predictors import ModelPredictor
from urban_segmentor.evaluation.validation.scoring import scoring_for
from urban_segmentor.evaluation.validation.validate import validate
from urban_segmentor.inference.config import AP_CONF, SegmenterConfig
from urban_segmentor.inference.runtimes.selection import USUAL_SELECTION
from urban_segmentor.inference.segmenter import Segmenter
from urban_segmentor.io.atomic import write_atomically
from urban_segmentor.io.image_codec import encode_image
from urban_segmentor.models.spec import ModelSpec
from urban_segmentor.networks.torch_runtime import PanopticGraph, TorchModel, panoptic_metadata
from urban_segmentor.structures.boxes import rectangular_size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from urban_segmentor.datasets.samples import Sample, SampleSet
    from urban_segmentor.networks.panoptic import PanopticNetwork


def network_segmenter(network: PanopticNetwork, *, imgsz: int, amp: bool) -> Segmenter:
    """Return a segmenter that runs a network in PyTorch.

    Args:
        network: In evaluation mode.
        imgsz: Long side of the input, pixels.
        amp: Compute in bfloat16.
    """
    size = rectangular_size((9, 16), long_side=imgsz, stride=network.stride)
    metadata = panoptic_metadata(network, imgsz=size)
    return Segmenter.from_model_file(
        TorchModel(PanopticGraph(network), metadata, amp=amp),
        spec=ModelSpec.from_metadata(metadata, path="the network"),
        selection=USUAL_SELECTION,
        config=SegmenterConfig(imgsz=imgsz),
        path="the network",
    )


def score_network(
    segmenter: Segmenter, samples: SampleSet, *, limit: int | None
) -> dict[str, float]:
    """Return AP, PQ and mean IoU by name, points of 100, of what there is to measure.

    Args:
        segmenter: The network.
        samples: The data set, whose split `val` is measured on.
        limit: Images at most, evenly spread; None for all.

    Raises:
        DatasetError: Labels cannot be read.
    """
    chosen = spread(samples.of_split("val"), limit)
    own = None if samples.classes.is_official else samples.classes
    predictor = ModelPredictor(segmenter.with_config(conf=AP_CONF), classes=own)
    run = validate(chosen, predictor, scoring=scoring_for(samples.classes), workers=1)
    found = run.evaluation
    figures = {
        "AP": found.instance and found.instance.ap,
        "PQ": found.panoptic and found.panoptic.pq,
        "mIoU": found.semantic and found.semantic.miou,
    }
    return {f"metrics/{name}": 100 * value for name, value in figures.items() if value is not None}


def draw_samples(segmenter: Segmenter, samples: Sequence[Sample], folder: Path) -> None:
    """Write a few images as the network sees them.

    Args:
        segmenter: The network.
        samples: What is drawn.
        folder: Where to; files of the same names are replaced.

    Raises:
        DatasetError: An image cannot be read.
        OutputError: The disk is full or the like.
    """
    for sample in samples:
        drawn = segmenter(sample.image()).plot()
        data = encode_image(drawn, suffix=".jpg")
        write_atomically(folder / f"{sample.stem}.jpg", data, overwrite=True)
