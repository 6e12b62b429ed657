"""One event answers for one shot, by onset or by overlap; hand-made cases."""

import numpy as np
import pytest

from ndoki.core.errors import ConfigError, LabelError
from ndoki.evaluation.columns import Detections, Truths
from ndoki.evaluation.match import match_best_first, match_closest, match_onsets, onset_pairs
from ndoki.evaluation.overlap import overlap_pairs


def _detections(onsets_s: list[float], scores: list[float], recording: list[int] | None = None) -> Detections:
    keys = np.array(recording if recording is not None else [0] * len(onsets_s), np.int64)
    return Detections(recording=keys, onset_s=np.array(onsets_s, float), score=np.array(scores, float))


def _truths(onsets_s: list[float], recording: list[int] | None = None) -> Truths:
    keys = np.array(recording if recording is not None else [0] * len(onsets_s), np.int64)
    return Truths(recording=keys, onset_s=np.array(onsets_s, float))


def _boxes(rows: list[tuple[float, float, float, float]], scores: list[float]) -> tuple[Detections, Truths]:
    onset_s, end_s, low_hz, high_hz = np.array(rows, float).reshape(-1, 4).T
    keys = np.zeros(len(rows), np.int64)
    box = {"recording": keys, "onset_s": onset_s, "end_s": end_s, "low_hz": low_hz, "high_hz": high_hz}
    return Detections(score=np.array(scores, float), **box), Truths(**box)


@pytest.mark.parametrize(
    ("gap_s", "is_found"), [(0.0, True), (0.3, True), (-0.3, True), (0.3001, False), (-0.3001, False)]
)
@pytest.mark.parametrize("start_s", [0.0, 10.0, 86_399.7])
def test_the_collar_is_inclusive_wherever_the_shot_lies(start_s: float, gap_s: float, is_found: bool) -> None:
    event, truth = match_onsets(np.array([start_s + gap_s]), np.array([start_s]), 0.3)
    assert len(event) == len(truth) == is_found


def test_one_event_finds_one_shot() -> None:
    event, truth = match_onsets(np.array([5.0]), np.array([4.9, 5.1]), 0.3)
    assert (event.tolist(), len(truth)) == ([0], 1)


def test_two_events_on_one_shot_are_one_match() -> None:
    event, truth = match_onsets(np.array([5.2, 5.05]), np.array([5.0]), 0.3)
    assert (event.tolist(), truth.tolist()) == ([1], [0])


def test_as_many_as_possible_comes_before_as_close_as_possible() -> None:
    # Event 1 lies on shot 0, but only event 1 reaches shot 1, and event 0 reaches shot 0.
    event, truth = match_onsets(np.array([0.8, 1.0]), np.array([1.0, 1.3]), 0.3)
    assert (event.tolist(), truth.tolist()) == ([0, 1], [0, 1])


def test_nothing_matches_nothing() -> None:
    for events, shots in ([], [1.0]), ([1.0], []), ([], []):
        event, truth = match_onsets(np.array(events), np.array(shots))
        assert len(event) == len(truth) == 0


def test_recordings_are_kept_apart() -> None:
    pairs = onset_pairs(_detections([1.0, 1.0], [0.5, 0.5], [7, 8]), _truths([1.0, 1.1], [8, 9]), 0.3)
    assert list(zip(pairs.event.tolist(), pairs.truth.tolist(), strict=True)) == [(1, 0)]


def test_higher_scores_choose_first_but_never_cost_a_shot() -> None:
    # The best event reaches both shots, the second only shot 0: it must be given shot 0.
    detections, truths = _detections([1.1, 0.9], [0.9, 0.4]), _truths([1.0, 1.35])
    matches = match_best_first(onset_pairs(detections, truths, 0.3), detections.score)
    assert matches.truth_of_event.tolist() == [1, 0]
    assert sorted(matches.found_score.tolist()) == [0.4, 0.9]


def test_a_shot_is_found_from_its_best_event_on() -> None:
    detections, truths = _detections([1.0, 1.1, 9.0], [0.3, 0.8, 0.99]), _truths([1.05, 5.0])
    matches = match_best_first(onset_pairs(detections, truths), detections.score)
    assert matches.found_score.tolist() == [0.8, -np.inf]
    assert matches.truth_of_event.tolist() == [-1, 0, -1]


def test_a_long_chain_is_handed_over() -> None:
    # Shots every 0.5 s, events 0.25 s behind each; at last an event in front: all hand over, none is lost.
    n = 2000
    shots = 10 + 0.5 * np.arange(n)
    detections = _detections([*(shots[:-1] + 0.25), 9.75], [*np.linspace(0.9, 0.8, n - 1), 0.1])
    matches = match_best_first(onset_pairs(detections, _truths(shots.tolist()), 0.25), detections.score)
    assert (matches.truth_of_event >= 0).all()
    assert len(set(matches.truth_of_event.tolist())) == n
    assert np.count_nonzero(matches.found_score >= 0.5) == n - 1


def test_closest_splits_into_independent_parts() -> None:
    detections, truths = _detections([50.1, 1.0, 1.2], [0.5] * 3), _truths([1.15, 50.0, 1.02])
    event, truth = match_closest(onset_pairs(detections, truths))
    assert list(zip(event.tolist(), truth.tolist(), strict=True)) == [(0, 1), (1, 2), (2, 0)]


@pytest.mark.parametrize("collar_s", [-0.1, np.nan, np.inf])
def test_an_impossible_collar_is_refused(collar_s: float) -> None:
    with pytest.raises(ConfigError, match="collar of"):
        match_onsets(np.array([1.0]), np.array([1.0]), collar_s)


def test_overlap_is_intersection_over_union_in_time_and_frequency() -> None:
    # Time [0, 2) and [1, 3), 100 to 300 and 200 to 400 Hz: 100 of 700 Hz·s are shared.
    detections, _ = _boxes([(0, 2, 100, 300)], [0.5])
    _, truths = _boxes([(1, 3, 200, 400)], [0.5])
    assert overlap_pairs(detections, truths, 0.01).cost == pytest.approx([1 - 100 / 700])
    assert len(overlap_pairs(detections, truths, 100 / 700).event) == 1
    assert len(overlap_pairs(detections, truths, 0.15).event) == 0


def test_without_a_band_overlap_is_that_of_time() -> None:
    detections, _ = _boxes([(0, 2, 100, 300)], [0.5])
    for truths in (
        Truths(recording=np.zeros(1, int), onset_s=np.array([1.0]), end_s=np.array([3.0])),
        _boxes([(1, 3, np.nan, 400)], [0.5])[1],
    ):
        assert overlap_pairs(detections, truths, 0.01).cost == pytest.approx([1 - 1 / 3])


def test_boxes_that_touch_or_share_no_band_do_not_overlap() -> None:
    detections, _ = _boxes([(0, 2, 100, 300), (4, 4, 100, 300)], [0.5, 0.5])
    _, truths = _boxes([(2, 3, 100, 300), (0, 2, 300, 400), (3, 5, 100, 300)], [0.5] * 3)
    assert len(overlap_pairs(detections, truths, 1e-6).event) == 0


def test_the_same_box_overlaps_fully() -> None:
    detections, truths = _boxes([(0.1, 0.7, 60, 700)], [0.5])
    assert overlap_pairs(detections, truths, 1.0).cost.tolist() == [0.0]


def test_overlap_needs_ends_and_a_threshold() -> None:
    detections, truths = _boxes([(0, 2, 100, 300)], [0.5])
    with pytest.raises(LabelError, match="detections: overlap needs an end_s"):
        overlap_pairs(_detections([0.0], [0.5]), truths, 0.5)
    with pytest.raises(LabelError, match="truths: overlap needs an end_s"):
        overlap_pairs(detections, _boxes([(2, 1, 0, 1)], [0.5])[1], 0.5)
    for min_overlap in (0.0, 1.1, np.nan):
        with pytest.raises(ConfigError, match="overlap threshold"):
            overlap_pairs(detections, truths, min_overlap)
