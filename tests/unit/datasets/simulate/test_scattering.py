"""Tails and echoes: energy, decay, timing."""

from dataclasses import replace

import numpy as np
import pytest

from ndoki.datasets.simulate.scattering import (
    band_weight,
    echo_filter,
    tail_envelope,
    tail_gains,
    tail_spectrum,
)
from ndoki.datasets.simulate.sending import transform_length
from ndoki.datasets.simulate.specs import BAND_CENTRES_HZ, ForestSpec

FOREST = ForestSpec()
N_BANDS = len(BAND_CENTRES_HZ)
RATE = 8000


def tail(forest, end_s=4.0, seed=1):
    n = transform_length(4.2, RATE)
    spectrum = tail_spectrum(forest, 500.0, n, RATE, end_s, np.random.default_rng(seed))
    return spectrum, np.fft.irfft(spectrum, n)


def test_squared_band_weights_sum_to_one():
    hz = np.linspace(0.1, 8000, 5000)
    np.testing.assert_allclose(sum(band_weight(hz, k) ** 2 for k in range(N_BANDS)), 1.0, atol=0.02)
    assert band_weight(np.array([500.0]), BAND_CENTRES_HZ.index(500.0))[0] == pytest.approx(1.0)


def test_envelope_has_unit_energy_and_begins_at_zero():
    t_s = np.arange(16_000, dtype=np.float32) / RATE
    envelope = tail_envelope(t_s, 1.5, FOREST)
    assert np.mean(envelope**2) == pytest.approx(1.0, rel=1e-3)
    assert envelope[0] == 0


def test_envelope_falls_by_sixty_db_in_its_decay_time():
    t_s = np.arange(24_000, dtype=np.float32) / RATE
    late = tail_envelope(t_s, 1.2, replace(FOREST, early_share=0.0))
    at = {time_s: 20 * np.log10(late[round(time_s * RATE)]) for time_s in (0.5, 1.7)}
    assert at[0.5] - at[1.7] == pytest.approx(60.0, abs=0.1)


def test_a_long_rise_makes_the_tail_swell():
    t_s = np.arange(24_000, dtype=np.float32) / RATE
    soft = tail_envelope(t_s, 2.0, replace(FOREST, early_share=0.0, tail_rise_s=0.2))
    # maximum of (1 − e^(−t/r))·e^(−t/d), d = 2/ln 1000: t = r·ln(1 + d/r)
    decay_s = 2.0 / np.log(1000)
    assert np.argmax(soft) / RATE == pytest.approx(0.2 * np.log(1 + decay_s / 0.2), abs=0.005)


def test_level_grows_per_doubling_of_the_distance():
    forest = replace(FOREST, tail_level_db=(0.0,) * N_BANDS, tail_growth_db=3.0)
    assert tail_gains(forest, 500.0)[0] == pytest.approx(1.0)
    assert 20 * np.log10(tail_gains(forest, 2000.0)[3]) == pytest.approx(6.0)


def test_each_band_has_its_own_energy():
    level_db = (-60.0, -60.0, -6.0, -60.0, 0.0, -60.0, -60.0, 6.0)
    energies = []
    for seed in range(12):
        spectrum, _ = tail(replace(FOREST, tail_level_db=level_db), seed=seed)
        hz = np.linspace(0, RATE / 2, len(spectrum))
        energies.append(
            [
                np.mean(np.abs(spectrum[(hz > low) & (hz < high)]) ** 2)
                for low, high in ((120, 130), (490, 510))
            ]
        )
    found_db = 10 * np.log10(np.mean(energies, axis=0))
    np.testing.assert_allclose(found_db, [-6.0, 0.0], atol=1.0)


@pytest.mark.parametrize("centre_hz", [250.0, 2000.0])
def test_tail_decays_as_asked(centre_hz):
    level_db = tuple(0.0 if hz == centre_hz else -80.0 for hz in BAND_CENTRES_HZ)
    forest = replace(FOREST, tail_level_db=level_db, tail_decay_s=(1.0,) * N_BANDS, early_share=0.0)
    energy = sum(tail(forest, seed=seed)[1] ** 2 for seed in range(8))
    early, late = energy[800:1600].mean(), energy[3200:4000].mean()
    assert 10 * np.log10(early / late) == pytest.approx(60 * 0.3, abs=2.0)


def test_tail_is_over_in_time_and_not_before_its_start():
    forest = replace(FOREST, tail_decay_s=(4.0,) * N_BANDS)
    _, wave = tail(forest, end_s=1.5)
    total = np.sum(wave**2)
    assert np.sum(wave[round(1.5 * RATE) + 200 : -200] ** 2) < 1e-4 * total
    assert np.sum(wave[-200:] ** 2) < 1e-3 * total


def test_the_seed_places_the_scatterers():
    np.testing.assert_array_equal(tail(FOREST, seed=3)[0], tail(FOREST, seed=3)[0])
    assert not np.array_equal(tail(FOREST, seed=3)[0], tail(FOREST, seed=4)[0])


def test_a_sharp_echo_by_hand():
    forest = replace(
        FOREST, echo_delays_s=(0.25,), echo_gains_db=(-6.0,), echo_cuts_hz=(1e6,), echo_smears_s=(0.0,)
    )
    response = echo_filter(forest, 8000, RATE, np.random.default_rng(0))
    assert np.flatnonzero(np.abs(response) > 1e-6).tolist() == [2000]
    assert response[2000] == pytest.approx(10 ** (-6 / 20), rel=1e-3)


def test_a_smeared_echo_keeps_its_delay_and_energy():
    forest = replace(
        FOREST, echo_delays_s=(0.3,), echo_gains_db=(0.0,), echo_cuts_hz=(1e6,), echo_smears_s=(0.2,)
    )
    response = echo_filter(forest, 8000, RATE, np.random.default_rng(0))
    assert np.flatnonzero(response)[0] == 2400
    assert np.sum(response**2) == pytest.approx(1.0, rel=1e-3)


def test_an_echo_behind_the_end_is_not_heard():
    forest = replace(
        FOREST, echo_delays_s=(2.0,), echo_gains_db=(0.0,), echo_cuts_hz=(500.0,), echo_smears_s=(0.1,)
    )
    assert not echo_filter(forest, 8000, RATE, np.random.default_rng(0)).any()
