"""When the shots of a burst or a series fall."""

import math

import numpy as np

from ndoki.datasets.simulate.ranges import Range, SimulationRanges

__all__ = ["burst_times_s", "firing_times_s", "log_uniform", "series_times_s"]


def log_uniform(rng: np.random.Generator, ends: Range) -> float:
    """A value whose logarithm is uniform between the logarithms of ``ends`` (both > 0)."""
    return math.exp(rng.uniform(math.log(ends[0]), math.log(ends[1])))


def burst_times_s(
    rng: np.random.Generator, ranges: SimulationRanges, interval_s: float | None = None
) -> tuple[float, ...]:
    """Automatic fire: times after the first shot, in seconds, the first 0.0.

    The number of shots is log-uniform (short bursts are the rule). A share of the bursts keeps one exact
    interval, as a mechanism at one temperature does; the others draw a rate and jitter about it. Where
    ``interval_s`` is given, it is the mean interval.
    """
    n_shots = round(log_uniform(rng, ranges.burst_shots))
    if rng.random() < ranges.steady_burst_share:
        steady_s = rng.uniform(*ranges.steady_interval_s)
        return tuple((np.arange(n_shots) * (interval_s or steady_s)).tolist())
    drawn_s = 1 / rng.uniform(*ranges.burst_rate_hz)
    jitter = rng.uniform(*ranges.burst_jitter)
    intervals = (interval_s or drawn_s) * np.clip(1 + jitter * rng.standard_normal(n_shots - 1), 0.7, 1.4)
    return (0.0, *np.cumsum(intervals).tolist())


def series_times_s(rng: np.random.Generator, ranges: SimulationRanges) -> tuple[float, ...]:
    """Aimed fire: one shot, or a few, each gap of its own or (`regular_series_share`) all gaps alike."""
    if rng.random() >= ranges.series_share:
        return (0.0,)
    n_shots = round(rng.uniform(*ranges.series_shots))
    if ranges.regular_series_share and rng.random() < ranges.regular_series_share:
        jitter = rng.uniform(*ranges.burst_jitter) * rng.standard_normal(n_shots - 1)
        gaps_s = log_uniform(rng, ranges.series_gap_s) * np.clip(1 + jitter, 0.7, 1.4)
        return (0.0, *np.cumsum(gaps_s).tolist())
    return (0.0, *np.cumsum([log_uniform(rng, ranges.series_gap_s) for _ in range(n_shots - 1)]).tolist())


def firing_times_s(
    rng: np.random.Generator, ranges: SimulationRanges, weapon: str, interval_s: float | None = None
) -> tuple[float, ...]:
    """A burst from an automatic weapon (see `burst_times_s`), aimed fire from any other."""
    return burst_times_s(rng, ranges, interval_s) if weapon == "automatic" else series_times_s(rng, ranges)
