import numpy as np
import pytest

from ndoki.core.types import Floats
from ndoki.tables.spectrogram import COLOURS, coloured, hz_to_row, mel_decibels, robust_range_db

N_ROWS, N_COLUMNS = 200, 240


def picture(samples: Floats, rate_hz: int = 8000, top_hz: float = 2000.0) -> Floats:
    return mel_decibels(samples, rate_hz, top_hz=top_hz, n_rows=N_ROWS, n_columns=N_COLUMNS, seconds=12)


def tone(hz: float, rate_hz: int = 8000) -> Floats:
    return np.sin(2 * np.pi * hz * np.arange(12 * rate_hz) / rate_hz).astype(np.float32)


def test_the_axis_is_mel() -> None:
    # 1000 Hz is 1000 mel and 2000 Hz is 1521 mel.
    assert hz_to_row(2000, 2000, 300) == 0
    assert hz_to_row(0, 2000, 300) == 300
    assert hz_to_row(1000, 2000, 300) == pytest.approx(300 * (1 - 999.99 / 1521.36), abs=0.01)
    assert hz_to_row(9000, 2000, 300) == 0


@pytest.mark.parametrize("rate_hz", [4000, 8000, 48_000])
@pytest.mark.parametrize("hz", [100, 440, 1500])
def test_a_tone_is_brightest_at_its_row(hz: float, rate_hz: int) -> None:
    levels = picture(tone(hz, rate_hz), rate_hz)[:, 20:-20]
    rows = np.argmax(levels, axis=0)
    assert np.all(np.abs(rows + 0.5 - hz_to_row(hz, 2000, N_ROWS)) <= 1.5)


def test_a_full_scale_tone_is_near_0_db_at_any_rate() -> None:
    peaks = [picture(tone(440, rate_hz), rate_hz).max() for rate_hz in (4000, 8000, 48_000)]
    assert np.ptp(peaks) < 0.5
    assert -6 < peaks[0] < 0


def test_a_click_lies_in_its_column() -> None:
    samples = np.zeros(96_000, dtype=np.float32)
    samples[int(7.525 * 8000)] = 1.0
    assert np.argmax(picture(samples).mean(axis=0)) == int(7.525 / 12 * N_COLUMNS)


def test_sound_that_ends_early_leaves_the_rest_unknown() -> None:
    levels = picture(tone(440)[: 3 * 8000])
    assert np.isfinite(levels[:, :60]).all()
    assert np.isnan(levels[:, 60:]).all()


def test_no_sound_at_all_and_less_than_a_window() -> None:
    assert np.isnan(picture(np.zeros(0, dtype=np.float32))).all()
    assert np.isfinite(picture(np.ones(500, dtype=np.float32))[:, 0]).all()


def test_a_constant_is_silence() -> None:
    assert picture(np.full(96_000, 0.5, dtype=np.float32)).max() < -100


def test_the_range_of_colours_is_robust() -> None:
    rng = np.random.default_rng(1)
    levels = rng.uniform(-80, -50, 10_000).astype(np.float32)
    levels[:20] = 0.0
    low_db, high_db = robust_range_db(levels)
    assert low_db == pytest.approx(-78.5, abs=0.3)
    assert high_db == pytest.approx(-50.1, abs=0.3)
    assert robust_range_db(np.full(9, -70, dtype=np.float32)) == (-70.0, -50.0)
    assert robust_range_db(np.array([-120.0] * 50 + [-30.0] * 50, dtype=np.float32)) == (-90.0, -30.0)
    assert robust_range_db(np.array([np.nan], dtype=np.float32)) == (0.0, 20.0)


def test_colours_run_from_quiet_to_loud_and_blank() -> None:
    levels = np.array([[-90.0, -80.0, -60.0, -30.0, np.nan]], dtype=np.float32)
    pixels = coloured(levels, -80, -40, (1, 2, 3))
    assert pixels.shape == (1, 5, 3)
    assert pixels[0].tolist() == [
        COLOURS[0].tolist(),
        COLOURS[0].tolist(),
        COLOURS[128].tolist(),
        COLOURS[255].tolist(),
        [1, 2, 3],
    ]


def test_louder_is_always_lighter() -> None:
    # Relative luminance as in ITU-R BT.709, after undoing the gamma of sRGB.
    share = COLOURS / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    lightness = np.cbrt(linear @ [0.2126, 0.7152, 0.0722])
    assert np.all(np.diff(lightness) > 0)
    assert lightness[-1] - lightness[0] > 0.75
