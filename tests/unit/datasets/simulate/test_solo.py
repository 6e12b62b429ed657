"""One firing over one background: where it is, how loud it is, and the same every time."""

from dataclasses import replace

import numpy as np
import pytest

from ndoki.datasets.simulate.performance import AFTER_S
from ndoki.datasets.simulate.ranges import TRAIN
from ndoki.datasets.simulate.solo import LEAD_S, solo
from ndoki.datasets.simulate.truth import in_band_power

RATE = 8000
BURST = replace(
    TRAIN, weapon_shares=(1.0, 0.0, 0.0, 0.0), burst_shots=(4.0, 4.0), burst_rate_hz=(10.0, 10.0),
    steady_interval_s=(0.1, 0.1),
)  # fmt: skip
ONE = replace(TRAIN, weapon_shares=(0.0, 1.0, 0.0, 0.0), series_share=0.0)


def made(world=ONE, seed=1, **options):
    noise = 0.01 * np.random.default_rng(seed).standard_normal(16 * RATE).astype(np.float32)
    return solo(np.random.default_rng(seed), world, noise, RATE, **{"distance_m": 500.0} | options)


def test_the_first_onset_lies_behind_the_lead():
    shot = made(snr_db=20.0)
    assert shot.onset_samples == (round(LEAD_S * RATE),)
    assert (shot.rate_hz, shot.distance_m, shot.weapon, shot.snr_db) == (RATE, 500.0, "rifle", 20.0)
    assert len(shot.samples) == 16 * RATE
    assert np.abs(shot.samples).max() <= 1.0


def test_a_burst_keeps_its_interval():
    onsets = made(BURST, snr_db=20.0).onset_samples
    assert len(onsets) == 4
    assert np.diff(onsets) / RATE == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("snr_db", [4.0, 10.0])
def test_the_level_is_the_one_asked_for(snr_db):
    """Mean power of the shot's first part over that of the background, which comes on top of it."""
    shot = made(snr_db=snr_db)
    power, onset = in_band_power(shot.samples, RATE), shot.onset_samples[0]
    before = power[RATE : onset - RATE].mean()
    with_shot = power[onset : onset + round(AFTER_S * RATE)].mean()
    assert 10 * np.log10(with_shot / before - 1) == pytest.approx(snr_db, abs=1.0)


def test_without_a_level_distance_decides():
    near, far = made(distance_m=300.0), made(distance_m=2000.0)
    assert near.snr_db > far.snr_db + 10
    assert made(background_spl_db=30.0).snr_db == pytest.approx(made(background_spl_db=40.0).snr_db + 10)


def test_the_same_seed_gives_the_same_sound():
    assert np.array_equal(made(seed=3).samples, made(seed=3).samples)
    assert not np.array_equal(made(seed=3).samples, made(seed=4).samples)
