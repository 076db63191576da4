"""Panoptic merge with a map of classes: what it promises of any map, and each of its rules."""

from __future__ import annotations

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
    found,
    rectangle,
)
from urban_segmentor.errors import ShapeError
from urban_segmentor.inference.calibration import SURFACES
from urban_segmentor.inference.panoptic_config import PanopticConfig
from urban_segmentor.inference.panoptic_merge import merge_panoptic
from urban_segmentor.structures.boxes import Letterbox
from urban_segmentor.structures.class_maps import softmax
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks
from urban_segmentor.structures.panoptic import SemanticMap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.structures.panoptic import PanopticMap

SIZE = (64, 128)
INPUT_SIZE = (64, 128)


def map_of(
    labels: NDArray[np.integer], *, margin: float = 8.0, size: tuple[int, int] = SIZE
) -> SemanticMap:
    """Return a map that says classes, (16, 32), by a margin."""
    is_best = np.arange(len(NAMES))[:, None, None] == labels
    logits = (is_best * np.float32(margin)).astype(np.float32)
    return SemanticMap(logits=logits, letterbox=Letterbox.fit(size, INPUT_SIZE))


def street() -> NDArray[np.int32]:
    """Return a map: sky above the road, a car on it, (16, 32)."""
    labels = np.full((16, 32), SKY, dtype=np.int32)
    labels[8:] = ROAD
    labels[6:12, 4:14] = CAR
    return labels


def box(x1: int, y1: int, x2: int, y2: int) -> NDArray[np.bool_]:
    """Return a rectangle in a picture of 128 x 64."""
    return rectangle(x1, y1, x2, y2, size=SIZE)


def nothing() -> Instances:
    """Return no instances."""
    return Instances.empty(SIZE, classes=CLASSES)


def kinds(panoptic: PanopticMap) -> list[tuple[int, int]]:
    """Return class id and pixels of each segment."""
    return [(segment.class_id, segment.area_px) for segment in panoptic.segments]


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 4),
    st.sampled_from([0.0, 0.05, 0.2, 0.5]),
    st.sampled_from([SIZE, (40, 128), (64, 70)]),
)
def test_the_map_is_what_the_rules_say(
    seed: int, count: int, min_score: float, size: tuple[int, int]
) -> None:
    """Things as ever; then each class of stuff where nothing is yet, as far as it is sure."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, size=(len(NAMES), 4, 8)).repeat(4, axis=1).repeat(4, axis=2)
    logits = logits.astype(np.float32)
    letterbox = Letterbox.fit(size, INPUT_SIZE)
    semantic = SemanticMap(logits=logits, letterbox=letterbox)
    masks = Masks.from_dense(rng.random((count, *size)) < rng.random())
    things = Instances(
        boxes=masks.rectangles(),
        masks=masks,
        scores=rng.permutation(np.linspace(0.2, 0.9, count)).astype(np.float32),
        class_ids=rng.choice([CAR, PERSON], count).astype(np.int32),
        classes=CLASSES,
    )
    config = PanopticConfig(thing_probability=0.5, stuff_probability=min_score)
    panoptic = merge_panoptic(things, semantic=semantic, config=config)
    alone = merge_panoptic(things, config=PanopticConfig(score=0.5))
    assert panoptic.segments[: len(alone.segments)] == alone.segments
    covered = alone.segment_ids > 0
    np.testing.assert_array_equal(panoptic.segment_ids[covered], alone.segment_ids[covered])
    expected = np.full(size, -1)
    surfaces = {one.class_id: one for one in panoptic.segments[len(alone.segments) :]}
    for class_id in STUFF:
        score = slow_score(semantic, covered, class_id)
        pixels = (semantic.class_ids == class_id) & ~covered
        if score >= min_score and score > 0 and pixels.any():
            expected[pixels] = class_id
            assert surfaces[class_id].score == pytest.approx(score, rel=1e-3)
            assert surfaces[class_id].area_px == np.count_nonzero(pixels)
    shown = np.full(size, -1)
    for class_id, segment in surfaces.items():
        shown[panoptic.segment_ids == segment.segment_id] = class_id
    np.testing.assert_array_equal(shown, expected)
    scores = [segment.score for segment in surfaces.values()]
    assert scores == sorted(scores, reverse=True)
    ids = [segment.segment_id for segment in panoptic.segments]
    assert ids == list(range(1, len(ids) + 1))


def slow_score(semantic: SemanticMap, covered: NDArray[np.bool_], class_id: int) -> float:
    """Return the score of a surface, pixel by pixel of the network that lies in the picture."""
    shares = softmax(semantic.logits)
    letterbox = semantic.letterbox
    area = agreed = mass = 0.0
    for row in range(16):
        for column in range(32):
            y = (4 * row + 2 - letterbox.top) / letterbox.gains[1]
            x = (4 * column + 2 - letterbox.left) / letterbox.gains[0]
            if not (0 <= y <= covered.shape[0] and 0 <= x <= covered.shape[1]):
                continue
            at = (
                min(max(int(np.rint(side - 0.5)), 0), limit - 1)
                for side, limit in zip((y, x), covered.shape, strict=True)
            )
            if covered[tuple(at)]:
                continue
            share = float(shares[class_id, row, column])
            mass += share
            if int(shares[:, row, column].argmax()) == class_id:
                area, agreed = area + 1, agreed + share
    if not area:
        return 0.0
    evidence = np.array([agreed / (area + mass - agreed)], dtype=np.float32)
    return float(SURFACES.probability(evidence).item())


def test_surfaces_lie_behind_things_and_unclaimed_things_are_void() -> None:
    """The map sees a car that the head has not found: better nothing than a wrong surface."""
    panoptic = merge_panoptic(nothing(), semantic=map_of(street()))
    assert {segment.class_id for segment in panoptic.segments} == {ROAD, SKY}
    assert not panoptic.segment_ids[32:40, 24:48].any()
    car = found((box(10, 20, 60, 52), CAR, 0.9))
    panoptic = merge_panoptic(car, semantic=map_of(street()))
    assert [segment.class_id for segment in panoptic.segments][:1] == [CAR]
    assert panoptic.segments[0].area_px == 50 * 32
    assert np.all(panoptic.segment_ids > 0)


def test_a_surface_that_is_not_sure_is_void() -> None:
    """However large; with a lower limit it is there, and its score says what it is worth."""
    labels = np.full((16, 32), ROAD, dtype=np.int32)
    unsure = map_of(labels, margin=1.0)
    assert kinds(merge_panoptic(nothing(), semantic=unsure)) == []
    config = PanopticConfig(stuff_probability=0)
    segments = merge_panoptic(nothing(), semantic=unsure, config=config).segments
    assert [(one.class_id, one.area_px) for one in segments] == [(ROAD, 64 * 128)]
    assert 0 < segments[0].score < 0.2


def test_a_small_surface_stays_where_it_is_sure() -> None:
    """A pole of a few pixels; and one that the map may as well see elsewhere goes."""
    labels = street()
    labels[2:6, 20] = POLE
    panoptic = merge_panoptic(nothing(), semantic=map_of(labels, margin=12))
    assert POLE in {segment.class_id for segment in panoptic.segments}
    vague = map_of(labels, margin=12)
    logits = vague.logits.copy()
    logits[POLE, :8] += 11.5 * (labels[:8] == SKY)
    vague = SemanticMap(logits=logits, letterbox=vague.letterbox)
    panoptic = merge_panoptic(nothing(), semantic=vague)
    assert POLE not in {segment.class_id for segment in panoptic.segments}


def test_only_surfaces_that_are_wanted_come() -> None:
    """Things were chosen by the segmenter already."""
    car = found((box(10, 20, 60, 52), CAR, 0.9))
    panoptic = merge_panoptic(car, semantic=map_of(street()), keep_classes=[SKY])
    assert [segment.class_id for segment in panoptic.segments] == [CAR, SKY]


def test_surfaces_among_the_instances_do_not_count() -> None:
    """They are the map's already, or from before it was smoothed."""
    road = found((box(0, 0, 128, 64), ROAD, 0.9), (box(10, 20, 60, 52), CAR, 0.9))
    alone = found((box(10, 20, 60, 52), CAR, 0.9))
    semantic = map_of(street())
    one, other = (merge_panoptic(both, semantic=semantic) for both in (road, alone))
    np.testing.assert_array_equal(one.segment_ids, other.segment_ids)
    assert one.segments == other.segments


def test_bars_of_the_letterbox_are_no_surface() -> None:
    """What the map says there is not of the picture."""
    labels = np.full((16, 32), SKY, dtype=np.int32)
    labels[4:12] = ROAD  # a picture of half the height lies in these rows
    logits = map_of(labels).logits
    semantic = SemanticMap(logits=logits, letterbox=Letterbox.fit((32, 128), INPUT_SIZE))
    panoptic = merge_panoptic(Instances.empty((32, 128), classes=CLASSES), semantic=semantic)
    assert kinds(panoptic) == [(ROAD, 32 * 128)]


def test_more_than_a_byte_can_number() -> None:
    """300 cars beside one another, a road around them."""
    cars = [
        (box(i % 60 * 2, i // 60 * 2, i % 60 * 2 + 1, i // 60 * 2 + 1), CAR, 0.99 - i / 1000)
        for i in range(300)
    ]
    semantic = map_of(np.full((16, 32), ROAD, dtype=np.int32))
    panoptic = merge_panoptic(found(*cars), semantic=semantic)
    assert kinds(panoptic) == [*[(CAR, 1)] * 300, (ROAD, 128 * 64 - 300)]


@pytest.mark.parametrize(("count", "size"), [(5, SIZE), (6, (32, 128))])
def test_a_map_of_something_else_is_refused(count: int, size: tuple[int, int]) -> None:
    """Another list of classes, or another picture."""
    logits = np.zeros((count, 16, 32), dtype=np.float32)
    semantic = SemanticMap(logits=logits, letterbox=Letterbox.fit(size, INPUT_SIZE))
    with pytest.raises(ShapeError, match="the map has"):
        merge_panoptic(nothing(), semantic=semantic)
