from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndoki.datasets import relevelled as changes
from ndoki.datasets.relevelled import denoised, gain_controlled, overdriven, relevelled, wavering

RATE = 8000


def noise(seconds=3.0, level=0.01, seed=1):
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def rms_db(samples) -> float:
    return 20 * np.log10(float(np.std(samples)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**40), st.integers(1, 20_000))
def test_any_sound_keeps_its_length_and_stays_finite(seed, n):
    for samples in (noise(n / RATE), np.zeros(n, np.float32)):
        rng = np.random.default_rng(seed)
        heard = relevelled(samples, RATE, rng)
        assert heard.shape == samples.shape
        assert heard.dtype == np.float32
        assert np.isfinite(heard).all()


def test_all_four_kinds_occur_about_as_often(monkeypatch):
    made = Counter()

    def counted(change):
        def change_and_count(samples, *rest):
            made[change.__name__] += 1
            return change(samples, *rest)

        return change_and_count

    for change in (overdriven, wavering, gain_controlled, denoised):
        monkeypatch.setattr(changes, change.__name__, counted(change))
    for seed in range(80):
        assert not np.array_equal(relevelled(noise(0.5), RATE, np.random.default_rng(seed)), noise(0.5))
    assert len(made) == 4
    assert min(made.values()) >= 10


def test_overdriven_is_cut_off_that_far_below_its_loudest_sample():
    samples = noise()
    heard = overdriven(samples, 6.0)
    limit = np.abs(samples).max() * 10 ** (-6 / 20)
    assert np.abs(heard).max() == pytest.approx(limit, rel=1e-6)
    is_below = np.abs(samples) < limit
    np.testing.assert_array_equal(heard[is_below], samples[is_below])


def test_wavering_deviates_as_told_and_never_jumps():
    samples = np.full(60 * RATE, 0.1, np.float32)
    gain_db = 20 * np.log10(wavering(samples, RATE, np.random.default_rng(2), 4.0) / 0.1)
    # Between moments the gain is interpolated, so it deviates less than at them: by two thirds of the power.
    assert np.std(gain_db) == pytest.approx(4.0 * np.sqrt(2 / 3), rel=0.15)
    assert np.abs(np.diff(gain_db)).max() < 30.0 / (0.05 * RATE)


@pytest.mark.parametrize(("share", "left_db"), [(1.0, 0.0), (0.5, 10.0), (0.0, 20.0)])
def test_gain_control_takes_its_share_of_the_excess(share, left_db):
    samples = noise(20.0)
    samples[10 * RATE : 14 * RATE] *= 10
    heard = gain_controlled(samples, RATE, 0.05, share)
    loud = heard[11 * RATE : 14 * RATE]
    assert rms_db(loud) - rms_db(samples[5 * RATE : 9 * RATE]) == pytest.approx(left_db, abs=0.5)


def test_gain_control_lets_an_onset_through_until_it_has_followed():
    samples = noise(8.0)
    samples[5 * RATE :] *= 10
    heard = gain_controlled(samples, RATE, 0.5, 1.0)
    begun, later = heard[5 * RATE : 5 * RATE + 80], heard[7 * RATE :]
    assert rms_db(begun) - rms_db(later) > 8.0


def test_denoising_turns_noise_down_and_leaves_what_is_loud():
    samples = noise(4.0)
    time_s = np.arange(800) / RATE
    loud = (0.5 * np.sin(2 * np.pi * 500 * time_s)).astype(np.float32)
    samples[16_000:16_800] += loud
    heard = denoised(samples, RATE, 1.5, 0.1)
    assert rms_db(heard[:12_000]) < rms_db(samples[:12_000]) - 6.0
    assert rms_db(heard[16_100:16_700]) == pytest.approx(rms_db(samples[16_100:16_700]), abs=0.5)


def test_what_is_hardly_longer_than_a_window_is_not_denoised():
    samples = noise(0.06)
    np.testing.assert_array_equal(denoised(samples, RATE, 2.0, 0.1), samples)
