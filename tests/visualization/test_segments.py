"""Overlays of panoptic maps: things are told apart, and labels lie in their segments."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.visualization.test_overlay import (
    CAR,
    PLAIN,
    ROAD,
    drawn,
    instances_of,
    rectangle,
    source_image,
)
from urban_segmentor.structures.cityscapes_labels import TRAIN_LABELS
from urban_segmentor.visualization.palette import shade_by_position
from urban_segmentor.visualization.style import OverlayStyle

SEGMENTS = replace(PLAIN, segments=True, opacity=1.0)
SIZE = (60, 120)
LEFT, RIGHT = rectangle(SIZE, 10, 20, 30, 40), rectangle(SIZE, 30, 20, 50, 40)
GROUND = rectangle(SIZE, 0, 40, 120, 60)


def test_neighbours_of_a_class_differ_and_stuff_has_its_color() -> None:
    """Void is left as it is."""
    image = source_image(SIZE)
    result = drawn(image, instances_of([LEFT, RIGHT, GROUND], [CAR, CAR, ROAD]), SEGMENTS)
    left, right = (np.unique(result[mask], axis=0) for mask in (LEFT, RIGHT))
    assert len(left) == len(right) == 1
    assert np.abs(left.astype(int) - right).max() > 20
    assert (result[GROUND] == TRAIN_LABELS[ROAD].color).all()
    void = ~(LEFT | RIGHT | GROUND)
    np.testing.assert_array_equal(result[void], image[void])


@given(st.floats(0, 1900), st.floats(0, 1000), st.floats(0, 2))
def test_a_shade_is_lighter_and_changes_slowly(x: float, y: float, moved: float) -> None:
    """Two pixels further, nobody sees a difference, so that videos do not flicker."""
    colors = np.array([TRAIN_LABELS[CAR].color] * 2, dtype=np.uint8)
    boxes = np.array([[x, y, x + 99, y + 50], [x + moved, y, x + 99 + moved, y + 50]])
    one, other = shade_by_position(colors, boxes.astype(np.float32), (1080, 1920)).astype(int)
    assert (one >= colors[0]).all()
    assert (one <= colors[0] + 0.4 * (255 - colors[0].astype(int)) + 1).all()
    assert np.abs(one - other).max() <= 2


def test_labels_lie_in_the_segments_of_things() -> None:
    """Nothing above the object is painted over; the plate is in the middle of it."""
    size = (400, 600)
    mask = rectangle(size, 100, 100, 500, 300)
    found = instances_of([mask], [CAR])
    style = OverlayStyle(masks=False, outlines=False, boxes=False, segments=True)
    image = np.zeros((*size, 3), dtype=np.uint8)
    rows, columns = np.nonzero((drawn(image, found, style) != image).any(axis=2))
    assert mask[rows, columns].all()
    assert abs(rows.mean() - 200) < 12
    assert abs(columns.mean() - 300) < 12
    rows, columns = np.nonzero(
        (drawn(image, found, replace(style, segments=False)) != image).any(axis=2)
    )
    assert not mask[rows, columns].any()
