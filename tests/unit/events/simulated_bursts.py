"""Bursts as a detector hears them: simulated cadence, shots missed, onsets off, echoes taken for shots."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ndoki.datasets.simulate.cadence import firing_times_s, log_uniform
from ndoki.datasets.simulate.ranges import SimulationRanges
from ndoki.datasets.simulate.specs import WEAPONS
from ndoki.events.bursts import BURST_GAP_S, split_at_gaps
from ndoki.events.cadence import Cadence, cadence_of

LEAST_GAP_S = 0.055  # the picker's
STRONG_ECHO_DB = -6.0
CHANCE_PER_BURST = 0.1
MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """Share of shots missed, half width of the onsets' error, share of strong echoes taken for shots."""

    missed: float = 0.0
    off_s: float = 0.0
    echoes: float = 0.5


EXACT = Hearing(echoes=0.0)
WORST = Hearing(missed=0.1, off_s=0.016)


class Heard(NamedTuple):
    """A burst: what made it (``automatic``, ``rifle`` … or ``chance``), and its cadence."""

    maker: str
    cadence: Cadence | None


def firings(
    rng: np.random.Generator, ranges: SimulationRanges, hearing: Hearing | None, n: int
) -> Iterator[list[Heard]]:
    """``n`` firings as bursts, and trains of unrelated onsets; without a hearing, each has its own."""
    shares = np.asarray(ranges.weapon_shares)
    for _ in range(n):
        how = hearing or Hearing(missed=rng.uniform(0, 0.1), off_s=rng.uniform(0, 0.016))
        maker = WEAPONS[int(rng.choice(len(WEAPONS), p=shares / shares.sum()))]
        shots_s = np.asarray(firing_times_s(rng, ranges, maker))
        yield _bursts(rng, maker, _with_echoes(rng, shots_s, ranges, how), how)
        if maker == "automatic" and rng.random() < CHANCE_PER_BURST:
            yield _bursts(rng, "chance", _chance(rng, ranges), how)


def _with_echoes(
    rng: np.random.Generator, shots_s: np.ndarray, ranges: SimulationRanges, how: Hearing
) -> np.ndarray:
    """Shots and the echoes that pass for shots, drawn as `draw_forest` draws them."""
    n_echoes = int(rng.random() < ranges.echo_share)
    while 0 < n_echoes < 4 and rng.random() < ranges.more_echoes_share:
        n_echoes += 1
    heard = [shots_s]
    for _ in range(n_echoes):
        echo_s, gain_db = rng.uniform(*ranges.echo_delay_s), rng.uniform(*ranges.echo_gain_db)
        taken = rng.random(len(shots_s)) < how.echoes * (gain_db > STRONG_ECHO_DB)
        heard.append(shots_s[taken] + echo_s)
    return np.concatenate(heard)


def _chance(rng: np.random.Generator, ranges: SimulationRanges) -> np.ndarray:
    """Unrelated onsets as many and as dense as automatic fire; the picker keeps 55 ms between them."""
    mean_s = 1 / rng.uniform(*ranges.burst_rate_hz)
    n_onsets = round(log_uniform(rng, ranges.burst_shots))
    return np.cumsum(LEAST_GAP_S + rng.exponential(mean_s - LEAST_GAP_S, n_onsets))


def _bursts(rng: np.random.Generator, maker: str, onsets_s: np.ndarray, how: Hearing) -> list[Heard]:
    found_s = onsets_s[rng.random(len(onsets_s)) >= how.missed]
    picked_s: list[float] = []
    for onset_s in np.sort(found_s + rng.uniform(-how.off_s, how.off_s, len(found_s))):
        if not picked_s or onset_s - picked_s[-1] >= LEAST_GAP_S:
            picked_s.append(float(onset_s))
    onsets_us = [round(onset_s * MICROSECONDS) for onset_s in picked_s]
    runs = split_at_gaps(onsets_us, round(BURST_GAP_S * MICROSECONDS))
    return [Heard(maker, cadence_of([picked_s[i] for i in run])) for run in runs]
