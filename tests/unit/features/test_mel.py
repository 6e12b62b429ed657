"""Log-mel frames against a slow transform and against sums by hand."""

import numpy as np
import pytest

from ndoki.core.errors import ConfigError
from ndoki.features.mel import MelSpec, hz_to_mel, is_silent, log_mel, mel_filters, mel_to_hz


def slow_log_mel(samples, spec):
    """The definition, sample by sample and bin by bin."""
    n_frames = (len(samples) - spec.frame_samples) // spec.hop_samples + 1
    n = np.arange(spec.frame_samples)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * n / spec.frame_samples)
    window *= 2 / window.sum()
    filters = np.asarray(mel_filters(spec), np.float64)
    rows = []
    for i in range(n_frames):
        first = i * spec.hop_samples
        frame = samples[first : first + spec.frame_samples].astype(np.float64) * window
        power = [
            abs(np.sum(frame * np.exp(-2j * np.pi * k * n / spec.frame_samples))) ** 2
            for k in range(spec.frame_samples // 2 + 1)
        ]
        rows.append(10 * np.log10(np.asarray(power) @ filters + spec.power_floor))
    return np.array(rows)


def test_agrees_with_the_slow_definition(rng):
    samples = (0.1 * rng.standard_normal(1000)).astype(np.float32)
    assert np.allclose(log_mel(samples, MelSpec()), slow_log_mel(samples, MelSpec()), atol=1e-3)


def test_every_band_hears_something_and_weighs_one():
    filters = mel_filters(MelSpec())
    assert filters.shape == (129, 40)
    assert np.allclose(filters.sum(axis=0), 1.0)


def test_a_full_scale_sine_reads_near_0_db_in_its_band():
    spec = MelSpec()
    band = 20
    sine = np.sin(2 * np.pi * spec.centres_hz[band] * np.arange(4000) / 4000).astype(np.float32)
    levels = log_mel(sine, spec).mean(axis=0)
    assert int(np.argmax(levels)) == band
    assert -9 < levels[band] < 0


def test_silence_reads_the_power_floor():
    assert np.allclose(log_mel(np.zeros(512, np.float32), MelSpec()), -130.0)


class TestDigitalSilence:
    def test_nothing_is_and_a_constant_is_but_the_quietest_sound_is_not(self, rng):
        """The quietest of 16 bits is one step now and then, of 24 bits noise at −120 dB."""
        rare, deep = np.zeros(8000, np.float32), rng.normal(0, 1e-6, 8000).astype(np.float32)
        rare[64::128] = 1 / 32768
        for samples, silent in (
            (np.zeros(8000), True),
            (np.full(8000, 0.25), True),
            (rare, False),
            (deep, False),
        ):
            levels_db = log_mel(samples.astype(np.float32), MelSpec())
            assert is_silent(levels_db).all() == is_silent(levels_db).any() == silent

    def test_frames_within_a_gap_are(self, rng):
        samples = rng.normal(0, 0.01, 8000).astype(np.float32)
        samples[1024:4096] = 0
        spec = MelSpec()
        frames = np.flatnonzero(is_silent(log_mel(samples, spec)))
        assert frames.tolist() == list(range(16, (4096 - spec.frame_samples) // spec.hop_samples + 1))

    def test_one_band_is_not_enough(self):
        levels_db = np.full((2, 40), -140.0, np.float32)
        levels_db[1, 17] = -80.0
        assert is_silent(levels_db).tolist() == [True, False]

    @pytest.mark.parametrize("gain_db", [-50.0, -30.0, 20.0])
    def test_gain_moves_levels_and_nothing_else(self, rng, gain_db):
        """From a forest at a sensible gain down to a third of one step of 16 bits."""
        samples = rng.normal(0, 0.003, 8000).astype(np.float32)
        other = log_mel(samples * np.float32(10 ** (gain_db / 20)), MelSpec())
        assert other.mean() - log_mel(samples, MelSpec()).mean() == pytest.approx(gain_db, abs=0.5)


def test_sound_shorter_than_a_frame_still_gives_one():
    assert log_mel(np.full(10, 0.1, np.float32), MelSpec()).shape == (1, 40)
    assert log_mel(np.empty(0, np.float32), MelSpec()).shape == (1, 40)


def test_mel_scale_by_hand_and_back():
    assert float(hz_to_mel(700.0)) == pytest.approx(2595 * np.log10(2))
    hz = np.array([50.0, 333.0, 2000.0])
    assert np.allclose(mel_to_hz(hz_to_mel(hz)), hz)


@pytest.mark.parametrize(
    "wrong", [{"high_hz": 2100.0}, {"low_hz": 2000.0}, {"n_mels": 0}, {"power_floor": 0.0}]
)
def test_an_impossible_spec_is_refused(wrong):
    with pytest.raises(ConfigError):
        MelSpec(**wrong)


def test_double_precision_is_the_same_but_for_rounding():
    samples = (0.01 * np.random.default_rng(3).standard_normal(8000)).astype(np.float32)
    exact = log_mel(samples, MelSpec(), np.float64)
    assert exact.dtype == np.float64
    np.testing.assert_allclose(log_mel(samples, MelSpec()), exact, atol=2e-4)
