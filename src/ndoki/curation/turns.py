"""By turns from scores to onsets and back, until nothing changes.

Which candidates are shots depends on the others: on what they sound like and on the rhythm that they keep.
Where one begins depends on which of its neighbours are shots.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ndoki.core.types import Event
from ndoki.curation.fired import Fired
from ndoki.curation.onset_estimate import BIN_SAMPLES, RATE_HZ, Pick, Stretch, likeness, pick_onset
from ndoki.curation.plausibility import ALONE, Cues, Weights, plausibility, rhythm
from ndoki.curation.windows import Window
from ndoki.evaluation.match import Pairs, match_closest

__all__ = ["ONE_SHOT_S", "Judged", "by_turns", "which_windows"]

ONE_SHOT_S = 0.04
"""Two candidates that begin within this are the same."""

_MOST_TURNS = 6
_ALIKE_S = 6.0
_N_ALIKE = 8
_FOLLOWS_S = 0.6
_FIRED = 0.5
"""At first, what a gun fired with this chance is likely."""

Doubles = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """Candidates after the last turn, in order of the detector's onset: columns of equal length.

    Attributes
    ----------
    events
        As the detector found them, and those of `ndoki.curation.fired.unfound`.
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
    stretches: Sequence[Stretch],
    fired: Fired,
    weights: Weights,
    least: float,
) -> Judged:
    """Judge where candidates begin and which are shots, until the likely shots stay the same.

    Parameters
    ----------
    events
        Candidates, in order of onset, at least one.
    windows
        Of the labels. Of equal ones only the first counts: a row that stands twice means one shot.
    stretches
        The surroundings of each candidate.
    fired
        What a gun could have fired there.
    weights, least
        Of the cues, and from which probability on a candidate is a likely shot.
    """
    rate_hz, inside = events[0].recording.rate_hz, which_windows(events, windows)
    nothing = np.zeros(len(events))
    event_s = np.array([event.first_sample for event in events]) / rate_hz
    cues = Cues(
        score=np.array([event.score for event in events]),
        evidence=nothing + 10.0,
        likeness=nothing + ALONE,
        rhythm=nothing,
        fired=fired.chances(event_s),
        log_odds=fired.log_odds(event_s),
        between=fired.between(event_s).astype(np.float64),
        follows=nothing,
        is_meant=nothing,
    )
    cues, label = _meant(cues, inside, weights)
    probability = plausibility(cues, weights)
    # A burst of which the detector heard little has no rhythm yet that would make its rounds likely.
    likely = (probability >= least) | (cues.fired >= _FIRED)
    same_s = fired.same(event_s)
    for _ in range(_MOST_TURNS):
        picks = _picks(stretches, likely, same_s)
        onset_samples = np.array([pick.sample(rate_hz) for pick in picks], np.int64)
        onset_s = onset_samples / rate_hz
        cues = _cues(stretches, picks, onset_s, cues.score, likely, fired)
        cues, label = _meant(cues, inside, weights)
        probability = plausibility(cues, weights)
        were_likely, likely = likely, probability >= least
        if (were_likely == likely).all():
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


def which_windows(events: Sequence[Event], windows: Sequence[Window]) -> Booleans:
    """Whether each event lies in each window, shape (n, n_windows); of equal windows only in the first."""
    inside = np.array([[window.holds(event.first_sample) for window in windows] for event in events])
    return np.asarray(inside & _differ(windows), np.bool_)


def _differ(windows: Sequence[Window]) -> Booleans:
    """Whether each window is the first of its extent."""
    seen: set[tuple[int, int]] = set()
    first = []
    for window in windows:
        extent = (window.first_sample, window.end_sample)
        first.append(extent not in seen)
        seen.add(extent)
    return np.array(first, np.bool_)


def _picks(stretches: Sequence[Stretch], likely: Booleans, same_s: Doubles) -> list[Pick]:
    """Local estimates, each between the likely shots next to it, near where the second hearing placed it."""
    is_again = np.isfinite(same_s)
    near = [
        round(again_s * RATE_HZ / BIN_SAMPLES) if is_one else stretch.at_bin
        for stretch, again_s, is_one in zip(stretches, same_s.tolist(), is_again.tolist(), strict=True)
    ]
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
        pick_onset(stretch, at, previous_bin, next_bin, is_heard_again=is_one)
        for stretch, at, previous_bin, next_bin, is_one in zip(
            stretches, near, before, reversed(behind), is_again.tolist(), strict=True
        )
    ]


def _cues(
    stretches: Sequence[Stretch],
    picks: Sequence[Pick],
    onset_s: Doubles,
    score: Doubles,
    likely: Booleans,
    fired: Fired,
) -> Cues:
    """Cues of a turn, but for the labels."""
    order = np.argsort(onset_s, kind="stable")
    in_time = np.empty(len(onset_s))
    in_time[order] = rhythm(onset_s[order], likely[order])
    likely_s = np.sort(onset_s[likely])
    n_before = np.searchsorted(likely_s, onset_s - ONE_SHOT_S) - np.searchsorted(
        likely_s, onset_s - _FOLLOWS_S
    )
    return Cues(
        score=score,
        evidence=np.array([pick.evidence for pick in picks]),
        likeness=_likenesses(stretches, picks, onset_s, score, likely),
        rhythm=in_time,
        fired=fired.chances(onset_s),
        log_odds=fired.log_odds(onset_s),
        between=fired.between(onset_s).astype(np.float64),
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
