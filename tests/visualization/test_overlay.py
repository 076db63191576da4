"""Overlays: the right pixels in the right colors, and no others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from urban_segmentor.errors import SettingError
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.result import Result
from urban_segmentor.structures.cityscapes_labels import TRAIN_LABELS, TRAIN_NAMES
from urban_segmentor.structures.frame import Frame, Yuv420
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks
from urban_segmentor.visualization.overlay import Overlay
from urban_segmentor.visualization.palette import class_colors
from urban_segmentor.visualization.style import OverlayStyle

if TYPE_CHECKING:
    from urban_segmentor.structures.classes import ClassList

CLASSES = known_classes(TRAIN_NAMES)
PLAIN = OverlayStyle(outlines=False, boxes=False, labels=False)
NOTHING = replace(PLAIN, masks=False)
CAR, PERSON, ROAD, SKY = (TRAIN_NAMES.index(n) for n in ("car", "person", "road", "sky"))


def instances_of(
    dense: list[np.ndarray], class_ids: list[int], *, classes: ClassList = CLASSES
) -> Instances:
    """Return instances with given masks, boxes around them, all of score 0.5."""
    masks = Masks.from_dense(np.array(dense, dtype=np.bool_))
    return Instances(
        boxes=masks.rectangles(),
        masks=masks,
        scores=np.full(len(dense), 0.5, dtype=np.float32),
        class_ids=np.array(class_ids, dtype=np.int32),
        classes=classes,
    )


def rectangle(size: tuple[int, int], x1: int, y1: int, x2: int, y2: int) -> np.ndarray:
    """Return a mask that is a rectangle."""
    mask = np.zeros(size, dtype=np.bool_)
    mask[y1:y2, x1:x2] = True
    return mask


def disc(size: tuple[int, int], x: float, y: float, radius: float) -> np.ndarray:
    """Return a mask that is a disc."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    return (columns - x) ** 2 + (rows - y) ** 2 < radius**2


def source_image(size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Return a picture of noise."""
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def drawn(image: np.ndarray, found: Instances, style: OverlayStyle) -> np.ndarray:
    """Return the overlay of an RGB picture."""
    return np.asarray(overlaid(image, found, style))


def overlaid(
    pixels: np.ndarray | Yuv420, found: Instances, style: OverlayStyle | None = None
) -> np.ndarray | Yuv420:
    """Return the overlay of pixels of either format, in that format."""
    frame = Frame(pixels=pixels)
    return Overlay(style=style)(frame, Result(frame=frame, instances=found))


@settings(max_examples=40)
@given(st.integers(20, 90), st.integers(20, 90), st.integers(0, 99), st.floats(0, 1))
def test_fill_is_the_mask_pixel_for_pixel(
    height: int, width: int, seed: int, opacity: float
) -> None:
    """Inside the mask colors are mixed, outside nothing changes."""
    image = source_image((height, width), seed)
    mask = disc((height, width), width / 2, height / 2, min(height, width) / 3)
    found = instances_of([mask], [CAR])
    result = drawn(image, found, replace(PLAIN, opacity=opacity))
    np.testing.assert_array_equal(result[~mask], image[~mask])
    color = np.array(TRAIN_LABELS[CAR].color)
    mixed = image[mask] * (1 - opacity) + color * opacity
    assert np.abs(result[mask] - mixed).max() <= 1


def test_every_class_has_its_cityscapes_color() -> None:
    """Fully opaque masks show the colors of the label table."""
    image, mask = source_image((40, 40)), rectangle((40, 40), 5, 5, 35, 35)
    for class_id, label in enumerate(TRAIN_LABELS):
        result = drawn(image, instances_of([mask], [class_id]), replace(PLAIN, opacity=1.0))
        assert (result[mask] == label.color).all()


def test_other_classes_have_colors_of_their_own() -> None:
    """Eighty unknown names get eighty colors; stuff is only what Cityscapes calls so."""
    classes = known_classes([f"thing {i}" for i in range(80)])
    assert len(set(class_colors(classes))) == 80
    assert classes.is_thing.all()
    assert not CLASSES[ROAD].is_thing
    assert CLASSES[CAR].is_thing


def test_small_things_lie_over_large_ones_and_over_stuff() -> None:
    """The order of instances does not matter: a person before a car before the road."""
    size = (60, 80)
    masks = [
        rectangle(size, 30, 20, 40, 40),
        rectangle(size, 10, 10, 60, 50),
        rectangle(size, 0, 0, 80, 60),
    ]
    ids = [PERSON, CAR, ROAD]
    style = replace(PLAIN, opacity=1.0)
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        found = instances_of([masks[i] for i in order], [ids[i] for i in order])
        result = drawn(source_image(size), found, style)
        assert tuple(result[30, 35]) == TRAIN_LABELS[PERSON].color
        assert tuple(result[30, 15]) == TRAIN_LABELS[CAR].color
        assert tuple(result[5, 5]) == TRAIN_LABELS[ROAD].color


def test_more_instances_than_one_pass_holds() -> None:
    """Three hundred masks are all drawn."""
    size = (60, 80)
    spots = [(x, y) for y in range(0, 60, 4) for x in range(0, 80, 4)]
    masks = [rectangle(size, x, y, x + 2, y + 2) for x, y in spots]
    image = source_image(size)
    result = drawn(image, instances_of(masks, [CAR] * len(masks)), replace(PLAIN, opacity=1.0))
    everything = np.any(masks, axis=0)
    assert len(masks) == 300
    assert (result[everything] == TRAIN_LABELS[CAR].color).all()
    np.testing.assert_array_equal(result[~everything], image[~everything])


@pytest.mark.parametrize("size", [(120, 160), (121, 161)])
@pytest.mark.parametrize(("matrix", "full_range"), [("bt601", True), ("bt709", False)])
def test_planes_and_rgb_agree(size: tuple[int, int], matrix: str, full_range: bool) -> None:  # noqa: FBT001
    """A video frame and the same picture in RGB look the same after drawing."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    image = np.stack([rows, columns, rows + columns], axis=2).clip(0, 255).astype(np.uint8)
    planes = Yuv420.from_rgb(image, matrix=matrix, full_range=full_range)  # type: ignore[arg-type]
    found = instances_of([disc(size, 60, 60, 40), disc(size, 110, 40, 25)], [CAR, PERSON])
    style = OverlayStyle(boxes=False, labels=False)
    rgb = drawn(image, found, style)
    result = overlaid(planes, found, style)
    assert isinstance(result, Yuv420)
    assert (result.matrix, result.full_range) == (matrix, full_range)
    difference = np.abs(Frame(pixels=result).image.astype(int) - rgb)
    assert np.median(difference) <= 2
    assert difference.mean() < 4  # chroma at half size blurs edges


@pytest.mark.parametrize("switch", ["masks", "outlines", "boxes", "labels"])
def test_each_switch_draws_something_of_its_own(switch: str) -> None:
    """One switch alone changes pixels near the instance and leaves the far corner alone."""
    size = (200, 300)
    image = source_image(size)
    found = instances_of([disc(size, 90, 90, 50)], [CAR])
    result = drawn(image, found, replace(NOTHING, **{switch: True}))
    changed = (result != image).any(axis=2)
    assert changed.any()
    assert not changed[160:, 200:].any()
    if switch == "masks":
        np.testing.assert_array_equal(changed & ~found.masks.dense()[0], np.zeros(size, np.bool_))
    if switch == "boxes":
        assert not changed[60:120, 60:120].any()


def test_scores_change_labels_alone() -> None:
    """Without labels the switch for scores does nothing; with them it shortens the plate."""
    size = (200, 300)
    image, found = source_image(size), instances_of([disc(size, 90, 120, 50)], [CAR])
    with_score, without = (
        drawn(image, found, replace(NOTHING, labels=True, scores=wish)) for wish in (True, False)
    )
    assert (with_score != image).any(axis=2).sum() > (without != image).any(axis=2).sum() > 0
    for wish in (True, False):
        np.testing.assert_array_equal(drawn(image, found, replace(NOTHING, scores=wish)), image)


def test_masks_only_is_masks_only() -> None:
    """`masks_only` turns all the rest off, and keeps the opacity."""
    style = OverlayStyle(opacity=0.3, masks_only=True)
    assert style.masks
    assert style.opacity == 0.3
    assert not any((style.outlines, style.boxes, style.labels))


def test_boxes_go_around_things_only() -> None:
    """The sky has no box."""
    size = (60, 80)
    image = source_image(size)
    style = replace(NOTHING, boxes=True)
    sky = instances_of([rectangle(size, 10, 10, 50, 40)], [SKY])
    np.testing.assert_array_equal(drawn(image, sky, style), image)


@pytest.mark.parametrize("as_planes", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (33, 17), (300, 5)])
def test_tiny_images(size: tuple[int, int], as_planes: bool) -> None:  # noqa: FBT001
    """Labels and boxes larger than the picture are cut, not moved outside."""
    image = source_image(size)
    pixels = Yuv420.from_rgb(image) if as_planes else image
    found = instances_of([np.ones(size, dtype=np.bool_)], [CAR])
    result = overlaid(pixels, found)
    assert Frame(pixels=result).size == size


@pytest.mark.parametrize("as_planes", [False, True])
def test_nothing_found_changes_nothing(as_planes: bool) -> None:  # noqa: FBT001
    """A frame without instances comes out equal, as a copy."""
    image = source_image((31, 45))
    pixels = Yuv420.from_rgb(image) if as_planes else image
    found = instances_of([np.ones((31, 45), dtype=np.bool_)], [CAR]).select(np.array([False]))
    result = overlaid(pixels, found)
    if isinstance(pixels, Yuv420) and isinstance(result, Yuv420):
        for name in ("y", "u", "v"):
            np.testing.assert_array_equal(getattr(result, name), getattr(pixels, name))
    else:
        np.testing.assert_array_equal(result, image)
        assert result is not pixels


def test_labels_at_the_borders_stay_inside() -> None:
    """Plates of objects in the corners are whole, and lie in the picture."""
    size = (240, 320)
    image = np.zeros((*size, 3), dtype=np.uint8)
    style = replace(NOTHING, labels=True)
    counts = []
    corners = [(0, 0, 20, 20), (300, 0, 320, 20), (300, 220, 320, 240), (150, 100, 170, 120)]
    for corner in corners:
        found = instances_of([rectangle(size, *corner)], [CAR])
        counts.append(int((drawn(image, found, style) != 0).any(axis=2).sum()))
    assert len(set(counts)) == 1


@pytest.mark.parametrize("opacity", [-0.1, 1.1, float("nan")])
def test_opacity_out_of_range_is_refused(opacity: float) -> None:
    """An opacity that is no share raises."""
    with pytest.raises(SettingError, match="opacity"):
        OverlayStyle(opacity=opacity)
