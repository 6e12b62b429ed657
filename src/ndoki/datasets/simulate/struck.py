"""What a thing says when it is struck: modes that die away, and bursts of noise."""

import numpy as np
import numpy.typing as npt

__all__ = ["Wave", "noise_burst", "padded", "put_in", "ringing"]

Wave = npt.NDArray[np.float64]
"""float64, shape (n,): samples of a sound."""


def ringing(
    modes_hz: Wave,
    decays_s: Wave,
    rng: np.random.Generator,
    rate_hz: int,
    length_s: float,
    spread: float = 0.4,
) -> Wave:
    """Damped modes, each struck a little differently every time; largest magnitude 1."""
    t_s = np.arange(int(length_s * rate_hz)) / rate_hz
    gains = 1 + spread * rng.standard_normal(len(modes_hz))
    modes = np.sin(2 * np.pi * np.outer(modes_hz, t_s)) * np.exp(-t_s / decays_s[:, None])
    wave = gains @ modes
    return np.asarray(wave / max(float(np.max(np.abs(wave))), 1e-9))


def noise_burst(
    rng: np.random.Generator, rate_hz: int, decay_s: float, low_hz: float, high_hz: float
) -> Wave:
    """Noise between two frequencies under a falling exponential, largest magnitude 1."""
    n = max(64, int(8 * decay_s * rate_hz))
    spectrum = np.fft.rfft(rng.standard_normal(n))
    frequencies_hz = np.fft.rfftfreq(n, 1 / rate_hz)
    low, high = (frequencies_hz / low_hz) ** 2, (frequencies_hz / high_hz) ** 4
    shaped = np.fft.irfft(spectrum * low / (1 + low) / (1 + high), n)
    shaped *= np.exp(-np.arange(n) / (decay_s * rate_hz))
    return np.asarray(shaped / max(float(np.max(np.abs(shaped))), 1e-9))


def put_in(wave: Wave, first: int, part: Wave) -> None:
    """Add ``part`` to ``wave`` from sample ``first`` ≥ 0 on, as far as there is room."""
    end = min(len(wave), first + len(part))
    if first < end:
        wave[first:end] += part[: end - first]


def padded(wave: Wave, n: int) -> Wave:
    """``n`` samples: the wave's first, and zeros behind them."""
    longer = np.zeros(n)
    longer[: min(n, len(wave))] = wave[:n]
    return longer
