"""A detector's events and the evidence around them → all shots of each burst. Pure."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ndoki.core.types import Event, Evidence, Floats, Recording
from ndoki.features.gabor import GABOR_GRID
from ndoki.firing.sequence import LEAST_LOG_ODDS, Firing, FiringRules, best_firing

__all__ = ["completed"]

Places = npt.NDArray[np.int64]

_SAME = round(0.06 / GABOR_GRID.hop_s)
"""A shot of the sequence and an event closer than this are one."""
_RULES = FiringRules()


def completed(
    events: Sequence[Event], evidence: Evidence, recording: Recording, *, least_score: float
) -> list[Event]:
    """Add the shots that the detector missed to the bursts that it found, and sharpen the onsets of its own.

    Every event stays; one that is a shot of a sequence moves to that shot's onset, by at most 60 ms. A shot of a
    sequence scores at least the best score of the sequence times its own chance, so that it does not matter
    whether the detector missed it or only doubted it. One that is added has the extent of the nearest event.
    Where there is no event, nothing is added.

    Parameters
    ----------
    events
        Of one channel of the recording.
    evidence
        Of that channel.
    least_score
        Shots of a lower score are not added.
    """
    onsets = np.array([GABOR_GRID.frame_at(one.first_sample, recording.rate_hz) for one in events], np.int64)
    whole = list(events)
    for first_frame, log_odds in _stretches(evidence, onsets):
        firing = best_firing(log_odds, GABOR_GRID.hop_s, _RULES)
        whole = _merged(whole, onsets, firing, first_frame, recording, least_score)
    return sorted(whole, key=lambda one: (one.first_sample, one.end_sample))


def _stretches(evidence: Evidence, onsets: Places) -> Iterator[tuple[int, Floats]]:
    """First frame and log odds of stretches that hold an event, so far apart that no sequence spans two."""
    heard = np.flatnonzero(evidence.log_odds > 0)
    apart = _RULES.pause_s[1] / GABOR_GRID.hop_s
    for part in np.split(heard, np.flatnonzero(np.diff(evidence.frame[heard]) > apart) + 1):
        if not len(part):
            continue
        rows = slice(part[0], part[-1] + 1)
        frames = evidence.frame[rows]
        if ((onsets >= frames[0] - _SAME) & (onsets <= frames[-1] + _SAME)).any():
            log_odds = np.full(frames[-1] - frames[0] + 1, LEAST_LOG_ODDS, np.float32)
            log_odds[frames - frames[0]] = evidence.log_odds[rows]
            yield int(frames[0]), log_odds


def _merged(
    events: list[Event], onsets: Places, firing: Firing, first_frame: int, recording: Recording, least: float
) -> list[Event]:
    """Events, with those that are shots of a sequence moved to their onsets and the sequence's others added."""
    frames = firing.frames + first_frame
    taken = _paired(onsets, frames)
    if not taken:
        return events
    best = max(events[event].score for event in taken.values())
    merged = list(events)
    for shot, frame in enumerate(frames.tolist()):
        sample = GABOR_GRID.centre_sample(frame, recording.rate_hz)
        score = round(best / (1 + math.exp(-firing.gains[shot])), 4)
        if shot in taken:
            found = events[taken[shot]]
            merged[taken[shot]] = replace(_moved(found, sample), score=max(found.score, score))
        elif score >= least:
            nearest = min(taken, key=lambda other: abs(frames[other] - frame))
            merged.append(replace(_moved(events[taken[nearest]], sample), score=score))
    return merged


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
