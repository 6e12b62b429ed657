"""Parts of the shots and causes of false alarms, counted by hand."""

import numpy as np
import pytest

from ndoki.evaluation.breakdown import false_alarms_by_cause, wilson
from ndoki.evaluation.false_alarms import FalseAlarms

FOUND = np.array([0.9, 0.5, -np.inf, 0.7, 0.2, 0.6])


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
