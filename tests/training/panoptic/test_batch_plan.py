"""Batches are a function of seed and step; rare images come more often."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from urban_segmentor.training.panoptic.batch_plan import BatchPlan
from urban_segmentor.training.panoptic.settings import PanopticSettings
from urban_segmentor.training.training_data import repeat_factors


def plan(factors: list[float], *, batch: int = 4, seed: int = 0) -> BatchPlan:
    """Return a plan over two shapes."""
    shapes = tuple(PanopticSettings(shapes=((0.5, 1, 1), (1, 0.5, 1))).batch_shapes())
    return BatchPlan(factors=tuple(factors), batch=batch, shapes=shapes, seed=seed)


@given(
    factors=st.lists(st.floats(1, 4), min_size=1, max_size=30),
    step=st.integers(0, 200),
    batch=st.integers(1, 5),
)
def test_any_step_can_be_begun_from(factors: list[float], step: int, batch: int) -> None:
    one = plan(factors, batch=batch)
    through = list(islice(one.batches(0), step + 3))[step:]
    assert through == list(islice(one.batches(step), 3))
    assert all(len(items) == batch for items in through)


def test_each_image_comes_as_often_as_its_factor_says() -> None:
    one = plan([1.0] * 10 + [2.5] * 4, batch=2)
    counts = np.zeros(14)
    for epoch in range(200):
        np.add.at(counts, one.order(epoch), 1)
    assert counts[:10] / 200 == pytest.approx(1.0, abs=0.05)
    assert counts[10:] / 200 == pytest.approx(2.5, abs=0.05)


def test_seeds_and_epochs_differ() -> None:
    one, other = plan([1.0] * 50), plan([1.0] * 50, seed=1)
    assert one.order(0) != one.order(1)
    assert one.order(0) != other.order(0)
    assert sorted(one.order(0)) == list(range(50))


def test_shapes_and_chance_of_images() -> None:
    batches = list(islice(plan([1.0] * 50).batches(0), 100))
    assert {item.size for items in batches for item in items} == {(384, 768), (768, 384)}
    assert all(len({item.size for item in items}) == 1 for items in batches)
    seeds = [item.seed for items in batches for item in items]
    assert len(set(seeds)) == len(seeds)


def test_factors_of_rare_classes() -> None:
    classes = [frozenset({0, 1})] * 9 + [frozenset({0, 2})]
    factors = repeat_factors(classes, threshold=0.4, counted=frozenset({1, 2}))
    assert factors == pytest.approx([1.0] * 9 + [2.0])
    assert repeat_factors(classes, threshold=0.0, counted=frozenset({1, 2})) == [1.0] * 10
    assert repeat_factors([frozenset()], threshold=0.4, counted=frozenset({1})) == [1.0]
