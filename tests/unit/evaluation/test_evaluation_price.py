"""False alarms at equal recall, against counting by hand in every resample."""

import numpy as np
import pytest

from ndoki.core.errors import ConfigError
from ndoki.evaluation.bootstrap import ScoredGroups
from ndoki.evaluation.price import prices, resampled_prices

RECALLS = (0.3, 0.5, 0.9, 1.0)


def groups(found, false, found_group=None, false_group=None, hours=(0.5, 0.5)) -> ScoredGroups:
    return ScoredGroups(
        found_score=np.asarray(found, np.float64),
        found_group=np.asarray(range(len(found)) if found_group is None else found_group, np.int64),
        false_score=np.asarray(false, np.float64),
        false_group=np.asarray([0] * len(false) if false_group is None else false_group, np.int64),
        background_hours=np.asarray(hours, np.float64),
    )


def by_hand(found, false, hours, recall) -> float:
    """Lower the threshold score by score until enough shots are found."""
    for threshold in sorted({*found, *false}, reverse=True):
        if threshold > -np.inf and sum(f >= threshold for f in found) >= recall * len(found) - 1e-9:
            return sum(f >= threshold for f in false) / hours
    return len(false) / hours


def test_a_hand_made_case():
    one = groups([0.9, 0.8, 0.5, 0.2], [0.85, 0.5, 0.3])
    assert prices(one, (0.25, 0.5, 0.75, 1.0)).tolist() == [0.0, 1.0, 2.0, 3.0]


def test_a_recall_that_no_threshold_reaches_has_no_price():
    one = groups([0.9, 0.8, -np.inf], [0.85])
    assert prices(one, (0.6, 0.7)).tolist() == [1.0, np.inf]


def test_without_false_alarms_every_recall_is_free():
    assert prices(groups([0.9, 0.1], []), (0.5, 1.0)).tolist() == [0.0, 0.0]


def test_every_resample_is_counted_right(rng):
    """Groups drawn several times, ties between shots and false alarms, shots that are never found."""
    found = rng.choice([0.1, 0.2, 0.3, 0.5, 0.7, -np.inf], 20)
    false = rng.choice([0.1, 0.2, 0.3, 0.6, 0.8], 15)
    found_group, false_group = rng.permutation(20) % 6, rng.permutation(15) % 4
    hours = np.array([0.5, 1.0, 0.25, 2.0, 0.0])
    one = groups(found, false, found_group, false_group, hours)
    drawn = resampled_prices(one, RECALLS, n_resamples=50, rng=np.random.default_rng(7))
    again = np.random.default_rng(7)
    found_weight = again.multinomial(6, np.full(6, 1 / 6), size=50)
    false_weight = again.multinomial(5, np.full(5, 1 / 5), size=50)
    for row, shots, sounds in zip(drawn, found_weight, false_weight, strict=True):
        expected = [
            by_hand(
                np.repeat(found, shots[found_group]).tolist(),
                np.repeat(false, sounds[false_group]).tolist(),
                float(sounds @ hours) or np.nan,
                recall,
            )
            for recall in RECALLS
        ]
        np.testing.assert_allclose(row, expected)


def test_the_same_seed_meets_the_same_resamples(rng):
    one = groups(rng.random(12), rng.random(9))
    first, second = (
        resampled_prices(one, RECALLS, n_resamples=20, rng=np.random.default_rng(3)) for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("recall", [0.0, 1.01, float("nan")])
def test_a_recall_is_a_share(recall):
    with pytest.raises(ConfigError, match="expected shares above 0 and up to 1"):
        prices(groups([0.5], [0.5]), (recall,))


def test_there_must_be_a_resample():
    with pytest.raises(ConfigError, match="0 resamples"):
        resampled_prices(groups([0.5], [0.5]), (0.5,), n_resamples=0, rng=np.random.default_rng(0))
