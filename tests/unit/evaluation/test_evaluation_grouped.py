"""Names of bins, and intervals that know that shots of one burst stand or fall together."""

import numpy as np
import pytest

from ndoki.core.errors import ConfigError, LabelError
from ndoki.evaluation.breakdown import wilson
from ndoki.evaluation.columns import Truths
from ndoki.evaluation.grouped import bias_interval, bin_names, first_of_bursts, grouped_parts


def test_bins_are_half_open_and_named_for_people() -> None:
    values = np.array([-3.1, -3.0, -0.1, 0.0, 14.9, 15.0, np.nan])
    names, order = bin_names(values, (-3.0, 0.0, 15.0))
    assert names == ["< −3", "−3 to 0", "−3 to 0", "0 to 15", "0 to 15", "≥ 15", "unknown"]
    assert order == ("< −3", "−3 to 0", "0 to 15", "≥ 15", "unknown")


@pytest.mark.parametrize("edges", [(), (1.0, 1.0), (2.0, 1.0)])
def test_edges_have_to_rise(edges: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="rise"):
        bin_names(np.array([1.0]), edges)


def parts(
    found: list[bool], group: list[str], names: list[str] | None = None
) -> dict[str, tuple[float, ...]]:
    names = names or ["x"] * len(found)
    order = tuple(sorted(set(names), reverse=True))
    counted = grouped_parts(
        np.array(found), names, (*order, "never"), np.array(group), np.random.default_rng(0)
    )
    return {part.name: (part.n_found, part.n_truths, part.low, part.high) for part in counted}


def test_single_shots_have_wilsons_interval() -> None:
    assert parts([True, True, False], ["a", "b", "c"])["x"] == (2, 3, *wilson(2, 3))


def test_a_burst_is_one_witness_not_ten() -> None:
    found = [True] * 10 + [False] * 10
    alone = parts(found, [str(i) for i in range(20)])["x"]
    together = parts(found, ["a"] * 10 + ["b"] * 10)["x"]
    assert alone[:2] == together[:2] == (10, 20)
    assert together[2:] == (0.0, 1.0)
    assert 0.2 < alone[2] < alone[3] < 0.8


def test_where_all_are_found_the_bursts_count() -> None:
    assert parts([True] * 12, ["a"] * 6 + ["b"] * 6)["x"] == (12, 12, *wilson(2, 2))
    assert parts([False] * 12, ["a"] * 6 + ["b"] * 6)["x"] == (0, 12, *wilson(0, 2))


def test_parts_come_in_the_order_given_and_hold_every_shot() -> None:
    counted = parts([True, False, True], ["1", "2", "3"], ["a", "b", "a"])
    assert list(counted) == ["b", "a"]
    assert (counted["a"][:2], counted["b"][:2]) == ((2, 2), (0, 1))


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(LabelError, match="1 parts"):
        grouped_parts(np.array([True, True]), ["x"], ["x"], np.array(["a", "b"]), np.random.default_rng(0))


def test_the_interval_of_a_bias_holds_it_and_is_a_point_where_bursts_agree() -> None:
    rng = np.random.default_rng(1)
    low, high = bias_interval(np.array([8, 12, 9, 10, 13]), np.array([10, 10, 10, 10, 10]), rng)
    assert low < 0.04 < high
    assert bias_interval(np.array([5, 10]), np.array([10, 20]), rng) == (-0.5, -0.5)


def test_the_first_shot_of_each_burst() -> None:
    truths = Truths(
        recording=np.array(["r"] * 5),
        onset_s=np.array([3.0, 1.0, 2.0, 9.0, 8.0]),
        tags={"burst": np.array(["a", "a", "b", "c", "c"])},
    )
    assert first_of_bursts(truths).tolist() == [False, True, True, False, True]
