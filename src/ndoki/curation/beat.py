"""Automatic fire keeps time: from the shots that are seen of a burst to the beat, and to those that are not.

Behind the first shots of a burst the forest's echo hides the next ones, and a detector finds some of them,
or the swell between two. But a gun's rounds follow each other evenly, so a beat that most of them keep says
where the others are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

__all__ = ["Beat", "find_beats"]

PERIODS_S = (0.06, 0.18)
"""6 to 16 rounds per second."""

_RUN_GAP_S = 0.25
_LEAST_ONSETS = 4
_LEAST_UNITY = 0.7
_STEP = 0.004
_ON_BEAT = 0.3
_NEARLY = 0.95
_LATE_S = 0.03

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Beat:
    """A run of onsets that keeps time.

    Attributes
    ----------
    teeth_s
        The beats, from the first onset of the run to its last; float64, rising, evenly spaced.
    period_s
        Their distance.
    unity
        How well the onsets keep it: length of the mean of their phases as unit vectors, in [0.7, 1].
    """

    teeth_s: Doubles
    period_s: float
    unity: float

    def is_on(self, onset_s: float) -> bool:
        """Whether an onset lies within 0.3 periods of a beat."""
        return bool(np.min(np.abs(self.teeth_s - onset_s)) <= _ON_BEAT * self.period_s)

    def empty(self, onsets_s: Doubles) -> Doubles:
        """Beats without an onset within 0.3 periods."""
        away = np.abs(self.teeth_s[:, None] - onsets_s[None, :]).min(axis=1, initial=np.inf)
        return np.asarray(self.teeth_s[away > _ON_BEAT * self.period_s])


def find_beats(onsets_s: Doubles, weights: Doubles) -> list[Beat]:
    """Beats of all runs of at least four onsets that are less than 0.25 s apart.

    The period is that between 0.06 and 0.18 s, in steps of 0.4 %, at which the weighted phases agree best
    [1]_; a run whose phases do not agree (unity below 0.7) has no beat.

    Parameters
    ----------
    onsets_s
        Onsets of likely shots, rising, shape (n,).
    weights
        How much each says, shape (n,), > 0.

    References
    ----------
    .. [1] K. V. Mardia and P. E. Jupp, "Directional Statistics" (2000), section 2.3: mean resultant length.
    """
    beats = []
    for first, end in _runs(onsets_s):
        beat = _beat(onsets_s[first:end], weights[first:end])
        if beat is not None:
            beats.append(beat)
    return beats


def _runs(onsets_s: Doubles) -> Iterator[tuple[int, int]]:
    breaks = np.flatnonzero(np.diff(onsets_s) >= _RUN_GAP_S) + 1
    edges = [0, *breaks.tolist(), len(onsets_s)]
    for first, end in pairwise(edges):
        if end - first >= _LEAST_ONSETS:
            yield first, end


def _beat(onsets_s: Doubles, weights: Doubles) -> Beat | None:
    first_s = onsets_s[0]
    period_s = np.exp(np.arange(np.log(PERIODS_S[0]), np.log(PERIODS_S[1]), _STEP))
    phases = np.exp(2j * np.pi * (onsets_s - first_s)[None, :] / period_s[:, None]) @ weights
    best = _longest_peak(np.abs(phases))
    unity = float(np.abs(phases[best]) / weights.sum())
    if unity < _LEAST_UNITY:
        return None
    period = float(period_s[best])
    phase_s = float(np.angle(phases[best])) / (2 * np.pi) * period
    length_s = float(onsets_s[-1] - first_s)
    numbers = np.arange(
        np.ceil((-phase_s - _LATE_S) / period), np.floor((length_s - phase_s + _LATE_S) / period) + 1
    )
    return Beat(teeth_s=first_s + phase_s + period * numbers, period_s=period, unity=unity)


def _longest_peak(agreement: Doubles) -> int:
    """Last of the highest peaks: half a period, where it is among those tried, suits as well as the whole."""
    padded = np.concatenate([[-np.inf], agreement, [-np.inf]])
    is_peak = (agreement >= padded[:-2]) & (agreement >= padded[2:])
    return int(np.flatnonzero(is_peak & (agreement >= _NEARLY * agreement.max()))[-1])
