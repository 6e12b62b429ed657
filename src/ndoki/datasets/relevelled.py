"""What changes a recording's levels from moment to moment: clipping, moving air, gain control, denoising.

Pure: samples and a generator in, samples out; both are float32, shape (n,), n ≥ 1, nominally in [-1, 1).
"""

import numpy as np
from scipy.signal import istft, lfilter, stft

from ndoki.core.types import Floats
from ndoki.datasets.rerecorded import median_of_pieces
from ndoki.datasets.simulate.cadence import log_uniform

__all__ = ["denoised", "gain_controlled", "overdriven", "relevelled", "wavering"]

_WINDOW_S = 0.032
_LEAST_POWER = 1e-12
_LEAST_MAGNITUDE = 1e-9


def relevelled(samples: Floats, rate_hz: int, rng: np.random.Generator) -> Floats:
    """One of the four: overdriven by 1 to 18 dB, wavering by 1 to 5 dB, gain-controlled, or denoised."""
    choice = int(rng.integers(4))
    if choice == 0:
        return overdriven(samples, rng.uniform(1.0, 18.0))
    if choice == 1:
        return wavering(samples, rate_hz, rng, rng.uniform(1.0, 5.0))
    if choice == 2:
        within_s, share = log_uniform(rng, (0.03, 1.5)), rng.uniform(0.3, 1.0)
        return gain_controlled(samples, rate_hz, within_s, share)
    return denoised(samples, rate_hz, rng.uniform(0.5, 2.0), rng.uniform(0.05, 0.4))


def overdriven(samples: Floats, excess_db: float) -> Floats:
    """Cut off where the loudest sample is ``excess_db`` too loud for the recorder."""
    limit = float(np.max(np.abs(samples), initial=0.0)) * 10 ** (-excess_db / 20)
    return np.asarray(np.clip(samples, -limit, limit), np.float32)


def wavering(samples: Floats, rate_hz: int, rng: np.random.Generator, deviation_db: float) -> Floats:
    """Louder and fainter by chance (1 σ), from one moment to the next 0.05 to 1 s later: air that moves."""
    n_moments = 2 + round(len(samples) / rate_hz / log_uniform(rng, (0.05, 1.0)))
    gain_db = rng.normal(0.0, deviation_db, n_moments)
    gain_db = np.interp(np.linspace(0, n_moments - 1, len(samples)), np.arange(n_moments), gain_db)
    return np.asarray(samples * 10 ** (gain_db / 20), np.float32)


def gain_controlled(samples: Floats, rate_hz: int, within_s: float, share: float) -> Floats:
    """What is louder than the background is turned down, as telephones do.

    Parameters
    ----------
    within_s
        Time in which the level that the gain follows comes within 1/e of a new one.
    share
        Of the excess in dB that is taken away in the end; 1 leaves none.
    """
    power = np.square(samples, dtype=np.float64)
    background = max(median_of_pieces(power, rate_hz, np.mean), _LEAST_POWER)
    kept = np.exp(-1.0 / (within_s * rate_hz))
    level, _ = lfilter([1.0 - kept], [1.0, -kept], power, zi=[kept * background])
    return np.asarray(samples * np.maximum(level / background, 1.0) ** (-share / 2), np.float32)


def denoised(samples: Floats, rate_hz: int, strength: float, least_gain: float) -> Floats:
    """Spectral subtraction (Boll 1979): each band's magnitude, less ``strength`` times its median.

    Parameters
    ----------
    least_gain
        No band is turned down further. A sound shorter than two windows of 32 ms is left as it is.
    """
    n_window = round(_WINDOW_S * rate_hz)
    if len(samples) < 2 * n_window:
        return samples
    spectra = stft(samples, rate_hz, nperseg=n_window)[2]
    magnitudes = np.abs(spectra)
    noise = strength * np.median(magnitudes, axis=1, keepdims=True)
    gains = np.maximum(1.0 - noise / np.maximum(magnitudes, _LEAST_MAGNITUDE), least_gain)
    return np.asarray(istft(spectra * gains, rate_hz, nperseg=n_window)[1][: len(samples)], np.float32)
