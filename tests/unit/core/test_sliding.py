"""The highest of neighbours, against scipy's and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import maximum_filter1d

from ndoki.core.sliding import highest_near


def test_by_hand():
    values = np.array([1, 5, 2, 0, 0, 0, 3], np.float32)
    assert highest_near(values, 1).tolist() == [5, 5, 5, 2, 0, 3, 3]
    assert highest_near(values, 0).tolist() == values.tolist()


@given(n=st.integers(1, 300), reach=st.integers(0, 120), seed=st.integers(0, 99))
def test_agrees_with_scipy(n, reach, seed):
    values = np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)
    found = highest_near(values, reach)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, maximum_filter1d(values, 2 * reach + 1, axis=0))


@pytest.mark.parametrize("n", [1, 7])
def test_a_reach_beyond_both_ends_sees_all(n):
    values = np.arange(n, dtype=np.float32)
    assert highest_near(values, 50).tolist() == [n - 1] * n
