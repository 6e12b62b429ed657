"""A detector's events and the evidence around them → all shots of each burst. Pure."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

import numpy as np
import numpy.typing as npt

from ndoki.core.types import Event, Evidence, Floats, Recording
from ndoki.features.gabor import GABOR_GRID
from ndoki.firing.likeliest import best_firing
from ndoki.firing.sequence import LEAST_LOG_ODDS, Firing, FiringRules

__all__ = ["HEARD_SCORE", "Scored", "completed", "firings"]

Places = npt.NDArray[np.int64]

HEARD_SCORE = 0.05
"""A detector hears something where it scores this or more. Much lower, and what its gate does not let it hear
would change what is added."""

_SAME = round(0.06 / GABOR_GRID.hop_s)
"""A shot of the sequence and an event closer than this are one."""
_HEARD_REACH = round(0.032 / GABOR_GRID.hop_s)
_UNHEARD_LOG_ODDS = np.float32(-2.0)
_UNHEARD_ALONE_LOG_ODDS = np.float32(-4.0)
"""Added to the evidence where the detector hears nothing at all, and once more where no mechanism foretells a
shot there: a raindrop beside a shot would else be another. Chosen, as the weight of a pause, on simulated
firings and days (preset TRAIN) that no model learned from."""
_ECHO_SHARE = 0.4
"""Kept of the score of what follows an aimed shot within 0.15 s and is no shot of its sequence: too little
for `review`, enough to be found below. On simulated days (preset TRAIN), of which automatic fire is a large
part, half of it were shots, the rest echoes; behind a single shot it is nearly always an echo."""
_RULES = FiringRules()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scored:
    """What a detector scores `HEARD_SCORE` or more.

    Attributes
    ----------
    frames
        int64, shape (n,): of `ndoki.features.gabor.GABOR_GRID`, ascending.
    scores
        float64, shape (n,), in [0, 1].
    reach_s
        How far from a frame its score tells of a shot. Where every frame has one: less than half the time
        between rounds of automatic fire, or echoes would gain as much by it as rounds.
    """

    frames: Places
    scores: npt.NDArray[np.float64]
    reach_s: float = 0.012


class _Role(Enum):
    """What an event is in the likeliest sequences: none of their shots, or one by a finger or a mechanism."""

    UNFIRED = auto()
    AIMED = auto()
    REGULAR = auto()


def completed(
    events: Sequence[Event],
    evidence: Evidence,
    recording: Recording,
    *,
    scored: Scored,
    sure_score: float,
) -> list[Event]:
    """Add the shots that the detector missed to the bursts that it found, and sharpen the onsets of its own.

    An event of ``sure_score`` that is a shot of a sequence moves to that shot's onset, by at most 60 ms. One
    that is none, and follows an aimed shot sooner than a finger fires, may be its echo: it stays at two
    fifths of its score. The other shots of the sequence are added. A shot scores at least the best score of
    the sequence times its own chance, and what is added at least ``sure_score``: a burst is reported with all
    its shots. What is added has the extent of the nearest event, and takes the place of a fainter one. Where
    there is no event of ``sure_score``, nothing changes.

    Parameters
    ----------
    events
        Of one channel of the recording.
    evidence
        Of that channel.
    scored
        Where the detector's frames of `HEARD_SCORE` or more have their centres.
    sure_score
        Lowest score of an event that counts.

    Returns
    -------
    list of Event
        In order of onset.
    """
    sure = [one for one in events if one.score >= sure_score]
    faint = [one for one in events if one.score < sure_score]
    onsets, roles = _frames_of(sure, recording), [_Role.UNFIRED] * len(sure)
    added: list[Event] = []
    for first_frame, firing in firings(evidence, onsets, scored):
        taken = _paired(onsets, firing.frames + first_frame)
        for event in taken.values():
            roles[event] = _Role.AIMED if firing.interval_s is None else _Role.REGULAR
        sure, missed = _merged(sure, taken, firing, first_frame, sure_score)
        added += missed
    sure = _with_echoes(sure, onsets, roles)
    apart = np.abs(_frames_of(faint, recording)[:, None] - _frames_of(added, recording))
    is_replaced = (apart <= _SAME).any(axis=1)
    faint = [one for one, replaced in zip(faint, is_replaced, strict=True) if not replaced]
    return sorted([*sure, *added, *faint], key=lambda one: (one.first_sample, one.end_sample))


def firings(
    evidence: Evidence, onsets: Places, scored: Scored, *, doubts_unheard: bool = True
) -> Iterator[tuple[int, Firing]]:
    """The best sequence of each stretch of evidence that holds one of some onsets, and its first frame.

    The detector's own score is evidence too: as many times as it is `HEARD_SCORE`, so many times likelier is
    a shot there. It says which sequence is the best, but is not in the gains of its shots: an event has that
    score already.

    Parameters
    ----------
    evidence
        Of one channel.
    onsets
        Frames of `ndoki.features.gabor.GABOR_GRID`, ascending.
    scored
        See `completed`.
    doubts_unheard
        Whether what the detector does not hear counts less.
    """
    told = np.maximum(_best_near(evidence, scored, round(scored.reach_s / GABOR_GRID.hop_s)), HEARD_SCORE)
    more = np.log(told / HEARD_SCORE).astype(np.float32)
    doubts = unheard = np.zeros(len(evidence), np.float32)
    if doubts_unheard:
        is_heard = _best_near(evidence, scored, _HEARD_REACH) > 0
        unheard = np.where(is_heard, np.float32(0), _UNHEARD_LOG_ODDS)
        doubts = np.where(is_heard, np.float32(0), _UNHEARD_ALONE_LOG_ODDS)
    heard = replace(evidence, log_odds=evidence.log_odds + more + unheard)
    for first_frame, log_odds, (doubted, added) in _stretches(heard, (doubts, more), onsets):
        firing = best_firing(log_odds, GABOR_GRID.hop_s, _RULES, doubted)
        yield first_frame, replace(firing, gains=firing.gains - added[firing.frames])


def _frames_of(events: Sequence[Event], recording: Recording) -> Places:
    return np.array([GABOR_GRID.frame_at(one.first_sample, recording.rate_hz) for one in events], np.int64)


def _best_near(evidence: Evidence, scored: Scored, reach: int) -> npt.NDArray[np.float64]:
    """Of each frame, the detector's best score within so many; 0 where it hears nothing there."""
    first = np.searchsorted(scored.frames, evidence.frame - reach)
    end = np.searchsorted(scored.frames, evidence.frame + reach, side="right")
    # One after the other: from first to end, and from that end to the next first, which nobody asked for.
    best = np.maximum.reduceat(np.append(scored.scores, 0.0), np.stack([first, end], axis=1).ravel())[::2]
    return np.asarray(np.where(first < end, best, 0.0))


def _stretches(
    evidence: Evidence, others: Sequence[Floats], onsets: Places
) -> Iterator[tuple[int, Floats, Sequence[Floats]]]:
    """First frame and log odds of stretches that hold an event, too far apart for one sequence.

    And of each the other columns, 0 where there is no evidence.
    """
    heard = np.flatnonzero(evidence.log_odds > 0)
    apart = _RULES.pause_s[1] / GABOR_GRID.hop_s
    for part in np.split(heard, np.flatnonzero(np.diff(evidence.frame[heard]) > apart) + 1):
        if not len(part):
            continue
        rows = slice(part[0], part[-1] + 1)
        frames = evidence.frame[rows]
        if ((onsets >= frames[0] - _SAME) & (onsets <= frames[-1] + _SAME)).any():
            first, n = int(frames[0]), int(frames[-1] - frames[0]) + 1
            log_odds = np.full(n, LEAST_LOG_ODDS, np.float32)
            log_odds[frames - first] = evidence.log_odds[rows]
            columns = [np.zeros(n, np.float32) for _ in others]
            for column, other in zip(columns, others, strict=True):
                column[frames - first] = other[rows]
            yield first, log_odds, columns


def _merged(
    events: list[Event], taken: dict[int, int], firing: Firing, first_frame: int, sure_score: float
) -> tuple[list[Event], list[Event]]:
    """Events, with those that are shots of the sequence moved to their onsets; and the sequence's others."""
    if not taken:
        return events, []
    frames, recording = firing.frames + first_frame, events[0].recording
    best = max(events[event].score for event in taken.values())
    merged, added = list(events), []
    for shot, frame in enumerate(frames.tolist()):
        sample = GABOR_GRID.centre_sample(frame, recording.rate_hz)
        chance = 1 / (1 + math.exp(-firing.gains[shot]))
        score = round(best * chance, 4)
        if shot in taken:
            found = events[taken[shot]]
            merged[taken[shot]] = replace(_moved(found, sample), score=max(found.score, score))
        else:
            nearest = min(taken, key=lambda other: abs(frames[other] - frame))
            added.append(replace(_moved(events[taken[nearest]], sample), score=max(score, sure_score)))
    return merged, added


def _with_echoes(events: Sequence[Event], onsets: Places, roles: Sequence["_Role"]) -> list[Event]:
    """Events, at a lower score those that were not fired and follow an aimed shot sooner than a finger can.

    Behind a shot of a mechanism one that fits none of its intervals is left: of those most are shots.
    """
    found, aimed = [], -math.inf
    for event, onset, role in zip(events, onsets.tolist(), roles, strict=True):
        if role is _Role.UNFIRED and _SAME < onset - aimed < _RULES.pause_s[0] / GABOR_GRID.hop_s:
            found.append(replace(event, score=round(event.score * _ECHO_SHARE, 4)))
            continue
        if role is not _Role.UNFIRED:
            aimed = onset if role is _Role.AIMED else -math.inf
        found.append(event)
    return found


def _paired(onsets: Places, frames: Places) -> dict[int, int]:
    """Shots of a sequence → events, closest pairs first."""
    apart = np.abs(frames[:, None] - onsets)
    pairs: dict[int, int] = {}
    for place in np.argsort(apart, axis=None, kind="stable"):
        shot, event = (int(one) for one in np.unravel_index(place, apart.shape))
        if apart[shot, event] > _SAME:
            break
        if shot not in pairs and event not in pairs.values():
            pairs[shot] = event
    return pairs


def _moved(event: Event, sample: int) -> Event:
    """The event with another onset."""
    last = event.recording.n_samples - 1
    first = min(max(sample, 0), last)
    end = min(first + event.end_sample - event.first_sample, last + 1)
    return replace(event, first_sample=first, end_sample=end, peak_sample=first)
