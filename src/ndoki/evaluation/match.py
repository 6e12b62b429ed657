"""Which event answers for which shot: one event for one shot, as many shots as possible.

Two rules say which event *may* answer for which shot: its onset lies within a collar of the true one
(`onset_pairs`), or its box overlaps the true box enough (`ndoki.evaluation.overlap`). From the pairs follow

* `match_best_first`: for every threshold at once, how many shots are found at most;
* `match_closest`: at one threshold, the closest among all largest matchings, for onset errors.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ndoki.core.errors import ConfigError
from ndoki.evaluation.columns import Detections, Doubles, Integers, Truths, joined, rows_by_recording

__all__ = [
    "COLLAR_S",
    "ROUNDING_S",
    "Matches",
    "Pairs",
    "match_best_first",
    "match_closest",
    "match_onsets",
    "onset_pairs",
]

COLLAR_S = 0.3
"""An event finds a shot when its onset lies within this of the true one, in seconds."""

ROUNDING_S = 1e-6
"""A limit missed by less than this counts as kept. Onsets are samples divided by a rate, so 10.3 − 10.0
is a little more than 0.3; a microsecond is far less than a sample, so that rounding never decides."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """Who may answer for whom: columns of equal length.

    Attributes
    ----------
    event, truth
        int64, row of the event and row of the shot.
    cost
        float64 ≥ 0, how badly they fit: distance of the onsets in seconds, or 1 − overlap.
    n_events, n_truths
        How many rows there are on either side.
    """

    event: Integers
    truth: Integers
    cost: Doubles
    n_events: int
    n_truths: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Matches:
    """The outcome of matching for all thresholds at once.

    Attributes
    ----------
    truth_of_event
        int64, shape (n_events,): the shot that an event answers for when all events are reported; −1 for
        a wrong event. Which events are right does not depend on the threshold, only on who scores higher.
    found_score
        float64, shape (n_truths,): the highest threshold at which the shot is found; −inf if never.
    """

    truth_of_event: Integers
    found_score: Doubles


def onset_pairs(detections: Detections, truths: Truths, collar_s: float = COLLAR_S) -> Pairs:
    """Pair all events and shots of one recording whose onsets lie within ``collar_s`` of each other.

    Raises
    ------
    ConfigError
        If the collar is negative or not finite.
    """
    if not 0 <= collar_s < np.inf:
        raise ConfigError(f"collar of {collar_s} s: expected a finite number of seconds, 0 or more")
    reach_s = collar_s + ROUNDING_S
    events, shots = [], []
    for event, in_recording in rows_by_recording(detections.recording, truths.recording):
        truth = in_recording[np.argsort(truths.onset_s[in_recording], kind="stable")]
        onsets_s, true_onsets_s = detections.onset_s[event], truths.onset_s[truth]
        # A little wider than the collar, compared exactly below: a sum may round otherwise than a difference.
        first = np.searchsorted(true_onsets_s, onsets_s - reach_s - ROUNDING_S, "left")
        end = np.searchsorted(true_onsets_s, onsets_s + reach_s + ROUNDING_S, "right")
        n_near = end - first
        before = np.repeat(np.cumsum(n_near) - n_near, n_near)
        events.append(np.repeat(event, n_near))
        shots.append(truth[np.arange(n_near.sum()) - before + np.repeat(first, n_near)])
    event, truth = joined(events), joined(shots)
    gap_s = np.abs(detections.onset_s[event] - truths.onset_s[truth])
    keep = gap_s <= reach_s
    return Pairs(
        event=event[keep],
        truth=truth[keep],
        cost=gap_s[keep],
        n_events=len(detections),
        n_truths=len(truths),
    )


def match_best_first(pairs: Pairs, scores: npt.NDArray[np.floating[Any]]) -> Matches:
    """Match greedily by score, which is a largest matching at every threshold at once.

    Events are taken from the highest score down. An event is right if the matching can grow by one shot
    with it, where earlier events may change their shot but never lose it. The sets of events that can be
    matched together form a transversal matroid, so this greedy choice is as large as any among the events
    of score ≥ t, for every t [1]_. Hence the number of shots found at t is the number of right events of
    score ≥ t, and it never falls as t is lowered.

    Parameters
    ----------
    pairs
        Who may answer for whom.
    scores
        Shape (n_events,).

    References
    ----------
    .. [1] J. Edmonds and D. R. Fulkerson, "Transversals and matroid partition", J. Res. Natl. Bur. Stand.
       69B (1965), 147-153; the greedy algorithm: J. Edmonds, Math. Programming 1 (1971), 127-136.
    """
    truth_of_event = np.full(pairs.n_events, -1, np.int64)
    event_of_truth = np.full(pairs.n_truths, -1, np.int64)
    found_score = np.full(pairs.n_truths, -np.inf)
    shots_near = _neighbours(pairs, scores)
    for event in shots_near:
        truth = _grow(event, shots_near, truth_of_event, event_of_truth)
        if truth >= 0:
            found_score[truth] = scores[event]
    return Matches(truth_of_event=truth_of_event, found_score=found_score)


def match_closest(pairs: Pairs) -> tuple[Integers, Integers]:
    """Find the largest matching that has the smallest total cost.

    Returns
    -------
    event, truth
        int64, equally long: row of each right event, in rising order, and row of the shot it answers for.
    """
    if not len(pairs.event):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    n_nodes = pairs.n_events + pairs.n_truths
    links = coo_array(
        (np.ones(len(pairs.event)), (pairs.event, pairs.truth + pairs.n_events)), (n_nodes, n_nodes)
    )
    component = connected_components(links, directed=False)[1][pairs.event]
    order = np.argsort(component, kind="stable")
    borders = np.flatnonzero(np.diff(component[order])) + 1
    matched = [_closest(pairs, part) for part in np.split(order, borders)]
    event, truth = (np.concatenate(side) for side in zip(*matched, strict=True))
    order = np.argsort(event)
    return event[order], truth[order]


def match_onsets(
    event_onsets_s: Doubles, truth_onsets_s: Doubles, collar_s: float = COLLAR_S
) -> tuple[Integers, Integers]:
    """Match the onsets of one recording: as many pairs as possible, then as close as possible.

    Parameters
    ----------
    event_onsets_s, truth_onsets_s
        float64, seconds, shapes (n,) and (m,), in any order.
    collar_s
        Largest distance within a pair.

    Returns
    -------
    event, truth
        int64, equally long: index of each matched event, in rising order, and of the shot it answers for.
    """
    detections = Detections(
        recording=np.zeros(len(event_onsets_s), np.int64),
        onset_s=event_onsets_s,
        score=np.ones(len(event_onsets_s)),
    )
    truths = Truths(recording=np.zeros(len(truth_onsets_s), np.int64), onset_s=truth_onsets_s)
    return match_closest(onset_pairs(detections, truths, collar_s))


def _neighbours(pairs: Pairs, scores: npt.NDArray[np.floating[Any]]) -> dict[int, list[int]]:
    """Shots that each event may answer for, best fit first; events from the highest score down."""
    order = np.lexsort((pairs.cost, pairs.event, -np.asarray(scores, np.float64)[pairs.event]))
    shots_near: dict[int, list[int]] = {}
    for event, truth in zip(pairs.event[order].tolist(), pairs.truth[order].tolist(), strict=True):
        shots_near.setdefault(event, []).append(truth)
    return shots_near


def _grow(
    event: int, shots_near: dict[int, list[int]], truth_of_event: Integers, event_of_truth: Integers
) -> int:
    """Match one more event by a shortest augmenting path; return the shot newly found, −1 if none."""
    reached_from: dict[int, int] = {}
    queue = deque([event])
    while queue:
        here = queue.popleft()
        for truth in shots_near[here]:
            if truth in reached_from:
                continue
            reached_from[truth] = here
            if event_of_truth[truth] < 0:
                _hand_over(truth, reached_from, truth_of_event, event_of_truth)
                return truth
            queue.append(int(event_of_truth[truth]))
    return -1


def _hand_over(
    truth: int, reached_from: dict[int, int], truth_of_event: Integers, event_of_truth: Integers
) -> None:
    """Let every event on the path to a free shot take the next shot, from the free end backwards."""
    freed = truth
    while freed >= 0:
        event = reached_from[freed]
        previous = int(truth_of_event[event])
        truth_of_event[event], event_of_truth[freed] = freed, event
        freed = previous


def _closest(pairs: Pairs, part: npt.NDArray[np.intp]) -> tuple[Integers, Integers]:
    """Largest matching of least cost among the pairs ``part``, which share events or shots."""
    event, row = np.unique(pairs.event[part], return_inverse=True)
    truth, column = np.unique(pairs.truth[part], return_inverse=True)
    # One missed pair must cost more than any sum of distances that could be saved by missing it.
    missed = 1.0 + pairs.cost[part].sum()
    cost = np.full((len(event), len(truth)), missed)
    cost[row, column] = pairs.cost[part]
    rows, columns = linear_sum_assignment(cost)
    real = cost[rows, columns] < missed
    return event[rows[real]], truth[columns[real]]
