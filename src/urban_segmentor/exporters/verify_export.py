"""Comparison of an exported model's instances with those of the original.

Both get the same network input and are decoded alike, so what differs comes from the networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from urban_segmentor.errors import ModelError
from urban_segmentor.inference.config import USUAL_CONFIG, SegmenterConfig
from urban_segmentor.inference.segmenter import Segmenter
from urban_segmentor.structures.boxes import nms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.inference.runtimes.selection import ModelFile
    from urban_segmentor.models.spec import ModelSpec
    from urban_segmentor.protocols import Runtime
    from urban_segmentor.structures.frame import Image
    from urban_segmentor.structures.instances import Instances

_MIN_SCORE = USUAL_CONFIG.conf  # of instances that count, as in `predict`
MIN_INSTANCES = 10  # with fewer matches the raw outputs are compared too
_NMS_IOU = USUAL_CONFIG.iou
_MAX_DET = 1000  # boxes of an image
_LONG_LIST = 100  # heads that end in a selection hand out a few hundred boxes
_EDGE_PX = 12  # pixels of a mask that rounding may move, however small it is


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportTolerances:
    """How far matched instances of two models may lie apart.

    Attributes:
        score: Difference of scores.
        box_px: Difference of any side of a box, pixels of the network's input.
        mask_iou: Minimum IoU of masks.
        output: Difference of raw outputs, as a share of the largest; for models that find hardly
            any instance.
    """

    score: float
    box_px: float
    mask_iou: float
    output: float


EXACT = ExportTolerances(score=0.005, box_px=0.5, mask_iou=0.98, output=0.001)
"""For arithmetic in float32 on both sides."""
HALF = ExportTolerances(score=0.02, box_px=2.0, mask_iou=0.9, output=0.05)
"""For weights that were rounded to float16."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportAgreement:
    """How far the instances of two models lie apart, over all matches.

    Attributes:
        images: Images compared.
        instances: Matched instances, both ways.
        score_gap: Largest difference of scores.
        box_gap_px: Largest difference of sides of boxes, pixels of the network's input.
        mask_iou: Minimum IoU of masks of over 1,000 pixels; 1 where there is none.
        output_gap: Largest difference of raw outputs, as a share of the largest; None where there
            were instances enough.
    """

    images: int
    instances: int
    score_gap: float
    box_gap_px: float
    mask_iou: float
    output_gap: float | None = None


class NamedImage(NamedTuple):
    """An image, uint8 (H, W, 3), RGB, and its name."""

    name: str
    image: Image


class _Match(NamedTuple):
    fits: bool
    score_gap: float
    box_gap_px: float
    mask_iou: float


def load_unfiltered(path: Path, *, imgsz: int) -> Segmenter:
    """Return a segmenter of an exported file, float32, without score threshold and NMS.

    Args:
        path: `.onnx` or `.xml`.
        imgsz: Long side of the network's input, pixels.
    """
    return Segmenter(
        path, precision="f32", device="cpu", imgsz=imgsz, conf=0.0, iou=1.0, max_det=_MAX_DET
    )


def wrap_unfiltered(
    network: ModelFile, *, like: Segmenter, spec: ModelSpec, original_name: str
) -> Segmenter:
    """Return a segmenter of a loaded network, without score threshold and NMS.

    Args:
        network: The network.
        like: The segmenter whose input size and runtime are used.
        spec: The model's metadata.
        original_name: The model file, for messages.
    """
    config = SegmenterConfig(conf=0.0, iou=1.0, max_det=_MAX_DET, imgsz=like.config.imgsz)
    return Segmenter.from_model_file(
        network, spec=spec, selection=like.selection, config=config, path=original_name
    )


def verify_same_outputs(  # noqa: PLR0913
    export: Segmenter,
    original: Segmenter,
    images: Sequence[NamedImage],
    *,
    tolerances: ExportTolerances,
    original_name: str,
    hint: str,
    on_image: Callable[[], None] = lambda: None,
) -> ExportAgreement:
    """Return how well the instances of an export match those of the original model.

    Each instance of either model must match a box of the other one with the same class. Which of
    two near boxes NMS drops may differ, so matches are looked for before NMS.

    Args:
        export: The exported model, without NMS.
        original: The original model, without NMS.
        images: Street images.
        tolerances: How far matches may lie apart.
        original_name: The original model file, for the message.
        hint: What helps when they differ.
        on_image: Called after each image.

    Raises:
        ModelError: They differ.
    """
    results: list[tuple[NamedImage, Instances, Instances]] = []
    for image in images:
        ours, theirs = export(image.image), original(image.image)
        results.append((image, ours.instances, theirs.instances))
        on_image()
    matches: list[tuple[_Match, int]] = []
    mismatches: list[str] = []
    names = original.spec.class_names
    for image, ours, theirs in results:
        gain = _gain(original, image.image)
        for this, other, verb in ((ours, theirs, "finds"), (theirs, ours, "does not find")):
            floor = max(_MIN_SCORE, _cutoff_score(other))
            for i in _confident(this, min_score=floor, margin=tolerances.score):
                match = _best_match(this, i, other, tolerances=tolerances, gain=gain)
                matches.append((match, _mask_area(this, i)))
                if not match.fits:
                    mismatches.append(f"{verb} {_describe(this, i, names)} in `{image.name}`")
    if mismatches:
        raise ModelError(
            f"the export differs from `{original_name}` in {len(mismatches)} of {len(matches)} "
            f"instances, and is not written: it {mismatches[0]}",
            hint=hint,
        )
    return ExportAgreement(
        images=len(images),
        instances=len(matches),
        score_gap=max((match.score_gap for match, _ in matches), default=0.0),
        box_gap_px=max((match.box_gap_px for match, _ in matches), default=0.0),
        mask_iou=min((match.mask_iou for match, area in matches if area > 1000), default=1.0),
    )


def output_gap(
    export: Runtime, original: Runtime, batches: Iterable[NDArray[np.uint8]], *, ends_in_nms: bool
) -> float:
    """Return the largest difference of raw outputs, as a share of the largest output.

    A head that ends in a selection may order what scores alike in either way, so of it the scores
    are compared, in order.

    Args:
        export: The exported network.
        original: The original network.
        batches: uint8 (1, H, W, 3), RGB.
        ends_in_nms: True when the head is end-to-end.
    """
    gap = 0.0
    for batch in batches:
        for ours, theirs in zip(export.infer(batch), original.infer(batch), strict=True):
            is_selection = ends_in_nms and ours.ndim == 3
            actual, expected = (
                np.sort(output[..., 4], axis=-1) if is_selection else output
                for output in (ours, theirs)
            )
            largest = float(np.abs(expected).max(initial=1e-6))
            gap = max(gap, float(np.abs(actual - expected).max(initial=0.0)) / largest)
    return gap


def _cutoff_score(instances: Instances) -> float:
    """Return the score below which a top-k head may have cut instances off."""
    return float(instances.scores.min()) if len(instances) >= _LONG_LIST else 0.0


def _confident(instances: Instances, *, min_score: float, margin: float) -> NDArray[np.intp]:
    """Return indices of instances after NMS, int64 (K,), clearly above the minimum score."""
    over = np.flatnonzero(instances.scores > min_score * (1 + margin / _MIN_SCORE))
    kept = nms(
        instances.boxes[over],
        instances.scores[over],
        class_ids=instances.class_ids[over],
        iou=_NMS_IOU,
    )
    return over[kept]


def _best_match(
    this: Instances, i: int, other: Instances, *, tolerances: ExportTolerances, gain: float
) -> _Match:
    """Return the best match of an instance; one within the tolerances where there is one."""
    same = np.flatnonzero(other.class_ids == this.class_ids[i])
    best = _Match(fits=False, score_gap=1.0, box_gap_px=np.inf, mask_iou=0.0)
    box_gaps = np.abs(other.boxes[same] - this.boxes[i]).max(axis=1, initial=0.0) * gain
    score_gaps = np.abs(other.scores[same] - this.scores[i])
    near = np.flatnonzero((box_gaps <= tolerances.box_px) & (score_gaps <= tolerances.score))
    for k in near[np.argsort(box_gaps[near])]:
        iou, different = _overlap(this, i, other, int(same[k]))
        fits = iou >= tolerances.mask_iou or different <= _EDGE_PX
        best = _Match(fits, float(score_gaps[k]), float(box_gaps[k]), iou)
        if fits:
            break
    return best


def _overlap(this: Instances, i: int, other: Instances, j: int) -> tuple[float, int]:
    """Return the IoU of two masks, and the number of pixels in which they differ."""
    pair = (this.masks.select(np.array([i])), other.masks.select(np.array([j])))
    one, two = (masks.dense()[0] for masks in pair)
    union, common = np.count_nonzero(one | two), np.count_nonzero(one & two)
    return float(common / max(union, 1)), int(union - common)


def _mask_area(instances: Instances, i: int) -> int:
    """Return the area of a mask, pixels."""
    return int(instances.masks.select(np.array([i])).areas()[0])


def _gain(segmenter: Segmenter, image: Image) -> float:
    """Return the letterbox scale, network input pixels per image pixel."""
    size = (image.shape[0], image.shape[1])
    height, width = segmenter.input_size(size)
    return min(height / size[0], width / size[1])


def _describe(instances: Instances, i: int, names: Sequence[str]) -> str:
    box = ", ".join(f"{side:.0f}" for side in instances.boxes[i])
    return f"a `{names[instances.class_ids[i]]}` of score {instances.scores[i]:.2f} at ({box})"
