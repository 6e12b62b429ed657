"""The forest between the shots: noise, insects, wind and rain that change over a day."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from ndoki.core.types import Floats

__all__ = ["ForestNoise", "draw_forest_noise", "forest_noise"]

_SEAM_S = 1.0
_DAY_S = 86_400.0
_RAIN_RISE_S = 30.0
_FAINT = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestNoise:
    """What sounds all day in one place.

    Attributes
    ----------
    seed
        Where every block's chance comes from.
    level
        Root mean square of the steady noise, of full scale.
    slope
        Power of frequency by which its amplitude falls.
    insect_hz, insect_width_hz, insect_level, insect_pulse_hz, insect_hour
        Per insect band: centre, width, level over the steady noise, pulses per second (0: none), and the
        hour of the day about which it sings.
    wind_level, wind_slope
        Wind at the microphone, at its strongest, over the steady noise.
    rain_first_s, rain_end_s, rain_level
        Spells of rain in seconds of the recording, and their level over the steady noise.
    """

    seed: int
    level: float
    slope: float
    insect_hz: tuple[float, ...]
    insect_width_hz: tuple[float, ...]
    insect_level: tuple[float, ...]
    insect_pulse_hz: tuple[float, ...]
    insect_hour: tuple[float, ...]
    wind_level: float
    wind_slope: float
    rain_first_s: tuple[float, ...]
    rain_end_s: tuple[float, ...]
    rain_level: tuple[float, ...]


def draw_forest_noise(rng: np.random.Generator, rate_hz: int, duration_s: float) -> ForestNoise:
    """A place and its weather: one to six insect bands, wind, no to a few spells of rain."""
    n_insects, n_spells = int(rng.integers(1, 7)), int(rng.poisson(2.0 * duration_s / _DAY_S))
    firsts_s = np.sort(rng.uniform(0, duration_s, n_spells))
    lengths_s = rng.exponential(1500.0, n_spells) + 120.0

    def uniforms(low: float, high: float) -> npt.NDArray[np.float64]:
        return rng.uniform(low, high, n_insects)

    return ForestNoise(
        seed=int(rng.integers(2**62)),
        level=10 ** (rng.uniform(-62, -38) / 20),
        slope=rng.uniform(0.1, 0.9),
        insect_hz=tuple(uniforms(0.2 * rate_hz, 0.49 * rate_hz).tolist()),
        insect_width_hz=tuple(np.exp(uniforms(math.log(20), math.log(500))).tolist()),
        insect_level=tuple((10 ** (uniforms(-6, 12) / 20)).tolist()),
        insect_pulse_hz=tuple((uniforms(0.5, 40) * (uniforms(0, 1) < 0.6)).tolist()),
        insect_hour=tuple(uniforms(0, 24).tolist()),
        wind_level=10 ** (rng.uniform(-12, 12) / 20),
        wind_slope=rng.uniform(1.0, 2.5),
        rain_first_s=tuple(firsts_s.tolist()),
        rain_end_s=tuple((firsts_s + lengths_s).tolist()),
        rain_level=tuple((10 ** (rng.uniform(-6, 14, n_spells) / 20)).tolist()),
    )


def forest_noise(place: ForestNoise, rate_hz: int, piece_samples: int) -> Iterator[Floats]:
    """The noise of a place without end, in pieces of float32, shape (piece_samples,).

    Each piece has a chance of its own, from the place's seed and its index, and is blended into the next
    over 1 s with equal energy. Memory holds one piece.
    """
    n_seam = min(piece_samples, round(_SEAM_S * rate_hz))
    into = np.sin(np.linspace(0, np.pi / 2, n_seam, dtype=np.float32))
    seam = None
    for index in count():
        rng = np.random.default_rng([place.seed, index])
        wave = _piece(place, index * piece_samples, piece_samples + n_seam, rate_hz, rng)
        if seam is not None:
            wave[:n_seam] = into * wave[:n_seam] + into[::-1] * seam
        seam = wave[piece_samples:]
        yield wave[:piece_samples]


def _piece(place: ForestNoise, first: int, n_samples: int, rate_hz: int, rng: np.random.Generator) -> Floats:
    n = int(fft.next_fast_len(n_samples, real=True))
    bins_hz = np.arange(n // 2 + 1, dtype=np.float32) * np.float32(rate_hz / n)
    audible_hz = np.maximum(bins_hz, 2.0)
    t_s = np.float32(first / rate_hz % _DAY_S) + np.arange(n_samples, dtype=np.float32) / rate_hz
    noise = _coloured((audible_hz / 100) ** -place.slope, n, 0, rng)[:n_samples]
    gusts = np.abs(np.interp(t_s, np.linspace(t_s[0], t_s[-1], 24), rng.standard_normal(24)))
    wind = _coloured((audible_hz / 10) ** -place.wind_slope, n, 0, rng)[:n_samples]
    noise += np.float32(place.wind_level) * gusts.astype(np.float32) * wind
    for i, centre_hz in enumerate(place.insect_hz):
        apart_h = abs((float(t_s[0]) / 3600 - place.insect_hour[i] + 12) % 24 - 12)
        loud = place.insect_level[i] * math.exp(-((apart_h / 4) ** 2))
        if loud < _FAINT:
            continue
        width_hz = place.insect_width_hz[i]
        first_bin, end_bin = np.searchsorted(bins_hz, (centre_hz - 3 * width_hz, centre_hz + 3 * width_hz))
        shape = np.exp(-(((bins_hz[first_bin:end_bin] - centre_hz) / width_hz) ** 2))
        pulses = 1 + 0.9 * np.sin(np.float32(2 * np.pi * place.insect_pulse_hz[i]) * (t_s - t_s[0]))
        noise += np.float32(loud) * _coloured(shape, n, int(first_bin), rng)[:n_samples] * pulses
    for first_s, end_s, level in zip(place.rain_first_s, place.rain_end_s, place.rain_level, strict=True):
        now_s = first / rate_hz + np.arange(n_samples) / rate_hz
        strength = np.clip(np.minimum(now_s - first_s, end_s - now_s) / _RAIN_RISE_S, 0, 1)
        if strength.any():
            noise += (level * strength).astype(np.float32) * _rain(n_samples, rate_hz, rng)
    return np.asarray(noise * np.float32(place.level), np.float32)


def _coloured(amplitude: Floats, n: int, first_bin: int, rng: np.random.Generator) -> Floats:
    """Gaussian noise of shape (n,) and mean square 1 with an amplitude spectrum from ``first_bin`` on."""
    parts = rng.standard_normal(2 * len(amplitude), dtype=np.float32).view(np.complex64)
    bins = np.zeros(n // 2 + 1, np.complex64)
    energy = max(float(np.sum(np.square(amplitude, dtype=np.float64))), 1e-20)
    bins[first_bin : first_bin + len(amplitude)] = parts * (amplitude * (n / 2 / math.sqrt(energy)))
    return np.asarray(fft.irfft(bins, n), np.float32)


def _rain(n_samples: int, rate_hz: int, rng: np.random.Generator) -> Floats:
    """Hiss of the leaves and single drops, a few to some tens per second, mean square about 1."""
    hiss = rng.standard_normal(n_samples, dtype=np.float32)
    n_drops = rng.poisson(rng.uniform(2, 40) * n_samples / rate_hz)
    drops = np.zeros(n_samples, np.float32)
    drops[rng.integers(0, n_samples, n_drops)] = rng.exponential(8.0, n_drops)
    ring = np.exp(-np.arange(round(0.01 * rate_hz)) / (0.0015 * rate_hz))
    ring *= np.cos(2 * np.pi * rng.uniform(0.05, 0.3) * np.arange(len(ring)))
    return np.asarray(0.7 * hiss + signal.oaconvolve(drops, ring, "same").astype(np.float32), np.float32)
