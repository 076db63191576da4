"""Summary of instances by class, as the page shows it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from urban_segmentor.structures.classes import first_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from urban_segmentor.structures.instances import Instances


class ClassRow(TypedDict):
    """Summary of a class in an image.

    Attributes:
        name: Name of the class.
        count: Number of instances.
        score: Mean score, in [0, 1].
        share: Covered fraction of the image, in [0, 1].
    """

    name: str
    count: int
    score: float
    share: float


def class_rows(instances: Instances, *, class_names: Sequence[str]) -> list[ClassRow]:
    """Return one row per class, the most frequent first.

    Args:
        instances: Predictions of an image; where masks of a class overlap, a pixel counts once.
        class_names: Names by class id.
    """
    first = np.array(first_ids(class_names), dtype=np.int32)[instances.class_ids]
    ids: list[int] = first.tolist()
    height, width = instances.masks.image_size
    rows: list[ClassRow] = []
    for class_id, count in Counter(ids).most_common():
        mine = instances.select(first == class_id)
        covered = int(np.count_nonzero(mine.masks.coverage()))
        rows.append(
            {
                "name": class_names[class_id],
                "count": count,
                "score": round(float(mine.scores.mean()), 3),
                "share": round(covered / max(1, height * width), 5),
            }
        )
    return rows
