"""Parts of the shots and causes of false alarms, counted by hand."""

import numpy as np
import pytest

from ndoki.core.errors import ConfigError, LabelError
from ndoki.evaluation.breakdown import false_alarms_by_cause, recall_by_bins, recall_by_name, wilson
from ndoki.evaluation.false_alarms import FalseAlarms

FOUND = np.array([0.9, 0.5, -np.inf, 0.7, 0.2, 0.6])


def test_recall_by_distance() -> None:
    distance_m = np.array([100, 500, 1000, 1999, np.nan, 5000.0])
    parts = recall_by_bins(FOUND, distance_m, threshold=0.5, edges=[500, 1000, 2000])
    assert [(part.name, part.n_truths, part.n_found) for part in parts] == [
        ("< 500", 1, 1),
        ("[500, 1000)", 1, 1),
        ("[1000, 2000)", 2, 1),
        ("≥ 2000", 1, 1),
        ("unknown", 1, 0),
    ]
    assert parts[2].recall == 0.5
    assert (parts[2].low, parts[2].high) == wilson(1, 2)


def test_empty_bins_are_left_out_and_every_shot_is_counted() -> None:
    parts = recall_by_bins(FOUND, np.array([-3, 0, 0, 7, 7, 30.0]), threshold=0.5, edges=[0, 6, 12, 18])
    assert [part.name for part in parts] == ["< 0", "[0, 6)", "[6, 12)", "≥ 18"]
    assert sum(part.n_truths for part in parts) == len(FOUND)


def test_recall_by_weapon() -> None:
    weapon = np.array(["shotgun", "rifle", "rifle", "", "shotgun", "shotgun"])
    parts = recall_by_name(FOUND, weapon, threshold=0.6)
    assert [(part.name, part.n_truths, part.n_found) for part in parts] == [
        ("rifle", 2, 0),
        ("shotgun", 3, 2),
        ("unknown", 1, 1),
    ]


def test_tags_that_do_not_fit_are_refused() -> None:
    with pytest.raises(LabelError, match="6 shots but 2 tags"):
        recall_by_name(FOUND, np.array(["a", "b"]), threshold=0.5)
    for edges in ([], [1, 1], [2, 1]):
        with pytest.raises(ConfigError, match="bin edges"):
            recall_by_bins(FOUND, np.zeros(6), threshold=0.5, edges=edges)


def test_false_alarms_by_cause_with_silent_causes() -> None:
    alarms = FalseAlarms(
        event=np.arange(5),
        recording=np.array(["t1", "t1", "t2", "r1", "x"]),
        score=np.array([0.9, 0.6, 0.5, 0.8, 0.7]),
    )
    causes = false_alarms_by_cause(
        alarms,
        threshold=0.6,
        cause_by_recording={"t1": "thunder", "t2": "thunder", "r1": "rain", "b1": "bees"},
        hours_by_recording={"t1": 0.5, "t2": 1.5, "r1": 0.25, "b1": 3.0, "x": 1.0},
    )
    assert [(cause.name, cause.n_false, cause.hours, cause.per_hour) for cause in causes] == [
        ("thunder", 2, 2.0, 1.0),
        ("rain", 1, 0.25, 4.0),
        ("unknown", 1, 1.0, 1.0),
        ("bees", 0, 3.0, 0.0),
    ]


def test_wilson_against_the_published_example() -> None:
    # Newcombe (1998), Statistics in Medicine 17, table I, score method without continuity correction.
    for n_found, n_truths, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        assert wilson(n_found, n_truths) == pytest.approx((low, high), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(5, 5)[1] == 1.0
