"""Instances to merge, of a small class list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.strategies import masks
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAMES = ("car", "road", "person", "pole", "tram", "sky")
CLASSES = known_classes(NAMES)
CAR, ROAD, PERSON, POLE, TRAM, SKY = range(6)
STUFF = {ROAD, POLE, SKY}


def found(*items: tuple[NDArray[np.bool_], int, float]) -> Instances:
    """Return instances of masks, bool (H, W), class ids and scores."""
    dense, class_ids, scores = zip(*items, strict=True)
    crops = Masks.from_dense(np.stack(dense))
    return Instances(
        boxes=crops.rectangles(),
        masks=crops,
        scores=np.array(scores, dtype=np.float32),
        class_ids=np.array(class_ids, dtype=np.int32),
        classes=CLASSES,
    )


def rectangle(x1: int, y1: int, x2: int, y2: int, *, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a mask, bool (H, W), of a rectangle, half-open."""
    mask = np.zeros(size, dtype=np.bool_)
    mask[y1:y2, x1:x2] = True
    return mask


@st.composite
def instances(draw: st.DrawFn) -> Instances:
    """Instances whose scores all differ; some are as low as rules can be."""
    crops = draw(masks())
    n = len(crops)
    grades = draw(st.lists(st.integers(0, 20), min_size=n, max_size=n, unique=True))
    return Instances(
        boxes=crops.rectangles(),
        masks=crops,
        scores=np.array(grades, dtype=np.float32) / np.float32(20),
        class_ids=draw(hnp.arrays(np.int32, n, elements=st.integers(0, len(NAMES) - 1))),
        classes=CLASSES,
    )
