from bisect import bisect
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.core.errors import ConfigError
from ndoki.detectors.template.cluster import choose_templates, distances, k_medoids


def cost(apart, chosen):
    return apart[list(chosen)].min(axis=0).sum()


def points(n, seed):
    place = np.random.default_rng(seed).normal(size=(n, 2))
    return np.linalg.norm(place[:, None] - place[None], axis=2)


@given(n=st.integers(1, 12), k=st.integers(1, 12), seed=st.integers(0, 999))
def test_no_swap_makes_it_better(n, k, seed):
    if k > n:
        n, k = k, n
    apart = points(n, seed)
    chosen = k_medoids(apart, k)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == k
    for place in range(k):
        for item in set(range(n)) - set(chosen):
            swapped = [*chosen[:place], item, *chosen[place + 1 :]]
            assert cost(apart, swapped) >= cost(apart, chosen) - 1e-6


@pytest.mark.parametrize("seed", range(8))
def test_close_to_the_best_of_all_choices(seed):
    apart = points(10, seed)
    best = min(cost(apart, chosen) for chosen in combinations(range(10), 3))
    assert cost(apart, k_medoids(apart, 3)) <= 1.1 * best


def test_swaps_mend_a_greedy_start():
    # On a line the greedy first choice is the middle, which the best pair does not hold.
    place = np.array([0.0, 0.1, 0.2, 5.0, 9.8, 9.9, 10.0])
    apart = np.abs(place[:, None] - place[None])
    assert apart.sum(axis=1).argmin() == 3
    chosen = k_medoids(apart, 2)
    assert 3 not in chosen
    assert cost(apart, chosen) == pytest.approx(min(cost(apart, pair) for pair in combinations(range(7), 2)))


@pytest.mark.parametrize(("n_items", "n"), [(3, 4), (3, 0), (0, 1), (3, -1)])
def test_an_impossible_number_is_refused(n_items, n):
    with pytest.raises(ConfigError, match=f"cannot choose {n} templates from {n_items} shots"):
        k_medoids(np.zeros((n_items, n_items)), n)


def kinds(n_each, seed=0):
    """Patches of three kinds with noise; kind of each."""
    rng = np.random.default_rng(seed)
    shapes = rng.normal(scale=10, size=(3, 8, 4))
    return (shapes[:, None] + rng.normal(size=(3, n_each, 8, 4))).reshape(-1, 8, 4), np.repeat(
        range(3), n_each
    )


def test_one_template_of_each_kind():
    patches, kind = kinds(6)
    assert sorted(kind[choose_templates(patches, 3)]) == [0, 1, 2]


def test_loudness_and_the_response_of_the_recorder_do_not_matter():
    patches, _ = kinds(6)
    louder = patches * 2.0 + np.random.default_rng(1).normal(scale=30, size=(18, 1, 4))
    np.testing.assert_allclose(distances(louder), distances(patches), atol=1e-9)


def test_an_odd_sound_is_not_worth_a_template_of_its_own():
    rng = np.random.default_rng(5)
    shapes = rng.normal(scale=10, size=(3, 20, 10))
    # Far, near, and near with another echo; the last is at about 0.3 from the second and is rare.
    shapes[2] = 0.7 * shapes[1] + 0.7 * shapes[2]
    patches = np.repeat(shapes, [6, 6, 2], axis=0) + rng.normal(size=(14, 20, 10))
    odd = rng.normal(scale=10, size=(1, 20, 10))
    chosen = choose_templates(np.concatenate([patches, odd]), 3)
    assert [bisect([6, 12, 14], item) for item in chosen] == [0, 1, 2]


def test_a_single_shot_is_its_own_template():
    assert choose_templates(np.random.default_rng(0).normal(size=(1, 5, 2)), 1) == [0]


def test_distances_are_symmetric_and_zero_on_the_diagonal():
    patches = np.random.default_rng(2).normal(size=(6, 5, 2))
    patches[3] = 7.0  # without movement
    apart = distances(patches)
    np.testing.assert_allclose(apart, apart.T, atol=1e-12)
    assert not apart.diagonal().any()
    assert ((apart >= 0) & (apart <= 2)).all()
    np.testing.assert_array_equal(np.delete(apart[3], 3), 1.0)
    assert np.isfinite(apart).all()
