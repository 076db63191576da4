"""Decoding of YOLO segmentation heads to boxes, scores and mask coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.errors import ModelError
from urban_segmentor.structures.boxes import nms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_MAX_CANDIDATES = 30_000


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Detections:
    """Detections of an image, sorted by score.

    Attributes:
        boxes: float32 (N, 4), pixels of the network input, `x1, y1, x2, y2`.
        scores: float32 (N,).
        class_ids: int32 (N,).
        coefficients: float32 (N, M), weights of the M mask prototypes.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    class_ids: NDArray[np.int32]
    coefficients: NDArray[np.float32]


def check_outputs(
    outputs: Sequence[NDArray[np.float32]], *, classes: int, ends_in_nms: bool, path: str
) -> None:
    """Check that the output tensors have the layout that the metadata states.

    Args:
        outputs: The head, float32 (1, 4 + classes + M, A) or (1, N, 6 + M), and the mask
            prototypes, float32 (1, M, h, w).
        classes: Length of the class list.
        ends_in_nms: Which of the two layouts the metadata states.
        path: Path of the model file, for messages.

    Raises:
        ModelError: A tensor is missing or has another shape.
    """
    shapes = [tuple(output.shape) for output in outputs]
    fits = len(shapes) == 2 and len(shapes[0]) == 3 and len(shapes[1]) == 4
    if fits:
        width = shapes[0][2] if ends_in_nms else shapes[0][1]
        fits = all(shapes[1]) and width == (6 if ends_in_nms else 4 + classes) + shapes[1][1]
    if not fits:
        layout = "(1, N, 6 + M)" if ends_in_nms else f"(1, 4 + {classes} + M, anchors)"
        raise ModelError(
            f"`{path}` gives tensors of shapes {shapes}, expected {layout} and (1, M, h, w)",
            hint="its metadata and its graph disagree; export the model again",
        )


def check_detections(detections: Detections, *, classes: int, path: str) -> None:
    """Check that decoded detections are finite and of known classes.

    Args:
        detections: Decoded detections.
        classes: Length of the class list.
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
            hint="its metadata and its graph disagree; export the model again",
        )


def decode_anchors(  # noqa: PLR0913
    head: NDArray[np.float32],
    *,
    classes: int,
    conf: float,
    iou: float,
    max_det: int,
    keep_classes: Sequence[int] | None,
) -> Detections:
    """Return the detections of a head without NMS, as YOLOv8-seg and YOLO11-seg have.

    Args:
        head: float32 (4 + classes + M, A): centre x, y, width, height in input pixels, class
            scores, mask coefficients, for A anchors.
        classes: Length of the class list.
        conf: Score threshold.
        iou: IoU threshold of the NMS, per class.
        max_det: Maximum number of detections.
        keep_classes: Class ids to keep, or None for all.
    """
    class_scores = head[4 : 4 + classes]
    best = class_scores.max(axis=0)
    anchors = np.flatnonzero(best > conf)
    scores, class_ids = best[anchors], class_scores[:, anchors].argmax(axis=0).astype(np.int32)
    if keep_classes is not None:
        is_kept = np.isin(class_ids, keep_classes)
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
    keep_classes: Sequence[int] | None,
) -> Detections:
    """Return the detections of a head that ends in NMS or needs none, as YOLO26-seg.

    Args:
        head: float32 (N, 6 + M): `x1, y1, x2, y2` in input pixels, score, class, mask
            coefficients.
        conf: Score threshold.
        max_det: Maximum number of detections.
        keep_classes: Class ids to keep, or None for all.
    """
    keep = head[:, 4] > conf
    if keep_classes is not None:
        keep &= np.isin(head[:, 5], keep_classes)
    rows = np.flatnonzero(keep)
    rows = rows[np.argsort(-head[rows, 4], kind="stable")][:max_det]
    return Detections(
        boxes=head[rows, :4].copy(),
        scores=head[rows, 4].copy(),
        class_ids=head[rows, 5].astype(np.int32),
        coefficients=head[rows, 6:].copy(),
    )
