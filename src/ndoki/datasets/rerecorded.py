"""What another recorder adds to a recording: its own noise, wind at its microphone, a steady tone, few bits.

Pure: samples and a generator in, samples out; both are float32, shape (n,), n ≥ 1, nominally in [-1, 1).
Levels in dB are power ratios between 80 and 1500 Hz, of what is added to the background that is there, so
that quiet and loud recordings change alike.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

from ndoki.core.types import Floats
from ndoki.datasets.augment import band_rms
from ndoki.datasets.simulate.cadence import log_uniform

__all__ = ["background_rms", "in_few_bits", "median_of_pieces", "rerecorded", "self_noise", "tones", "wind"]

_PIECE_S = 0.1
_REFERENCE_HZ = 400.0
_LEAST_RMS = 1e-6
_FULL_SCALE = 32768


def rerecorded(samples: Floats, rate_hz: int, rng: np.random.Generator) -> Floats:
    """As another recorder would have it: one thing more is heard, and it may be stored in few bits.

    Half of the time that is self-noise (−15 to 6 dB), else wind (−15 to 10 dB) or, a sixth of the time, tones
    (−10 to 20 dB). A third of all have a background of 0.2 to 30 steps of 16 bits. Beyond these levels hardly
    any shot of the field would be left.
    """
    choice = rng.random()
    if choice < 1 / 2:
        louder = self_noise(samples, rate_hz, rng, rng.uniform(-15.0, 6.0))
    elif choice < 5 / 6:
        louder = wind(samples, rate_hz, rng, rng.uniform(-15.0, 10.0))
    else:
        louder = tones(samples, rate_hz, rng, rng.uniform(-10.0, 20.0))
    if rng.random() < 1 / 3:
        return in_few_bits(louder, rate_hz, 10 ** rng.uniform(-0.7, 1.5))
    return louder


def background_rms(samples: Floats, rate_hz: int) -> float:
    """Median over pieces of 0.1 s of the root mean square between 80 and 1500 Hz: a shot hardly counts."""
    return max(median_of_pieces(samples, rate_hz, lambda piece: band_rms(piece, rate_hz)), _LEAST_RMS)


def median_of_pieces(
    samples: npt.NDArray[Any], rate_hz: int, measure: Callable[[npt.NDArray[Any]], float]
) -> float:
    """Median of what ``measure`` says of each whole piece of 0.1 s, or of all of a shorter sound."""
    n = max(1, round(_PIECE_S * rate_hz))
    pieces = [samples[first : first + n] for first in range(0, max(1, len(samples) - n + 1), n)]
    return float(np.median([measure(piece) for piece in pieces]))


def self_noise(samples: Floats, rate_hz: int, rng: np.random.Generator, level_db: float) -> Floats:
    """With steady noise whose spectrum falls by 0 to 4 dB per octave, as of microphones and amplifiers."""
    slope_db = rng.uniform(-4.0, 0.0)
    return _mixed(samples, _coloured(len(samples), rate_hz, rng, slope_db, np.inf, 1), rate_hz, level_db)


def wind(samples: Floats, rate_hz: int, rng: np.random.Generator, level_db: float) -> Floats:
    """With noise below a corner of 40 to 400 Hz, in gusts of 0.2 to 2 s that differ by 1 to 5 dB (1 σ)."""
    corner_hz, steepness = log_uniform(rng, (40.0, 400.0)), rng.uniform(1.0, 2.5)
    noise = _coloured(len(samples), rate_hz, rng, 0.0, corner_hz, steepness)
    n_gusts = 2 + round(len(samples) / rate_hz / log_uniform(rng, (0.2, 2.0)))
    strength_db = rng.normal(0.0, rng.uniform(1.0, 5.0), n_gusts)
    places = np.linspace(0, n_gusts - 1, len(samples))
    gusts = 10 ** (np.interp(places, np.arange(n_gusts), strength_db) / 20)
    return _mixed(samples, (noise * gusts).astype(np.float32), rate_hz, level_db)


def tones(samples: Floats, rate_hz: int, rng: np.random.Generator, level_db: float) -> Floats:
    """With one to four steady tones of 50 to 1900 Hz, harmonics of one or not: hum, generators, insects."""
    time_s = np.arange(len(samples)) / rate_hz
    n, base_hz = int(rng.integers(1, 5)), log_uniform(rng, (50.0, 1900.0))
    is_harmonic = rng.random() < 0.5
    heard = np.zeros(len(samples))
    for i in range(n):
        hz = base_hz * (i + 1) if is_harmonic else log_uniform(rng, (50.0, 1900.0))
        if hz < rate_hz / 2:
            heard += 10 ** (rng.uniform(-12.0, 0.0) / 20) * np.sin(
                2 * np.pi * (hz * time_s + rng.uniform(0.0, 1.0))
            )
    return _mixed(samples, heard.astype(np.float32), rate_hz, level_db)


def in_few_bits(samples: Floats, rate_hz: int, background_steps: float) -> Floats:
    """As of a recorder at low gain: the background (see above) is so many steps of 16 bits, all is rounded.

    The gain is less where the loudest sample would be clipped.
    """
    gain = background_steps / _FULL_SCALE / background_rms(samples, rate_hz)
    loudest = float(np.max(np.abs(samples), initial=0.0))
    gain = min(gain, 1.0 / max(loudest, _LEAST_RMS))
    return np.asarray(np.rint(samples * (gain * _FULL_SCALE)) / _FULL_SCALE, np.float32)


def _coloured(
    n: int, rate_hz: int, rng: np.random.Generator, slope_db: float, corner_hz: float, steepness: float
) -> Floats:
    """Noise with a spectrum that falls by a slope from 400 Hz on, and as a low-pass above a corner."""
    n_fft = next_fast_len(n, real=True)
    hz = np.maximum(rfftfreq(n_fft, 1 / rate_hz), 20.0)
    gain = 10 ** (slope_db * np.log2(hz / _REFERENCE_HZ) / 20)
    if np.isfinite(corner_hz):
        gain = gain / np.sqrt(1.0 + (hz / corner_hz) ** (2 * steepness))
    white = rng.standard_normal(n_fft, dtype=np.float32)
    return np.asarray(irfft(rfft(white) * gain, n_fft)[:n], np.float32)


def _mixed(samples: Floats, added: Floats, rate_hz: int, level_db: float) -> Floats:
    """Both, ``added`` so many dB above the background that is there, each between 80 and 1500 Hz."""
    level = background_rms(samples, rate_hz) * 10 ** (level_db / 20)
    gain = np.float32(level / max(band_rms(added, rate_hz), _LEAST_RMS))
    return np.asarray(samples + added * gain, np.float32)
