"""Which pixels an overlay may touch, in RGB and in video planes, exactly."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import instances
from tests.visualization.test_overlay import (
    CLASSES,
    disc,
    instances_of,
    overlaid,
    rectangle,
    source_image,
)
from urban_segmentor.errors import SettingError, ShapeError
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.result import Result
from urban_segmentor.structures.cityscapes_labels import TRAIN_NAMES
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.structures.frame import Frame, Yuv420
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import LazyCrops, Masks
from urban_segmentor.visualization.label_placement import label_anchor, label_sprite
from urban_segmentor.visualization.overlay import Overlay
from urban_segmentor.visualization.palette import class_colors
from urban_segmentor.visualization.style import OverlayStyle

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDES = st.integers(2, 90)
STYLES = st.builds(
    OverlayStyle,
    masks=st.booleans(),
    outlines=st.booleans(),
    boxes=st.booleans(),
    labels=st.booleans(),
    scores=st.booleans(),
    opacity=st.floats(0, 1),
)


@st.composite
def discs(draw: st.DrawFn) -> Instances:
    """Up to five discs of any class, in a picture of any size, some cut by its borders."""
    size = draw(SIDES), draw(SIDES)
    found = draw(
        st.lists(st.tuples(st.integers(0, 89), st.integers(0, 89), st.integers(1, 40)), max_size=5)
    )
    masks = [disc(size, x % size[1], y % size[0], radius) for x, y, radius in found]
    ids = [draw(st.integers(0, 18)) for _ in masks]
    if not masks:
        return instances_of([np.ones(size, dtype=np.bool_)], [0]).select(np.array([False]))
    return instances_of(masks, ids)


def touched(found: Instances, style: OverlayStyle) -> NDArray[np.bool_]:
    """Return the pixels that may change, bool (H, W): masks, their edges, borders and plates."""
    size = found.masks.image_size
    allowed = np.zeros(size, dtype=np.uint8)
    if style.masks:
        allowed |= found.masks.dense().any(axis=0)
    if style.outlines:
        for mask in found.masks.dense().view(np.uint8):
            ring = cv2.dilate(mask, np.ones((3, 3))) - cv2.erode(mask, np.ones((3, 3)))
            allowed |= ring.astype(np.uint8)
    scale = max(min(size) / 720, 0.5)
    width = max(round(2 * scale), 1)
    for i, class_id in enumerate(found.class_ids.tolist()):
        x1, y1, x2, y2 = found.boxes[i].astype(int)
        if style.boxes and CLASSES[class_id].is_thing:
            border = np.ones((y2 - y1, x2 - x1), dtype=np.uint8)
            border[width:-width, width:-width] = 0
            allowed[y1:y2, x1:x2] |= border
        if style.labels:
            text = TRAIN_NAMES[class_id] + (f" {found.scores[i]:.2f}" if style.scores else "")
            color = class_colors(CLASSES)[class_id]
            plate = label_sprite(text, color, round(scale, 2)).image.shape[:2]
            inside = not CLASSES[class_id].is_thing
            x, y = label_anchor(found, i, plate, inside=inside)
            assert min(x, y) >= 0
            assert x + plate[1] <= max(size[1], plate[1])
            assert y + plate[0] <= max(size[0], plate[0])
            allowed[y : y + plate[0], x : x + plate[1]] = 1
    return allowed.astype(np.bool_)


def in_blocks(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which 2 x 2 blocks hold a true pixel, or lie beside one: chroma has no finer place."""
    height, width = mask.shape
    even = np.pad(mask, ((0, height % 2), (0, width % 2)))
    blocks = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2).any(axis=(1, 3))
    return cv2.dilate(blocks.view(np.uint8), np.ones((3, 3))).astype(np.bool_)


@given(discs(), STYLES, st.integers(0, 99))
def test_nothing_else_changes(found: Instances, style: OverlayStyle, seed: int) -> None:
    """Pixels outside masks, edges, borders and plates keep their values, and the input too."""
    image = source_image(found.masks.image_size, seed)
    kept = image.copy()
    result = overlaid(image, found, style)
    assert isinstance(result, np.ndarray)
    changed = (result != image).any(axis=2)
    assert not np.any(changed & ~touched(found, style))
    np.testing.assert_array_equal(image, kept)
    assert result.dtype == np.uint8


@given(discs(), STYLES, st.booleans(), st.integers(0, 99))
def test_nothing_else_changes_in_planes(
    found: Instances,
    style: OverlayStyle,
    full_range: bool,  # noqa: FBT001
    seed: int,
) -> None:
    """The same for luma and chroma, to the block of 2 x 2 pixels."""
    image = source_image(found.masks.image_size, seed)
    planes = Yuv420.from_rgb(image, full_range=full_range)
    result = overlaid(planes, found, style)
    assert isinstance(result, Yuv420)
    allowed = touched(found, style)
    blocks = in_blocks(allowed)
    height, width = allowed.shape
    grown = np.repeat(np.repeat(blocks, 2, axis=0), 2, axis=1)[:height, :width]
    assert not np.any((result.y != planes.y) & ~grown)
    assert not np.any((result.u != planes.u) & ~blocks)
    assert not np.any((result.v != planes.v) & ~blocks)


@settings(max_examples=40)
@given(discs(), STYLES)
def test_the_same_again(found: Instances, style: OverlayStyle) -> None:
    """One overlay twice, and another one of the same style, give equal pictures."""
    frame = Frame(pixels=source_image(found.masks.image_size))
    result = Result(frame=frame, instances=found)
    overlay = Overlay(style=style)
    first = overlay(frame, result)
    np.testing.assert_array_equal(first, overlay(frame, result))
    np.testing.assert_array_equal(first, Overlay(style=style)(frame, result))
    np.testing.assert_array_equal(first, overlay.draw(result))


@given(instances())
def test_any_instances(found: Instances) -> None:
    """Empty masks, single pixels and masks at all borders are drawn in both formats."""
    size = found.masks.image_size
    image = source_image(size)
    for pixels in (image, Yuv420.from_rgb(image)):
        for classes in (CLASSES, ClassList()):  # without a list their numbers are written
            result = overlaid(pixels, replace(found, classes=classes))
            assert type(result) is type(pixels)
            assert Frame(pixels=result).size == size


def test_edges_are_as_fine_as_the_image() -> None:
    """At 1080 lines every pixel of a ragged mask is mixed, in RGB and in luma, and no other."""
    size = (1080, 1920)
    mask = np.random.default_rng(2).random(size) < 0.5
    found = instances_of([mask], [TRAIN_NAMES.index("car")])
    style = OverlayStyle(masks_only=True, opacity=1.0)
    image = np.full((*size, 3), 200, dtype=np.uint8)
    result = np.asarray(overlaid(image, found, style))
    np.testing.assert_array_equal((result == (0, 0, 142)).all(axis=2), mask)
    np.testing.assert_array_equal((result == 200).all(axis=2), ~mask)
    planes = Yuv420.from_rgb(image)
    luma = overlaid(planes, found, style)
    assert isinstance(luma, Yuv420)
    np.testing.assert_array_equal(luma.y != planes.y, mask)


@pytest.mark.parametrize("box", [(4, 6, 5, 7), (5, 7, 6, 8), (5, 6, 8, 9), (39, 29, 40, 30)])
def test_the_smallest_boxes_are_drawn_in_planes(box: tuple[int, int, int, int]) -> None:
    """A box of one pixel does not vanish between the chroma samples."""
    x1, y1, x2, y2 = box
    mask = np.zeros((31, 41), dtype=np.bool_)
    mask[y1:y2, x1:x2] = True
    style = OverlayStyle(masks=False, outlines=False, labels=False)
    planes = Yuv420.from_rgb(np.full((31, 41, 3), 90, dtype=np.uint8))
    found = instances_of([mask], [TRAIN_NAMES.index("person")])
    result = overlaid(planes, found, style)
    assert isinstance(result, Yuv420)
    assert result.y[y1, x1] != planes.y[y1, x1]
    assert result.v[y1 // 2, x1 // 2] != planes.v[y1 // 2, x1 // 2]


@pytest.mark.parametrize("names", [TRAIN_NAMES, tuple(f"thing {i}" for i in range(120))])
def test_boxes_and_plates_look_alike_in_both_formats(names: tuple[str, ...]) -> None:
    """At even places planes are what the RGB picture is after conversion, but for rounding."""
    size = (720, 1280)
    image = np.full((*size, 3), 128, dtype=np.uint8)
    corners = [(140, 140, 460, 460), (780, 280, 1020, 520), (0, 640, 60, 720)]
    found = instances_of(
        [rectangle(size, *corner) for corner in corners],
        [len(names) - 1, len(names) - 6, len(names) - 8],
        classes=known_classes(names),
    )
    style = OverlayStyle(masks=False, outlines=False)
    rgb = overlaid(image, found, style)
    assert isinstance(rgb, np.ndarray)
    assert (rgb != image).any(axis=2).sum() > 5000
    expected = Yuv420.from_rgb(rgb)
    planes = overlaid(Yuv420.from_rgb(image), found, style)
    assert isinstance(planes, Yuv420)
    for name in ("y", "u", "v"):
        difference = getattr(planes, name).astype(int) - getattr(expected, name)
        assert np.abs(difference).max() <= 1


def test_a_mask_is_decoded_once() -> None:
    """Filling, tracing, and finding the middle for the label read the same pixels."""
    calls: list[int] = []

    def decoder(number: int) -> NDArray[np.bool_]:
        calls.append(number)
        return np.ones((20, 30), dtype=np.bool_)

    deferred = LazyCrops([lambda number=number: decoder(number) for number in range(3)])
    origins = np.array([[0, 0], [40, 20], [10, 50]], dtype=np.int32)
    masks = Masks(crops=deferred, origins=origins, image_size=(90, 90))
    found = Instances(
        boxes=np.hstack([origins, np.add(origins, (30, 20))]).astype(np.float32),
        masks=masks,
        scores=np.ones(3, dtype=np.float32),
        class_ids=np.array([0, 10, 13], dtype=np.int32),  # two of stuff, labeled inside
        classes=CLASSES,
    )
    for _ in range(2):
        overlaid(source_image((90, 90)), found)
    assert sorted(calls) == [0, 1, 2]


def test_instances_of_another_image_are_refused() -> None:
    """Sizes are compared before anything is drawn."""
    found = instances_of([np.ones((30, 40), dtype=np.bool_)], [0])
    with pytest.raises(ShapeError, match="image of 30 x 40, the frame has 40 x 30"):
        overlaid(source_image((40, 30)), found)


@pytest.mark.parametrize("class_id", [-1, 19, 400])
def test_classes_without_a_name_are_refused(class_id: int) -> None:
    """They would get the color of another class, or none."""
    found = instances_of([np.ones((30, 40), dtype=np.bool_)], [class_id])
    with pytest.raises(SettingError, match=f"no name for class {class_id} among 19") as caught:
        overlaid(source_image((30, 40)), found)
    assert caught.value.hint
