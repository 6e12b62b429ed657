"""How regularly the shots of a burst follow each other. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["LEAST_GAP_S", "MOST_MISSED", "Cadence", "cadence_of"]

LEAST_GAP_S = 0.03
"""Onsets closer than this count once: no gun fires 2000 rounds per minute, but two boxes may share a shot."""

MOST_MISSED = 2
"""How many shots in a row may be missing inside one gap before it is a pause."""

_MECHANISM_S = 0.15
"""Slowest interval of a mechanism. A finger keeps no interval that a longer gap could be a multiple of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """What the gaps between the onsets of one burst say.

    Attributes
    ----------
    n_intervals
        How many gaps were used: those that are not pauses.
    interval_s
        Time from shot to shot.
    irregularity
        Mean distance of the gaps from whole multiples of the interval, as a share of it; in [0, ∞). A
        mechanism with 5 % jitter has 0.04; onsets that have nothing to do with each other have about 0.2.
    """

    n_intervals: int
    interval_s: float
    irregularity: float

    @property
    def rounds_per_minute(self) -> float:
        """Rate of fire."""
        return 60.0 / self.interval_s


def cadence_of(onsets_s: Sequence[float]) -> Cadence | None:
    """Cadence of onsets, or None where they are fewer than two.

    The interval is the median gap. Where that is short enough for a mechanism (0.15 s), shots may have been
    missed: then a gap of twice or three times the lower median counts as two or three intervals, a longer
    one is a pause and counts for nothing. So half of the intervals are always seen directly.

    Parameters
    ----------
    onsets_s
        In seconds, ascending, from any origin.
    """
    gaps_s = np.diff(_told_apart(onsets_s))
    if len(gaps_s) == 0:
        return None
    base_s = float(np.sort(gaps_s)[(len(gaps_s) - 1) // 2])
    n_rounds = np.ones(len(gaps_s))
    if base_s <= _MECHANISM_S:
        n_rounds = np.maximum(1.0, np.rint(gaps_s / base_s))
        no_pause = n_rounds <= MOST_MISSED + 1
        gaps_s, n_rounds = gaps_s[no_pause], n_rounds[no_pause]
    interval_s = float(np.median(gaps_s / n_rounds))
    off_s = np.abs(gaps_s - n_rounds * interval_s)
    return Cadence(
        n_intervals=len(gaps_s), interval_s=interval_s, irregularity=float(np.mean(off_s)) / interval_s
    )


def _told_apart(onsets_s: Sequence[float]) -> npt.NDArray[np.float64]:
    """Onsets less those that follow the one kept before by less than `LEAST_GAP_S`."""
    kept: list[float] = []
    for onset_s in onsets_s:
        if not kept or onset_s - kept[-1] >= LEAST_GAP_S:
            kept.append(onset_s)
    return np.asarray(kept, np.float64)
