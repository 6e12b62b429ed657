import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.datasets.augment import band_rms, cut_with_fades, push_away, random_response, with_digital_silence

RATE = 8000
SEEDS = st.integers(0, 2**32)


def generator(seed):
    return np.random.default_rng(seed)


def tone(hz, n=RATE, level=0.5):
    return (level * np.sin(2 * np.pi * hz * np.arange(n) / RATE)).astype(np.float32)


def noise(n, seed=0, level=0.1):
    return (level * generator(seed).standard_normal(n)).astype(np.float32)


def click(n=RATE, at=2000):
    samples = np.zeros(n, np.float32)
    samples[at] = 1.0
    return samples


def high_share(samples):
    """Share of the energy above 1200 Hz."""
    energy = np.abs(np.fft.rfft(samples)) ** 2
    return energy[np.fft.rfftfreq(len(samples), 1 / RATE) > 1200].sum() / energy.sum()


class TestBandRms:
    @pytest.mark.parametrize("hz", [100, 440, 1400])
    def test_of_a_tone_inside_the_band(self, hz):
        assert band_rms(tone(hz), RATE) == pytest.approx(0.5 / np.sqrt(2), rel=0.01)

    @pytest.mark.parametrize("hz", [20, 50, 1700, 3500])
    def test_of_a_tone_outside_the_band(self, hz):
        assert band_rms(tone(hz), RATE) < 0.01

    def test_of_white_noise_is_the_bands_share(self):
        """1420 of 4000 Hz."""
        assert band_rms(noise(80_000), RATE) == pytest.approx(0.1 * np.sqrt(1420 / 4000), rel=0.02)

    @given(SEEDS, st.integers(1000, 3001))
    def test_bands_add_up_to_the_whole(self, seed, n):
        samples = noise(n, seed)
        # What lies at 0 and at 4000 Hz, a thousandth, is left out.
        parts = [band_rms(samples, RATE, low, high) ** 2 for low, high in ((1, 999.999), (1000, 3999))]
        assert sum(parts) == pytest.approx(float(np.mean(samples.astype(np.float64) ** 2)), rel=0.02)

    def test_of_nothing_is_0(self):
        assert band_rms(np.empty(0, np.float32), RATE) == 0.0
        assert band_rms(np.zeros(100, np.float32), RATE) == 0.0


class TestRandomResponse:
    @given(SEEDS)
    def test_changes_level_by_no_more_than_its_depth(self, seed):
        samples = noise(4000, 1)
        changed = random_response(samples, RATE, generator(seed), depth_db=6.0)
        assert changed.shape == samples.shape
        assert changed.dtype == np.float32
        # A high-pass may take more from low frequencies, never from these.
        before, after = (band_rms(x, RATE, 1000, 3500) for x in (samples, changed))
        assert abs(20 * np.log10(after / before)) < 7.5

    def test_is_another_one_each_time(self):
        rng, samples = generator(1), noise(4000)
        first, second = (random_response(samples, RATE, rng) for _ in range(2))
        assert np.abs(first - second).max() > 0.01

    @given(SEEDS)
    def test_keeps_an_onset_within_a_frame(self, seed):
        """The response has no phase, so it rings to both sides; the peak stays."""
        changed = random_response(click(), RATE, generator(seed))
        assert abs(int(np.abs(changed).argmax()) - 2000) <= 0.016 * RATE


class TestPushAway:
    @given(SEEDS)
    def test_keeps_the_onset(self, seed):
        """Little lies more than a frame's hop before it, and a good part of the energy comes soon after."""
        far = push_away(click(), RATE, generator(seed)).astype(np.float64)
        before = np.sum(far[: 2000 - round(0.016 * RATE)] ** 2)
        assert before < 0.03 * np.sum(far**2)
        assert abs(int((np.abs(far[:2400]) > 0.1 * np.abs(far[:2400]).max()).argmax()) - 2000) <= 0.016 * RATE

    @given(SEEDS)
    def test_lowers_high_frequencies(self, seed):
        samples = np.concatenate([np.zeros(1000, np.float32), noise(1000), np.zeros(6000, np.float32)])
        assert high_share(push_away(samples, RATE, generator(seed))) < 0.8 * high_share(samples)

    @given(SEEDS)
    def test_lengthens_by_1_to_3_s(self, seed):
        far = push_away(noise(2000), RATE, generator(seed))
        assert RATE <= len(far) - 2000 <= 3 * RATE
        assert far.dtype == np.float32
        assert np.isfinite(far).all()

    def test_the_forest_answers_most_of_the_time(self):
        """Energy more than 0.1 s behind a click: there for most draws, not for all."""
        late = []
        for seed in range(60):
            far = push_away(click(), RATE, generator(seed)).astype(np.float64) ** 2
            late.append(far[2000 + RATE // 10 :].sum() / far.sum())
        assert 0.5 < np.mean(np.array(late) > 0.01) < 1.0

    def test_the_same_generator_gives_the_same_sound(self):
        one, other = (push_away(noise(500), RATE, generator(7)) for _ in range(2))
        np.testing.assert_array_equal(one, other)


class TestCutWithFades:
    def test_ends_are_faded_and_the_middle_is_untouched(self):
        samples = np.ones(RATE, np.float32)
        part = cut_with_fades(samples, RATE, 1000, 7000, fade_in_s=0.05, fade_out_s=0.25)
        assert len(part) == 6000
        assert part[0] < 1e-4
        assert part[-1] < 1e-4
        assert part[200] == pytest.approx(0.5, abs=0.01)
        assert part[-1000] == pytest.approx(0.5, abs=0.01)
        np.testing.assert_array_equal(part[400:4000], 1.0)
        assert (np.diff(part[:400]) > 0).all()
        assert (np.diff(part[4000:]) < 0).all()
        np.testing.assert_array_equal(samples, 1.0)

    @given(st.integers(-500, 1200), st.integers(-500, 1200))
    def test_the_range_is_clipped_to_the_sound(self, first, end):
        part = cut_with_fades(noise(700), RATE, first, end)
        assert len(part) == max(0, min(max(end, 0), 700) - max(first, 0))

    @pytest.mark.parametrize("n", [0, 1, 2, 3, 50])
    def test_a_short_cut_is_faded_over_its_halves(self, n):
        part = cut_with_fades(np.ones(100, np.float32), RATE, 0, n)
        assert len(part) == n
        assert (part <= 1).all()
        assert (part[: n // 2] < 1).all()


class TestDigitalSilence:
    @given(SEEDS)
    def test_is_one_gap_of_zeros(self, seed):
        samples = noise(4 * RATE)
        gapped = with_digital_silence(samples, RATE, generator(seed))
        assert gapped.shape == samples.shape
        changed = np.flatnonzero(gapped != samples)
        if len(changed):
            np.testing.assert_array_equal(gapped[changed[0] : changed[-1] + 1], 0.0)
            assert len(changed) <= 1.5 * RATE

    @given(SEEDS, st.lists(st.integers(0, 4 * RATE - 1), min_size=1, max_size=4))
    def test_never_swallows_an_onset(self, seed, onsets):
        samples = noise(4 * RATE)
        gapped = with_digital_silence(samples, RATE, generator(seed), onsets)
        for onset in onsets:
            kept = slice(max(0, onset - round(0.05 * RATE)), onset + round(0.5 * RATE))
            np.testing.assert_array_equal(gapped[kept], samples[kept])

    def test_does_happen(self):
        gaps = [
            (with_digital_silence(noise(4 * RATE), RATE, generator(seed), [100]) == 0).any()
            for seed in range(20)
        ]
        assert sum(gaps) > 10
