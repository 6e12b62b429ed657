from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ndoki.datasets.simulate import patter as patters
from ndoki.datasets.simulate.patter import patter

RATE = 8000
SEEDS = st.integers(0, 2**32)


@settings(max_examples=60)
@given(SEEDS, st.integers(1, 4 * RATE), st.sampled_from([4000, 8000, 48000]))
@example(0, 1, RATE)
def test_any_patter_is_sound(seed, n_samples, rate_hz):
    wave = patter(np.random.default_rng(seed), rate_hz, n_samples)
    assert wave.dtype == np.float32
    assert wave.shape == (n_samples,)
    assert np.abs(wave).max() <= 1.0


def test_a_seed_makes_one_patter():
    one, same, other = (patter(np.random.default_rng(seed), RATE, 2 * RATE) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_between_few_drops_there_is_nothing(monkeypatch):
    """No echo and no tail: within 0.2 s of its loudest sample all of a drop is gone."""
    monkeypatch.setattr(patters, "_DRIP_SHARE", 0.0)
    monkeypatch.setattr(patters, "_DROPS_PER_S", (1e-6, 1e-5))
    for seed in range(60):
        wave = patter(np.random.default_rng(seed), RATE, 4 * RATE)
        heard = np.flatnonzero(np.abs(wave) > 1e-3)
        assert heard[-1] - heard[0] < 0.2 * RATE


def test_a_few_drops_are_far_louder_than_most(monkeypatch):
    """Above a magnitude a lie a share of a^-2: one in a hundred is ten times as loud as the faintest."""
    monkeypatch.setattr(patters, "_DRIP_SHARE", 0.0)
    monkeypatch.setattr(patters, "_DROPS_PER_S", (3.0, 3.0 + 1e-9))
    monkeypatch.setattr(patters, "_drops", lambda rng, rate_hz: [np.ones(1)])
    wave = patter(np.random.default_rng(5), RATE, 400 * RATE)
    gains = wave[wave > 0] / wave[wave > 0].min()
    assert len(gains) == pytest.approx(1200, rel=0.1)
    assert np.mean(gains > 2) == pytest.approx(1 / 4, abs=0.04)
    assert np.mean(gains > 4) == pytest.approx(1 / 16, abs=0.02)


def test_what_drips_keeps_its_pace(monkeypatch):
    """Intervals of one place differ by a tenth or so, and its drops by some dB."""
    monkeypatch.setattr(patters, "_DRIP_SHARE", 1.0)
    monkeypatch.setattr(patters, "_drops", lambda rng, rate_hz: [np.ones(1)])
    n_regular = 0
    for seed in range(30):
        wave = patter(np.random.default_rng(seed), RATE, 60 * RATE)
        intervals_s = np.diff(np.flatnonzero(wave)) / RATE
        if len(intervals_s) > 5 and intervals_s.std() < 0.15 * intervals_s.mean():
            n_regular += 1
            assert 0.15 < intervals_s.mean() < 5.0
    # A third of all have a single place.
    assert n_regular >= 5


@pytest.mark.parametrize("kind", ["_on_a_lid", "_on_leaves", "_in_a_puddle", "_ticks"])
def test_a_drop_is_over_soon(kind):
    """Half of its energy lies within 40 ms, as a bubble rings up to 25 ms after the blow."""
    for seed in range(20):
        for drop in getattr(patters, kind)(np.random.default_rng(seed), RATE):
            energy = np.cumsum(drop**2)
            first, half = np.searchsorted(energy, [0.01 * energy[-1], 0.5 * energy[-1]])
            assert half - first <= 0.04 * RATE
            assert 0.09 < np.abs(drop).max() <= 2.5


def test_one_lid_answers_alike_to_all_drops_and_another_lid_does_not():
    def spectrum(drop):
        power = np.abs(np.fft.rfft(drop, 2048))
        return power / np.linalg.norm(power)

    lids = [patters._on_a_lid(np.random.default_rng(seed), RATE) for seed in range(30)]
    same = np.mean([spectrum(lid[0]) @ spectrum(lid[1]) for lid in lids])
    other = np.mean([spectrum(one[0]) @ spectrum(next_one[0]) for one, next_one in pairwise(lids)])
    assert same > other + 0.2
