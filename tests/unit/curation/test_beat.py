"""Beats of bursts: found through gaps, jitter and strays; not found where there is none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.curation.beat import find_beats


@given(
    st.floats(0.065, 0.16),
    st.integers(5, 25),
    st.integers(0, 2**32 - 1),
    st.floats(0.0, 0.02),
    st.floats(0, 9e4),
)
def test_the_beat_of_an_even_burst_with_a_gap(period_s, n, seed, jitter, start_s):
    rng = np.random.default_rng(seed)
    steps = period_s * (1 + jitter * rng.standard_normal(n - 1))
    true_s = start_s + np.concatenate([[0.0], np.cumsum(steps)])
    missed = int(rng.integers(1, n - 1))
    seen = np.delete(true_s, missed)
    if period_s > 0.12:
        return  # two beats would be longer than the gap that ends a run
    (beat,) = find_beats(seen, np.ones(n - 1))
    assert beat.period_s == pytest.approx(period_s, rel=0.04)
    away = np.abs(beat.teeth_s[:, None] - true_s[None, :]).min(axis=0)
    assert away.max() < 0.3 * period_s
    if jitter < 0.005:
        (empty,) = beat.empty(seen)
        assert empty == pytest.approx(true_s[missed], abs=0.01)
        assert all(beat.is_on(one) for one in true_s)


def test_a_stray_is_off_the_beat():
    onsets = np.array([1.0, 1.1, 1.2, 1.25, 1.3, 1.4, 1.5])
    (beat,) = find_beats(onsets, np.array([1, 1, 1, 0.3, 1, 1, 1.0]))
    assert not beat.is_on(1.25)
    assert beat.is_on(1.2)
    assert len(beat.empty(onsets)) == 0
    assert len(beat.empty(np.empty(0))) == len(beat.teeth_s) == 6


def test_no_beat_without_four_onsets_or_without_evenness():
    even = np.arange(4) * 0.1
    assert len(find_beats(even, np.ones(4))) == 1
    assert find_beats(even[:3], np.ones(3)) == []
    assert find_beats(np.empty(0), np.empty(0)) == []
    assert find_beats(np.arange(6) * 0.5, np.ones(6)) == []
    uneven = np.array([0.0, 0.21, 0.27, 0.45, 0.49, 0.73, 0.79, 0.96, 1.13, 1.17])
    assert find_beats(uneven, np.ones(10)) == []


def test_runs_are_told_apart():
    onsets = np.concatenate([np.arange(5) * 0.1, 10 + np.arange(6) * 0.08])
    first, second = find_beats(onsets, np.ones(11))
    assert (first.period_s, second.period_s) == (pytest.approx(0.1, rel=0.01), pytest.approx(0.08, rel=0.01))
    assert (len(first.teeth_s), len(second.teeth_s)) == (5, 6)


@pytest.mark.parametrize("period_s", np.linspace(0.13, 0.17, 9).tolist())
def test_a_slow_burst_is_not_taken_for_one_twice_as_fast(period_s):
    (beat,) = find_beats(3 + period_s * np.arange(6), np.ones(6))
    assert beat.period_s == pytest.approx(period_s, rel=0.005)
