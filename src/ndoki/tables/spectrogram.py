"""Samples → a picture's pixels: mel rows, decibels, colours. For eyes only; detectors have their own mel."""

import numpy as np
import numpy.typing as npt

from ndoki.core.types import Floats

__all__ = ["COLOURS", "coloured", "hz_to_row", "mel_decibels", "robust_range_db"]

_WINDOW_S = 0.048
_POWER_FLOOR = 1e-12
_MEL_BREAK_HZ = 700.0
_QUIET_PERCENTILE, _LOUD_PERCENTILE = 5.0, 99.5
_LEAST_RANGE_DB, _MOST_RANGE_DB = 20.0, 60.0
_BATCH = 256

_ANCHORS = np.array(
    [
        (6, 11, 38),
        (18, 38, 92),
        (33, 78, 132),
        (52, 121, 137),
        (98, 160, 120),
        (176, 192, 92),
        (245, 220, 96),
        (255, 247, 190),
    ],
    dtype=np.float64,
)
"""Dark blue over teal to pale yellow; each clearly lighter than the one before, so it reads in grey too."""


def _colour_table() -> npt.NDArray[np.uint8]:
    position = np.linspace(0, len(_ANCHORS) - 1, 256)
    columns = [np.interp(position, np.arange(len(_ANCHORS)), channel) for channel in _ANCHORS.T]
    return np.asarray(np.rint(np.stack(columns, axis=1)), dtype=np.uint8)


COLOURS = _colour_table()
"""uint8, shape (256, 3): red, green, blue from quiet to loud."""


def _hz_to_mel(hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """O'Shaughnessy's mel: 2595 log10(1 + f/700)."""
    return np.asarray(2595.0 * np.log10(1.0 + hz / _MEL_BREAK_HZ))


def _mel_to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(_MEL_BREAK_HZ * (10.0 ** (mel / 2595.0) - 1.0))


def hz_to_row(hz: float, top_hz: float, n_rows: int) -> float:
    """Where a frequency lies on a mel axis of ``n_rows`` pixels: 0 at ``top_hz``, ``n_rows`` at 0 Hz."""
    mel, top_mel = _hz_to_mel(np.array([min(max(hz, 0.0), top_hz), top_hz]))
    return float(n_rows * (1.0 - mel / top_mel))


def mel_decibels(
    samples: Floats, rate_hz: int, *, top_hz: float, n_rows: int, n_columns: int, seconds: float
) -> Floats:
    """Power over time and mel frequency, one value per pixel.

    Column ``c`` is a Hann window of 48 ms centred on the middle of that pixel; row ``r`` (0 is the top)
    is a triangular band as wide as the pixel or as the resolution, whichever is wider.

    Parameters
    ----------
    samples
        float32, shape (n,), in [-1, 1]; may be shorter than ``seconds``.
    rate_hz
        Their sample rate.
    top_hz
        Upper end of the axis, at most ``rate_hz / 2``; the lower end is 0 Hz.
    n_rows, n_columns
        Size of the picture in pixels.
    seconds
        Length of the time axis. Pixels behind the last sample are NaN.

    Returns
    -------
    float32, shape (n_rows, n_columns)
        dB relative to full scale; NaN where there is no sound.
    """
    n_window = max(16, round(_WINDOW_S * rate_hz))
    n_fft = 1 << (2 * n_window - 1).bit_length()
    window = np.hanning(n_window).astype(np.float32)
    centres = ((np.arange(n_columns) + 0.5) * seconds * rate_hz / n_columns).astype(np.int64)
    heard = np.flatnonzero(centres < len(samples))
    mean = samples.mean() if len(samples) else 0.0
    padded = np.pad((samples - mean).astype(np.float32), n_window)
    bands = _bands(rate_hz, n_fft, top_hz, n_rows)
    picture = np.full((n_rows, n_columns), np.nan, dtype=np.float32)
    scale = 2.0 / float(window.sum())
    for first in range(0, len(heard), _BATCH):
        columns = heard[first : first + _BATCH]
        starts = centres[columns] + n_window - n_window // 2
        frames = padded[starts[:, None] + np.arange(n_window)] * window
        spectrum = np.fft.rfft(frames, n_fft)[:, : bands.shape[1]] * np.float32(scale)
        power = spectrum.real**2 + spectrum.imag**2
        picture[:, columns] = 10.0 * np.log10(bands @ power.T + _POWER_FLOOR)
    return picture


def _bands(rate_hz: int, n_fft: int, top_hz: float, n_rows: int) -> Floats:
    """Triangular weights, shape (n_rows, n_bins), top row first; each row sums to 1.

    Only the bins that some row needs: the lowest ones.
    """
    bin_hz = np.arange(n_fft // 2 + 1) * rate_hz / n_fft
    top_mel = _hz_to_mel(np.array(top_hz))
    centre_hz = _mel_to_hz((np.arange(n_rows)[::-1] + 0.5) * top_mel / n_rows)
    edge_hz = _mel_to_hz(np.arange(n_rows + 1)[::-1] * top_mel / n_rows)
    half_hz = np.maximum(edge_hz[:-1] - edge_hz[1:], 1.0 / _WINDOW_S)
    weights = np.maximum(0.0, 1.0 - np.abs(bin_hz[None, :] - centre_hz[:, None]) / half_hz[:, None])
    n_bins = int(np.flatnonzero(weights.any(axis=0))[-1]) + 1
    return np.asarray(weights[:, :n_bins] / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def robust_range_db(decibels: Floats) -> tuple[float, float]:
    """Quietest and loudest level to tell apart: 5th and 99.5th percentile, 20 to 60 dB apart.

    One loud click does not darken the rest, steady noise is not blown up into a pattern, and a stretch of
    digital silence does not use up the colours.
    """
    known = decibels[np.isfinite(decibels)]
    if not len(known):
        return 0.0, _LEAST_RANGE_DB
    low_db, high_db = np.percentile(known, (_QUIET_PERCENTILE, _LOUD_PERCENTILE))
    low_db = max(low_db, high_db - _MOST_RANGE_DB)
    return float(low_db), float(max(high_db, low_db + _LEAST_RANGE_DB))


def coloured(
    decibels: Floats, low_db: float, high_db: float, blank: tuple[int, int, int]
) -> npt.NDArray[np.uint8]:
    """Colours of levels, uint8, shape (n_rows, n_columns, 3); ``blank`` where there is no sound."""
    known = np.isfinite(decibels)
    share = np.clip((np.where(known, decibels, low_db) - low_db) / (high_db - low_db), 0.0, 1.0)
    pixels = COLOURS[np.rint(share * 255).astype(np.uint8)]
    pixels[~known] = blank
    return pixels
