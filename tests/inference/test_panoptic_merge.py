"""Panoptic merge: what it promises of any input, and each of its rules in a scene."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inference.panoptic_scenes import (
    CAR,
    CLASSES,
    NAMES,
    PERSON,
    POLE,
    ROAD,
    SKY,
    STUFF,
    TRAM,
    found,
    instances,
    rectangle,
)
from tests.strategies import instances as any_instances
from urban_segmentor.errors import SettingError, ShapeError
from urban_segmentor.inference.panoptic_config import PanopticConfig
from urban_segmentor.inference.panoptic_merge import merge_panoptic, segments_as_instances
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.structures.masks import LazyCrops, Masks

if TYPE_CHECKING:
    from random import Random

    from numpy.typing import NDArray

    from urban_segmentor.structures.instances import Instances
    from urban_segmentor.structures.panoptic import PanopticMap

SIZE = (64, 128)
SCALE = 2048 * 1024 // (SIZE[0] * SIZE[1])
shares = st.integers(0, 20).map(lambda grade: grade / 20)
# Whole pixels of pictures of 14 x 14 and less are thousands in a picture of the size of reference.
areas = st.sampled_from([0, 10_000, 100_000, 500_000])
rule_sets = st.builds(
    PanopticConfig,
    score=shares,
    stuff_score=shares,
    overlap=shares,
    stuff_area_px=areas,
    thin_area_px=areas,
)


def box(x1: int, y1: int, x2: int, y2: int) -> NDArray[np.bool_]:
    """Return a rectangle in a picture of 128 x 64."""
    return rectangle(x1, y1, x2, y2, size=SIZE)


def merged(*items: tuple[NDArray[np.bool_], int, float], **rules: float) -> PanopticMap:
    """Return the map of masks, class ids and scores."""
    return merge_panoptic(found(*items), config=PanopticConfig(**rules))  # type: ignore[arg-type]


def kinds(panoptic: PanopticMap) -> list[tuple[int, int]]:
    """Return class id and pixels of each segment."""
    return [(segment.class_id, segment.area_px) for segment in panoptic.segments]


def by_pixels(given_: Instances, rules: PanopticConfig) -> list[tuple[int, set[tuple[int, int]]]]:
    """Return class id and pixels of each segment, merged with sets, word by word."""
    pixels = [set(zip(*np.nonzero(mask), strict=True)) for mask in given_.masks.dense()]
    order = sorted(range(len(given_)), key=lambda i: -given_.scores[i])
    taken: set[tuple[int, int]] = set()
    things: list[tuple[int, set[tuple[int, int]]]] = []
    stuff: dict[int, set[tuple[int, int]]] = {}
    for i in order:
        if given_.class_ids[i] in STUFF or given_.scores[i] < np.float32(rules.score):
            continue
        free = pixels[i] - taken
        if free and len(pixels[i]) - len(free) <= rules.overlap * len(pixels[i]):
            things.append((int(given_.class_ids[i]), free))
            taken |= free
    for i in order:
        if given_.class_ids[i] in STUFF and given_.scores[i] >= np.float32(rules.stuff_score):
            stuff.setdefault(int(given_.class_ids[i]), set()).update(pixels[i] - taken)
            taken |= pixels[i]
    share = np.prod(given_.masks.image_size) / (2048 * 1024)
    least = {POLE: rules.thin_area_px * share}
    kept = [
        (class_id, region)
        for class_id, region in stuff.items()
        if region and len(region) >= least.get(class_id, rules.stuff_area_px * share)
    ]
    return things + kept


@given(instances(), rule_sets)
def test_the_map_is_what_the_rules_say(given_: Instances, rules: PanopticConfig) -> None:
    """The same as sets of pixels, for any rules."""
    panoptic = merge_panoptic(given_, config=rules)
    segments = [
        (
            segment.class_id,
            set(zip(*np.nonzero(panoptic.segment_ids == segment.segment_id), strict=True)),
        )
        for segment in panoptic.segments
    ]
    assert segments == by_pixels(given_, rules)


@given(any_instances())
def test_ids_and_areas_agree_with_the_map(given_: Instances) -> None:
    """Ids count from 1 without a gap, none is empty, and no other value is in the map."""
    given_ = replace(given_, classes=known_classes((*NAMES, "bus", "wall")))
    panoptic = merge_panoptic(given_, config=PanopticConfig(score=0.2))
    values, counts = np.unique(panoptic.segment_ids, return_counts=True)
    pixels = dict(zip(values.tolist(), counts.tolist(), strict=True))
    pixels.pop(0, None)
    assert pixels == {segment.segment_id: segment.area_px for segment in panoptic.segments}
    ids = [segment.segment_id for segment in panoptic.segments]
    assert ids == list(range(1, len(ids) + 1))
    covered = given_.masks.dense().any(axis=0)
    assert not (panoptic.segment_ids.astype(np.bool_) & ~covered).any()


@given(instances())
def test_things_come_first_and_the_best_first(given_: Instances) -> None:
    """Scores fall among things and among stuff, and a class of stuff is there once."""
    panoptic = merge_panoptic(given_, config=PanopticConfig(score=0.1))
    things = [segment for segment in panoptic.segments if segment.is_thing]
    stuff = [segment for segment in panoptic.segments if not segment.is_thing]
    assert list(panoptic.segments) == things + stuff
    for part in (things, stuff):
        scores = [segment.score for segment in part]
        assert scores == sorted(scores, reverse=True)
    classes = [segment.class_id for segment in stuff]
    assert len(set(classes)) == len(classes)
    assert set(classes) <= STUFF
    assert all(segment.class_id not in STUFF for segment in things)


@given(instances(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_count(given_: Instances, random: Random) -> None:
    """Scores decide, as long as they differ."""
    order = list(range(len(given_)))
    random.shuffle(order)
    one = merge_panoptic(given_)
    other = merge_panoptic(given_.select(np.array(order, dtype=np.intp)))
    np.testing.assert_array_equal(one.segment_ids, other.segment_ids)
    assert one.segments == other.segments


@given(instances())
def test_segments_as_instances_are_those_of_the_map(given_: Instances) -> None:
    """Masks share no pixel, boxes hug them, and merging them again changes nothing."""
    panoptic = merge_panoptic(given_, config=PanopticConfig(score=0.1))
    segments = segments_as_instances(panoptic, classes=CLASSES)
    assert segments.classes == CLASSES
    dense = segments.masks.dense()
    assert len(segments) == len(panoptic.segments)
    assert dense.sum(axis=0).max(initial=0) <= 1
    for mask, segment in zip(dense, panoptic.segments, strict=True):
        np.testing.assert_array_equal(mask, panoptic.segment_ids == segment.segment_id)
    tight = Masks.from_dense(dense)
    np.testing.assert_array_equal(segments.boxes, tight.rectangles())
    assert segments.scores.tolist() == [segment.score for segment in panoptic.segments]
    again = merge_panoptic(segments, config=PanopticConfig(score=0.1))
    np.testing.assert_array_equal(again.segment_ids, panoptic.segment_ids)


def test_the_better_thing_keeps_the_shared_pixels() -> None:
    """The weaker one gets what is left."""
    panoptic = merged((box(0, 0, 20, 10), CAR, 0.6), (box(12, 0, 32, 10), PERSON, 0.9))
    assert kinds(panoptic) == [(PERSON, 200), (CAR, 120)]
    assert panoptic.segment_ids[0, 15] == 1


@pytest.mark.parametrize(("covered", "kept"), [(10, True), (11, False)])
def test_a_thing_that_is_mostly_covered_is_skipped(covered: int, kept: bool) -> None:  # noqa: FBT001
    """Half is allowed, more is not, and what is skipped covers nothing itself."""
    panoptic = merged(
        (box(0, 0, covered, 10), CAR, 0.9),
        (box(0, 0, 20, 10), PERSON, 0.8),
        (box(18, 0, 38, 10), TRAM, 0.7),
    )
    rest = [(PERSON, 100), (TRAM, 180)] if kept else [(TRAM, 200)]
    assert kinds(panoptic) == [(CAR, 10 * covered), *rest]


def test_weak_things_are_left_out_and_weak_stuff_is_not() -> None:
    """A score of exactly the rule's is enough."""
    items = [
        (box(0, 0, 10, 10), CAR, 0.5),
        (box(20, 0, 30, 10), CAR, 0.49),
        (box(0, 20, 64, 40), ROAD, 0.25),
        (box(0, 40, 64, 60), SKY, 0.24),
    ]
    assert kinds(merged(*items, stuff_score=0.25)) == [(CAR, 100), (ROAD, 1280)]


def test_stuff_lies_behind_things_whatever_the_scores() -> None:
    """A road of 0.9 does not cover a car of 0.5."""
    panoptic = merged((box(0, 0, 64, 32), ROAD, 0.9), (box(0, 0, 10, 10), CAR, 0.5))
    assert kinds(panoptic) == [(CAR, 100), (ROAD, 64 * 32 - 100)]


def test_stuff_may_be_covered_however_much() -> None:
    """A road under cars is still a road."""
    panoptic = merged((box(0, 0, 60, 32), CAR, 0.9), (box(0, 0, 64, 32), ROAD, 0.8))
    assert kinds(panoptic) == [(CAR, 1920), (ROAD, 128)]


def test_regions_of_a_class_of_stuff_are_one_segment() -> None:
    """With the best score; a better region of another class comes in between."""
    panoptic = merged(
        (box(0, 0, 32, 32), ROAD, 0.6),
        (box(96, 0, 128, 32), ROAD, 0.75),
        (box(16, 0, 64, 32), SKY, 0.7),
    )
    assert kinds(panoptic) == [(ROAD, 32 * 32 + 16 * 32), (SKY, 48 * 32)]
    assert [segment.score for segment in panoptic.segments] == [0.75, pytest.approx(0.7)]


@pytest.mark.parametrize(("class_id", "least_px"), [(ROAD, 4096 // SCALE), (POLE, 1024 // SCALE)])
def test_little_stuff_becomes_void(class_id: int, least_px: int) -> None:
    """4,096 px at 2048 x 1024 in a smaller picture, fewer for thin classes."""
    enough = merged((box(0, 0, least_px, 1), class_id, 0.9))
    assert kinds(enough) == [(class_id, least_px)]
    less = merged((box(0, 0, least_px - 1, 1), class_id, 0.9))
    assert kinds(less) == []
    assert not less.segment_ids.any()


@pytest.mark.parametrize(("class_id", "least_px"), [(ROAD, 4096), (POLE, 1024)])
def test_what_is_little_at_full_size(class_id: int, least_px: int) -> None:
    """To the pixel."""
    size = (1024, 2048)
    for pixels, kept in ((least_px, True), (least_px - 1, False)):
        mask = np.zeros(size, dtype=np.bool_)
        mask.ravel()[:pixels] = True
        panoptic = merge_panoptic(found((mask, class_id, 0.9)))
        assert bool(panoptic.segments) is kept


def test_things_may_be_of_any_size() -> None:
    """A person far away is one pixel."""
    assert kinds(merged((box(5, 5, 6, 6), PERSON, 0.9))) == [(PERSON, 1)]


def test_ids_have_no_gap_where_stuff_was_dropped() -> None:
    """What comes behind moves up, in the map too."""
    panoptic = merged(
        (box(0, 0, 2, 2), SKY, 0.9), (box(10, 10, 60, 60), ROAD, 0.8), (box(0, 9, 9, 18), CAR, 0.7)
    )
    assert kinds(panoptic) == [(CAR, 81), (ROAD, 2500)]
    assert np.unique(panoptic.segment_ids).tolist() == [0, 1, 2]


def test_more_than_a_byte_can_number() -> None:
    """300 cars beside one another, and a road around them."""
    cars = [
        (box(i % 60 * 2, i // 60 * 2, i % 60 * 2 + 1, i // 60 * 2 + 1), CAR) for i in range(300)
    ]
    panoptic = merged(
        *((mask, class_id, 0.9 - i / 1000) for i, (mask, class_id) in enumerate(cars)),
        (box(0, 0, 128, 64), ROAD, 0.9),
    )
    assert kinds(panoptic) == [*[(CAR, 1)] * 300, (ROAD, 128 * 64 - 300)]
    assert [panoptic.segment_ids[mask].item() for mask, _ in cars] == list(range(1, 301))


def test_weak_masks_are_not_decoded() -> None:
    """They would take as long as those that are seen."""
    strong = found((box(0, 0, 9, 9), CAR, 0.9), (box(0, 0, 9, 9), CAR, 0.4))

    def refuse() -> NDArray[np.bool_]:
        pytest.fail("the mask of a weak thing was decoded")

    masks = Masks(
        crops=LazyCrops([lambda: strong.masks.crops[0], refuse]),
        origins=strong.masks.origins,
        image_size=SIZE,
    )
    given_ = replace(strong, masks=masks)
    assert kinds(merge_panoptic(given_)) == [(CAR, 81)]


@pytest.mark.parametrize("class_id", [-1, 6])
def test_a_class_that_the_model_does_not_have_is_refused(class_id: int) -> None:
    """A name from the end of the list would be a silent mistake."""
    with pytest.raises(ShapeError, match=rf"`class_ids` must lie in 0\.\.5, got {class_id}"):
        merged((box(0, 0, 9, 9), class_id, 0.9))


@pytest.mark.parametrize(
    ("rules", "message", "hint"),
    [
        ({"score": 1.5}, "`score` is 1.5", "0.5"),
        ({"stuff_score": float("nan")}, "`stuff_score` is nan", "0.1"),
        ({"thing_probability": 1.5}, "`thing_probability` is 1.5", "0.4"),
        ({"stuff_probability": -0.1}, "`stuff_probability` is -0.1", "0.2"),
        ({"overlap": -0.1}, "`overlap` is -0.1", "0.5"),
        ({"stuff_area_px": -1}, "`stuff_area_px` is -1", "0 keeps all"),
        ({"thin_area_px": -1}, "`thin_area_px` is -1", "0 keeps all"),
    ],
)
def test_rules_out_of_their_range_are_refused(
    rules: dict[str, float], message: str, hint: str
) -> None:
    """With what is usual."""
    with pytest.raises(SettingError, match=message) as caught:
        PanopticConfig(**rules)  # type: ignore[arg-type]
    assert hint in (caught.value.hint or "")


def test_the_min_score_is_that_of_stuff_or_of_things() -> None:
    """Whichever lets more through."""
    assert PanopticConfig().min_score == 0.1
    assert PanopticConfig(score=0.05).min_score == 0.05
