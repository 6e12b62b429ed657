"""Log-mel frames against a slow transform and against sums by hand."""

import numpy as np
import pytest

from ndoki.core.errors import ConfigError
from ndoki.features.mel import MelSpec, hz_to_mel, log_mel, mel_filters, mel_to_hz


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
    assert np.allclose(log_mel(np.zeros(512, np.float32), MelSpec()), -90.0)


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
