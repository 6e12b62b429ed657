"""Laws of counting: what must hold for every scene."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from ndoki.evaluation.columns import Detections, Truths
from ndoki.evaluation.curves import Curve, operating_curve, recall_at
from ndoki.evaluation.false_alarms import false_alarms
from ndoki.evaluation.match import Pairs, match_best_first, match_closest, onset_pairs

HOURS = 1.5

rows = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3000), st.integers(1, 20)), max_size=25)
some_rows = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3000), st.integers(1, 20)), min_size=1, max_size=12
)


def _detections(scene: list[tuple[int, int, int]], shift_ms: int = 0) -> Detections:
    """Rows of recording, onset in ms, score in twentieths."""
    recording, onset_ms, score = np.array(scene, np.int64).reshape(-1, 3).T
    return Detections(recording=recording, onset_s=(onset_ms + shift_ms) / 1000, score=score / 20)


def _truths(scene: list[tuple[int, int, int]], shift_ms: int = 0) -> Truths:
    recording, onset_ms, _ = np.array(scene, np.int64).reshape(-1, 3).T
    return Truths(recording=recording, onset_s=(onset_ms + shift_ms) / 1000)


def _curve(
    events: list[tuple[int, int, int]],
    shots: list[tuple[int, int, int]],
    background: list[tuple[int, int, int]],
    shift_ms: int = 0,
) -> Curve:
    return operating_curve(
        _detections(events, shift_ms),
        _truths(shots, shift_ms),
        background=_detections(background, shift_ms),
        background_hours=HOURS,
    )


def _equal(first: Curve, second: Curve) -> bool:
    columns = [(curve.threshold, curve.n_found, curve.n_false) for curve in (first, second)]
    return all(np.array_equal(one, other) for one, other in zip(*columns, strict=True))


@given(rows, some_rows, rows)
def test_lowering_the_threshold_never_lowers_recall_nor_false_alarms(
    events: list[tuple[int, int, int]],
    shots: list[tuple[int, int, int]],
    background: list[tuple[int, int, int]],
) -> None:
    curve = _curve(events, shots, background)
    assert (np.diff(curve.threshold) < 0).all()
    assert (np.diff(curve.n_found) >= 0).all()
    assert (np.diff(curve.n_false) >= 0).all()
    assert curve.n_found[-1] <= min(len(events), len(shots))
    recalls = [recall_at(curve, rate).recall for rate in (0, 1, 2, 5, 10, 100)]
    assert recalls == sorted(recalls)
    for rate in (0.0, 1.0, 5.0):
        assert recall_at(curve, rate).false_alarms_per_hour <= rate


@given(rows, some_rows)
def test_matching_is_one_to_one_within_the_collar_and_maximum(
    events: list[tuple[int, int, int]], shots: list[tuple[int, int, int]]
) -> None:
    detections, truths = _detections(events), _truths(shots)
    pairs = onset_pairs(detections, truths)
    matches = match_best_first(pairs, detections.score)
    event = np.flatnonzero(matches.truth_of_event >= 0)
    truth = matches.truth_of_event[event]
    assert len(np.unique(truth)) == len(truth)
    assert (detections.recording[event] == truths.recording[truth]).all()
    assert (np.abs(detections.onset_s[event] - truths.onset_s[truth]) <= 0.3 + 1e-6).all()
    assert set(truth.tolist()) == set(np.flatnonzero(matches.found_score > -np.inf).tolist())
    for threshold in np.unique(detections.score):
        reported = detections.score[pairs.event] >= threshold
        links = csr_array(
            (np.ones(reported.sum()), (pairs.event[reported], pairs.truth[reported])),
            (len(events), len(shots)),
        )
        most = np.count_nonzero(maximum_bipartite_matching(links, perm_type="column") >= 0)
        assert np.count_nonzero(matches.found_score >= threshold) == most
        assert np.count_nonzero(detections.score[event] >= threshold) == most


@given(st.integers(1, 7), st.integers(1, 7), st.data())
def test_the_closest_matching_is_largest_and_cheapest(
    n_events: int, n_truths: int, data: st.DataObject
) -> None:
    cells = st.tuples(st.integers(0, n_events - 1), st.integers(0, n_truths - 1))
    cost = data.draw(st.dictionaries(cells, st.integers(0, 9), max_size=30))
    pairs = Pairs(
        event=np.array([event for event, _ in cost], np.int64),
        truth=np.array([truth for _, truth in cost], np.int64),
        cost=np.array(list(cost.values()), float),
        n_events=n_events,
        n_truths=n_truths,
    )
    event, truth = match_closest(pairs)
    assert len(set(event.tolist())) == len(set(truth.tolist())) == len(event)
    assert event.tolist() == sorted(event.tolist())
    chosen = sum(cost[cell] for cell in zip(event.tolist(), truth.tolist(), strict=True))
    table = np.full((n_events, n_truths), 1000)
    for (row, column), value in cost.items():
        table[row, column] = value
    least = table[linear_sum_assignment(table)]
    assert len(event) == np.count_nonzero(least < 1000)
    assert chosen == least[least < 1000].sum()


@given(some_rows, some_rows, rows)
def test_the_same_event_twice_finds_nothing_more(
    events: list[tuple[int, int, int]],
    shots: list[tuple[int, int, int]],
    background: list[tuple[int, int, int]],
) -> None:
    # A shot is a shot apart from others when no other lies within twice the collar.
    apart = [shot for shot in shots if all(other is shot or _far(shot, other) for other in shots)]
    for kept in (apart,) if apart else ():
        assert _equal(_curve(events, kept, background), _curve(events * 3, kept, background * 2))


def _far(first: tuple[int, int, int], second: tuple[int, int, int]) -> bool:
    return first[0] != second[0] or abs(first[1] - second[1]) > 601


@given(rows)
def test_the_same_report_twice_is_no_further_false_alarm(background: list[tuple[int, int, int]]) -> None:
    once, thrice = false_alarms(_detections(background)), false_alarms(_detections(background * 3))
    assert np.sort(once.score).tolist() == np.sort(thrice.score).tolist()


@given(rows, some_rows, rows, st.integers(0, 90_000_000))
def test_shifting_everything_changes_nothing(
    events: list[tuple[int, int, int]],
    shots: list[tuple[int, int, int]],
    background: list[tuple[int, int, int]],
    shift_ms: int,
) -> None:
    assert _equal(_curve(events, shots, background), _curve(events, shots, background, shift_ms))


@given(rows, some_rows, rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(
    events: list[tuple[int, int, int]],
    shots: list[tuple[int, int, int]],
    background: list[tuple[int, int, int]],
    random: object,
) -> None:
    shuffled = [random.sample(scene, len(scene)) for scene in (events, shots, background)]  # type: ignore[attr-defined]
    assert _equal(_curve(events, shots, background), _curve(*shuffled))


@given(rows)
def test_false_alarms_are_pairwise_a_second_apart_and_cover_every_report(
    scene: list[tuple[int, int, int]],
) -> None:
    background = _detections(scene)
    alarms = false_alarms(background)
    assert set(alarms.recording.tolist()) == set(background.recording.tolist())
    for key in set(background.recording.tolist()):
        onsets_s = np.sort(background.onset_s[background.recording == key])
        span_s = onsets_s[-1] - onsets_s[0]
        n = np.count_nonzero(alarms.recording == key)
        assert 1 <= n <= 1 + np.floor(span_s + 1e-6)
