import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndoki.datasets.augment import band_rms
from ndoki.datasets.rerecorded import background_rms, in_few_bits, rerecorded, self_noise, tones, wind

RATE = 8000
SEEDS = st.integers(0, 2**32)
ADDED = pytest.mark.parametrize("added", [self_noise, wind, tones])


def noise(seconds=3.0, seed=0, level=0.01):
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def with_shot(at=12_000):
    samples = noise()
    samples[at : at + 2000] += noise(0.25, 1, 0.3) * np.exp(-np.arange(2000) / 500, dtype=np.float32)
    return samples


class TestBackground:
    def test_of_white_noise_is_the_bands_share(self):
        assert background_rms(noise(), RATE) == pytest.approx(0.01 * np.sqrt(1420 / 4000), rel=0.05)

    def test_a_shot_hardly_counts(self):
        assert background_rms(with_shot(), RATE) == pytest.approx(background_rms(noise(), RATE), rel=0.1)

    @pytest.mark.parametrize("n", [0, 1, 799])
    def test_of_a_short_sound(self, n):
        assert background_rms(noise()[:n], RATE) > 0


@ADDED
@pytest.mark.parametrize("level_db", [-12.0, 0.0, 9.0])
def test_what_is_added_is_so_much_louder_than_the_background(added, level_db):
    samples = noise()
    louder = added(samples, RATE, np.random.default_rng(3), level_db)
    ratio = band_rms(louder - samples, RATE) / background_rms(samples, RATE)
    assert 20 * np.log10(ratio) == pytest.approx(level_db, abs=0.05)


@ADDED
def test_a_quiet_recording_changes_like_a_loud_one(added):
    loud = added(with_shot(), RATE, np.random.default_rng(3), 3.0)
    quiet = added(with_shot() * np.float32(0.01), RATE, np.random.default_rng(3), 3.0)
    np.testing.assert_allclose(quiet * 100, loud, atol=2e-5)


def test_wind_is_low_and_self_noise_is_not():
    samples = noise()

    def low_share(added):
        sound = added(samples, RATE, np.random.default_rng(5), 6.0) - samples
        return (band_rms(sound, RATE, 20.0, 500.0) / band_rms(sound, RATE, 20.0, 3900.0)) ** 2

    assert low_share(wind) > 0.8
    assert low_share(self_noise) < 0.6


def test_tones_are_narrow():
    samples = noise()
    spectrum = np.abs(np.fft.rfft(tones(samples, RATE, np.random.default_rng(2), 10.0) - samples)) ** 2
    assert np.sort(spectrum)[-40:].sum() > 0.9 * spectrum.sum()


class TestFewBits:
    @pytest.mark.parametrize("steps", [0.3, 1.0, 10.0])
    def test_all_samples_are_whole_steps(self, steps):
        stored = in_few_bits(noise(), RATE, steps) * 32768
        np.testing.assert_array_equal(stored, np.rint(stored))

    def test_the_background_is_so_many_steps(self):
        assert background_rms(in_few_bits(noise(), RATE, 20.0), RATE) * 32768 == pytest.approx(20.0, rel=0.01)

    def test_a_background_below_half_a_step_is_silent_but_the_shot_is_there(self):
        stored = in_few_bits(with_shot(), RATE, 0.05)
        assert not stored[:12_000].any()
        assert stored[12_000:12_400].any()

    def test_nothing_is_clipped_that_was_not(self):
        assert np.abs(in_few_bits(with_shot(), RATE, 30_000.0)).max() == pytest.approx(1.0, abs=1e-4)


@settings(max_examples=40)
@given(SEEDS, st.integers(1, 20_000))
def test_any_sound_stays_sound(seed, n):
    samples = with_shot()[:n]
    before = samples.copy()
    made = rerecorded(samples, RATE, np.random.default_rng(seed))
    assert made.dtype == np.float32
    assert made.shape == samples.shape
    assert np.isfinite(made).all()
    np.testing.assert_array_equal(samples, before)


@given(SEEDS)
def test_a_seed_makes_one_recorder(seed):
    one, other = (rerecorded(with_shot(), RATE, np.random.default_rng(seed)) for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("level", [0.0, 1e-7])
def test_silence_stays_finite(level):
    for seed in range(12):
        made = rerecorded(noise(level=level), RATE, np.random.default_rng(seed))
        assert np.isfinite(made).all()
