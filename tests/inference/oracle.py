"""Ultralytics as the authority: same weights, same picture, same answer."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from urban_segmentor.exporters.ultralytics_env import require_modules
from urban_segmentor.inference import segmenter as segmenting

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from ultralytics import YOLO

    from urban_segmentor.inference.segmenter import Segmenter
    from urban_segmentor.structures.instances import Instances
    from urban_segmentor.structures.masks import Masks

os.environ.setdefault("YOLO_OFFLINE", "True")
os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.gettempdir())

MIN_SCORE = 0.3
LARGE_PX = 1000
FEW_PX = 16
FAINT = 0.4


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What Ultralytics found: boxes (N, 4), scores (N,), class ids (N,), masks (N, H, W)."""

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    class_ids: NDArray[np.int64]
    masks: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far two answers lie apart, over all partners; arrays of one row a partner.

    `settled_ious` passes over pixels that are inside or outside by less than `FAINT` of a logit, as
    two ways to interpolate may.
    """

    missing: int
    score_gaps: NDArray[np.float64]
    box_gaps_px: NDArray[np.float64]
    mask_ious: NDArray[np.float64]
    settled_ious: NDArray[np.float64]
    areas_px: NDArray[np.float64]


def export_onnx(checkpoint: Path, folder: Path, **options: object) -> Path:
    """Return an ONNX export of a checkpoint."""
    require_modules("ultralytics")
    from ultralytics import YOLO

    copy = Path(shutil.copy(checkpoint, folder))
    copy.chmod(0o644)
    arguments = {"format": "onnx", "imgsz": (384, 640)} | options
    if arguments["format"] == "onnx":
        arguments["simplify"] = False
    return Path(YOLO(copy).export(**arguments))


@lru_cache(maxsize=2)
def ultralytics(model: Path) -> YOLO:
    """Return a model as Ultralytics loads it, which takes longer than a picture."""
    require_modules("ultralytics")
    from ultralytics import YOLO

    return YOLO(model, task="segment")


def reference(
    model: Path, image: NDArray[np.uint8], *, imgsz: int | tuple[int, int], conf: float = 0.25
) -> Reference:
    """Return what Ultralytics finds with masks at the resolution of the picture."""
    found = ultralytics(model).predict(
        np.ascontiguousarray(image[..., ::-1]),
        imgsz=imgsz,
        rect=False,  # just that size, and not the smallest that shows the picture
        conf=conf,
        iou=0.7,
        retina_masks=True,
        verbose=False,
        device="cpu",
    )[0]
    masks = np.zeros((0, *image.shape[:2]), dtype=np.bool_)
    if found.masks is not None:
        masks = found.masks.data.numpy().astype(np.bool_)
    return Reference(
        boxes=found.boxes.xyxy.numpy(),
        scores=found.boxes.conf.numpy(),
        class_ids=found.boxes.cls.numpy().astype(np.int64),
        masks=masks,
    )


def compare(
    ours: Instances, theirs: Reference, *, faint: NDArray[np.bool_] | None = None
) -> Agreement:
    """Return how the instances over 0.3 of each side agree with their partners on the other.

    A mask of a few faint pixels may have none when it is interpolated in another way, and is then
    left out; so those of up to `FEW_PX` are not looked for on the other side.

    Args:
        ours: What we find.
        theirs: What Ultralytics finds.
        faint: bool (N, H, W), pixels of each of ours that hardly are in or out; none by default.
    """
    sides = (_of(ours), theirs)
    if faint is None:
        faint = np.zeros_like(sides[0].masks)
    rows: list[tuple[float, ...]] = []
    missing = 0
    for this, other in (sides, sides[::-1]):
        for i in np.flatnonzero(this.scores > MIN_SCORE):
            if faint.any() and np.count_nonzero(this.masks[i]) <= FEW_PX:
                continue
            same = np.flatnonzero(other.class_ids == this.class_ids[i])
            if not len(same):
                missing += 1
                continue
            gaps = np.abs(other.boxes[same] - this.boxes[i]).max(axis=1)
            j = same[gaps.argmin()]
            union = np.count_nonzero(this.masks[i] | other.masks[j])
            differ = this.masks[i] ^ other.masks[j]
            settled = differ & ~faint[i if this is sides[0] else j]
            ious = [1 - np.count_nonzero(wrong) / max(union, 1) for wrong in (differ, settled)]
            score_gap = abs(float(this.scores[i]) - float(other.scores[j]))
            rows.append((score_gap, gaps.min(), *ious, this.masks[i].sum()))
    table = np.array(rows, dtype=np.float64).reshape(-1, 5)
    return Agreement(
        missing=missing,
        score_gaps=table[:, 0],
        box_gaps_px=table[:, 1],
        mask_ious=table[:, 2],
        settled_ious=table[:, 3],
        areas_px=table[:, 4],
    )


def faint_pixels(segmenter: Segmenter, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which pixels of each instance lie within `FAINT` of a logit of the edge, (N, H, W)."""
    decode = segmenting.masks_from_prototypes
    planes: list[NDArray[np.bool_]] = []

    def moved(logits: NDArray[np.float32], *rest: object) -> Masks:
        planes.extend(decode(logits + np.float32(by), *rest).dense() for by in (FAINT, -FAINT))
        return decode(logits, *rest)

    def kept(*given: object) -> NDArray[np.bool_]:
        keep = has_visible_pixels(*given)
        planes[:] = [plane[keep] for plane in planes]
        return keep

    has_visible_pixels = segmenting.has_visible_pixels
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segmenting, "masks_from_prototypes", moved)
        patch.setattr(segmenting, "has_visible_pixels", kept)
        segmenter(image)
    return planes[0] & ~planes[1]


def _of(found: Instances) -> Reference:
    return Reference(
        boxes=found.boxes,
        scores=found.scores,
        class_ids=found.class_ids.astype(np.int64),
        masks=found.masks.dense(),
    )
