"""Levels of a channel by minute and band: what a site's hours are compared by. Cheap, and pure.

A minute is judged by twelve windows of 256 ms, evenly spread over it, and by their median: a shot, a call
or a drop that fills less than half of the windows does not count, the background does. The whole of a day
would tell the same at ten times the cost.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import fft

from ndoki.core.types import Floats

__all__ = ["BANDS_HZ", "HIGH", "MIDDLE", "SHOT", "WIND", "MinuteLevels"]

BANDS_HZ = ((10.0, 60.0), (60.0, 700.0), (700.0, 2000.0), (2000.0, 3600.0))
"""Wind and handling; where distant shots have their energy; drops, birds; insects. Half-open, in Hz."""

WIND, SHOT, MIDDLE, HIGH = range(4)

_MINUTE_S = 60
_N_WINDOWS = 12
_WINDOW_S = 0.256
# Recorders filter below half the sample rate; above this share of it, levels are the filter's.
_USABLE_SHARE = 0.45
# A band that is cut to less than this share of an octave says something else than a whole one.
_LEAST_RATIO = 1.2


@dataclass(slots=True)
class MinuteLevels:
    """Collects the levels of one channel, minute by minute.

    Attributes
    ----------
    rate_hz
        Sample rate.
    """

    rate_hz: int
    _rows: list[Floats] = field(default_factory=list)

    def feed(self, minute: Floats) -> None:
        """Take the next minute.

        Parameters
        ----------
        minute
            float32 in [−1, 1], shape (60 · rate_hz,); only the last one may be shorter.
        """
        n_window = max(16, round(_WINDOW_S * self.rate_hz))
        step = _MINUTE_S * self.rate_hz // _N_WINDOWS
        firsts = range(0, len(minute) - n_window + 1, step)
        windows = [minute[first : first + n_window] for first in firsts]
        self._rows.append(_levels(np.stack(windows), self.rate_hz) if windows else _unknown())

    def levels(self) -> Floats:
        """float32, shape (n_minutes, 4), dB: mean square of each of `BANDS_HZ` relative to full scale.

        A full-scale sine has −3.01 dB. NaN where there is no sound but one value, where the minute is shorter
        than a window, and in bands that the sample rate cannot hold.
        """
        return np.stack(self._rows) if self._rows else np.empty((0, len(BANDS_HZ)), np.float32)


def _unknown() -> Floats:
    return np.full(len(BANDS_HZ), np.nan, np.float32)


def _levels(windows: Floats, rate_hz: int) -> Floats:
    """Median power over windows of shape (n_windows, n_samples), as a row of `MinuteLevels.levels`."""
    n = windows.shape[1]
    taper = np.hanning(n).astype(np.float32)
    spectrum = fft.rfft((windows - windows.mean(axis=1, keepdims=True)) * taper, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    # Parseval: twice the bins above 0 Hz over n · Σ taper² is the mean square.
    scale = 2.0 / (n * float(np.square(taper, dtype=np.float64).sum()))
    row = _unknown()
    for band, (first, end) in enumerate(_bins(n, rate_hz)):
        middle = float(np.median(power[:, first:end].sum(axis=1))) * scale if end > first else 0.0
        if middle > 0:
            row[band] = 10 * np.log10(middle)
    return row


def _bins(n: int, rate_hz: int) -> npt.NDArray[np.int64]:
    """First and end bin of each band, shape (4, 2); equal for a band that the rate cannot hold."""
    cuts = []
    for low_hz, high_hz in BANDS_HZ:
        top_hz = min(high_hz, _USABLE_SHARE * rate_hz)
        holds = top_hz >= _LEAST_RATIO * low_hz
        cuts.append([np.ceil(edge * n / rate_hz) for edge in (low_hz, top_hz)] if holds else [0, 0])
    return np.asarray(cuts, np.int64)
