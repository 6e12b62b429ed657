"""Voices and wings: harmonics, buzz, pulse trains."""

import math

import numpy as np
import numpy.typing as npt

__all__ = ["alarm_call", "bee", "frog", "harmonics", "insect_onset"]

Wave = npt.NDArray[np.float64]


def harmonics(pitch_hz: Wave, tilt_db: float, rate_hz: int, breath: float, rng: np.random.Generator) -> Wave:
    """Voiced sound of a pitch that changes: all its harmonics below half the rate, falling with frequency.

    They fall by ``tilt_db`` per octave; ``breath`` is the share of noise. Shape as ``pitch_hz``.
    """
    phase = 2 * np.pi * np.cumsum(pitch_hz) / rate_hz
    wave = np.zeros(len(pitch_hz))
    for k in range(1, max(2, int(0.48 * rate_hz / float(np.max(pitch_hz))) + 1)):
        wave += 10 ** (-tilt_db * math.log2(k) / 20) * np.sin(k * phase + rng.uniform(0, 2 * np.pi))
        if k > 40:
            break
    wave /= max(float(np.max(np.abs(wave))), 1e-9)
    return np.asarray((1 - breath) * wave + breath * rng.standard_normal(len(wave)) * 0.5)


def alarm_call(rng: np.random.Generator, rate_hz: int) -> Wave:
    """Barks, hacks and pyows: short harmonic calls with a sharp onset, alone or in a series."""
    length_s, n_calls = rng.uniform(0.04, 0.3), int(rng.choice([1, 1, 2, 3, 6]))
    gap_s, top_hz = rng.uniform(0.15, 0.9), math.exp(rng.uniform(math.log(180), math.log(1100)))
    tilt_db, breath, fall = rng.uniform(2, 12), rng.uniform(0, 0.6), rng.uniform(0.3, 1.1)
    n = int(length_s * rate_hz)
    wave = np.zeros(int((length_s + (n_calls - 1) * (gap_s + length_s) + 0.2) * rate_hz))
    rise = np.minimum(1, np.arange(n) / (rng.uniform(0.002, 0.04) * rate_hz))
    envelope = rise * np.exp(-np.arange(n) / (rng.uniform(0.2, 0.8) * n)) * np.linspace(1, 0, n) ** 0.3
    for k in range(n_calls):
        pitch = top_hz * rng.uniform(0.95, 1.05) * fall ** np.linspace(0, 1, n)
        first = int((0.02 + k * (gap_s + length_s)) * rate_hz)
        call = harmonics(pitch, tilt_db, rate_hz, breath, rng) * envelope * rng.uniform(0.6, 1)
        wave[first : first + n] += call[: len(wave) - first]
    return wave


def bee(rng: np.random.Generator, rate_hz: int) -> Wave:
    """An insect flies past: wing beats at 90 to 350 Hz with harmonics, Doppler glide, a bell of loudness."""
    duration_s, nearest_s = rng.uniform(0.3, 3.0), rng.uniform(0.05, 0.4)
    t_s = np.arange(int(duration_s * rate_hz)) / rate_hz - duration_s * rng.uniform(0.3, 0.7)
    loud = 1 / (1 + (t_s / nearest_s) ** 2)
    doppler = 1 - rng.uniform(0, 0.03) * np.tanh(t_s / nearest_s)
    wobble = 1 + 0.02 * np.sin(2 * np.pi * rng.uniform(2, 9) * t_s)
    wave = harmonics(rng.uniform(90, 350) * doppler * wobble, rng.uniform(1, 7), rate_hz, 0.05, rng) * loud
    if rng.random() < 0.4:  # it lands on the recorder
        first = int(rng.uniform(0.3, 0.9) * len(wave))
        wave[first:] *= 0.05
        n_bump = min(len(wave) - first, int(0.05 * rate_hz))
        bump = rng.standard_normal(n_bump) * np.exp(-np.arange(n_bump) / (0.004 * rate_hz))
        wave[first : first + n_bump] += 0.5 * bump
    from_edge = np.minimum(np.arange(len(wave)), np.arange(len(wave))[::-1])
    return np.asarray(wave * np.minimum(1, from_edge / (rng.uniform(0.1, 0.5) * len(wave))))


def frog(rng: np.random.Generator, rate_hz: int) -> Wave:
    """A croak: a train of 15 to 120 pulses per second on one or two resonances, 0.1 to 0.8 s long."""
    n = int(rng.uniform(0.1, 0.8) * rate_hz)
    t_s = np.arange(n) / rate_hz
    pulses = np.maximum(0, np.sin(2 * np.pi * rng.uniform(15, 120) * t_s)) ** rng.uniform(0.5, 4)
    carrier_hz = math.exp(rng.uniform(math.log(150), math.log(2500)))
    carrier = np.sin(2 * np.pi * carrier_hz * t_s) + rng.uniform(0, 0.8) * np.sin(
        4.02 * np.pi * carrier_hz * t_s
    )
    swell = np.minimum(1, t_s / rng.uniform(0.003, 0.1)) * np.linspace(1, 0, n) ** rng.uniform(0.1, 1)
    return np.asarray(pulses * carrier * swell)


def insect_onset(rng: np.random.Generator, rate_hz: int) -> Wave:
    """A cricket or cicada sets in: a narrow band with a chirp rate, soft or sudden, 0.3 to 4 s long."""
    n = int(rng.uniform(0.3, 4.0) * rate_hz)
    t_s = np.arange(n) / rate_hz
    carrier_hz, width_hz = rng.uniform(900, 0.47 * rate_hz), rng.uniform(5, 250)
    slow = np.repeat(
        rng.standard_normal(n // max(1, int(rate_hz / width_hz)) + 2), max(1, int(rate_hz / width_hz))
    )
    phase = 2 * np.pi * np.cumsum(carrier_hz + 0.5 * width_hz * slow[:n]) / rate_hz
    chirps = 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * rng.uniform(1, 60) * t_s) + rng.uniform(-0.9, 1.2))
    n_soft = max(2, int(rng.uniform(0.002, 0.02) * rate_hz))
    chirps = np.convolve(chirps, np.hanning(n_soft + 2) / np.hanning(n_soft + 2).sum(), "same")
    rise = np.minimum(1, t_s / rng.uniform(0.003, 1.0)) * np.minimum(1, t_s[::-1] / 0.05)
    return np.asarray(np.sin(phase) * chirps * rise)
