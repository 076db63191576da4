"""The map's say in masks and scores of objects."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from urban_segmentor.inference.calibration import Calibration
from urban_segmentor.inference.class_vote import (
    MASK_WEIGHT,
    thing_maps,
    voted_masks,
    voted_scores,
)
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.structures.class_maps import softmax

CLASSES = known_classes(("person", "wall", "rider", "car", "bus"))
PERSON, WALL, RIDER, CAR, BUS = range(5)
SIZE = (6, 9)
EVIDENCE = Calibration(offset=0.0, slope=1.0)
"""Leaves evidence as it is."""


def random_map(rng: np.random.Generator) -> np.ndarray:
    """Return probabilities, float32 (5, 6, 9)."""
    return softmax(rng.normal(0, 3, size=(len(CLASSES), *SIZE)).astype(np.float32))


def certain(class_id: int) -> np.ndarray:
    """Return probabilities that say one class everywhere."""
    logits = np.zeros((len(CLASSES), *SIZE), dtype=np.float32)
    logits[class_id] = 9
    return softmax(logits)


@given(st.integers(0, 2**32 - 1))
def test_probabilities_add_up_to_one(seed: int) -> None:
    """At each pixel."""
    shares = random_map(np.random.default_rng(seed))
    np.testing.assert_allclose(shares.sum(axis=0), 1, rtol=1e-5)
    maps = thing_maps(shares, CLASSES)
    np.testing.assert_allclose(maps.groups.sum(axis=0), 1 - shares[WALL], atol=1e-5)


@given(st.integers(0, 2**32 - 1), st.integers(0, 5))
def test_masks_get_the_log_odds_of_their_group(seed: int, count: int) -> None:
    """People those of people, all others those of all other things."""
    rng = np.random.default_rng(seed)
    shares = random_map(rng)
    prototypes = rng.normal(size=(4, *SIZE)).astype(np.float32)
    coefficients = rng.normal(size=(count, 4)).astype(np.float32)
    class_ids = rng.choice([PERSON, RIDER, CAR, BUS], count).astype(np.int32)
    maps = thing_maps(shares, CLASSES)
    joined, planes = voted_masks(coefficients, prototypes, class_ids, maps)
    logits = np.einsum("nm,mhw->nhw", joined, planes)
    for logit, own, class_id in zip(logits, coefficients, class_ids, strict=True):
        group = [PERSON, RIDER] if class_id in {PERSON, RIDER} else [CAR, BUS]
        share = shares[group].sum(axis=0)
        odds = np.clip(np.log(share / (1 - share)), -4, 4)
        expected = np.einsum("m,mhw->hw", own, prototypes) + MASK_WEIGHT * odds
        np.testing.assert_allclose(logit, expected, atol=1e-3)


@given(st.integers(0, 2**32 - 1), st.integers(0, 5))
def test_the_evidence_is_the_score_times_the_expected_iou(seed: int, count: int) -> None:
    """The same, object by object."""
    rng = np.random.default_rng(seed)
    shares = random_map(rng)
    logits = rng.normal(0, 4, size=(count, *SIZE)).astype(np.float32)
    boxes = np.sort(rng.uniform(-3, 12, size=(count, 2, 2)), axis=1).reshape(count, 4)
    boxes = boxes.astype(np.float32)
    scores = rng.uniform(0.1, 1, count).astype(np.float32)
    maps = thing_maps(shares, CLASSES)
    found = voted_scores(scores, logits, boxes, maps, calibration=EVIDENCE)
    for logit, (x1, y1, x2, y2), score, evidence in zip(logits, boxes, scores, found, strict=True):
        inside = np.zeros(SIZE, dtype=np.bool_)
        rows, columns = (np.arange(side) for side in SIZE)
        down, across = (rows + 1 > y1) & (rows < y2), (columns + 1 > x1) & (columns < x2)
        inside[np.ix_(down, across)] = True
        joint = (1 - shares[WALL]) / (1 + np.exp(-logit)) * inside
        mask = (logit > 0) & inside
        union = mask.sum() + joint[~mask].sum()
        expected = score * joint[mask].sum() / union if mask.any() else 0
        np.testing.assert_allclose(evidence, expected, atol=2e-4)


def scored(class_id: int, score: float) -> float:
    """Return the score of a clear object where the map says a class everywhere."""
    logits = np.full((1, *SIZE), -9, dtype=np.float32)
    logits[0, 1:5, 2:7] = 9
    boxes = np.array([[2, 1, 7, 5]], dtype=np.float32)
    maps = thing_maps(certain(class_id), CLASSES)
    return voted_scores(np.array([score], dtype=np.float32), logits, boxes, maps).item()


def test_a_bus_that_the_map_sees_too_stays_and_a_car_on_a_wall_goes() -> None:
    """The first gains, the second loses nearly all."""
    assert scored(BUS, 0.27) > 0.27
    assert scored(WALL, 0.9) < 0.1


def test_what_kind_of_thing_the_map_sees_does_not_count_for_scores() -> None:
    """The head tells those apart."""
    assert scored(CAR, 0.5) == pytest.approx(scored(PERSON, 0.5), rel=1e-3)


def test_an_object_without_a_pixel_has_no_score() -> None:
    """Nor one whose box lies outside."""
    logits = np.stack([np.full(SIZE, -1), np.full(SIZE, 9)]).astype(np.float32)
    boxes = np.array([[0, 0, 9, 6], [20, 20, 30, 30]], dtype=np.float32)
    maps = thing_maps(certain(CAR), CLASSES)
    assert voted_scores(np.ones(2, np.float32), logits, boxes, maps).tolist() == [0, 0]
