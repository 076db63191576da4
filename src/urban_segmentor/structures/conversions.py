"""Instances in the forms of other tools, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from urban_segmentor.structures.rle import encode_rle

if TYPE_CHECKING:
    from urban_segmentor.structures.instances import Instances


def coco_annotations(instances: Instances, *, image_id: int) -> list[dict[str, Any]]:
    """Return COCO annotations, ids from 1, category ids class ids plus 1.

    Args:
        instances: N instances.
        image_id: Of the image that they belong to.
    """
    boxes: list[list[float]] = instances.boxes.astype(np.float64).round(2).tolist()
    areas: list[int] = instances.masks.areas().tolist()
    scores: list[float] = instances.scores.astype(np.float64).round(5).tolist()
    class_ids: list[int] = instances.class_ids.tolist()
    rows = zip(boxes, areas, scores, class_ids, encode_rle(instances.masks), strict=True)
    return [
        {
            "id": number,
            "image_id": image_id,
            "category_id": class_id + 1,
            "bbox": [x1, y1, round(x2 - x1, 2), round(y2 - y1, 2)],
            "area": area,
            "iscrowd": 0,
            "segmentation": mask,
            "score": score,
        }
        for number, ((x1, y1, x2, y2), area, score, class_id, mask) in enumerate(rows, start=1)
    ]
