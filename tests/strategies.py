"""Hypothesis strategies for the values of the package."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks


@st.composite
def mask_stacks(draw: st.DrawFn, *, max_count: int = 4, side: int = 14) -> NDArray[np.bool_]:
    """Bool (N, H, W) stacks, sides of 1 to `side`: empty, full, single pixels, lines, noise."""
    shape = (
        draw(st.integers(0, max_count)),
        draw(st.integers(1, side)),
        draw(st.integers(1, side)),
    )
    fill = draw(st.sampled_from(["any", "sparse", "holes", "empty", "full"]))
    if fill in {"empty", "full"}:
        return np.full(shape, fill == "full")
    stack = draw(hnp.arrays(np.bool_, shape))
    if fill == "any":
        return stack
    # Hypothesis seldom draws few pixels in a large array, where lines and specks come from.
    few = stack & draw(hnp.arrays(np.bool_, shape)) & draw(hnp.arrays(np.bool_, shape))
    return few if fill == "sparse" else ~few


@st.composite
def masks(draw: st.DrawFn) -> Masks:
    """Valid `Masks`, of which some crops have empty borders."""
    tight = Masks.from_dense(draw(mask_stacks()))
    dense = tight.dense()
    crops, origins = list(tight.crops), tight.origins.copy()
    for i, (crop, (x, y)) in enumerate(zip(tight.crops, tight.origins.tolist(), strict=True)):
        if draw(st.booleans()):
            left, top = draw(st.integers(0, x)), draw(st.integers(0, y))
            right = draw(st.integers(x + crop.shape[1], dense.shape[2]))
            bottom = draw(st.integers(y + crop.shape[0], dense.shape[1]))
            crops[i], origins[i] = dense[i, top:bottom, left:right], (left, top)
    return Masks(crops=tuple(crops), origins=origins, image_size=tight.image_size)


@st.composite
def instances(draw: st.DrawFn) -> Instances:
    """Valid `Instances` whose boxes are the rectangles of their masks."""
    found = draw(masks())
    n = len(found)
    return Instances(
        boxes=found.rectangles(),
        masks=found,
        scores=draw(hnp.arrays(np.float32, n, elements=st.floats(0, 1, width=32))),
        class_ids=draw(hnp.arrays(np.int32, n, elements=st.integers(0, 7))),
    )
