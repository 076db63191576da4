"""Random changes: image and maps move together, chance comes from the seed alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from urban_segmentor.inference.preprocess import PADDING
from urban_segmentor.training.panoptic.augment import (
    LabeledImage,
    mirrored,
    place,
    random_light,
    random_placement,
)
from urban_segmentor.training.panoptic.copy_paste import ground_ids, paste_objects
from urban_segmentor.training.panoptic.label_maps import VOID, LabelMaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

CAR, BUS, RIDER, BICYCLE, ROAD, SKY = 13, 15, 12, 18, 0, 10


def sample(semantic: NDArray[np.uint8], objects: dict[int, NDArray[np.bool_]]) -> LabeledImage:
    """Return an image whose red is the class, with objects by class id."""
    image = np.zeros((*semantic.shape, 3), dtype=np.uint8)
    instances = np.zeros(semantic.shape, dtype=np.uint16)
    for number, (class_id, mask) in enumerate(objects.items(), start=1):
        semantic[mask], instances[mask] = class_id, number
    image[..., 0] = semantic
    return LabeledImage(
        image=image,
        maps=LabelMaps(
            semantic=semantic,
            instances=instances,
            ignored=np.zeros(semantic.shape, dtype=np.uint8),
            class_ids=np.array(list(objects), dtype=np.int32),
        ),
    )


def street(objects: dict[int, tuple[slice, slice]] | None = None) -> LabeledImage:
    """Return sky over road, with objects."""
    semantic = np.full((64, 128), ROAD, dtype=np.uint8)
    semantic[:32] = SKY
    masks: dict[int, NDArray[np.bool_]] = {}
    for class_id, window in (objects or {}).items():
        masks[class_id] = np.zeros(semantic.shape, dtype=np.bool_)
        masks[class_id][window] = True
    return sample(semantic, masks)


@given(
    seed=st.integers(0, 2**32),
    size=st.sampled_from([(64, 128), (96, 96), (128, 64), (32, 160)]),
    bars=st.sampled_from([0.0, 1.0]),
)
def test_image_and_maps_move_together(seed: int, size: tuple[int, int], bars: float) -> None:
    scene = street({CAR: (slice(30, 44), slice(20, 50))})
    rng = np.random.default_rng(seed)
    placement = random_placement((64, 128), size, rng, scale=(0.5, 2.0), bars=bars)
    placed = place(scene, placement)
    top, bottom, left, right = placement.window
    inside = np.zeros(size, dtype=np.bool_)
    inside[top:bottom, left:right] = True
    assert (placed.image[~inside] == PADDING).all()
    assert (placed.maps.semantic[~inside] == VOID).all()
    assert (placed.maps.instances[~inside] == 0).all()
    assert ((placed.maps.semantic == CAR) == (placed.maps.instances == 1)).all()
    known = inside & (placed.maps.semantic != VOID)
    differs = placed.image[..., 0][known] != placed.maps.semantic[known]
    assert differs.mean() < 0.2 if known.any() else True  # edges are interpolated in the image


@given(seed=st.integers(0, 2**32))
def test_the_mirrored_placement_shows_the_mirror_image(seed: int) -> None:
    scene = street({CAR: (slice(30, 44), slice(20, 50))})
    placement = random_placement(
        (64, 128), (64, 128), np.random.default_rng(seed), scale=(0.8, 1.5), bars=0.5
    )
    other = LabeledImage(
        image=scene.image[:, ::-1].copy(),
        maps=LabelMaps(
            semantic=scene.maps.semantic[:, ::-1].copy(),
            instances=scene.maps.instances[:, ::-1].copy(),
            ignored=scene.maps.ignored,
            class_ids=scene.maps.class_ids,
        ),
    )
    one = place(scene, mirrored(placement, (64, 128))).maps.semantic
    two = place(other, placement).maps.semantic
    assert (one == two).mean() > 0.97  # nearest pixels round the other way


def test_light_is_a_function_of_the_seed() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    drawn = [random_light(image, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert drawn[0].dtype == np.uint8
    assert drawn[0].shape == image.shape
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()


def test_an_object_is_pasted_where_it_stands_on_the_road() -> None:
    donor = street({BUS: (slice(30, 50), slice(60, 100))})
    target = street({CAR: (slice(40, 48), slice(70, 80))})
    pasted = paste_objects(target, donor, wanted={BUS}, ground={ROAD})
    assert (pasted.maps.semantic[30:50, 60:100] == BUS).all()
    assert (pasted.image[30:50, 60:100, 0] == BUS).all()
    assert pasted.maps.class_ids.tolist() == [CAR, BUS]
    assert (pasted.maps.instances[30:50, 60:100] == 2).all()
    assert (target.maps.semantic[40:48, 70:80] == CAR).all()  # the target is left alone


def test_nothing_is_pasted_into_the_sky_nor_of_other_classes() -> None:
    donor = street({BUS: (slice(5, 25), slice(60, 100)), CAR: (slice(40, 50), slice(5, 20))})
    target = street()
    assert paste_objects(target, donor, wanted={BUS}, ground={ROAD}) is target
    assert paste_objects(target, donor, wanted={BUS}, ground=()) is not target


@pytest.mark.parametrize(("rider_rows", "both"), [(slice(30, 44), True), (slice(10, 20), False)])
def test_rider_and_bicycle_come_together_or_not_at_all(rider_rows: slice, both: bool) -> None:  # noqa: FBT001
    donor = street({RIDER: (rider_rows, slice(60, 70)), BICYCLE: (slice(20, 30), slice(60, 70))})
    if both:
        donor = street(
            {RIDER: (slice(30, 40), slice(60, 70)), BICYCLE: (slice(40, 50), slice(60, 70))}
        )
    pasted = paste_objects(street(), donor, wanted={RIDER, BICYCLE}, ground={ROAD})
    shown = set(np.unique(pasted.maps.semantic).tolist())
    assert ({RIDER, BICYCLE} <= shown) == both
    assert bool({RIDER, BICYCLE} & shown) == both


def test_what_things_stand_on() -> None:
    assert ground_ids(["road", "car", "sidewalk"]) == {0, 2}
    assert ground_ids(["a", "b"]) == set()
