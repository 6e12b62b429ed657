"""Exact truth of a rendered sound: its band, its loudest moment, its end."""

import numpy as np
import numpy.typing as npt
from scipy import signal

from ndoki.core.types import Floats

__all__ = ["energy_band", "in_band_power", "loud_span"]

_WINDOW_S = 0.02
_BAND_HZ = (80.0, 1500.0)


def energy_band(
    frequencies_hz: npt.NDArray[np.floating], spectrum: npt.NDArray[np.complexfloating], share: float = 0.9
) -> tuple[float, float]:
    """Lower and upper end of the band that holds ``share`` of the energy, the rest split evenly outside."""
    cumulative = np.cumsum(np.abs(spectrum) ** 2, dtype=np.float64)
    cumulative /= cumulative[-1]
    low, high = np.searchsorted(cumulative, (0.5 - share / 2, 0.5 + share / 2))
    last = len(frequencies_hz) - 1
    return float(frequencies_hz[min(low, last)]), float(frequencies_hz[min(high, last)])


def loud_span(samples: Floats, rate_hz: int, drop_db: float = 20.0) -> tuple[int, int]:
    """Centre of the loudest 20 ms, and where the level has last been within ``drop_db`` of it.

    Level is the mean square over a sliding 20 ms.

    Returns
    -------
    tuple
        Peak and (exclusive) end, in samples of ``samples``.
    """
    width = max(1, round(_WINDOW_S * rate_hz))
    summed = np.concatenate(([0.0], np.cumsum(np.square(samples, dtype=np.float64))))
    energy = summed[width:] - summed[:-width]
    loudest = int(np.argmax(energy))
    above = np.flatnonzero(energy >= energy[loudest] * 10 ** (-drop_db / 10))
    return loudest + width // 2, int(above[-1]) + width


def in_band_power(samples: Floats, rate_hz: int) -> Floats:
    """Squared sound between 80 and 1500 Hz (4th-order Butterworth band), shape of ``samples``.

    The band in which a shot's level over its background is told.
    """
    high_hz = min(_BAND_HZ[1], 0.45 * rate_hz)
    sections = signal.butter(2, (_BAND_HZ[0], high_hz), "bandpass", fs=rate_hz, output="sos")
    return np.asarray(np.square(signal.sosfilt(sections, samples)), np.float32)
