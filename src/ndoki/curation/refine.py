"""Loose labels → the exact onset of every shot, by turns from scores to onsets and back.

A detector says where shots may be. Near each of these candidates the sound itself says where it begins.
Which candidates are shots depends on the others: on what they sound like, and on the beat that they keep. Where one
begins depends on which of its neighbours are shots. So both are judged in turn until nothing changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ndoki.audio.reader import Samples
from ndoki.core.types import Event, Recording
from ndoki.curation.onset_estimate import Pick, Stretch, likeness, listen, pick_onset
from ndoki.curation.plausibility import Cues, Weights, plausibility, rhythm
from ndoki.curation.windows import Window, find_candidates
from ndoki.detectors.protocol import Detector

__all__ = ["Candidate", "RefineRules", "refine_channel"]

_MOST_TURNS = 6
_ALIKE_S = 6.0
_N_ALIKE = 8
_ONE_SHOT_S = 0.04

Doubles = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefineRules:
    """What counts as a shot.

    Parameters
    ----------
    least
        A candidate of this probability is taken for a shot. The best in a label's window always is, since the
        label says that there is one.
    beyond_s
        Behind a window, likely shots are followed for so long …
    series_gap_s
        … while they follow each other within so much.
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
    likeness, rhythm
        See `ndoki.curation.plausibility.Cues`.
    is_best
        Whether it scores highest in the window of a label.
    confidence
        Probability that it is a shot, placed within 30 ms.
    is_shot
        Whether it is taken for one.
    labels
        Windows that it lies in, as indices; none for one that follows behind a window.
    """

    event: Event
    first_sample: int
    evidence: float
    spread_s: float
    likeness: float
    rhythm: float
    is_best: bool
    confidence: float
    is_shot: bool
    labels: tuple[int, ...]


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
    heard = [listen(samples, channel, event.first_sample) for event in events]
    inside = np.array([[window.holds(event.first_sample) for window in windows] for event in events])
    judged = _by_turns(events, heard, _best(events, inside), recording.rate_hz, rules)
    is_shot = _shots(judged, inside, rules)
    order = np.lexsort((judged.score, judged.onset_samples))
    return [
        Candidate(
            event=events[i],
            first_sample=int(judged.onset_samples[i]),
            evidence=judged.picks[i].evidence,
            spread_s=judged.picks[i].spread_s,
            likeness=float(judged.cues.likeness[i]),
            rhythm=float(judged.cues.rhythm[i]),
            is_best=bool(judged.cues.is_best[i]),
            confidence=float(judged.probability[i]),
            is_shot=bool(is_shot[i]),
            labels=tuple(np.flatnonzero(inside[i]).tolist()),
        )
        for i in order
    ]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Judged:
    """The candidates after a turn."""

    picks: list[Pick]
    onset_samples: npt.NDArray[np.int64]
    onset_s: Doubles
    cues: Cues
    probability: Doubles

    @property
    def score(self) -> Doubles:
        return self.cues.score


def _best(events: Sequence[Event], inside: Booleans) -> Booleans:
    """Whether each has the highest score in some window."""
    score = np.array([event.score for event in events])
    best = np.zeros(len(events), np.bool_)
    for column in inside.T:
        if column.any():
            best[int(np.argmax(np.where(column, score, -1.0)))] = True
    return best


def _by_turns(
    events: Sequence[Event], heard: Sequence[Stretch], best: Booleans, rate_hz: int, rules: RefineRules
) -> _Judged:
    """Judge in turn where candidates begin and which of them are shots, until the latter stays."""
    nothing = np.zeros(len(events))
    score = np.array([event.score for event in events])
    cues = Cues(score=score, evidence=nothing + 10.0, likeness=nothing, rhythm=nothing, is_best=best * 1.0)
    likely = plausibility(cues, rules.weights) >= rules.least
    for _ in range(_MOST_TURNS):
        judged = _turn(events, heard, cues, likely, rate_hz, rules)
        now = judged.probability >= rules.least
        if (now == likely).all():
            break
        likely = now
    return judged


def _turn(
    events: Sequence[Event],
    heard: Sequence[Stretch],
    cues: Cues,
    likely: Booleans,
    rate_hz: int,
    rules: RefineRules,
) -> _Judged:
    near = [stretch.at_bin for stretch in heard]
    picks = []
    for i, stretch in enumerate(heard):
        before = [near[j] for j in range(i) if likely[j]][-1:]
        behind = [near[j] for j in range(i + 1, len(near)) if likely[j]][:1]
        picks.append(pick_onset(stretch, near[i], *(before or [None]), *(behind or [None])))
    onset_samples = np.array([pick.sample(rate_hz) for pick in picks], np.int64)
    onset_s = onset_samples / rate_hz
    cues = Cues(
        score=cues.score,
        evidence=np.array([pick.evidence for pick in picks]),
        likeness=_likenesses(heard, picks, onset_s, cues.score, likely),
        rhythm=_in_order(onset_s, likely),
        is_best=cues.is_best,
    )
    return _Judged(
        picks=picks,
        onset_samples=onset_samples,
        onset_s=onset_s,
        cues=cues,
        probability=plausibility(cues, rules.weights),
    )


def _in_order(onset_s: Doubles, likely: Booleans) -> Doubles:
    """`rhythm`, for onsets that may have changed places with their neighbours."""
    order = np.argsort(onset_s, kind="stable")
    result = np.empty(len(onset_s))
    result[order] = rhythm(onset_s[order], likely[order])
    return result


def _likenesses(
    heard: Sequence[Stretch], picks: Sequence[Pick], onset_s: Doubles, score: Doubles, likely: Booleans
) -> Doubles:
    """Likeness of each to the likely shot of higher score around it that it resembles most."""
    result = np.zeros(len(heard))
    for i, own in enumerate(heard):
        away = np.abs(onset_s - onset_s[i])
        near = (away <= _ALIKE_S) & (away > _ONE_SHOT_S) & likely & (score >= score[i])
        models = np.flatnonzero(near)
        models = models[np.argsort(-score[models], kind="stable")][:_N_ALIKE]
        found = [likeness(own, picks[i].bin, heard[j], picks[j].bin) for j in models.tolist()]
        result[i] = max(found, default=0.0)
    return result


def _shots(judged: _Judged, inside: Booleans, rules: RefineRules) -> Booleans:
    """Which candidates are taken for shots."""
    probability, onset_s = judged.probability, judged.onset_s
    labelled = inside.any(axis=1)
    shot = labelled & (probability >= rules.least)
    for column in inside.T:
        if column.any() and not (shot & column).any():
            shot[int(np.argmax(np.where(column, probability, -1.0)))] = True
    for i in np.argsort(onset_s, kind="stable").tolist():
        gap_s = onset_s[i] - onset_s[shot & (onset_s < onset_s[i])]
        if not labelled[i] and probability[i] >= max(rules.least, 0.5) and len(gap_s):
            shot[i] = gap_s.min() <= rules.series_gap_s
    return _once(shot, judged)


def _once(shot: Booleans, judged: _Judged) -> Booleans:
    """Of two that were placed on one onset, only the more probable."""
    kept = shot.copy()
    taken: list[float] = []
    for i in np.argsort(-judged.probability, kind="stable").tolist():
        if kept[i]:
            kept[i] = all(abs(judged.onset_s[i] - other) >= _ONE_SHOT_S for other in taken)
            if kept[i]:
                taken.append(float(judged.onset_s[i]))
    return kept
