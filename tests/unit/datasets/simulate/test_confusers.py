"""Look-alikes: sound, reproducible, and like what they are named after."""

import numpy as np
import pytest

from ndoki.core.errors import ConfigError
from ndoki.datasets.simulate.confusers import AT_THE_RECORDER, CONFUSERS, HOLLOW, render_confuser
from ndoki.datasets.simulate.weather import rumble

RATE = 8000


def share_below(samples, hz, rate_hz=RATE):
    energy = np.abs(np.fft.rfft(samples)) ** 2
    return energy[np.fft.rfftfreq(len(samples), 1 / rate_hz) < hz].sum() / energy.sum()


def typical_share(kind, hz):
    return np.median(
        [share_below(render_confuser(kind, np.random.default_rng(s), RATE), hz) for s in range(15)]
    )


@pytest.mark.parametrize("kind", [*CONFUSERS, HOLLOW])
@pytest.mark.parametrize("rate_hz", [4000, 8000])
def test_every_kind_is_sound_and_reproducible(kind, rate_hz):
    for seed in range(6):
        first, second = (render_confuser(kind, np.random.default_rng(seed), rate_hz) for _ in range(2))
        np.testing.assert_array_equal(first, second)
        assert first.dtype == np.float32
        assert np.isfinite(first).all()
        assert np.abs(first).max() == pytest.approx(1.0, abs=1e-6)
        assert 0.1 * rate_hz <= len(first) <= 15 * rate_hz
    other = render_confuser(kind, np.random.default_rng(99), rate_hz)
    assert len(other) != len(first) or not np.array_equal(other, first)


def test_names():
    assert set(AT_THE_RECORDER) < set(CONFUSERS)
    assert HOLLOW not in CONFUSERS
    with pytest.raises(ConfigError, match=r"'dragon' is unknown; known are alarm_call"):
        render_confuser("dragon", np.random.default_rng(0), RATE)


def strikes_s(kind, seed, gap_s):
    """Times at which the level of 5 ms rises to more than a fifth of its highest, at least so far apart."""
    wave = render_confuser(kind, np.random.default_rng(seed), RATE).astype(float)
    level = np.sqrt(np.convolve(wave**2, np.ones(40) / 40, "same"))
    times_s = np.flatnonzero(level > level.max() / 5) / RATE
    return times_s[np.diff(times_s, prepend=-1) > gap_s]


def test_a_double_knock_is_two_strikes_within_a_fifth_of_a_second():
    found = [strikes_s("double_knock", seed, 0.02) for seed in range(40)]
    pairs = [times_s for times_s in found if len(times_s) == 2]
    assert len(pairs) > 25
    assert all(0.02 < first < 0.04 and 0.04 < second - first < 0.21 for first, second in pairs)


def test_somebody_chops_at_a_pace():
    gaps_s = np.concatenate([np.diff(strikes_s("chop", seed, 0.25)) for seed in range(20)])
    assert len(gaps_s) > 20
    assert 0.3 < gaps_s.min() < gaps_s.max() < 6


def test_a_buttress_is_drummed_low_and_at_two_to_ten_beats_per_second():
    assert typical_share("buttress_drum", 450) > 0.9
    gaps_s = np.concatenate([np.diff(strikes_s("buttress_drum", seed, 0.07)) for seed in range(20)])
    assert len(gaps_s) > 40
    assert 0.08 < np.median(gaps_s) < 0.6


def test_a_hollow_knock_is_a_few_stripes_that_soon_end():
    lasting_s, striped = [], []
    for seed in range(40):
        wave = render_confuser(HOLLOW, np.random.default_rng(seed), RATE).astype(float)
        energy = np.cumsum(wave**2) / np.sum(wave**2)
        lasting_s.append((np.searchsorted(energy, 0.95) - np.searchsorted(energy, 0.01)) / RATE)
        spectrum = np.sort(np.abs(np.fft.rfft(wave)) ** 2)[::-1]
        striped.append(spectrum[: len(spectrum) // 20].sum() / spectrum.sum())
    # A twentieth of all frequencies holds a twentieth of a click's energy; of a knock's, most.
    assert np.median(striped) > 0.7
    assert np.median(lasting_s) < 0.15
    assert max(lasting_s) < 0.5


def test_twigs_ring_high_and_thunder_low():
    assert typical_share("branch_crack", 700) < 0.4
    assert typical_share("branch_crack", 150) < 0.015
    assert typical_share("thunder_far", 200) > 0.9
    assert typical_share("thunder_near", 700) > 0.7
    assert typical_share("wind_gust", 100) > 0.9
    assert typical_share("insect_onset", 500) < 0.05
    assert 0.1 < typical_share("raindrop", 700) < 0.7


def test_a_raindrop_has_no_tail():
    for seed in range(20):
        drop = render_confuser("raindrop", np.random.default_rng(seed), RATE).astype(float)
        last = np.flatnonzero(np.abs(drop) > 0.05)[-1]
        loudest = np.argmax(np.abs(drop))
        later = drop[loudest + 800 : loudest + 1600]
        assert np.sum(drop[last + 800 :] ** 2) < 1e-4 * np.sum(drop**2)
        if last < loudest + 800:
            assert np.sum(later**2) < 1e-3 * np.sum(drop**2)


def test_thunder_lasts_as_long_as_its_channel_is_deep():
    lengths = [len(rumble(np.random.default_rng(s), RATE, 1000.0)) / RATE for s in range(10)]
    assert 3 < np.median(lengths) < 14


def test_a_woodpecker_knocks_regularly():
    roll = np.abs(render_confuser("woodpecker", np.random.default_rng(3), RATE))
    level = np.convolve(roll, np.ones(80) / 80, "same")
    spectrum = np.abs(np.fft.rfft(level - level.mean()))
    hz = np.fft.rfftfreq(len(level), 1 / RATE)
    inside = (hz > 4) & (hz < 60)
    assert 6 < hz[inside][np.argmax(spectrum[inside])] < 32
