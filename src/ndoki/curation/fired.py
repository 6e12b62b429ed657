"""What a gun could have fired around likely shots: more candidates, and what the second hearing says of all.

Behind the first shots of a burst the forest's echo hides the next ones, and a detector finds some of them,
or the swell between two. The second hearing (`ndoki.firing`) tells where something new begins, and which
sequence of shots explains that best. It is asked as by ``ndoki detect``, but what the detector does not score
counts like what it does: a label says that there are shots.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from ndoki.audio.reader import Samples
from ndoki.core.types import Event, Evidence
from ndoki.features.gabor import GABOR_GRID
from ndoki.firing.complete import HEARD_SCORE, Scored, firings
from ndoki.firing.model import load_shot_model
from ndoki.firing.near import Listener, evidence_near
from ndoki.firing.sequence import LEAST_LOG_ODDS

__all__ = ["Fired", "fired_near", "likely_at_first", "unfound"]

_WITHIN_S = 0.03
"""As far as an onset may be placed off its shot."""
_REACH_FRAMES = 4
_MOST_LOG_ODDS = 8.0
"""More evidence says no more, or a single cue would outweigh all others."""
_TELLS_S = 0.032
"""So far from it a candidate's score tells of a shot: candidates are peaks, further apart than frames."""
_FOUND_S = 0.02
"""A candidate so close to a shot is it."""
_MOST_INTERVAL_S = 0.16
"""Between rounds of automatic fire; a longer gap is a pause between bursts."""

Doubles = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fired:
    """What a gun could have fired.

    Attributes
    ----------
    onset_s, chance
        Of the shots of the likeliest sequences, in order of onset, in seconds from the start of the file, and
        in [0, 1].
    is_regular
        Whether each is one of a mechanism's.
    evidence
        Of the seconds that were listened to again.
    """

    onset_s: Doubles
    chance: Doubles
    is_regular: Booleans
    evidence: Evidence

    def chances(self, onset_s: Doubles) -> Doubles:
        """Of each of some onsets the chance of the shot of a sequence within 30 ms; 0 where there is none."""
        if not len(self.onset_s):
            return np.zeros(len(onset_s))
        away = np.abs(onset_s[:, None] - self.onset_s)
        nearest = away.argmin(axis=1)
        return np.where(away.min(axis=1) <= _WITHIN_S, self.chance[nearest], 0.0)

    def same(self, onset_s: Doubles) -> Doubles:
        """Of each of some onsets, in s, that of the shot of a sequence within 20 ms; NaN without one."""
        if not len(self.onset_s):
            return np.full(len(onset_s), np.nan)
        away = np.abs(onset_s[:, None] - self.onset_s)
        return np.where(away.min(axis=1) <= _FOUND_S, self.onset_s[away.argmin(axis=1)], np.nan)

    def between(self, onset_s: Doubles) -> Booleans:
        """Which onsets lie between two rounds of automatic fire, more than 20 ms from both.

        A mechanism fires none there, but there are echoes.
        """
        regular_s = self.onset_s[self.is_regular]
        if len(regular_s) < 2:
            return np.zeros(len(onset_s), np.bool_)
        behind = np.clip(np.searchsorted(regular_s, onset_s), 1, len(regular_s) - 1)
        first_s, next_s = regular_s[behind - 1], regular_s[behind]
        is_apart = np.minimum(onset_s - first_s, next_s - onset_s) > _FOUND_S
        return np.asarray(is_apart & (next_s - first_s <= _MOST_INTERVAL_S))

    def log_odds(self, onset_s: Doubles) -> Doubles:
        """Of each of some onsets the most evidence within 16 ms, in [−3, 8]; −3 where there is hardly any."""
        rate_hz = GABOR_GRID.rate_hz
        at = np.array([GABOR_GRID.frame_at(round(one * rate_hz), rate_hz) for one in onset_s], np.int64)
        first = np.searchsorted(self.evidence.frame, at - _REACH_FRAMES)
        end = np.searchsorted(self.evidence.frame, at + _REACH_FRAMES, side="right")
        most = [
            self.evidence.log_odds[one:other].max(initial=LEAST_LOG_ODDS)
            for one, other in zip(first.tolist(), end.tolist(), strict=True)
        ]
        return np.minimum(np.array(most, np.float64), _MOST_LOG_ODDS)


def likely_at_first(events: Sequence[Event], inside: Booleans) -> Booleans:
    """Which candidates are worth listening around: those that a detector hears, and the best of each window.

    Parameters
    ----------
    events
        At least one.
    inside
        Whether each lies in each window, shape (n, n_windows).
    """
    score = np.array([event.score for event in events])
    best = np.where(inside, score[:, None], -1.0).max(axis=0, initial=0.0)
    return np.asarray((score >= HEARD_SCORE) | (inside & (score[:, None] >= best)).any(axis=1))


def fired_near(samples: Samples, channel: int, likely: Sequence[Event]) -> Fired:
    """Listen again around some events, in order of onset.

    Raises
    ------
    AudioError
        The sound cannot be read.
    """
    header, rate_hz = samples.header, GABOR_GRID.rate_hz
    places = [round(event.first_sample * rate_hz / header.rate_hz) for event in likely]
    listener = Listener(samples, header.n_samples, header.rate_hz, channel)
    evidence = evidence_near(listener, load_shot_model(), places)
    onsets = np.array([GABOR_GRID.frame_at(place, rate_hz) for place in places], np.int64)
    score = np.array([event.score for event in likely], np.float64)
    is_heard = score >= HEARD_SCORE
    scored = Scored(frames=onsets[is_heard], scores=score[is_heard], reach_s=_TELLS_S)
    shots = [
        (
            GABOR_GRID.centre_sample(first_frame + int(frame), rate_hz) / rate_hz,
            float(gain),
            firing.interval_s is not None,
        )
        for first_frame, firing in firings(evidence, onsets, scored, doubts_unheard=False)
        for frame, gain in zip(firing.frames, firing.gains, strict=True)
    ]
    onset_s, gains, is_regular = np.array(sorted(shots), np.float64).reshape(-1, 3).T
    return Fired(
        onset_s=onset_s, chance=np.asarray(expit(gains)), is_regular=is_regular > 0, evidence=evidence
    )


def unfound(fired: Fired, events: Sequence[Event]) -> list[Event]:
    """Candidates for the shots of sequences that lie more than 20 ms from all that there are.

    They have the shape of the nearest one, at least one of which there is, and score 0.
    """
    rate_hz, n_samples = events[0].recording.rate_hz, events[0].recording.n_samples
    event_s = np.array([event.first_sample for event in events]) / rate_hz
    found = []
    for onset_s in fired.onset_s.tolist():
        away = np.abs(event_s - onset_s)
        at = round(onset_s * rate_hz)
        if away.min() <= _FOUND_S or not 0 <= at < n_samples:
            continue
        like = events[int(np.argmin(away))]
        end = min(at + like.end_sample - like.first_sample, n_samples)
        found.append(replace(like, first_sample=at, peak_sample=at, end_sample=end, score=0.0))
    return found
