"""Calibrated scores are right as often as they say, and keep their order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.core.errors import ConfigError, LabelError
from ndoki.evaluation.calibrate import (
    Calibration,
    calibration_error,
    fit_isotonic,
    isotonic,
    reliability,
)


def test_pooling_counted_by_hand() -> None:
    ones = np.ones(5)
    assert isotonic(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), ones).tolist() == [1, 2, 3, 4, 5]
    assert isotonic(np.array([1.0, 3.0, 2.0, 4.0, 3.5]), ones).tolist() == [1, 2.5, 2.5, 3.75, 3.75]
    assert isotonic(np.array([5.0, 4.0, 3.0, 2.0, 1.0]), ones).tolist() == [3, 3, 3, 3, 3]
    assert isotonic(np.array([4.0, 1.0]), np.array([1.0, 2.0])).tolist() == [2.0, 2.0]
    assert isotonic(np.empty(0), np.empty(0)).tolist() == []


@given(
    st.lists(st.tuples(st.integers(-20, 20), st.integers(1, 5)), min_size=1, max_size=12),
    st.integers(0, 2**32 - 1),
)
def test_no_rising_sequence_is_closer(rows: list[tuple[int, int]], seed: int) -> None:
    values, weights = np.array(rows, float).T
    fitted = isotonic(values, weights)
    assert (np.diff(fitted) >= 0).all()
    least = np.sum(weights * (fitted - values) ** 2)
    other = fitted + np.random.default_rng(seed).normal(0, 1, (50, len(values)))
    other = np.sort(other, axis=1)
    assert (np.sum(weights * (other - values) ** 2, axis=1) >= least - 1e-9).all()


def _skewed(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores that say √p where p is the truth."""
    rng = np.random.default_rng(seed)
    share = rng.random(n)
    return np.sqrt(share), rng.random(n) < share


def test_isotonic_calibration_finds_the_true_share() -> None:
    score, right = _skewed(20_000, 1)
    before = calibration_error(reliability(score, right))
    calibration = fit_isotonic(score, right)
    held_out, held_out_right = _skewed(20_000, 2)
    after = calibration_error(reliability(calibration.apply(held_out), held_out_right))
    assert before > 0.15
    assert after < 0.02
    asked = np.array([0.3, 0.6, 0.9])
    np.testing.assert_allclose(calibration.apply(asked), asked**2, atol=0.05)


def test_a_map_keeps_the_order_and_stays_small() -> None:
    score, right = _skewed(3000, 3)
    calibration = fit_isotonic(score, right)
    asked = np.linspace(0, 1, 2001)
    mapped = calibration.apply(asked)
    assert (np.diff(mapped) > 0).all()
    assert (mapped[0], mapped[-1]) == (0.0, 1.0)
    assert len(calibration.score) <= 65


def test_few_events_are_not_made_sure() -> None:
    calibration = fit_isotonic(np.array([0.2, 0.8]), np.array([False, True]))
    assert calibration.apply(np.array([0.2, 0.8])) == pytest.approx([0.2, 0.8])
    assert fit_isotonic(np.array([1.0, 1.0]), np.array([True, True])).score.tolist() == [0.0, 1.0]


def test_knots_are_thinned() -> None:
    score, right = _skewed(5000, 4)
    assert len(fit_isotonic(score, right, max_knots=9).score) == 9
    assert len(fit_isotonic(score, right, max_knots=2).score) == 2


def test_reliability_counted_by_hand() -> None:
    bins = reliability(np.array([0.05, 0.1, 0.15, 0.95, 1.0]), np.array([0, 0, 1, 1, 1], bool))
    assert bins.n.tolist() == [1, 2, 2]
    assert bins.mean_score.tolist() == pytest.approx([0.05, 0.125, 0.975])
    assert bins.share_right.tolist() == [0.0, 0.5, 1.0]
    assert calibration_error(bins) == pytest.approx((0.05 + 2 * 0.375 + 2 * 0.025) / 5)


def test_bin_borders_belong_to_the_upper_bin() -> None:
    bins = reliability(np.arange(10) / 10, np.zeros(10, bool))
    assert bins.n.tolist() == [1] * 10


def test_what_is_impossible_is_refused() -> None:
    score, right = np.array([0.2, 0.8]), np.array([False, True])
    for bad in (np.array([0.2]), np.array([0.2, 1.2]), np.array([0.2, np.nan])):
        with pytest.raises(LabelError, match="scores"):
            fit_isotonic(bad, right)
    with pytest.raises(LabelError, match="scores"):
        reliability(score[:0], right[:0])
    with pytest.raises(ConfigError, match="bins"):
        reliability(score, right, n_bins=0)
    with pytest.raises(ConfigError, match="knots"):
        fit_isotonic(score, right, max_knots=1)


@pytest.mark.parametrize(
    ("score", "probability"),
    [
        ([0.0, 1.0], [0.0, 0.5, 1.0]),
        ([0.1, 1.0], [0.0, 1.0]),
        ([0.0, 0.5, 0.5, 1.0], [0.0, 0.2, 0.3, 1.0]),
        ([0.0, 0.4, 0.5, 1.0], [0.0, 0.3, 0.3, 1.0]),
        ([], []),
    ],
)
def test_knots_that_do_not_rise_from_0_to_1_are_refused(score: list[float], probability: list[float]) -> None:
    with pytest.raises(ConfigError, match="rise strictly"):
        Calibration(score=np.array(score), probability=np.array(probability))
