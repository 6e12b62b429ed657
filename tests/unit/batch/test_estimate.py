import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.batch.estimate import Interval, event_rate, ratio, total


def _ends(interval):
    return interval.low, interval.likely, interval.high


def test_a_sum_over_all_is_exact():
    assert _ends(total([1.0, 2.0, 4.0], 3)) == (7.0, 7.0, 7.0)


def test_less_than_was_seen_it_cannot_be():
    interval = total([100.0, 0.0, 0.0, 0.0], 5)
    assert interval.low == 100.0
    assert interval.likely == 125.0


def test_95_of_100_sums_lie_in_their_intervals(rng):
    lengths = rng.gamma(2.0, 3.0, 500)
    hits = 0
    for _ in range(400):
        interval = total(rng.choice(lengths, 60, replace=False).tolist(), len(lengths))
        hits += interval.low <= lengths.sum() <= interval.high
    assert 0.91 <= hits / 400 <= 0.98


def test_95_of_100_ratios_lie_in_their_intervals(rng):
    hits = 0
    for _ in range(400):
        hours = rng.uniform(0.5, 1.5, 40)
        interval = ratio((hours * rng.normal(0.6, 0.15, 40)).tolist(), hours.tolist())
        hits += interval.low <= 0.6 <= interval.high
    assert 0.91 <= hits / 400 <= 0.98


def test_one_ratio_says_little():
    assert _ends(ratio([3.0], [2.0])) == (0.0, 1.5, 3.0)


@pytest.mark.parametrize(("found", "low", "high"), [(0, 0.0, 3.689), (1, 0.025, 5.572), (10, 4.795, 18.390)])
def test_poisson_intervals_are_those_of_the_tables(found, low, high):
    interval = event_rate([found], [1.0])
    assert _ends(interval) == pytest.approx((low, found, high), abs=6e-4)


def test_events_in_bursts_are_less_sure(rng):
    even, hours = [2] * 50, [0.1] * 50
    burst = [50, 50] + [0] * 48
    one, other = event_rate(even, hours), event_rate(burst, hours)
    assert one.likely == other.likely == pytest.approx(20)
    assert other.high - other.low > 5 * (one.high - one.low)


def test_95_of_100_bursty_rates_lie_in_their_intervals(rng):
    hits = 0
    for _ in range(300):
        counts = (rng.poisson(0.5, 80) * rng.integers(1, 6, 80)).tolist()
        interval = event_rate(counts, [0.1] * 80)
        hits += interval.low <= 15.0 <= interval.high
    assert 0.88 <= hits / 300 <= 0.99


def test_errors_are_joined():
    one, other = Interval(low=9, likely=10, high=11), Interval(low=1.8, likely=2, high=2.4)
    assert _ends(one.by(other)) == pytest.approx((20 * (1 - 2**0.5 / 10), 20, 20 * (1 + 5**0.5 / 10)))
    assert _ends(one.plus(other)) == pytest.approx((10.8, 12, 13.4))
    assert _ends(one.times(3)) == (27, 30, 33)
    assert _ends(one.widened(0.2)) == pytest.approx((10 - 5**0.5, 10, 10 + 5**0.5))
    nothing = Interval(low=0, likely=0, high=3)
    assert _ends(one.by(nothing)) == (0, 0, 33)


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0.01, 2)), min_size=1, max_size=20))
def test_an_interval_is_never_inside_out(pairs):
    counts, hours = [n for n, _ in pairs], [one for _, one in pairs]
    for interval in (event_rate(counts, hours), ratio([float(n) for n in counts], hours)):
        assert 0 <= interval.low <= interval.likely <= interval.high
        assert np.isfinite(interval.high)
