"""By turns from scores to onsets and back, until nothing changes.

Which candidates are shots depends on the others: on what they sound like and on the beat that they keep.
Where one begins depends on which of its neighbours are shots.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ndoki.core.types import Event
from ndoki.curation.beat import Beat, find_beats
from ndoki.curation.onset_estimate import Pick, Stretch, likeness, pick_onset
from ndoki.curation.plausibility import ALONE, Cues, Weights, plausibility, rhythm
from ndoki.curation.windows import Window
from ndoki.evaluation.match import Pairs, match_closest

__all__ = ["ONE_SHOT_S", "Judged", "by_turns"]

ONE_SHOT_S = 0.04
"""Two candidates that begin within this are the same."""

_MOST_TURNS = 6
_ALIKE_S = 6.0
_N_ALIKE = 8
_FOLLOWS_S = 0.6

Doubles = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """Candidates after the last turn, in order of the detector's onset: columns of equal length.

    Attributes
    ----------
    events
        As the detector found them; those put on a beat have their neighbour's shape and score 0.
    picks
        Local onset estimates.
    onset_samples, onset_s
        The same as samples of the file, and in seconds.
    inside
        Whether each lies in each window, shape (n, n_windows).
    cues
        What is known of each.
    label
        int64: index of the window whose label is taken to mean it; −1 for none.
    probability
        That it is a shot, placed within 30 ms.
    """

    events: tuple[Event, ...]
    picks: tuple[Pick, ...]
    onset_samples: Integers
    onset_s: Doubles
    inside: Booleans
    cues: Cues
    label: Integers
    probability: Doubles


def by_turns(
    events: Sequence[Event],
    windows: Sequence[Window],
    listen: Callable[[int], Stretch],
    rate_hz: int,
    weights: Weights,
    least: float,
) -> Judged:
    """Judge where candidates begin and which are shots; once more with those that their beats call for.

    Parameters
    ----------
    events
        Candidates, in order of onset, at least one.
    windows
        Of the labels. Of equal ones only the first counts: a row that stands twice means one shot.
    listen
        Gives the surroundings of a sample.
    rate_hz
        Of the file.
    weights, least
        Of the cues, and from which probability on a candidate is a likely shot.
    """
    heard = {event.first_sample: listen(event.first_sample) for event in events}
    judged = _settled(events, windows, heard, rate_hz, weights, least)
    likely = judged.probability >= least
    beats = _beats(judged.onset_s, judged.probability, likely)
    missing = _missing(judged, beats, rate_hz, likely)
    if not missing:
        return judged
    heard |= {event.first_sample: listen(event.first_sample) for event in missing}
    together = sorted([*events, *missing], key=lambda event: event.first_sample)
    return _settled(together, windows, heard, rate_hz, weights, least, beats)


def _missing(judged: Judged, beats: Sequence[Beat], rate_hz: int, likely: Booleans) -> list[Event]:
    """Events for beats on which nothing likely lies, in the shape of their nearest neighbour."""
    taken = {event.first_sample for event in judged.events}
    found = []
    for beat in beats:
        for tooth_s in beat.empty(judged.onset_s[likely]):
            like = judged.events[int(np.argmin(np.where(likely, np.abs(judged.onset_s - tooth_s), np.inf)))]
            at = round(float(tooth_s) * rate_hz)
            length = like.end_sample - like.first_sample
            if 0 <= at < like.recording.n_samples and at not in taken:
                end = min(at + length, like.recording.n_samples)
                found.append(replace(like, first_sample=at, peak_sample=at, end_sample=end, score=0.0))
                taken.add(at)
    return found


def _beats(onset_s: Doubles, probability: Doubles, likely: Booleans) -> list[Beat]:
    order = np.flatnonzero(likely)
    order = order[np.argsort(onset_s[order], kind="stable")]
    return find_beats(onset_s[order], probability[order])


def _settled(
    events: Sequence[Event],
    windows: Sequence[Window],
    heard: dict[int, Stretch],
    rate_hz: int,
    weights: Weights,
    least: float,
    beats: Sequence[Beat] | None = None,
) -> Judged:
    """Turns until the likely shots stay the same; with the beats that are given, or found in every turn."""
    stretches = [heard[event.first_sample] for event in events]
    inside = np.array([[window.holds(event.first_sample) for window in windows] for event in events])
    inside &= _differ(windows)
    nothing = np.zeros(len(events))
    cues = Cues(
        score=np.array([event.score for event in events]),
        evidence=nothing + 10.0,
        likeness=nothing + ALONE,
        rhythm=nothing,
        beat=nothing,
        follows=nothing,
        is_meant=nothing,
    )
    cues, label = _meant(cues, inside, weights)
    probability = plausibility(cues, weights)
    for _ in range(_MOST_TURNS):
        likely = probability >= least
        picks = _picks(stretches, likely)
        onset_samples = np.array([pick.sample(rate_hz) for pick in picks], np.int64)
        onset_s = onset_samples / rate_hz
        in_time = _beats(onset_s, probability, likely) if beats is None else beats
        cues = _cues(stretches, picks, onset_s, cues.score, likely, in_time)
        cues, label = _meant(cues, inside, weights)
        probability = plausibility(cues, weights)
        if ((probability >= least) == likely).all():
            break
    return Judged(
        events=tuple(events),
        picks=tuple(picks),
        onset_samples=onset_samples,
        onset_s=onset_samples / rate_hz,
        inside=inside,
        cues=cues,
        label=label,
        probability=probability,
    )


def _differ(windows: Sequence[Window]) -> Booleans:
    """Whether each window is the first of its extent."""
    seen: set[tuple[int, int]] = set()
    first = []
    for window in windows:
        extent = (window.first_sample, window.end_sample)
        first.append(extent not in seen)
        seen.add(extent)
    return np.array(first, np.bool_)


def _picks(stretches: Sequence[Stretch], likely: Booleans) -> list[Pick]:
    """Local estimates, each between the likely shots next to it."""
    near = [stretch.at_bin for stretch in stretches]
    before: list[int | None] = []
    behind: list[int | None] = []
    last: int | None = None
    for at, is_one in zip(near, likely.tolist(), strict=True):
        before.append(last)
        last = at if is_one else last
    last = None
    for at, is_one in zip(reversed(near), reversed(likely.tolist()), strict=True):
        behind.append(last)
        last = at if is_one else last
    return [
        pick_onset(stretch, at, previous_bin, next_bin)
        for stretch, at, previous_bin, next_bin in zip(stretches, near, before, reversed(behind), strict=True)
    ]


def _cues(
    stretches: Sequence[Stretch],
    picks: Sequence[Pick],
    onset_s: Doubles,
    score: Doubles,
    likely: Booleans,
    beats: Sequence[Beat],
) -> Cues:
    """Cues of a turn, but for the labels."""
    order = np.argsort(onset_s, kind="stable")
    in_time = np.empty(len(onset_s))
    in_time[order] = rhythm(onset_s[order], likely[order])
    beat = np.zeros(len(onset_s))
    for one in beats:
        beat[np.array([one.is_on(at) for at in onset_s.tolist()])] = one.unity
    likely_s = np.sort(onset_s[likely])
    n_before = np.searchsorted(likely_s, onset_s - ONE_SHOT_S) - np.searchsorted(
        likely_s, onset_s - _FOLLOWS_S
    )
    return Cues(
        score=score,
        evidence=np.array([pick.evidence for pick in picks]),
        likeness=_likenesses(stretches, picks, onset_s, score, likely),
        rhythm=in_time,
        beat=beat,
        follows=(n_before > 0).astype(np.float64),
        is_meant=np.zeros(len(onset_s)),
    )


def _likenesses(
    stretches: Sequence[Stretch], picks: Sequence[Pick], onset_s: Doubles, score: Doubles, likely: Booleans
) -> Doubles:
    """Likeness of each to the likely shot of higher score around it that it resembles most."""
    result = np.full(len(stretches), ALONE)
    for i, own in enumerate(stretches):
        away = np.abs(onset_s - onset_s[i])
        models = np.flatnonzero((away <= _ALIKE_S) & (away > ONE_SHOT_S) & likely & (score >= score[i]))
        models = models[np.argsort(-score[models], kind="stable")][:_N_ALIKE]
        found = [likeness(own, picks[i].bin, stretches[j], picks[j].bin) for j in models.tolist()]
        result[i] = max(found, default=ALONE)
    return result


def _meant(cues: Cues, inside: Booleans, weights: Weights) -> tuple[Cues, Integers]:
    """Which label means which candidate (−1: none): each another one, as many as can be, the likeliest.

    The sum of the log probabilities is the greatest among all ways in which most labels get a candidate.
    """
    free = replace(cues, is_meant=np.zeros(len(cues.score)))
    candidate, label = np.nonzero(inside)
    pairs = Pairs(
        event=candidate,
        truth=label,
        cost=-np.log(plausibility(free, weights))[candidate],
        n_events=inside.shape[0],
        n_truths=inside.shape[1],
    )
    candidate, label = match_closest(pairs)
    label_of = np.full(len(cues.score), -1, np.int64)
    label_of[candidate] = label
    return replace(cues, is_meant=(label_of >= 0).astype(np.float64)), label_of
