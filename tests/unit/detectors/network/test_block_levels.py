"""Levels of a block: the same frames as those of the whole recording, whatever is asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.core.types import Block
from ndoki.detectors.network.levels import BlockLevels
from ndoki.features.floor import LEVEL_STEP, FloorSpec, above_floor
from ndoki.features.mel import MelSpec, log_mel

MEL, FLOOR = MelSpec(), FloorSpec(half_width_frames=20)
HOP = MEL.hop_samples
SAMPLES = (0.01 * np.random.default_rng(6).standard_normal(400 * HOP + 200)).astype(np.float32)
WHOLE = above_floor(log_mel(SAMPLES, MEL), FLOOR)
N_FRAMES = len(WHOLE)


def levels(first_available=0, end_available=N_FRAMES, own=(100, 300)):
    """A block that holds some of the recording's frames."""
    samples = SAMPLES[first_available * HOP : (end_available - 1) * HOP + MEL.frame_samples]
    block = Block(samples=samples, first_sample=first_available * HOP, first_frame=own[0], end_frame=own[1])
    return BlockLevels(block=block, mel=MEL, floor=FLOOR)


def test_all_frames_are_those_of_the_recording():
    np.testing.assert_allclose(levels().all(0, len(WHOLE) // 2 * 2), WHOLE[: len(WHOLE) // 2 * 2], atol=1e-5)


def test_measured_frames_are_every_second_one():
    np.testing.assert_array_equal(levels().measured(50, 90), levels().all(50, 90)[::LEVEL_STEP])


@given(available=st.integers(0, 50), own=st.tuples(st.integers(46, 150), st.integers(1, 80)))
def test_frames_do_not_depend_on_what_else_the_block_holds(available, own):
    """From one frame more than the floor reaches on."""
    first = (available + FLOOR.reach_frames + 1) // 2 * 2 + own[0] // 2 * 2
    end = first + own[1] // 2 * 2 + 2
    found = levels(available, end + FLOOR.reach_frames + 1).all(first, end)
    np.testing.assert_allclose(found, WHOLE[first:end], atol=1e-5)


def test_beyond_the_recording_the_background_goes_on_level():
    frames = levels().all(-6, 10)
    assert not frames[:6].any()
    np.testing.assert_allclose(frames[6:], WHOLE[:10], atol=1e-5)
    end = len(WHOLE) + len(WHOLE) % 2
    behind = levels().all(end - 10, end + 20)
    np.testing.assert_allclose(behind[: len(WHOLE) - end + 10], WHOLE[end - 10 :], atol=1e-5)
    assert not behind[10:].any()
    assert levels().all(end + 40, end + 50).shape == (10, MEL.n_mels)
    assert not levels().measured(end + 40, end + 50).any()


@pytest.mark.parametrize("n_samples", [1, 100, 256, 319, 320, 400])
def test_a_file_of_a_frame_or_two(n_samples):
    block = Block(samples=SAMPLES[:n_samples], first_sample=0, first_frame=0, end_frame=1)
    expected = above_floor(log_mel(SAMPLES[:n_samples], MEL), FLOOR)
    found = BlockLevels(block=block, mel=MEL, floor=FLOOR).all(-2, 4)
    np.testing.assert_allclose(found[2 : 2 + len(expected)], expected, atol=1e-5)
    assert not found[2 + len(expected) :].any()
