"""What a recorder does, step by step."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from ndoki.core.errors import ConfigError
from ndoki.datasets.simulate.recorder import band_limited, band_response, clipped, coded, self_noise
from ndoki.datasets.simulate.specs import RecorderSpec

RECORDER = RecorderSpec(low_cut_hz=50.0, high_cut_hz=2000.0, low_order=1, high_order=6)


def gain_db(hz, recorder=RECORDER):
    return 20 * np.log10(np.abs(band_response(np.array([hz]), recorder)))[0]


def test_half_power_at_both_cuts():
    assert gain_db(50.0) == pytest.approx(-3.01, abs=0.01)
    assert gain_db(2000.0) == pytest.approx(-3.01, abs=0.01)
    assert gain_db(400.0) == pytest.approx(0.0, abs=0.1)


def test_slopes_follow_the_orders():
    assert gain_db(0.5) - gain_db(0.25) == pytest.approx(6.02, abs=0.01)
    assert gain_db(40_000.0) - gain_db(20_000.0) == pytest.approx(-36.1, abs=0.1)


@pytest.mark.parametrize("order", [1, 2, 5, 8])
def test_filters_are_causal(order):
    recorder = replace(RECORDER, high_cut_hz=400.0, high_order=order, low_order=1)
    impulse = np.zeros(4000, np.float32)
    impulse[2000] = 1.0
    heard = band_limited(impulse, recorder)
    assert np.sum(heard[:1990] ** 2) < 1e-3 * np.sum(heard**2)


def test_a_tone_inside_the_band_stays():
    tone = np.sin(2 * np.pi * 400 * np.arange(8000) / 8000).astype(np.float32)
    heard = band_limited(tone, RECORDER)
    assert heard.dtype == np.float32
    assert np.std(heard[1000:7000]) == pytest.approx(np.std(tone), rel=0.02)


def test_self_noise_has_its_level(rng):
    noise = self_noise(200_000, replace(RECORDER, self_noise_dbfs=-60.0), rng)
    assert 20 * np.log10(np.std(noise)) == pytest.approx(-60.0, abs=0.05)


def test_gain_offset_and_clipping_by_hand():
    recorder = replace(RECORDER, gain_db=20.0, offset=0.1, clip=0.8)
    found = clipped(np.array([0.0, 0.05, 0.5, -0.5], np.float32), recorder)
    np.testing.assert_allclose(found, [0.1, 0.6, 0.8, -0.8], atol=1e-6)


def test_sixteen_bits():
    samples = np.array([0.0, 0.4 / 32768, 0.6 / 32768, 1.0, -1.0], np.float32)
    found = coded(samples, RECORDER) * 32768
    np.testing.assert_array_equal(found, [0, 0, 1, 32767, -32768])


@pytest.mark.parametrize("codec", ["vorbis", "mp3"])
def test_codecs_keep_length_and_roughly_the_sound(codec):
    if codec == "mp3" and "MP3" not in soundfile.available_formats():
        pytest.skip("this libsndfile cannot write MP3")
    wave = np.random.default_rng(2).standard_normal(16_000) * np.exp(
        -(((np.arange(16_000) - 8000) / 900) ** 2)
    )
    samples = band_limited((0.1 * wave).astype(np.float32), replace(RECORDER, high_cut_hz=800.0))
    found = coded(samples, replace(RECORDER, codec=codec))
    assert found.shape == samples.shape
    assert not np.array_equal(found, samples)
    together = np.correlate(found[2000:14_000], samples[2500:13_500], "valid")
    assert np.argmax(together) == 500  # a codec delays nothing
    assert np.corrcoef(found, samples)[0, 1] > 0.8


def test_unknown_codec_is_named():
    with pytest.raises(ConfigError, match=r"'aac' is unknown; use pcm16, vorbis or mp3"):
        coded(np.zeros(10, np.float32), replace(RECORDER, codec="aac"))
