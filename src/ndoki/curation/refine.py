"""Loose labels → the exact onset of every shot.

A detector says where shots may be, and a second hearing which others a gun could have fired. Near each of
these candidates the sound itself says where it begins. Both are judged by turns, see `ndoki.curation.turns`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress

import numpy as np
import numpy.typing as npt

from ndoki.audio.reader import Samples
from ndoki.core.types import Event, Recording
from ndoki.curation.fired import fired_near, likely_at_first, unfound
from ndoki.curation.onset_estimate import listen
from ndoki.curation.plausibility import Weights
from ndoki.curation.turns import ONE_SHOT_S, Judged, by_turns, which_windows
from ndoki.curation.windows import Window, find_candidates
from ndoki.detectors.protocol import Detector

__all__ = ["Candidate", "RefineRules", "refine_channel"]

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefineRules:
    """What counts as a shot.

    Parameters
    ----------
    least
        A candidate of this probability is taken for a shot. One for each label always is, since the label
        says that there is one.
    beyond_s
        Behind a window, likely shots are followed for so long …
    series_gap_s
        … while they follow each other within so much, and have a probability of one half.
    weights
        Of the cues.
    """

    least: float = 0.3
    beyond_s: float = 6.0
    series_gap_s: float = 4.0
    weights: Weights = field(default_factory=Weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Something that may be a shot.

    Attributes
    ----------
    event
        As the detector found it.
    first_sample
        Refined onset.
    evidence, spread_s
        Of the local estimate, see `ndoki.curation.onset_estimate.Pick`.
    likeness, rhythm, fired, log_odds, between, follows
        See `ndoki.curation.plausibility.Cues`.
    meant_by
        Index of the window whose label is taken to mean it; None for a further shot.
    confidence
        Probability that it is a shot, placed within 30 ms.
    is_shot
        Whether it is taken for one.
    windows
        Indices of those that it lies in; none for one that follows behind a window.
    """

    event: Event
    first_sample: int
    evidence: float
    spread_s: float
    likeness: float
    rhythm: float
    fired: float
    log_odds: float
    between: bool
    follows: bool
    meant_by: int | None
    confidence: float
    is_shot: bool
    windows: tuple[int, ...]


def refine_channel(
    samples: Samples,
    recording: Recording,
    channel: int,
    windows: Sequence[Window],
    detector: Detector,
    rules: RefineRules,
) -> list[Candidate]:
    """Find and place the shots that the labels of one channel mean.

    Parameters
    ----------
    samples, recording
        The open file, and what it is.
    channel
        Counted from 0.
    windows
        Of its labels.
    detector
        Any whose scores are calibrated.
    rules
        What counts as a shot.

    Returns
    -------
    list of Candidate
        All of them, shots or not, in order of onset.

    Raises
    ------
    AudioError
        The sound cannot be read.
    """
    events = find_candidates(samples, recording, channel, windows, detector, beyond_s=rules.beyond_s)
    if not events:
        return []

    likely = likely_at_first(events, which_windows(events, windows))
    fired = fired_near(samples, channel, list(compress(events, likely)))
    events = sorted([*events, *unfound(fired, events)], key=lambda event: event.first_sample)
    stretches = [listen(samples, channel, event.first_sample) for event in events]
    judged = by_turns(events, windows, stretches, fired, rules.weights, rules.least)
    is_shot = _shots(judged, rules)
    order = np.lexsort((judged.cues.score, judged.onset_samples)).tolist()
    return [_candidate(judged, i, bool(is_shot[i])) for i in order]


def _candidate(judged: Judged, i: int, is_shot: bool) -> Candidate:
    return Candidate(
        event=judged.events[i],
        first_sample=int(judged.onset_samples[i]),
        evidence=judged.picks[i].evidence,
        spread_s=judged.picks[i].spread_s,
        likeness=float(judged.cues.likeness[i]),
        rhythm=float(judged.cues.rhythm[i]),
        fired=float(judged.cues.fired[i]),
        log_odds=float(judged.cues.log_odds[i]),
        between=bool(judged.cues.between[i]),
        follows=bool(judged.cues.follows[i]),
        meant_by=None if judged.label[i] < 0 else int(judged.label[i]),
        confidence=float(judged.probability[i]),
        is_shot=is_shot,
        windows=tuple(np.flatnonzero(judged.inside[i]).tolist()),
    )


def _shots(judged: Judged, rules: RefineRules) -> Booleans:
    """Which candidates are taken for shots."""
    probability, onset_s = judged.probability, judged.onset_s
    labelled: Booleans = np.asarray(judged.inside.any(axis=1), np.bool_)
    shot: Booleans = np.asarray((labelled & (probability >= rules.least)) | (judged.label >= 0), np.bool_)
    for i in np.argsort(onset_s, kind="stable").tolist():
        gap_s = onset_s[i] - onset_s[shot & (onset_s < onset_s[i])]
        if not labelled[i] and probability[i] >= max(rules.least, 0.5) and len(gap_s):
            shot[i] = gap_s.min() <= rules.series_gap_s
    return _once(shot, judged)


def _once(shot: Booleans, judged: Judged) -> Booleans:
    """Of those that were placed on one onset, only the most probable."""
    kept = np.array(shot)
    taken: list[float] = []
    for i in np.argsort(-judged.probability, kind="stable").tolist():
        if kept[i]:
            kept[i] = all(abs(judged.onset_s[i] - other) >= ONE_SHOT_S for other in taken)
            if kept[i]:
                taken.append(float(judged.onset_s[i]))
    return kept
