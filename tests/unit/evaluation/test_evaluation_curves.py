"""Curves and what is read off them, against examples counted by hand."""

import numpy as np
import pytest

from ndoki.core.errors import ConfigError, LabelError
from ndoki.evaluation.columns import Detections, Truths
from ndoki.evaluation.curves import (
    allowed_false_alarms,
    clip_curve,
    curve_from_scores,
    false_alarms_at,
    operating_curve,
    recall_at,
    recalls_at,
)


def _detections(rows: list[tuple[int, float, float]]) -> Detections:
    recording, onset_s, score = np.array(rows, float).reshape(-1, 3).T
    return Detections(recording=recording.astype(np.int64), onset_s=onset_s, score=score)


@pytest.fixture
def example() -> tuple[Detections, Truths, Detections]:
    """Three shots, two of them found, at 0.9 and 0.5; false alarms at 0.8, 0.5, 0.5 and 0.2."""
    detections = _detections([(1, 2.0, 0.9), (1, 2.1, 0.7), (2, 5.2, 0.5), (2, 9.0, 0.95)])
    truths = Truths(recording=np.array([1, 2, 3]), onset_s=np.array([2.05, 5.0, 1.0]))
    background = _detections([(11, 1.0, 0.8), (11, 1.5, 0.6), (11, 4.0, 0.5), (12, 1.0, 0.5), (12, 7.0, 0.2)])
    return detections, truths, background


def test_a_curve_counted_by_hand(example: tuple[Detections, Truths, Detections]) -> None:
    detections, truths, background = example
    curve = operating_curve(detections, truths, background=background, background_hours=2.0)
    assert curve.threshold.tolist() == [np.inf, 0.9, 0.8, 0.5, 0.2]
    assert curve.n_found.tolist() == [0, 1, 1, 2, 2]
    assert curve.n_false.tolist() == [0, 0, 1, 3, 4]
    assert curve.recall.tolist() == [0, 1 / 3, 1 / 3, 2 / 3, 2 / 3]
    assert curve.false_alarms_per_hour.tolist() == [0, 0, 0.5, 1.5, 2.0]


def test_any_threshold_can_be_asked(example: tuple[Detections, Truths, Detections]) -> None:
    detections, truths, background = example
    curve = operating_curve(detections, truths, background=background, background_hours=2.0)
    for threshold, n_found, n_false in [(2.0, 0, 0), (0.9, 1, 0), (0.89, 1, 0), (0.5, 2, 3), (0.0, 2, 4)]:
        point = curve.at(threshold)
        assert point.threshold == threshold
        assert (point.recall * 3, point.false_alarms_per_hour * 2) == (pytest.approx(n_found), n_false)


def test_recall_at_a_rate_takes_equal_scores_together(example: tuple[Detections, Truths, Detections]) -> None:
    detections, truths, background = example
    curve = operating_curve(detections, truths, background=background, background_hours=2.0)
    # One false alarm per hour would allow two, but the two of score 0.5 only come together.
    point = recall_at(curve, 1.0)
    assert (point.threshold, point.recall, point.false_alarms_per_hour) == (0.8, 1 / 3, 0.5)
    assert point.false_alarms_per_day == 12.0
    assert recall_at(curve, 1.5).threshold == 0.5
    assert recall_at(curve, 100.0).threshold == 0.2
    assert recall_at(curve, 0.0).threshold == 0.9
    assert recalls_at(curve, (1.0, 1.5)) == {1.0: point, 1.5: recall_at(curve, 1.5)}


def test_a_false_alarm_with_the_highest_score_leaves_nothing() -> None:
    curve = curve_from_scores(np.array([0.9, 0.8]), np.array([0.9]), 1.0)
    point = recall_at(curve, 0.0)
    assert (point.threshold, point.recall) == (np.inf, 0.0)


def test_the_price_of_a_recall() -> None:
    curve = curve_from_scores(np.array([0.9, 0.5, -np.inf]), np.array([0.8, 0.6, 0.1]), 0.5)
    cheap, dear = false_alarms_at(curve, 1 / 3), false_alarms_at(curve, 2 / 3)
    assert cheap is not None
    assert dear is not None
    assert (cheap.threshold, cheap.false_alarms_per_hour) == (0.9, 0.0)
    assert (dear.threshold, dear.false_alarms_per_hour, dear.false_alarms_per_day) == (0.5, 4.0, 96.0)
    assert false_alarms_at(curve, 0.9) is None
    with pytest.raises(ConfigError, match="recall of"):
        false_alarms_at(curve, 1.5)


def test_clips_of_which_only_the_label_is_known(example: tuple[Detections, Truths, Detections]) -> None:
    background = example[2]
    curve = clip_curve(
        np.array([0.95, 0.4, -np.inf], np.float32), background=background, background_hours=2.0
    )
    assert recall_at(curve, 0.0).recall == pytest.approx(1 / 3)
    assert recall_at(curve, 1.0).recall == pytest.approx(1 / 3)
    assert recall_at(curve, 1.5).recall == pytest.approx(2 / 3)


def test_nothing_reported_is_a_result() -> None:
    curve = curve_from_scores(np.array([-np.inf]), np.empty(0), 1.0)
    assert recall_at(curve, 10.0).recall == 0.0
    assert curve.threshold.tolist() == [np.inf]


@pytest.mark.parametrize(
    ("per_hour", "hours", "n"), [(10.0, 0.7, 7), (0.1, 30.0, 3), (2.0, 1.49, 2), (60.0, 1 / 60, 1)]
)
def test_rounding_never_costs_a_false_alarm(per_hour: float, hours: float, n: int) -> None:
    assert allowed_false_alarms(per_hour, hours) == n


def test_what_is_impossible_is_refused() -> None:
    with pytest.raises(LabelError, match="no shots"):
        curve_from_scores(np.empty(0), np.array([0.5]), 1.0)
    for hours in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ConfigError, match="shot-free sound"):
            curve_from_scores(np.array([0.5]), np.array([0.5]), hours)
    with pytest.raises(ConfigError, match="per hour"):
        recall_at(curve_from_scores(np.array([0.5]), np.array([0.5]), 1.0), -1.0)
