"""Changes that a forest and a recorder make to a sound. Pure: samples and a generator in, samples out."""

from collections.abc import Sequence

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq
from scipy.signal import butter, resample_poly, sosfilt

from ndoki.core.types import Floats

__all__ = [
    "SPEEDS",
    "at_another_speed",
    "band_rms",
    "cut_with_fades",
    "push_away",
    "random_response",
    "with_digital_silence",
]

SPEEDS = ((4, 5), (5, 6), (7, 8), (8, 7), (6, 5), (5, 4))
"""Ratios of lengths, new to old."""


def band_rms(samples: Floats, rate_hz: int, low_hz: float = 80.0, high_hz: float = 1500.0) -> float:
    """Root mean square of what lies between two frequencies (Parseval over one spectrum).

    Parameters
    ----------
    samples
        float32, shape (n,).
    """
    if len(samples) == 0:
        return 0.0
    n_fft = next_fast_len(len(samples), real=True)
    spectrum = rfft(samples, n_fft)
    hz = rfftfreq(n_fft, 1 / rate_hz)
    inside = spectrum[(hz >= low_hz) & (hz <= high_hz)]
    energy = (
        2.0 * float(np.sum(inside.real.astype(np.float64) ** 2 + inside.imag.astype(np.float64) ** 2)) / n_fft
    )
    return float(np.sqrt(energy / len(samples)))


def random_response(samples: Floats, rate_hz: int, rng: np.random.Generator, depth_db: float = 8.0) -> Floats:
    """Another recorder: a smooth random frequency response and, at times, a high-pass.

    The response is linear in dB between five random points on a logarithmic frequency axis.
    """
    n_fft = next_fast_len(len(samples) + rate_hz // 10, real=True)
    hz = rfftfreq(n_fft, 1 / rate_hz)
    points_hz = np.geomspace(30.0, rate_hz / 2, 5)
    gain_db = np.interp(np.log(np.maximum(hz, 30.0)), np.log(points_hz), rng.uniform(-depth_db, depth_db, 5))
    if rng.random() < 0.3:
        corner_hz = rng.uniform(50.0, 250.0)
        gain_db -= 10.0 * np.log10(1.0 + (corner_hz / np.maximum(hz, 1.0)) ** 4)
    filtered = irfft(rfft(samples, n_fft) * 10 ** (gain_db / 20), n_fft)[: len(samples)]
    return np.asarray(filtered, dtype=np.float32)


def at_another_speed(samples: Floats, speed: tuple[int, int]) -> Floats:
    """Longer and lower, or shorter and higher: another animal, another tree, another gun.

    Parameters
    ----------
    speed
        New length to old, one of `SPEEDS`: a sample at i comes to i · speed[0] / speed[1].
    """
    return np.asarray(resample_poly(samples, *speed), dtype=np.float32)


def _tail_response(rate_hz: int, rng: np.random.Generator) -> Floats:
    """Impulse response of a forest: direct sound, then three bands of decaying noise, low ones last."""
    n = round(rng.uniform(1.0, 3.0) * rate_hz)
    time_s = np.arange(n) / rate_hz
    response = np.zeros(n)
    response[0] = 1.0
    if rng.random() < 0.15:
        return np.asarray(response, np.float32)
    decay_s = rng.uniform(0.1, 1.0)
    attack_s = rng.choice([0.002, 0.03, 0.12])
    level = 10 ** (rng.uniform(-18.0, 8.0) / 20)
    for low_hz, high_hz, stretch in ((60.0, 300.0, 1.3), (300.0, 800.0, 1.0), (800.0, 1900.0, 0.6)):
        sos = butter(2, (low_hz, high_hz), btype="bandpass", fs=rate_hz, output="sos")
        noise = sosfilt(sos, rng.standard_normal(n))
        envelope = np.exp(-time_s / (decay_s * stretch)) * (1.0 - np.exp(-time_s / attack_s))
        band = noise * envelope
        # The tail's energy is compared with that of the direct impulse inside the same band.
        share = np.sqrt((high_hz - low_hz) / (rate_hz / 2))
        response += band * level * share * rng.uniform(0.5, 1.5) / max(float(np.sqrt(np.sum(band**2))), 1e-9)
    return np.asarray(response, np.float32)


def push_away(
    samples: Floats,
    rate_hz: int,
    rng: np.random.Generator,
    corner_hz_range: tuple[float, float] = (250.0, 1800.0),
) -> Floats:
    """Hear a sound from further off: high frequencies go, the forest answers with a tail.

    Air and foliage act as a low-pass whose corner falls with distance (drawn log-uniform from
    ``corner_hz_range``); scattering adds a tail. Both are causal or shorter than a frame, so an onset stays
    where it is. The result is longer than the input by up to 3 s.
    """
    tail = _tail_response(rate_hz, rng)
    n = len(samples) + len(tail)
    n_fft = next_fast_len(n, real=True)
    hz = rfftfreq(n_fft, 1 / rate_hz)
    corner_hz = np.exp(rng.uniform(*np.log(corner_hz_range)))
    steepness = rng.uniform(1.0, 4.0)
    low_pass = 1.0 / np.sqrt(1.0 + (hz / corner_hz) ** (2 * steepness))
    far = irfft(rfft(samples, n_fft) * rfft(tail, n_fft) * low_pass, n_fft)[:n]
    return np.asarray(far, dtype=np.float32)


def cut_with_fades(
    samples: Floats, rate_hz: int, first: int, end: int, fade_in_s: float = 0.02, fade_out_s: float = 0.4
) -> Floats:
    """``samples[first:end]`` with raised-cosine ends; the range is clipped to the sound.

    The long fade-out lets the background that came along with an event go without a visible end.
    """
    part = samples[max(0, first) : max(0, end)].copy()
    n_in = min(round(fade_in_s * rate_hz), len(part) // 2)
    n_out = min(round(fade_out_s * rate_hz), len(part) // 2)
    part[:n_in] *= _ramp(n_in)
    part[len(part) - n_out :] *= _ramp(n_out)[::-1]
    return part


def _ramp(n: int) -> Floats:
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / max(n, 1))).astype(np.float32)


def with_digital_silence(
    samples: Floats, rate_hz: int, rng: np.random.Generator, onsets: Sequence[int] = ()
) -> Floats:
    """A gap of exact zeros, as recorders and edited files have them.

    The sound stays as it is where the gap would swallow an onset (from 0.05 s before it to 0.5 s behind).
    """
    n = round(rng.uniform(0.05, 1.5) * rate_hz)
    first = int(rng.integers(-n // 2, max(1, len(samples) - n // 2)))
    if any(first - 0.5 * rate_hz < onset < first + n + 0.05 * rate_hz for onset in onsets):
        return samples
    gapped = samples.copy()
    gapped[max(0, first) : max(0, first + n)] = 0.0
    return gapped
