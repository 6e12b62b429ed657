"""Evidence for onsets → the sequence of shots that a gun could have fired and that explains it best. Pure.

A mechanism keeps an interval; a finger does not. So a sequence is scored by the evidence at its onsets and by
the gaps between them, as a renewal process: the next shot comes one interval later give or take the jitter,
or after a pause, whose length is log-uniform. The best sequence under each interval is found by dynamic
programming (as the beats of music are: D. P. W. Ellis, J. New Music Res. 36 (2007) 51).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

__all__ = ["LEAST_LOG_ODDS", "Firing", "FiringRules", "Heard", "best_sequence", "sequence_gains"]

Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
_Step = tuple[Places, Doubles]
"""Gaps in frames, neighbours, and the log weight of each: (n_gaps,) and (1 or n_intervals, n_gaps)."""

LEAST_LOG_ODDS = -3.0
"""What an onset costs at most, however little is heard there: a shot of automatic fire may be covered by the
echoes of others."""

_PAUSE, _REGULAR = 0, 1
"""Places in what `_steps` gives."""
_NEVER = -1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class FiringRules:
    """What a gun can do.

    Attributes
    ----------
    interval_s, n_intervals
        Shortest and longest interval of a mechanism, and how many between them are tried, evenly on a
        logarithmic scale.
    jitter, jitter_s
        Standard deviation of an interval: a share of it, and the grain of the onsets.
    pause_s
        Shortest and longest gap between shots that no mechanism makes.
    regular, pause, pause_of_mechanism
        Weight of another shot one interval later, and of another after a pause: where there is no mechanism,
        and where there is one. Chosen, as the cost, on simulated firings (preset TRAIN) that no model learned
        from.
    mechanism_cost
        What the assumption of a mechanism costs, in log odds.
    alternation
        Where every second shot of a mechanism has so much less evidence than those between, by the medians of
        their log odds, they are what echoes leave in the gaps of one that is half as fast.
    plain
        More evidence than this counts as this where every second shot is compared with those between.
    echo, echo_s, echo_within_s
        Behind two aimed shots or more, by times no longer than this that differ by no more than that, what
        has so much less evidence than they is their echo.
    out_of_step, out_of_step_s
        A gap this long or less that differs from a whole number of intervals by this share of one or more is
        no pause of a mechanism: nobody pulls again so soon.
    opening
        So much evidence, no longer than that before a mechanism's first shot, is its first shot too.
    """

    interval_s: tuple[float, float] = (0.058, 0.145)
    n_intervals: int = 33
    jitter: float = 0.04
    jitter_s: float = 0.003
    pause_s: tuple[float, float] = (0.15, 1.0)
    regular: float = 0.55
    pause: float = 1.5
    pause_of_mechanism: float = 0.03
    mechanism_cost: float = 8.0
    alternation: float = 2.5
    plain: float = 8.0
    echo: float = 2.0
    echo_s: float = 0.4
    echo_within_s: float = 0.012
    out_of_step: float = 0.2
    out_of_step_s: float = 0.35
    opening: float = 6.0

    @property
    def intervals_s(self) -> Doubles:
        """The intervals that are tried."""
        return np.geomspace(*self.interval_s, self.n_intervals)

    def log_pause(self, gap_s: npt.ArrayLike, *, mechanism: bool) -> Doubles:
        """Logarithm of the weight, per second, of a pause that long; meaningless outside ``pause_s``."""
        spread = math.log(self.pause_s[1] / self.pause_s[0])
        weight = self.pause_of_mechanism if mechanism else self.pause
        return np.asarray(math.log(weight / spread) - np.log(gap_s))

    def log_regular(self, gap_s: npt.ArrayLike, interval_s: npt.ArrayLike) -> Doubles:
        """Logarithm of the weight, per second, of a mechanism's gap that long."""
        sigma_s = np.hypot(self.jitter * np.asarray(interval_s), self.jitter_s)
        off = (np.asarray(gap_s) - interval_s) / sigma_s
        return np.asarray(math.log(self.regular / math.sqrt(2 * math.pi)) - np.log(sigma_s) - 0.5 * off**2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Firing:
    """A sequence of shots.

    Attributes
    ----------
    frames
        int64, ascending.
    gains
        float64, one per shot: by how much the log odds of the sequence would fall without it.
    interval_s
        Interval of the mechanism; None where shots follow each other after pauses only.
    log_odds
        Of the sequence, with the echoes that were left out of it, against no shot at all.
    """

    frames: Places
    gains: Doubles
    interval_s: float | None
    log_odds: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Heard:
    """What is heard of shots.

    Attributes
    ----------
    foretold, alone
        float64, shape (n,): log odds of a shot at each frame, where a mechanism's shot before it foretells
        it, and elsewhere.
    """

    foretold: Doubles
    alone: Doubles


def best_sequence(heard: Heard, hop_s: float, rules: FiringRules, intervals_s: Doubles) -> Firing:
    """Best sequence under the best of some intervals, or of pauses alone where there are none.

    Parameters
    ----------
    hop_s
        Step of the frames.
    intervals_s
        Of mechanisms, shape (n,), n ≥ 0.
    """
    steps = _steps(hop_s, rules, intervals_s)
    table = _Table(heard.alone, max(1, len(intervals_s)), steps)
    # No shot follows another by less than the shortest gap, so as many frames do not wait for each other.
    n, together = len(heard.alone), int(min(gaps[0] for gaps, _ in steps))
    # A pause ends where something is heard; a mechanism goes on also where nothing is.
    is_end = heard.alone > 0
    for first in range(0, n, together):
        every = slice(first, min(first + together, n))
        ends = np.flatnonzero(is_end[every]) + first
        if len(ends):
            table.improve(_PAUSE, ends, every.stop, heard.alone)
        if len(intervals_s):
            table.improve(_REGULAR, every, every.stop, heard.foretold)
    which, last = (int(one) for one in np.unravel_index(np.argmax(table.best), table.best.shape))
    frames = [last]
    while gap := int(table.gap[which, frames[-1]]):
        frames.append(frames[-1] - gap)
    found = np.asarray(frames[::-1], np.int64)
    interval_s = float(intervals_s[which]) if len(intervals_s) else None
    return Firing(
        frames=found,
        gains=sequence_gains(found, heard, hop_s, rules, interval_s),
        interval_s=interval_s,
        log_odds=float(table.best[which, last]),
    )


class _Table:
    """Of the best sequence up to each frame: its log odds, and the gap before its last shot.

    Parameters
    ----------
    alone
        Log odds of a sequence that begins at each frame.
    n_intervals
        How many intervals are tried beside each other.
    steps
        How a sequence may go on; see `_steps`.
    """

    def __init__(self, alone: Doubles, n_intervals: int, steps: Sequence[_Step]) -> None:
        self._steps = steps
        # So that no gap reaches beyond it.
        lead = int(max(gaps[-1] for gaps, _ in steps))
        led = np.full((n_intervals, lead + len(alone)), _NEVER)
        led[:, lead:] = alone
        self.best = led[:, lead:]
        self.gap = np.zeros(self.best.shape, np.int64)
        # Gaps are neighbours, so what lies that far back is one piece, of equals the shortest gap wins.
        self._back = [
            sliding_window_view(led, len(gaps), axis=1)[:, lead - gaps[-1] :, ::-1] for gaps, _ in steps
        ]

    def improve(self, which: int, places: Places | slice, end: int, here: Doubles) -> None:
        """Let the sequences up to some frames go on from others, where that is better.

        Parameters
        ----------
        which
            Of the steps.
        places, end
            Frames that lie no gap apart, and the one behind them.
        here
            Log odds of another shot at every frame.
        """
        gaps, weights = self._steps[which]
        # Longer gaps reach back to before the first frame.
        n_gaps = int(np.searchsorted(gaps, end))
        if not n_gaps:
            return
        after = self._back[which][:, places, :n_gaps] + weights[:, None, :n_gaps]
        chosen = after.argmax(axis=2)
        gain = np.take_along_axis(after, chosen[:, :, None], axis=2)[:, :, 0] + here[places]
        is_better = gain > self.best[:, places]
        self.best[:, places] = np.where(is_better, gain, self.best[:, places])
        self.gap[:, places] = np.where(is_better, gaps[chosen], self.gap[:, places])


def _steps(hop_s: float, rules: FiringRules, intervals_s: Doubles) -> list[_Step]:
    """Pauses, then what a mechanism does."""
    pauses = np.arange(round(rules.pause_s[0] / hop_s), round(rules.pause_s[1] / hop_s) + 1)
    weights = rules.log_pause(pauses * hop_s, mechanism=len(intervals_s) > 0)
    steps = [(pauses, weights[None] + math.log(hop_s))]
    if len(intervals_s):
        first_s, last_s = rules.interval_s
        reach = 1 + 3 * rules.jitter
        gaps = np.arange(
            max(1, round((first_s / reach - rules.jitter_s) / hop_s)),
            round((last_s * reach + rules.jitter_s) / hop_s) + 1,
        )
        steps.append((gaps, rules.log_regular(gaps * hop_s, intervals_s[:, None]) + math.log(hop_s)))
    return steps


def sequence_gains(
    frames: Places, heard: Heard, hop_s: float, rules: FiringRules, interval_s: float | None
) -> Doubles:
    """What each shot is worth: its evidence and its gaps, against the one gap that would be left.

    Parameters
    ----------
    frames
        Of the shots, int64, ascending, at least one.
    interval_s
        Of the mechanism; None where there is none.

    Returns
    -------
    float64, one per shot
    """

    def weight(gap: int) -> tuple[float, bool]:
        """Of a gap, and whether it is a mechanism's."""
        # A gap that is too short for a pause counts as the shortest, one too long as the longest.
        pause = float(rules.log_pause(np.clip(gap * hop_s, *rules.pause_s), mechanism=interval_s is not None))
        regular = -math.inf if interval_s is None else float(rules.log_regular(gap * hop_s, interval_s))
        return max(pause, regular) + math.log(hop_s), regular > pause

    gaps = [weight(int(next_ - one)) for one, next_ in pairwise(frames)]
    gains = []
    for i, frame in enumerate(frames):
        around = gaps[max(0, i - 1) : i + 1]
        log_odds = heard.foretold if any(is_regular for _, is_regular in around) else heard.alone
        gain = float(log_odds[frame]) + sum(one for one, _ in around)
        if 0 < i < len(frames) - 1:
            gain -= weight(int(frames[i + 1] - frames[i - 1]))[0]
        gains.append(gain)
    return np.asarray(gains)
