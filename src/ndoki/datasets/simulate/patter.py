"""Clicks without end: rain on the housing, on leaves and puddles, a dripping branch, electrical ticks.

In the rain a recorder hears thousands of drops, and each is a sudden onset. All of them arise within metres
of the microphone: a peak without an echo.
"""

import math

import numpy as np

from ndoki.core.types import Floats
from ndoki.datasets.simulate.cadence import log_uniform
from ndoki.datasets.simulate.struck import Wave, noise_burst, put_in, ringing

__all__ = ["patter"]

_N_TEMPLATES = 12
"""So many different drops of a kind: no two are alike, but one lid answers to all of them."""
_DRIP_SHARE = 0.3
_DROPS_PER_S = (0.15, 40.0)
_DRIP_INTERVAL_S = (0.2, 4.0)
_MODE_HZ = 100.0
_SWINGS = (1.0, 15.0)
_RING_S = (0.0003, 0.025)
_LOUDEST = 30.0


def patter(rng: np.random.Generator, rate_hz: int, n_samples: int) -> Floats:
    """Drops that fall by chance (0.15 to 40 per second), or one to three places that drip, each at its pace.

    Of the drops that fall by chance on a plane, as many as lie within a circle: their number grows with the
    square of the distance, their pressure falls with it, so the share above a magnitude a falls as a⁻².

    Returns
    -------
    ndarray
        float32, shape (n_samples,), largest magnitude 1. At least one drop falls; n_samples ≥ 1.
    """
    wave = np.zeros(n_samples)
    if rng.random() < _DRIP_SHARE:
        for _ in range(int(rng.integers(1, 4))):
            drop, gain = _drops(rng, rate_hz)[0], 10 ** (rng.uniform(-15.0, 0.0) / 20)
            for time_s in _dripping_s(rng, n_samples / rate_hz):
                put_in(wave, round(time_s * rate_hz), drop * gain * 10 ** (rng.normal(0.0, 1.0) / 20))
    else:
        drops = [drop for _ in range(int(rng.integers(1, 3))) for drop in _drops(rng, rate_hz)]
        n_drops = max(1, int(rng.poisson(log_uniform(rng, _DROPS_PER_S) * n_samples / rate_hz)))
        gains = np.minimum(rng.uniform(0.0, 1.0, n_drops) ** -0.5, _LOUDEST)
        for first, gain in zip(rng.integers(0, n_samples, n_drops), gains, strict=True):
            put_in(wave, int(first), drops[int(rng.integers(len(drops)))] * gain)
    return np.asarray(wave / max(float(np.max(np.abs(wave))), 1e-9), np.float32)


def _dripping_s(rng: np.random.Generator, duration_s: float) -> list[float]:
    """Times in [0, duration_s) at one pace that varies by 1 to 10 %; at least one."""
    interval_s, jitter = log_uniform(rng, _DRIP_INTERVAL_S), log_uniform(rng, (0.01, 0.1))
    times_s = [rng.uniform(0.0, min(interval_s, duration_s))]
    while (next_s := times_s[-1] + interval_s * max(0.2, rng.normal(1.0, jitter))) < duration_s:
        times_s.append(next_s)
    return times_s


def _drops(rng: np.random.Generator, rate_hz: int) -> list[Wave]:
    """Drops on one thing: half of the time the lid of the recorder, else a leaf, a puddle, or a wire."""
    choice = rng.random()
    if choice < 0.5:
        return _on_a_lid(rng, rate_hz)
    if choice < 0.8:
        return _on_leaves(rng, rate_hz)
    return _in_a_puddle(rng, rate_hz) if choice < 0.9 else _ticks(rng, rate_hz)


def _on_a_lid(rng: np.random.Generator, rate_hz: int) -> list[Wave]:
    """One to six modes from 100 Hz on, each for 1 to 15 swings by a factor of e, and the click of the blow.

    A struck plate answers with damped modes at irregular frequencies (N. H. Fletcher and T. D. Rossing, The
    Physics of Musical Instruments, ch. 3). A soft or wet lid has one that dies at once: a dull thump.
    """
    n_modes = int(rng.integers(1, 7))
    lid_hz = np.array([log_uniform(rng, (_MODE_HZ, 0.42 * rate_hz)) for _ in range(n_modes)])
    swings = np.array([log_uniform(rng, _SWINGS) for _ in range(n_modes)])
    lid_s = np.clip(swings / (math.pi * lid_hz), *_RING_S)
    click, length_s = rng.uniform(0.0, 1.0), 0.01 + 5 * float(lid_s.max())
    drops = []
    for _ in range(_N_TEMPLATES):
        drop = ringing(lid_hz, lid_s * rng.uniform(0.8, 1.2), rng, rate_hz, length_s)
        drop[: max(1, round(0.0006 * rate_hz))] += click * rng.uniform(0.3, 1.0)
        drops.append(drop)
    return drops


def _on_leaves(rng: np.random.Generator, rate_hz: int) -> list[Wave]:
    """Noise for 0.5 to 15 ms; a big leaf answers lower than a small one."""
    low_hz = log_uniform(rng, (60.0, 1200.0))
    high_hz = max(rng.uniform(0.1, 0.48) * rate_hz, 2 * low_hz)
    decay_s = log_uniform(rng, (0.0005, 0.01))
    return [
        noise_burst(rng, rate_hz, decay_s * rng.uniform(0.6, 1.5), low_hz * rng.uniform(0.8, 1.25), high_hz)
        for _ in range(_N_TEMPLATES)
    ]


def _in_a_puddle(rng: np.random.Generator, rate_hz: int) -> list[Wave]:
    """The click of the blow and, 2 to 25 ms later, the ringing of the bubble that it leaves.

    H. C. Pumphrey and P. A. Elmore, J. Fluid Mech. 220 (1990) 539: not every drop leaves one.
    """
    drops = []
    for _ in range(_N_TEMPLATES):
        drop = np.zeros(round(0.15 * rate_hz))
        put_in(drop, 0, noise_burst(rng, rate_hz, 0.0005, 300.0, 0.45 * rate_hz) * rng.uniform(0.1, 1.0))
        if rng.random() < 0.7:
            bubble_hz, decay_s = log_uniform(rng, (350.0, 0.45 * rate_hz)), log_uniform(rng, (0.002, 0.03))
            bubble = ringing(np.array([bubble_hz]), np.array([decay_s]), rng, rate_hz, 0.12)
            put_in(drop, round(rng.uniform(0.002, 0.025) * rate_hz), bubble * rng.uniform(0.2, 1.0))
        drops.append(drop)
    return drops


def _ticks(rng: np.random.Generator, rate_hz: int) -> list[Wave]:
    """Steps of one to four samples, and the decay of a coupling capacitor."""
    decay_s, share = log_uniform(rng, (0.0005, 0.01)), rng.uniform(0.0, 0.4)
    ticks = []
    for _ in range(_N_TEMPLATES):
        tick = share * np.exp(-np.arange(round(0.05 * rate_hz)) / (decay_s * rate_hz))
        tick[: int(rng.integers(1, 5))] += 1.0
        ticks.append(tick * rng.choice([-1.0, 1.0]))
    return ticks
