"""Comparison of an exported model's instances and logits of pixels with those of the original.

Both get the same network input and are decoded alike, so what differs comes from the networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from urban_segmentor.errors import ModelError
from urban_segmentor.inference.config import USUAL_CONFIG, SegmenterConfig
from urban_segmentor.inference.segmenter import Segmenter
from urban_segmentor.structures.boxes import Letterbox, nms

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
_LARGE_PX = 1000  # pixels of a mask whose IoU says something


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportTolerances:
    """How far matched instances of two models may lie apart.

    Attributes:
        score: Difference of scores.
        box_px: Difference of any side of a box, pixels of the network's input.
        mask_iou: Minimum IoU of masks.
        output: Difference of logits of a semantic branch, as a share of the largest, and of all
            raw outputs of models that find hardly any instance.
        tie: Classes of a pixel whose logits lie no farther apart may change places.
        pixels: Share of other pixels whose class may differ.
    """

    score: float
    box_px: float
    mask_iou: float
    output: float
    tie: float
    pixels: float


EXACT = ExportTolerances(score=0.005, box_px=0.5, mask_iou=0.98, output=0.001, tie=0.01, pixels=0.0)
"""For arithmetic in float32 on both sides."""
HALF = ExportTolerances(score=0.02, box_px=2.0, mask_iou=0.9, output=0.05, tie=0.1, pixels=0.0005)
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
        logit_gap: Largest difference of logits of the semantic branch, as a share of the largest;
            None where there is no branch.
        pixels_differ: Share of pixels whose class differs, near ties left aside; None where there
            is no branch.
    """

    images: int
    instances: int
    score_gap: float
    box_gap_px: float
    mask_iou: float
    output_gap: float | None = None
    logit_gap: float | None = None
    pixels_differ: float | None = None


class NamedImage(NamedTuple):
    """An image, uint8 (H, W, 3), RGB, and its name."""

    name: str
    image: Image


class SemanticGap(NamedTuple):
    """Largest difference of logits, as a share of the largest, and of pixels that differ."""

    logit: float
    pixels: float


class _Match(NamedTuple):
    fits: bool
    score_gap: float
    box_gap_px: float
    mask_iou: float
    area_px: int


def load_unfiltered(path: Path, *, imgsz: int) -> Segmenter:
    """Return a segmenter of an exported file, float32, without score threshold and NMS.

    Args:
        path: `.onnx` or `.xml`.
        imgsz: Long side of the network's input, pixels.
    """
    segmenter = Segmenter(
        path, precision="f32", device="cpu", imgsz=imgsz, conf=0.0, iou=1.0, max_det=_MAX_DET
    )
    return segmenter.with_config(surfaces=False)


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
    config = SegmenterConfig(
        conf=0.0, iou=1.0, max_det=_MAX_DET, imgsz=like.config.imgsz, surfaces=False
    )
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
    """Return how well an export matches the original model.

    Each instance of either model must match a box of the other one with the same class. Which of
    two near boxes NMS drops may differ, so matches are looked for before NMS. Where there is a
    semantic branch, its logits must be the same as well.

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
    matches: list[_Match] = []
    mismatches: list[str] = []
    gaps: list[SemanticGap] = []
    names = original.spec.class_names
    for image in images:
        size = (image.image.shape[0], image.image.shape[1])
        gain = max(Letterbox.fit(size, original.input_size(size)).gains)
        results = export(image.image), original(image.image)
        maps = [result.semantic for result in results]
        if maps[0] is not None and maps[1] is not None:
            gaps.append(semantic_gap(maps[0].logits, maps[1].logits, tie=tolerances.tie))
        ours, theirs = (result.instances for result in results)
        on_image()
        for this, other, verb in ((ours, theirs, "finds"), (theirs, ours, "does not find")):
            for i in _confident(this, other, tolerances=tolerances):
                match = _best_match(this, i, other, tolerances=tolerances, gain=gain)
                matches.append(match)
                if not match.fits:
                    mismatches.append(f"{verb} {_describe(this, i, names)} in `{image.name}`")
    if mismatches:
        raise ModelError(
            f"the export differs from `{original_name}` in {len(mismatches)} of {len(matches)} "
            f"instances, and is not written: it {mismatches[0]}",
            hint=hint,
        )
    gap = _checked_gap(gaps, tolerances=tolerances, original_name=original_name, hint=hint)
    large = [match.mask_iou for match in matches if match.area_px > _LARGE_PX]
    return ExportAgreement(
        images=len(images),
        instances=len(matches),
        score_gap=max((match.score_gap for match in matches), default=0.0),
        box_gap_px=max((match.box_gap_px for match in matches), default=0.0),
        mask_iou=min(large, default=1.0),
        logit_gap=gap and gap.logit,
        pixels_differ=gap and gap.pixels,
    )


def semantic_gap(
    ours: NDArray[np.float32], theirs: NDArray[np.float32], *, tie: float
) -> SemanticGap:
    """Return how far the logits of an export lie from those of the original.

    Args:
        ours: float32 (C, h, w), of the export.
        theirs: float32 (C, h, w), of the original.
        tie: Two classes whose logits lie no farther apart in the original are alike.
    """
    best, second = theirs.max(axis=0), np.take_along_axis(theirs, ours.argmax(axis=0)[None], 0)[0]
    largest = max(float(np.abs(theirs).max()), 1e-6)
    return SemanticGap(
        logit=float(np.abs(ours - theirs).max()) / largest,
        pixels=float((best - second > tie).mean()),
    )


def _checked_gap(
    gaps: Sequence[SemanticGap], *, tolerances: ExportTolerances, original_name: str, hint: str
) -> SemanticGap | None:
    """Return the largest gap of all images, or None where there is no semantic branch."""
    if not gaps:
        return None
    worst = SemanticGap(max(gap.logit for gap in gaps), max(gap.pixels for gap in gaps))
    # Not `>`: logits that are no numbers are no logits.
    if not (worst.logit <= tolerances.output and worst.pixels <= tolerances.pixels):
        raise ModelError(
            f"the export's classes of pixels differ from those of `{original_name}`, and it is not "
            f"written: logits by {worst.logit:.2g} of the largest, {100 * worst.pixels:.3g} % of "
            "the classes",
            hint=hint,
        )
    return worst


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


def _confident(
    this: Instances, other: Instances, *, tolerances: ExportTolerances
) -> NDArray[np.intp]:
    """Return indices of instances after NMS, int64 (K,), clearly above the minimum score."""
    # Below its lowest score a head that ends in a selection may have cut the partner off.
    cutoff = float(other.scores.min()) if len(other) >= _LONG_LIST else 0.0
    min_score = max(_MIN_SCORE, cutoff) * (1 + tolerances.score / _MIN_SCORE)
    over = np.flatnonzero(this.scores > min_score)
    sure = this.select(over)
    return over[nms(sure.boxes, sure.scores, class_ids=sure.class_ids, iou=_NMS_IOU)]


def _best_match(
    this: Instances, i: int, other: Instances, *, tolerances: ExportTolerances, gain: float
) -> _Match:
    """Return the best match of an instance; one within the tolerances where there is one."""
    same = np.flatnonzero(other.class_ids == this.class_ids[i])
    box_gaps = np.abs(other.boxes[same] - this.boxes[i]).max(axis=1, initial=0.0) * gain
    score_gaps = np.abs(other.scores[same] - this.scores[i])
    near = np.flatnonzero((box_gaps <= tolerances.box_px) & (score_gaps <= tolerances.score))
    mask = this.masks[i].dense()
    area = int(np.count_nonzero(mask))
    best = _Match(fits=False, score_gap=1.0, box_gap_px=np.inf, mask_iou=0.0, area_px=area)
    for k in near[np.argsort(box_gaps[near])]:
        candidate = other.masks[int(same[k])].dense()
        union = int(np.count_nonzero(mask | candidate))
        common = int(np.count_nonzero(mask & candidate))
        iou = common / max(union, 1)
        fits = iou >= tolerances.mask_iou or union - common <= _EDGE_PX
        best = _Match(fits, float(score_gaps[k]), float(box_gaps[k]), iou, area)
        if fits:
            break
    return best


def _describe(instances: Instances, i: int, names: Sequence[str]) -> str:
    box = ", ".join(f"{side:.0f}" for side in instances.boxes[i])
    return f"a `{names[instances.class_ids[i]]}` of score {instances.scores[i]:.2f} at ({box})"
