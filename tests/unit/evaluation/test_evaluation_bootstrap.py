"""The bootstrap draws whole groups, finds the threshold anew each time, and is quick."""

import time

import numpy as np
import pytest

from ndoki.core.errors import ConfigError, LabelError
from ndoki.evaluation.bootstrap import (
    ScoredGroups,
    bootstrap_recall_at,
    interval_of,
    resampled_recalls,
    scored_groups,
)
from ndoki.evaluation.curves import curve_from_scores, recall_at
from ndoki.evaluation.false_alarms import FalseAlarms

RATES = (60.0, 10.0, 2.0, 0.0)


def _groups(seed: int, *, n_shots: int = 60, n_false: int = 150, n_groups: int = 8) -> ScoredGroups:
    rng = np.random.default_rng(seed)
    found = rng.integers(5, 20, n_shots) / 20
    found[rng.random(n_shots) < 0.1] = -np.inf
    return ScoredGroups(
        found_score=found,
        found_group=np.sort(
            np.concatenate([np.arange(n_groups), rng.integers(0, n_groups, n_shots - n_groups)])
        ),
        false_score=rng.integers(0, 16, n_false) / 20,
        false_group=rng.integers(0, n_groups, n_false),
        background_hours=rng.uniform(0.2, 2.0, n_groups),
    )


def _slow(groups: ScoredGroups, drawn_found: list[int], drawn_false: list[int], rate: float) -> float:
    """Put one resample together literally, then build its curve."""
    found = np.concatenate([groups.found_score[groups.found_group == group] for group in drawn_found])
    false = np.concatenate([groups.false_score[groups.false_group == group] for group in drawn_false])
    hours = float(sum(groups.background_hours[group] for group in drawn_false))
    return recall_at(curve_from_scores(found, false, hours), rate).recall


@pytest.mark.parametrize("seed", range(5))
def test_every_resample_equals_one_put_together_by_hand(seed: int) -> None:
    groups = _groups(seed)
    fast = resampled_recalls(groups, rates_per_hour=RATES, n_resamples=20, rng=np.random.default_rng(seed))
    rng = np.random.default_rng(seed)
    found_counts = rng.multinomial(8, [1 / 8] * 8, size=20)
    false_counts = rng.multinomial(8, [1 / 8] * 8, size=20)
    for row, (found_count, false_count) in enumerate(zip(found_counts, false_counts, strict=True)):
        drawn_found = np.repeat(np.arange(8), found_count).tolist()
        drawn_false = np.repeat(np.arange(8), false_count).tolist()
        slow = [_slow(groups, drawn_found, drawn_false, rate) for rate in RATES]
        np.testing.assert_allclose(fast[row], slow, rtol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_value_is_that_of_the_curve(seed: int) -> None:
    groups = _groups(seed)
    curve = curve_from_scores(groups.found_score, groups.false_score, float(groups.background_hours.sum()))
    intervals = bootstrap_recall_at(
        groups, rates_per_hour=RATES, n_resamples=50, rng=np.random.default_rng(0)
    )
    for rate, interval in intervals.items():
        assert interval.value == pytest.approx(recall_at(curve, rate).recall)
        assert 0 <= interval.low <= interval.high <= 1


def test_one_seed_gives_one_result_however_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = _groups(3)
    first = resampled_recalls(groups, rates_per_hour=RATES, n_resamples=40, rng=np.random.default_rng(7))
    monkeypatch.setattr("ndoki.evaluation.bootstrap._CELLS_AT_ONCE", 500)
    second = resampled_recalls(groups, rates_per_hour=RATES, n_resamples=40, rng=np.random.default_rng(7))
    np.testing.assert_array_equal(first, second)
    other = resampled_recalls(groups, rates_per_hour=RATES, n_resamples=40, rng=np.random.default_rng(8))
    assert (first != other).any()


def test_groups_are_drawn_whole() -> None:
    # Two groups, all found or none: a resample can only have recall 0, 0.5 or 1.
    groups = ScoredGroups(
        found_score=np.repeat([0.9, -np.inf], 50),
        found_group=np.repeat([0, 1], 50),
        false_score=np.empty(0),
        false_group=np.empty(0, np.int64),
        background_hours=np.ones(1),
    )
    recalls = resampled_recalls(groups, rates_per_hour=[1.0], n_resamples=200, rng=np.random.default_rng(0))
    assert set(recalls.ravel().tolist()) == {0.0, 0.5, 1.0}


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    n_covered = 0
    for _ in range(200):
        groups = ScoredGroups(
            found_score=np.where(rng.random(100) < 0.7, 0.9, -np.inf),
            found_group=np.arange(100),
            false_score=np.empty(0),
            false_group=np.empty(0, np.int64),
            background_hours=np.ones(2),
        )
        interval = bootstrap_recall_at(groups, rates_per_hour=[1.0], n_resamples=300, rng=rng)[1.0]
        n_covered += interval.low <= 0.7 <= interval.high
    assert 178 <= n_covered <= 199  # 190 ± 4 standard deviations of a binomial of 0.95


def test_a_thousand_resamples_of_two_thousand_clips_are_quick() -> None:
    rng = np.random.default_rng(0)
    groups = ScoredGroups(
        found_score=rng.random(1000),
        found_group=np.arange(1000),
        false_score=rng.random(5000),
        false_group=rng.integers(0, 1000, 5000),
        background_hours=np.full(1000, 12 / 3600),
    )
    start_s = time.process_time()
    bootstrap_recall_at(groups, n_resamples=1000, rng=rng)
    assert time.process_time() - start_s < 5.0  # 0.6 s on an idle core


def test_a_resample_without_hours_says_nothing() -> None:
    groups = ScoredGroups(
        found_score=np.array([0.5]),
        found_group=np.array([0]),
        false_score=np.array([0.6]),
        false_group=np.array([1]),
        background_hours=np.array([0.0, 1.0]),
    )
    recalls = resampled_recalls(groups, rates_per_hour=[1.0], n_resamples=100, rng=np.random.default_rng(0))
    assert np.isnan(recalls).any()
    assert interval_of(1.0, recalls[:, 0]).low in (0.0, 1.0)


def test_recordings_are_put_into_groups() -> None:
    alarms = FalseAlarms(event=np.array([0, 1]), recording=np.array(["n1", "n3"]), score=np.array([0.4, 0.3]))
    groups = scored_groups(
        found_score=np.array([0.9, 0.8, -np.inf, 0.7]),
        truth_recording=np.array(["p1", "p2", "p3", "p1"]),
        alarms=alarms,
        hours_by_recording={"n1": 1.0, "n2": 2.0, "n3": 4.0},
        group_by_recording={"p1": "day 1", "p2": "day 1", "n1": "day 1", "n3": "day 1"},
    )
    assert groups.found_group.tolist() == [0, 0, 1, 0]
    assert groups.false_group.tolist() == [0, 0]
    assert groups.background_hours.tolist() == [5.0, 2.0]


def test_a_group_name_is_not_taken_for_a_recording() -> None:
    groups = scored_groups(
        found_score=np.array([0.9, 0.8]),
        truth_recording=np.array(["x", "y"]),
        alarms=FalseAlarms(event=np.empty(0, int), recording=np.empty(0, str), score=np.empty(0)),
        hours_by_recording={"n": 1.0},
        group_by_recording={"y": "x"},
    )
    assert groups.found_group.tolist() == [0, 1]


def test_what_does_not_fit_together_is_refused() -> None:
    one, zero = np.array([0.5]), np.array([0])
    alarms = FalseAlarms(event=zero, recording=np.array(["n9"]), score=one)
    with pytest.raises(LabelError, match="'n9': false alarms, but no hours"):
        scored_groups(
            found_score=one, truth_recording=np.array(["p"]), alarms=alarms, hours_by_recording={"n1": 1.0}
        )
    good = {
        "found_score": one,
        "found_group": zero,
        "false_score": one,
        "false_group": zero,
        "background_hours": one,
    }
    for change, message in [
        ({"found_group": np.array([0, 1])}, "differ in length"),
        ({"found_score": np.empty(0), "found_group": zero[:0]}, "no shots"),
        ({"background_hours": np.zeros(1)}, "no hours"),
        ({"false_group": np.array([1])}, "without hours"),
    ]:
        with pytest.raises(LabelError, match=message):
            ScoredGroups(**{**good, **change})
    groups = ScoredGroups(**good)
    with pytest.raises(ConfigError, match="resamples"):
        bootstrap_recall_at(groups, n_resamples=0, rng=np.random.default_rng(0))
    with pytest.raises(ConfigError, match="level of"):
        bootstrap_recall_at(groups, n_resamples=1, rng=np.random.default_rng(0), level=95.0)
