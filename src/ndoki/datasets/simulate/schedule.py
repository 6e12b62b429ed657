"""What happens when in a simulated day: hunts, bursts, look-alikes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ndoki.datasets.simulate.cadence import log_uniform
from ndoki.datasets.simulate.confusers import CONFUSERS

__all__ = ["Cue", "Rates", "plan"]

_LEAST_APART_S = 6.0
_MARGIN_S = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How much happens in an hour, and how loud.

    Attributes
    ----------
    hunts_per_hour
        Guns that begin to fire.
    firings, firing_gap_s
        How often one gun fires a shot or a burst, and the hunting interval in between (both log-uniform).
    confusers_per_hour
        Look-alikes.
    snr_db
        Range of the first shot's level over the background (uniform), see `ndoki.datasets.simulate.day`.
    confuser_snr_db
        The same for look-alikes, over all bands.
    """

    hunts_per_hour: float = 8.0
    firings: tuple[float, float] = (1.0, 6.0)
    firing_gap_s: tuple[float, float] = (6.0, 240.0)
    confusers_per_hour: float = 40.0
    snr_db: tuple[float, float] = (-5.0, 30.0)
    confuser_snr_db: tuple[float, float] = (0.0, 35.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """One thing to happen.

    ``onset_sample`` is where its sound begins, ``kind`` is ``gunshot``, a confuser's name or
    ``file:<index>``; guns of the same ``seed`` are the same gun in the same place, ``firing`` counts.
    """

    onset_sample: int
    kind: str
    seed: int
    firing: int = 0


def plan(
    rng: np.random.Generator, duration_s: float, rate_hz: int, rates: Rates, kinds: Sequence[str] = CONFUSERS
) -> list[Cue]:
    """Draw all cues of a recording, sorted, at least 6 s apart (a later one too close is dropped).

    Nothing begins within 8 s of either end, so that every sound is whole; a recording of less than 16 s
    stays empty.
    """
    latest_s = duration_s - _MARGIN_S
    times: list[tuple[float, str, int, int]] = []
    for _ in range(rng.poisson(rates.hunts_per_hour * duration_s / 3600)):
        time_s, seed = rng.uniform(_MARGIN_S, max(_MARGIN_S, latest_s)), int(rng.integers(2**62))
        for firing in range(round(log_uniform(rng, rates.firings))):
            times.append((time_s, "gunshot", seed, firing))
            time_s += log_uniform(rng, rates.firing_gap_s)
    for _ in range(rng.poisson(rates.confusers_per_hour * duration_s / 3600)):
        time_s, kind = rng.uniform(_MARGIN_S, max(_MARGIN_S, latest_s)), kinds[int(rng.integers(len(kinds)))]
        times.append((time_s, kind, int(rng.integers(2**62)), 0))
    cues: list[Cue] = []
    free_s = _MARGIN_S
    for time_s, kind, seed, firing in sorted(times):
        if free_s <= time_s <= latest_s:
            cues.append(Cue(onset_sample=round(time_s * rate_hz), kind=kind, seed=seed, firing=firing))
            free_s = time_s + _LEAST_APART_S
    return cues
