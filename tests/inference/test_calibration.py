"""Evidence and probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from urban_segmentor.inference.calibration import (
    SURFACES,
    THINGS,
    Calibration,
    expected_iou,
)

curves = st.sampled_from([THINGS, SURFACES, Calibration(offset=-1.0, slope=2.0)])


@given(curves, st.floats(0.05, 0.95))
def test_evidence_for_a_probability_gives_that_probability(
    curve: Calibration, probability: float
) -> None:
    """There and back."""
    evidence = np.array([curve.evidence(probability)], dtype=np.float32)
    np.testing.assert_allclose(curve.probability(evidence), [probability], rtol=1e-3)


@given(curves, st.lists(st.floats(0, 1, width=32), min_size=2, max_size=9))
def test_more_evidence_never_makes_it_less_probable(
    curve: Calibration, evidence: list[float]
) -> None:
    """And all stays in 0 to 1."""
    probability = curve.probability(np.array(sorted(evidence), dtype=np.float32))
    assert np.all(np.diff(probability) >= 0)
    assert np.all((probability >= 0) & (probability <= 1))


def test_no_evidence_is_no_probability() -> None:
    """Not even a small one; and none is needed for 0."""
    assert THINGS.probability(np.zeros(1, dtype=np.float32)).tolist() == [0]
    assert THINGS.evidence(0.0) == 0


@pytest.mark.parametrize("curve", [THINGS, SURFACES])
def test_the_constants_are_those_of_a_rising_curve(curve: Calibration) -> None:
    """Little evidence means wrong, much means right."""
    little, much = curve.probability(np.array([0.05, 0.95], dtype=np.float32))
    assert little < 0.2
    assert much > 0.9


@given(st.integers(0, 2**32 - 1))
def test_of_certain_pixels_the_expected_iou_is_the_iou(seed: int) -> None:
    """Probabilities of 0 and 1 are a truth."""
    rng = np.random.default_rng(seed)
    mask, truth = (rng.random(60) < rng.random() for _ in range(2))
    common, union = np.count_nonzero(mask & truth), np.count_nonzero(mask | truth)
    sums = (np.array([float(value)]) for value in (common, mask.sum(), truth.sum()))
    expected = common / union if mask.any() else 0
    np.testing.assert_allclose(expected_iou(*sums), [expected], rtol=1e-6)
