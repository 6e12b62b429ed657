import numpy as np
import pytest

from ndoki.audio.levels import BANDS_HZ, HIGH, MIDDLE, SHOT, WIND, MinuteLevels

RATE_HZ = 8000


def _levels(*minutes, rate_hz=RATE_HZ):
    collected = MinuteLevels(rate_hz)
    for minute in minutes:
        collected.feed(np.asarray(minute, np.float32))
    return collected.levels()


def _sine(hz, amplitude=0.5, seconds=60, rate_hz=RATE_HZ):
    return amplitude * np.sin(2 * np.pi * hz * np.arange(seconds * rate_hz) / rate_hz)


@pytest.mark.parametrize(("band", "hz"), [(WIND, 33.0), (SHOT, 300.0), (MIDDLE, 1200.0), (HIGH, 3000.0)])
@pytest.mark.parametrize("rate_hz", [8000, 48000])
def test_a_sine_has_its_mean_square_in_its_own_band(band, hz, rate_hz):
    (row,) = _levels(_sine(hz, rate_hz=rate_hz), rate_hz=rate_hz)
    assert row[band] == pytest.approx(20 * np.log10(0.5) - 3.01, abs=0.05)
    assert all(row[other] < row[band] - 25 for other in range(4) if other != band)


def test_noise_is_shared_out_by_width(rng):
    (row,) = _levels(rng.normal(0, 0.1, 60 * RATE_HZ))
    for level, (low_hz, high_hz) in zip(row, BANDS_HZ, strict=True):
        expected = -20 + 10 * np.log10((high_hz - low_hz) / (RATE_HZ / 2))
        # The median of a power with few degrees of freedom lies below its mean.
        assert level == pytest.approx(expected, abs=1.5 if low_hz < 60 else 0.5)


def test_what_fills_less_than_half_of_the_windows_does_not_count(rng):
    quiet = rng.normal(0, 0.01, 60 * RATE_HZ)
    shots = quiet.copy()
    for second in (0, 10, 20, 30, 40):
        shots[second * RATE_HZ : (second + 2) * RATE_HZ] *= 30
    assert np.abs(_levels(shots) - _levels(quiet))[0, SHOT:].max() < 1.5


def test_offset_is_no_sound_and_one_value_has_no_level(rng):
    noise = rng.normal(0, 0.01, 60 * RATE_HZ)
    assert np.allclose(_levels(noise + 0.3), _levels(noise), atol=0.05)
    assert np.isnan(_levels(np.full(60 * RATE_HZ, 0.25))).all()
    assert np.isnan(_levels(np.zeros(60 * RATE_HZ))).all()


def test_last_minute_may_be_short(rng):
    whole, part, crumb = (rng.normal(0, 0.1, n) for n in (60 * RATE_HZ, 7 * RATE_HZ, 100))
    rows = _levels(whole, part, crumb)
    assert rows.shape == (3, 4)
    assert np.abs(rows[0, SHOT:] - rows[1, SHOT:]).max() < 1
    assert np.isnan(rows[2]).all()
    assert _levels().shape == (0, 4)


@pytest.mark.parametrize(
    ("rate_hz", "known"), [(2000, (WIND, SHOT, MIDDLE)), (4000, (WIND, SHOT, MIDDLE)), (8000, range(4))]
)
def test_a_band_that_the_rate_cannot_hold_is_unknown(rng, rate_hz, known):
    (row,) = _levels(rng.normal(0, 0.1, 60 * rate_hz), rate_hz=rate_hz)
    assert np.isfinite(row).tolist() == [band in known for band in range(4)]
