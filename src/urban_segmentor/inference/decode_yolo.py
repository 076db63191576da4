"""Decoding of YOLO segmentation heads to boxes, scores and mask coefficients.

A head has one row of scores for each class that it knows, which need not be all classes of the
model; up to `decode_detections` a class is its row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.errors import ModelError
from urban_segmentor.structures.boxes import nms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from urban_segmentor.inference.config import SegmenterConfig
    from urban_segmentor.models.spec import ModelSpec

_DISAGREE = "its metadata and its graph disagree; export the model again"
_MAX_CANDIDATES = 30_000


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Detections:
    """Detections of an image, sorted by score.

    Attributes:
        boxes: float32 (N, 4), pixels of the network input, `x1, y1, x2, y2`.
        scores: float32 (N,).
        class_ids: int32 (N,), positions in the class list; before they are translated, class rows.
        coefficients: float32 (N, M), weights of the M mask prototypes.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    class_ids: NDArray[np.int32]
    coefficients: NDArray[np.float32]


def decode_detections(
    outputs: Sequence[NDArray[np.float32]],
    *,
    spec: ModelSpec,
    config: SegmenterConfig,
    keep_classes: Sequence[int] | None,
    path: str,
) -> Detections:
    """Return the detections in the outputs of a model, sorted by score.

    Args:
        outputs: The output tensors in order, float32, shaped as `check_outputs` has it: (1, ...).
        spec: The metadata of the model.
        config: Thresholds.
        keep_classes: Class ids to keep, or None for all.
        path: Path of the model file, for messages.

    Raises:
        ModelError: The outputs are not what the metadata promise, or not finite.
    """
    class_ids = np.array(spec.instance_class_ids, dtype=np.int32)
    rows = len(class_ids)
    check_outputs(
        outputs,
        classes=rows,
        ends_in_nms=spec.ends_in_nms,
        semantic_classes=len(spec.classes) if spec.has_semantic else None,
        path=path,
    )
    keep_rows = None
    if keep_classes is not None:
        keep_rows = np.flatnonzero(np.isin(class_ids, keep_classes)).tolist()
    if spec.ends_in_nms:
        found = decode_end2end(
            outputs[0][0], conf=config.conf, max_det=config.max_det, keep_rows=keep_rows
        )
    else:
        found = decode_anchors(
            outputs[0][0],
            classes=rows,
            conf=config.conf,
            iou=config.iou,
            max_det=config.max_det,
            keep_rows=keep_rows,
        )
    check_detections(found, classes=rows, path=path)
    return replace(found, class_ids=class_ids[found.class_ids])


def check_outputs(
    outputs: Sequence[NDArray[np.float32]],
    *,
    classes: int,
    ends_in_nms: bool,
    path: str,
    semantic_classes: int | None = None,
) -> None:
    """Check that the output tensors have the layout that the metadata states.

    Args:
        outputs: The head, float32 (1, 4 + classes + M, A) or (1, N, 6 + M), the mask prototypes,
            float32 (1, M, h, w), and perhaps the logits of each pixel, float32 (1, C, h, w).
        classes: Class rows of the head.
        ends_in_nms: Which of the two layouts the metadata states.
        path: Path of the model file, for messages.
        semantic_classes: C, or None where there are no such logits.

    Raises:
        ModelError: A tensor is missing or has another shape, or logits are not finite.
    """
    shapes = [tuple(output.shape) for output in outputs]
    is_semantic = semantic_classes is not None
    fits = len(shapes) == 2 + is_semantic and [len(shape) for shape in shapes[:2]] == [3, 4]
    if fits:
        width = shapes[0][2] if ends_in_nms else shapes[0][1]
        fits = all(shapes[1]) and width == (6 if ends_in_nms else 4 + classes) + shapes[1][1]
    if fits and is_semantic:
        fits = len(shapes[2]) == 4 and shapes[2][:2] == (1, semantic_classes) and all(shapes[2])
    if not fits:
        expected = ["(1, N, 6 + M)" if ends_in_nms else f"(1, 4 + {classes} + M, anchors)"]
        expected += ["(1, M, h, w)", *([f"(1, {semantic_classes}, h, w)"] if is_semantic else [])]
        listed = f"{', '.join(expected[:-1])} and {expected[-1]}"
        raise ModelError(
            f"`{path}` gives tensors of shapes {shapes}, expected {listed}", hint=_DISAGREE
        )
    if is_semantic and not np.isfinite(outputs[2]).all():
        raise ModelError(
            f"`{path}` gives classes of pixels that are no numbers",
            hint="use --precision f32; if that does not help, export the model again",
        )


def check_detections(detections: Detections, *, classes: int, path: str) -> None:
    """Check that decoded detections are finite and of known classes.

    Args:
        detections: Decoded detections, their classes as rows of the head.
        classes: Class rows of the head.
        path: Path of the model file, for messages.

    Raises:
        ModelError: A value is not finite, or a class id is out of range.
    """
    if not (np.isfinite(detections.boxes).all() and np.isfinite(detections.coefficients).all()):
        raise ModelError(
            f"`{path}` gives boxes or masks that are no numbers",
            hint="use --precision f32; if that does not help, export the model again",
        )
    invalid_ids = detections.class_ids[
        (detections.class_ids < 0) | (detections.class_ids >= classes)
    ]
    if len(invalid_ids):
        raise ModelError(
            f"`{path}` finds the class {invalid_ids[0]}, its metadata name {classes} classes",
            hint=_DISAGREE,
        )


def decode_anchors(  # noqa: PLR0913
    head: NDArray[np.float32],
    *,
    classes: int,
    conf: float,
    iou: float,
    max_det: int,
    keep_rows: Sequence[int] | None,
) -> Detections:
    """Return the detections of a head without NMS, as YOLOv8-seg and YOLO11-seg have.

    Args:
        head: float32 (4 + classes + M, A): centre x, y, width, height in input pixels, class
            scores, mask coefficients, for A anchors.
        classes: Class rows of the head.
        conf: Score threshold.
        iou: IoU threshold of the NMS, per class.
        max_det: Maximum number of detections.
        keep_rows: Class rows to keep, or None for all.
    """
    class_scores = head[4 : 4 + classes]
    best = class_scores.max(axis=0)
    anchors = np.flatnonzero(best > conf)
    scores, class_ids = best[anchors], class_scores[:, anchors].argmax(axis=0).astype(np.int32)
    if keep_rows is not None:
        is_kept = np.isin(class_ids, keep_rows)
        anchors, scores, class_ids = anchors[is_kept], scores[is_kept], class_ids[is_kept]
    if len(anchors) > _MAX_CANDIDATES:
        top = np.argpartition(-scores, _MAX_CANDIDATES)[:_MAX_CANDIDATES]
        anchors, scores, class_ids = anchors[top], scores[top], class_ids[top]
    centre, half = head[:2, anchors].T, head[2:4, anchors].T / 2
    boxes = np.hstack([centre - half, centre + half]).astype(np.float32)
    kept = nms(boxes, scores, class_ids=class_ids, iou=iou, max_det=max_det)
    return Detections(
        boxes=boxes[kept],
        scores=scores[kept],
        class_ids=class_ids[kept],
        coefficients=np.ascontiguousarray(head[4 + classes :, anchors[kept]].T),
    )


def decode_end2end(
    head: NDArray[np.float32],
    *,
    conf: float,
    max_det: int,
    keep_rows: Sequence[int] | None,
) -> Detections:
    """Return the detections of a head that ends in NMS or needs none, as YOLO26-seg.

    Args:
        head: float32 (N, 6 + M): `x1, y1, x2, y2` in input pixels, score, class, mask
            coefficients.
        conf: Score threshold.
        max_det: Maximum number of detections.
        keep_rows: Class rows to keep, or None for all.
    """
    keep = head[:, 4] > conf
    if keep_rows is not None:
        keep &= np.isin(head[:, 5], keep_rows)
    rows = np.flatnonzero(keep)
    rows = rows[np.argsort(-head[rows, 4], kind="stable")][:max_det]
    return Detections(
        boxes=head[rows, :4].copy(),
        scores=head[rows, 4].copy(),
        class_ids=head[rows, 5].astype(np.int32),
        coefficients=head[rows, 6:].copy(),
    )
