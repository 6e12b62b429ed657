"""Where it is worth listening again, by hand on a grid of 16 ms."""

import numpy as np
import pytest

from ndoki.core.grid import FrameGrid
from ndoki.firing.hint import hinted, reach_frames

GRID = FrameGrid(rate_hz=4000, hop_samples=64, frame_samples=256)


def test_the_reach_is_one_second_before_and_two_behind():
    assert reach_frames(GRID) == (62, 125)


@pytest.mark.parametrize(
    ("hints", "is_hinted"),
    [
        ([], False),
        ([997, 998, 999, 1000, 1001, 1002, 1003], False),
        ([1000, 1004], True),
        ([996, 1000], True),
        ([938], True),
        ([937], False),
        ([1125], True),
        ([1126], False),
    ],
)
def test_a_frame_by_itself_hints_at_nothing(hints, is_hinted):
    assert hinted(np.array([1000]), np.array(hints, np.int64), GRID).tolist() == [is_hinted]


def test_two_that_count_hint_at_each_other():
    sure = np.array([10, 100, 400])
    assert hinted(sure, sure, GRID).tolist() == [True, False, False]
    assert hinted(np.empty(0, np.int64), sure, GRID).tolist() == []
