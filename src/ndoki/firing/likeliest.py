"""The sequence that a gun most likely fired, and not its echoes. Pure.

Evidence alone does not tell a shot from a loud echo. An echo comes behind its shot by a time of its own, the
same for all shots from one place; neither a finger nor a mechanism does that.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ndoki.core.sliding import highest_near
from ndoki.core.types import Floats
from ndoki.firing.sequence import (
    LEAST_LOG_ODDS,
    Firing,
    FiringRules,
    Heard,
    best_sequence,
    sequence_gains,
)

__all__ = ["best_firing"]

Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

_LEAST_ECHOES = 2
_LEAST_TO_ALTERNATE = 4
"""Shots; of fewer, chance alone makes some alternate."""
_SAME_INTERVAL = 0.06
"""An interval is the same where it differs by less than this share."""
_SAME_FRAMES = 2
_OPENING_APART_S = 0.02
"""What is closer to the first shot is that shot."""


def best_firing(log_odds: Floats, hop_s: float, rules: FiringRules, doubts: Floats | None = None) -> Firing:
    """Find the best sequence.

    Parameters
    ----------
    log_odds
        float32, shape (n,), n ≥ 1: logarithm of how much likelier the sound around each frame is where a shot
        begins than where none does.
    hop_s
        Step of the frames.
    doubts
        float32, shape (n,), 0 or less: added to the log odds of shots that no mechanism foretells, which are
        the first and those after a pause. None: 0.
    """
    foretold = np.maximum(log_odds.astype(np.float64), LEAST_LOG_ODDS)
    heard = Heard(foretold=foretold, alone=foretold if doubts is None else foretold + doubts)
    aimed = best_sequence(heard, hop_s, rules, np.empty(0))
    regular = best_sequence(heard, hop_s, rules, rules.intervals_s)
    if _alternates(regular, foretold, rules):
        slower_s = rules.intervals_s[rules.intervals_s > 1.5 * (regular.interval_s or 0.0)]
        regular = best_sequence(heard, hop_s, rules, slower_s)
    if regular.log_odds - rules.mechanism_cost > aimed.log_odds:
        return _in_step(regular, heard, hop_s, rules)
    return _without_echoes(aimed, heard, hop_s, rules)


def _without_echoes(aimed: Firing, heard: Heard, hop_s: float, rules: FiringRules) -> Firing:
    """An aimed sequence without what lies behind two shots or more by one time, heard far less than they.

    A finger does not do that, an echo cannot but do it.
    """
    evidence, gaps_s = heard.foretold[aimed.frames], np.diff(aimed.frames) * hop_s
    is_behind = (evidence[:-1] - evidence[1:] >= rules.echo) & (gaps_s <= rules.echo_s)
    # What is followed in its turn is a shot of even fire that fades.
    is_behind &= ~(np.append(is_behind, False)[1:] | np.append(False, is_behind)[:-1])
    is_alike = np.abs(gaps_s[:, None] - gaps_s) <= rules.echo_within_s
    is_echo = np.append(False, is_behind & ((is_alike & is_behind).sum(axis=1) >= _LEAST_ECHOES))
    if not is_echo.any():
        return aimed
    frames = aimed.frames[~is_echo]
    return replace(aimed, frames=frames, gains=sequence_gains(frames, heard, hop_s, rules, None))


def _alternates(firing: Firing, evidence: Doubles, rules: FiringRules) -> bool:
    """Whether every second shot is heard worse than the others, and the mechanism could be half as fast.

    What is heard plainly is not heard worse for being heard less than another: loud rounds differ too.
    """
    heard = np.minimum(evidence[firing.frames], rules.plain)
    if firing.interval_s is None or len(heard) < _LEAST_TO_ALTERNATE:
        return False
    is_possible = 2 * firing.interval_s <= rules.interval_s[1]
    off = float(np.median(heard[::2]) - np.median(heard[1::2]))
    return is_possible and abs(off) > rules.alternation


def _in_step(regular: Firing, heard: Heard, hop_s: float, rules: FiringRules) -> Firing:
    """A mechanism that falls out of step and goes on at its pace did not: from there on echoes were followed.

    They may be louder than its shots in a forest's tail. But the first shot has nothing before it, so the
    step that it sets is the shots' own, and the echo comes later by what the step was left by. The sequence
    is sought anew, each shot heard where it is or by that echo, whichever says more.
    """
    if regular.interval_s is None:
        return regular
    frames = _with_opening(regular.frames, heard, hop_s, rules)
    behind_s = _left_step_by(frames, regular.interval_s, hop_s, rules)
    if behind_s is None:
        return regular
    echo = highest_near(heard.foretold.astype(np.float32), 1)[round(behind_s / hop_s) :]
    by_echo = np.full(len(heard.foretold), LEAST_LOG_ODDS)
    by_echo[: len(echo)] = echo
    with_echo = replace(heard, foretold=np.maximum(heard.foretold, by_echo))
    alike = np.abs(rules.intervals_s / regular.interval_s - 1) < _SAME_INTERVAL
    found = best_sequence(with_echo, hop_s, rules, rules.intervals_s[alike])
    is_better = found.log_odds > regular.log_odds and abs(int(found.frames[0] - frames[0])) <= _SAME_FRAMES
    keeps_step = _left_step_by(found.frames, regular.interval_s, hop_s, rules) is None
    return found if is_better and keeps_step else regular


def _with_opening(frames: Places, heard: Heard, hop_s: float, rules: FiringRules) -> Places:
    """A mechanism's shots, and what is heard too well right before them to be nothing."""
    end = int(frames[0]) - round(_OPENING_APART_S / hop_s)
    first = max(0, int(frames[0]) - round(rules.out_of_step_s / hop_s))
    if end <= first:
        return frames
    opening = first + int(np.argmax(heard.alone[first:end]))
    return np.append(opening, frames) if heard.alone[opening] >= rules.opening else frames


def _left_step_by(frames: Places, interval_s: float, hop_s: float, rules: FiringRules) -> float | None:
    """How far off its step the first gap is, in s, that is too short for another burst and no whole step."""
    for gap_s in (np.diff(frames) * hop_s).tolist():
        steps = gap_s / interval_s
        if gap_s <= rules.out_of_step_s and steps > 1 and abs(steps - round(steps)) >= rules.out_of_step:
            return float(gap_s % interval_s)
    return None
