"""Whether two forms of a model find the same instances in the same pictures.

Both get the same network input and are decoded alike, so what differs comes from the networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from urban_segmentor.errors import ModelError
from urban_segmentor.inference.config import SegmenterConfig
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

_SCORE = 0.25  # of instances that count, as in `predict`
FEWEST = 10  # instances, both ways; of a model that finds fewer the raw outputs are compared too
_NMS_IOU = 0.7
_MOST = 1000  # boxes of a picture
_LONG = 100  # heads that end in a selection hand out a few hundred boxes
_EDGE_PX = 12  # pixels of a mask that rounding may move, however small it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerances:
    """How far partners may lie apart.

    Attributes:
        score: Difference of scores.
        box_px: Difference of any side of a box, pixels of the network's input.
        mask_iou: Least overlap of masks.
        output: Difference of raw outputs, as a share of the largest; for models that find hardly
            anything.
    """

    score: float
    box_px: float
    mask_iou: float
    output: float


EXACT = Tolerances(score=0.005, box_px=0.5, mask_iou=0.98, output=0.001)
"""For arithmetic in float32 on both sides."""
HALF = Tolerances(score=0.02, box_px=2.0, mask_iou=0.9, output=0.05)
"""For weights that were rounded to float16."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far two answers lie apart, over all partners.

    Attributes:
        images: Compared.
        instances: With a partner, both ways.
        score_gap: Largest difference of scores.
        box_gap_px: Largest difference of sides of boxes, pixels of the network's input.
        mask_iou: Least overlap of masks of over 1,000 pixels; 1 where there is none.
        output_gap: Largest difference of raw outputs, as a share of the largest; None where there
            were instances enough.
    """

    images: int
    instances: int
    score_gap: float
    box_gap_px: float
    mask_iou: float
    output_gap: float | None = None


class ModelUnderTest(NamedTuple):
    """A picture, uint8 (H, W, 3), RGB, and how it is called."""

    name: str
    image: Image


class _Partner(NamedTuple):
    fits: bool
    score_gap: float
    box_gap_px: float
    mask_iou: float


def all_boxes_of_file(path: Path, *, imgsz: int) -> Segmenter:
    """Return a segmenter of a file in float32 that drops no box.

    Args:
        path: `.onnx` or `.xml`.
        imgsz: Long side of the network's input, pixels.
    """
    return Segmenter(
        path, precision="f32", device="cpu", imgsz=imgsz, conf=0.0, iou=1.0, max_det=_MOST
    )


def all_boxes_of_network(
    network: ModelFile, *, like: Segmenter, spec: ModelSpec, where: str
) -> Segmenter:
    """Return a segmenter of a network with the settings of another one.

    Args:
        network: The network.
        like: Has the settings.
        spec: What the model says about itself.
        where: The file, for messages.
    """
    config = SegmenterConfig(conf=0.0, iou=1.0, max_det=_MOST, imgsz=like.config.imgsz)
    return Segmenter.from_model_file(
        network, spec=spec, selection=like.selection, config=config, path=where
    )


def verify_same_outputs(  # noqa: PLR0913
    export: Segmenter,
    original: Segmenter,
    images: Sequence[ModelUnderTest],
    *,
    limits: Tolerances,
    where: str,
    hint: str,
    on_image: Callable[[], None] = lambda: None,
) -> Agreement:
    """Return how well an export agrees with what it was made from.

    Each instance that either finds must be among the boxes of the other one with the same class.
    Which of two near boxes NMS drops may differ, so partners are looked for before NMS.

    Args:
        export: Drops no box.
        original: Drops no box.
        images: Street pictures.
        limits: How far partners may lie apart.
        where: The original, for the message.
        hint: What helps when they differ.
        on_image: Called after each picture.

    Raises:
        ModelError: They differ.
    """
    answers: list[tuple[ModelUnderTest, Instances, Instances]] = []
    for image in images:
        ours, theirs = export(image.image), original(image.image)
        answers.append((image, ours.instances, theirs.instances))
        on_image()
    partners: list[tuple[_Partner, int]] = []
    wrong: list[str] = []
    names = original.spec.class_names
    for image, ours, theirs in answers:
        gain = _gain(original, image.image)
        for this, other, told in ((ours, theirs, "finds"), (theirs, ours, "does not find")):
            floor = max(_SCORE, _end_of(other))
            for i in _strong(this, least=floor, margin=limits.score):
                partner = _partner(this, i, other, limits=limits, gain=gain)
                partners.append((partner, _area(this, i)))
                if not partner.fits:
                    wrong.append(f"{told} {_tell(this, i, names)} in `{image.name}`")
    if wrong:
        raise ModelError(
            f"the export differs from `{where}` in {len(wrong)} of {len(partners)} instances, and "
            f"is not written: it {wrong[0]}",
            hint=hint,
        )
    found = [partner for partner, _ in partners]
    return Agreement(
        images=len(images),
        instances=len(found),
        score_gap=max((partner.score_gap for partner in found), default=0.0),
        box_gap_px=max((partner.box_gap_px for partner in found), default=0.0),
        mask_iou=min((one.mask_iou for one, area in partners if area > 1000), default=1.0),
    )


def output_gap(
    export: Runtime, original: Runtime, batches: Iterable[NDArray[np.uint8]], *, ends_in_nms: bool
) -> float:
    """Return the largest difference of raw outputs, as a share of the largest of them.

    A head that ends in a selection may order what scores alike in either way, so of it the scores
    are compared, in order.

    Args:
        export: One network.
        original: The other one.
        batches: uint8 (1, H, W, 3), RGB.
        ends_in_nms: Whether the head ends in a selection.
    """
    gap = 0.0
    for batch in batches:
        for ours, theirs in zip(export.infer(batch), original.infer(batch), strict=True):
            is_selection = ends_in_nms and ours.ndim == 3
            one, other = (
                np.sort(output[..., 4], axis=-1) if is_selection else output
                for output in (ours, theirs)
            )
            largest = float(np.abs(other).max(initial=1e-6))
            gap = max(gap, float(np.abs(one - other).max(initial=0.0)) / largest)
    return gap


def _end_of(found: Instances) -> float:
    """Return the score below which a long list may have been cut off."""
    return float(found.scores.min()) if len(found) >= _LONG else 0.0


def _strong(found: Instances, *, least: float, margin: float) -> NDArray[np.intp]:
    """Return the instances that count, after NMS; near the least score either may be right."""
    over = np.flatnonzero(found.scores > least * (1 + margin / _SCORE))
    kept = nms(found.boxes[over], found.scores[over], class_ids=found.class_ids[over], iou=_NMS_IOU)
    return over[kept]


def _partner(
    this: Instances, i: int, other: Instances, *, limits: Tolerances, gain: float
) -> _Partner:
    """Return how the best partner of an instance lies; one that fits where there is one."""
    same = np.flatnonzero(other.class_ids == this.class_ids[i])
    best = _Partner(fits=False, score_gap=1.0, box_gap_px=np.inf, mask_iou=0.0)
    box_gaps = np.abs(other.boxes[same] - this.boxes[i]).max(axis=1, initial=0.0) * gain
    score_gaps = np.abs(other.scores[same] - this.scores[i])
    near = np.flatnonzero((box_gaps <= limits.box_px) & (score_gaps <= limits.score))
    for k in near[np.argsort(box_gaps[near])]:
        iou, different = _overlap(this, i, other, int(same[k]))
        fits = iou >= limits.mask_iou or different <= _EDGE_PX
        best = _Partner(fits, float(score_gaps[k]), float(box_gaps[k]), iou)
        if fits:
            break
    return best


def _overlap(this: Instances, i: int, other: Instances, j: int) -> tuple[float, int]:
    """Return the overlap of two masks, and how many pixels only one of them has."""
    pair = (this.masks.select(np.array([i])), other.masks.select(np.array([j])))
    one, two = (masks.dense()[0] for masks in pair)
    union, common = np.count_nonzero(one | two), np.count_nonzero(one & two)
    return float(common / max(union, 1)), int(union - common)


def _area(found: Instances, i: int) -> int:
    """Return the number of pixels of a mask."""
    return int(found.masks.select(np.array([i])).areas()[0])


def _gain(segmenter: Segmenter, image: Image) -> float:
    """Return pixels of the network's input for each of the picture."""
    size = (image.shape[0], image.shape[1])
    height, width = segmenter.input_size(size)
    return min(height / size[0], width / size[1])


def _tell(found: Instances, i: int, names: Sequence[str]) -> str:
    box = ", ".join(f"{side:.0f}" for side in found.boxes[i])
    return f"a `{names[found.class_ids[i]]}` of score {found.scores[i]:.2f} at ({box})"
