"""Thunder and gusts."""

import math

import numpy as np
import numpy.typing as npt
from scipy import fft

from ndoki.datasets.simulate.propagation import air_absorption_db_per_m
from ndoki.datasets.simulate.source import n_wave_spectrum

__all__ = ["rumble", "thunder_far", "thunder_near", "wind_gust"]

Wave = npt.NDArray[np.float64]
_SOUND_M_S = 345.0
_ENERGIES = 6


def thunder_near(rng: np.random.Generator, rate_hz: int) -> Wave:
    """Thunder 0.4 to 3 km off: cracks and claps, then seconds of rumble."""
    return rumble(rng, rate_hz, rng.uniform(400, 3000))


def thunder_far(rng: np.random.Generator, rate_hz: int) -> Wave:
    """Thunder 4 to 15 km off: a rumble that swells, almost all below 200 Hz."""
    return rumble(rng, rate_hz, rng.uniform(4000, 15000))


def rumble(rng: np.random.Generator, rate_hz: int, distance_m: float) -> Wave:
    """Thunder as the sum of N-waves from all pieces of a tortuous channel.

    The channel is a random walk from cloud to ground; each piece sends an N-wave whose strength depends on
    its angle to the listener (strong where it lies across), spread and absorbed on its own way. Claps are
    where many pieces lie at one distance. H. S. Ribner and D. Roy, J. Acoust. Soc. Am. 72 (1982) 1911;
    A. A. Few, J. Geophys. Res. 74 (1969) 6926.

    Returns
    -------
    ndarray
        Shape (n,), at most 14 s, beginning with the first arrival.
    """
    n_pieces = 900
    height_m = rng.uniform(2500, 6000)
    steps = rng.standard_normal((n_pieces, 3)) * (2.2 * height_m / n_pieces)
    steps[:, 2] = height_m / n_pieces * (1 + 0.6 * rng.standard_normal(n_pieces))
    branch = rng.uniform(-1, 1, 2) * rng.uniform(0, 2500) / n_pieces
    steps[n_pieces // 2 :, :2] += branch * 2
    places = np.cumsum(steps, axis=0) + np.array([distance_m, 0.0, 0.0])
    ranges_m = np.linalg.norm(places, axis=1)
    along = np.abs(np.sum(steps * places, axis=1)) / (np.linalg.norm(steps, axis=1) * ranges_m)
    strengths = (1 - along**2) ** 2 / ranges_m * rng.choice([-1.0, 1.0], n_pieces, p=[0.1, 0.9])
    arrivals_s = (ranges_m - ranges_m.min()) / _SOUND_M_S + 0.02
    kept = arrivals_s < 12.0
    n_heard = round(min(14.0, arrivals_s[kept].max() + 1.0) * rate_hz)
    n = fft.next_fast_len(n_heard, real=True)
    frequencies_hz = np.arange(n // 2 + 1, dtype=np.float64) * (rate_hz / n)
    longest_s = math.exp(rng.uniform(math.log(0.004), math.log(0.02)))
    spectrum = np.zeros(n // 2 + 1, np.complex128)
    for group in range(_ENERGIES):
        comb = np.zeros(n)
        mine = np.flatnonzero(kept)[group::_ENERGIES]
        np.add.at(comb, np.rint(arrivals_s[mine] * rate_hz).astype(int), strengths[mine])
        spectrum += fft.rfft(comb) * n_wave_spectrum(frequencies_hz, 1.0, longest_s * 0.75**group)
    spectrum *= _way(frequencies_hz, float(np.median(ranges_m)), rng.uniform(1.0, 3.5))
    wave = fft.irfft(spectrum, n)[:n_heard]
    wave[-rate_hz // 2 :] *= np.linspace(1, 0, len(wave[-rate_hz // 2 :]))
    return np.asarray(wave)


def _way(frequencies_hz: Wave, distance_m: float, wood_db: float) -> Wave:
    air_db = air_absorption_db_per_m(frequencies_hz, 22.0, 85.0) * distance_m
    canopy_db = wood_db * np.log2(1 + frequencies_hz / 150) * math.log10(distance_m / 100)
    return np.asarray(10 ** (-np.minimum(air_db + canopy_db, 200) / 20))


def wind_gust(rng: np.random.Generator, rate_hz: int) -> Wave:
    """A gust on the microphone: noise that falls steeply from 20 Hz on, for 0.5 to 5 s, with buffets.

    Turbulent pressure falls with about f^(−5/3) in energy or faster behind a windscreen (S. Morgan and
    R. Raspet, J. Acoust. Soc. Am. 92 (1992) 1180).
    """
    n = int(rng.uniform(0.5, 5) * rate_hz)
    frequencies_hz = np.fft.rfftfreq(n, 1 / rate_hz)
    slope = rng.uniform(0.9, 2.5)
    shape = (np.maximum(frequencies_hz, 8.0) / 20) ** -slope * (frequencies_hz > 4)
    wave = np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * shape, n)
    n_knots = max(4, int(n / rate_hz * rng.uniform(1, 8)))
    knots = np.abs(rng.standard_normal(n_knots))
    knots[0] = knots[-1] = 0.0
    return np.asarray(wave * np.interp(np.arange(n), np.linspace(0, n - 1, n_knots), knots))
