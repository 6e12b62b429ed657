"""The running floor: by hand, finite in memory, and blind to gain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.core.errors import ConfigError
from ndoki.features.floor import FloorSpec, above_floor, running_floor

SPEC = FloorSpec(half_width_frames=20, tolerance_db=3.0)


def slow_floor(frames, spec):
    def mean_around(values, i):
        return values[max(0, i - spec.half_width_frames) : i + spec.half_width_frames + 1].mean(axis=0)

    first = np.array([mean_around(frames, i) for i in range(len(frames))])
    capped = np.minimum(frames, first + spec.tolerance_db)
    return np.array([mean_around(capped, i) for i in range(len(frames))])


def test_agrees_with_the_slow_definition(rng):
    frames = rng.normal(-60, 5, (130, 4)).astype(np.float32)
    assert np.allclose(running_floor(frames, SPEC), slow_floor(frames.astype(np.float64), SPEC), atol=1e-4)


@pytest.mark.parametrize("n_frames", [1, 2, 41, 1025])
@pytest.mark.parametrize("half_width_frames", [1, 20, 250])
def test_any_length_and_width_agree_with_the_slow_definition(rng, n_frames, half_width_frames):
    spec = FloorSpec(half_width_frames=half_width_frames)
    frames = rng.normal(-60, 5, (n_frames, 2)).astype(np.float32)
    expected = slow_floor(frames.astype(np.float64), spec)
    assert np.abs(running_floor(frames, spec) - expected).max() < 3e-5


@given(first=st.integers(0, 1500))
def test_a_level_is_the_same_to_the_bit_wherever_the_sound_is_cut(first):
    frames = np.random.default_rng(2).normal(-60, 5, (1700, 3)).astype(np.float32)
    inside = slice(first + SPEC.reach_frames, len(frames))
    part = running_floor(frames[first:], SPEC)[SPEC.reach_frames :]
    assert np.array_equal(part, running_floor(frames, SPEC)[inside])


@given(gain_db=st.floats(-40, 40))
def test_gain_does_not_matter(gain_db):
    frames = np.random.default_rng(1).normal(-60, 5, (90, 3)).astype(np.float32)
    assert np.allclose(above_floor(frames, SPEC), above_floor(frames + np.float32(gain_db), SPEC), atol=1e-4)


def test_memory_ends_at_the_reach(rng):
    frames = rng.normal(-60, 5, (200, 3)).astype(np.float32)
    other = frames.copy()
    other[0] += 30
    changed = np.flatnonzero(np.any(running_floor(frames, SPEC) != running_floor(other, SPEC), axis=1))
    assert SPEC.half_width_frames < changed.max() <= SPEC.reach_frames


def test_a_shot_hardly_lifts_the_floor_under_the_next():
    frames = np.full((400, 2), -60.0, np.float32)
    frames[200:206] += 40
    assert running_floor(frames, SPEC).max() < -60 + 3.0


def test_an_impossible_spec_is_refused():
    with pytest.raises(ConfigError):
        FloorSpec(half_width_frames=0)
