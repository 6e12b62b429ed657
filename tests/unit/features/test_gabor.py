"""Spectra every 4 ms: against the formula, and what a tone and a click become."""

import numpy as np
import pytest

from ndoki.features.gabor import (
    BANDS,
    CELL_FRAMES,
    CELL_SAMPLES,
    GABOR_GRID,
    band_levels_db,
    cell_spectra,
    pooled,
)

RATE = GABOR_GRID.rate_hz
CENTRE = (GABOR_GRID.frame_samples - 1) / 2


def centres_hz(low_hz: float, high_hz: float, sigma_s: float) -> list[float]:
    """Neighbours 1.6 standard deviations of their spectrum, 1 / (2πσ), apart; at least one."""
    n = max(1, round((high_hz - low_hz) * 2 * np.pi * sigma_s / 1.6))
    return [low_hz + (i + 0.5) * (high_hz - low_hz) / n for i in range(n)]


def slow_row(samples: np.ndarray, row: int) -> list[complex]:
    values = []
    for low_hz, high_hz, sigma_s in BANDS:
        for centre_hz in centres_hz(low_hz, high_hz, sigma_s):
            window = [np.exp(-(((n - CENTRE) / RATE / sigma_s) ** 2) / 2) for n in range(256)]
            values.append(
                2
                * sum(
                    samples[16 * row + n] * window[n] * np.exp(2j * np.pi * centre_hz * (n - CENTRE) / RATE)
                    for n in range(256)
                )
                / sum(window)
            )
    return values


def test_rows_are_those_of_the_formula(rng):
    samples = rng.normal(size=CELL_SAMPLES).astype(np.float32)
    spectra = cell_spectra(samples)
    assert spectra.shape == (CELL_FRAMES, sum(len(centres_hz(*band)) for band in BANDS))
    for row in (0, 100, 255):
        np.testing.assert_allclose(spectra[row], slow_row(samples, row), atol=2e-6)


def test_a_tone_at_a_kernels_centre_has_its_own_amplitude():
    # 60 to 110 Hz is one kernel, at 85 Hz; an amplitude of 0.1 is −20 dB.
    tone = 0.1 * np.cos(2 * np.pi * 85 * np.arange(CELL_SAMPLES) / RATE)
    levels_db = band_levels_db(cell_spectra(tone.astype(np.float32)))
    assert levels_db.shape == (CELL_FRAMES, len(BANDS))
    assert levels_db[:, 0] == pytest.approx(-20.0, abs=0.1)
    assert (levels_db[:, 2:] < -60).all()


def test_a_click_stands_where_it_is():
    samples = np.zeros(CELL_SAMPLES, np.float32)
    samples[16 * 100 + 128] = 1.0
    assert band_levels_db(cell_spectra(samples)).argmax(axis=0).tolist() == [100] * len(BANDS)


def test_silence_has_a_level():
    assert band_levels_db(cell_spectra(np.zeros(CELL_SAMPLES, np.float32))) == pytest.approx(-110.0)


def test_pooling_is_the_mean_of_each_bands_kernels():
    sizes = [len(centres_hz(*band)) for band in BANDS]
    of_band = np.repeat(np.arange(len(BANDS)), sizes).astype(np.float32)
    assert pooled(of_band) == pytest.approx(np.arange(len(BANDS)))
    first = np.eye(sum(sizes), dtype=np.float32)[sum(sizes[:5])]
    assert pooled(first)[5] == pytest.approx(1 / sizes[5])
