"""The running floor: by hand, finite in memory, exact however the sound is cut, and blind to gain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.core.errors import ConfigError
from ndoki.features.floor import LEVEL_STEP, FloorSpec, above_floor, running_floor

SPEC = FloorSpec(half_width_frames=20, tolerance_db=3.0)


def slow_floor(frames, spec):
    """Of rows two frames apart."""

    def mean_around(values, i):
        half = spec.half_width_frames // LEVEL_STEP
        return values[max(0, i - half) : i + half + 1].mean(axis=0)

    if len(frames) < 31:
        quiet = [np.mean(sorted(band)[: max(1, round(len(band) / 4))]) for band in frames.T]
        return np.tile(np.array(quiet) + 5.0, (len(frames), 1))
    first = np.array([mean_around(frames, i) for i in range(len(frames))])
    capped = np.minimum(frames, first + spec.tolerance_db)
    return np.array([mean_around(capped, i) for i in range(len(frames))])


def test_agrees_with_the_slow_definition(rng):
    frames = rng.normal(-60, 5, (130, 4)).astype(np.float32)
    assert np.allclose(running_floor(frames, SPEC), slow_floor(frames.astype(np.float64), SPEC), atol=1e-4)


@pytest.mark.parametrize("n_frames", [1, 2, 30, 31, 41, 1025, 4130])
@pytest.mark.parametrize("half_width_frames", [1, 20, 250])
def test_any_length_and_width_agree_with_the_slow_definition(rng, n_frames, half_width_frames):
    spec = FloorSpec(half_width_frames=half_width_frames)
    frames = rng.normal(-60, 5, (n_frames, 2)).astype(np.float32)
    expected = slow_floor(frames.astype(np.float64), spec)
    assert np.abs(running_floor(frames, spec) - expected).max() < 3e-5


@given(first=st.integers(0, 4000))
def test_a_level_is_the_same_to_the_bit_wherever_the_sound_is_cut(first):
    frames = np.random.default_rng(2).normal(-60, 5, (4300, 3)).astype(np.float32)
    reach = SPEC.reach_frames // LEVEL_STEP
    part = running_floor(frames[first:], SPEC)[reach:]
    assert np.array_equal(part, running_floor(frames, SPEC)[first + reach :])


@pytest.mark.parametrize("level_db", [-100.0, -300.0, 300.0])
def test_sums_beyond_the_range_of_whole_numbers_are_right(level_db):
    """Many rows at −100 dB add up to more than an int32 holds; at ±300 dB those of one window do."""
    frames = np.full((40_000, 1), level_db, np.float32)
    assert np.abs(running_floor(frames, FloorSpec()) - level_db).max() < 1e-3


@pytest.mark.parametrize("first_frame", [0, 1, 6, 7])
def test_a_frame_between_two_measured_ones_has_the_level_of_the_one_before(rng, first_frame):
    frames = rng.normal(-60, 5, (301, 3)).astype(np.float32)
    measured = [i for i in range(len(frames)) if (first_frame + i) % LEVEL_STEP == 0]
    floor = running_floor(frames[measured], SPEC)
    above = above_floor(frames, SPEC, first_frame)
    for row, i in enumerate(measured):
        for each in (i, i + 1):
            if each < len(frames):
                np.testing.assert_allclose(above[each], (frames[each] - floor[row]) / 10, atol=1e-5)


@given(gain_db=st.floats(-40, 40))
def test_gain_does_not_matter(gain_db):
    frames = np.random.default_rng(1).normal(-60, 5, (90, 3)).astype(np.float32)
    assert np.allclose(above_floor(frames, SPEC), above_floor(frames + np.float32(gain_db), SPEC), atol=1e-4)


def test_memory_ends_at_the_reach(rng):
    frames = rng.normal(-60, 5, (200, 3)).astype(np.float32)
    other = frames.copy()
    other[0] += 30
    changed = np.flatnonzero(np.any(above_floor(frames, SPEC) != above_floor(other, SPEC), axis=1))
    assert SPEC.half_width_frames < changed.max() <= SPEC.reach_frames


def test_a_shot_hardly_lifts_the_floor_under_the_next():
    frames = np.full((400, 2), -60.0, np.float32)
    frames[200:203] += 40
    assert running_floor(frames, SPEC).max() < -60 + 3.0


def test_in_less_than_a_second_a_shot_stands_out_of_what_is_quietest():
    """A file of 0.4 s, all but its first 3 frames under a shot and its tail: 30 dB falling to 15."""
    frames = np.full((23, 2), -60.0, np.float32)
    frames[3:] += np.linspace(30, 15, 20, dtype=np.float32)[:, None]
    assert above_floor(frames, SPEC)[3:].min() > 0.1
    assert above_floor(frames, SPEC)[3].min() > 1.2


def test_an_impossible_spec_is_refused():
    with pytest.raises(ConfigError):
        FloorSpec(half_width_frames=0)


class TestDigitalSilence:
    """Where nothing was stored the background goes on, for the sound around it as well."""

    @pytest.fixture
    def frames(self, rng):
        return rng.normal(-60, 2, (400, 3)).astype(np.float32)

    def test_a_gap_lies_on_the_level_itself(self, frames):
        frames[150:190] = -130.0
        assert (above_floor(frames, SPEC)[150:190] == 0).all()

    def test_the_level_beside_it_is_that_of_what_was_heard(self, frames):
        gapped = frames[::LEVEL_STEP].copy()
        gapped[90:98] = -130.0
        half = SPEC.half_width_frames // LEVEL_STEP

        def heard(row):
            return [i for i in range(row - half, row + half + 1) if not 90 <= i < 98]

        means = np.array([gapped[heard(row)].mean(axis=0) for row in heard(89)])
        expected = np.minimum(gapped[heard(89)], means + SPEC.tolerance_db).mean(axis=0)
        np.testing.assert_allclose(running_floor(gapped, SPEC)[89], expected, atol=1e-3)

    def test_where_all_is_silent_nothing_stands_out(self):
        frames = np.full((400, 3), -130.0, np.float32)
        frames[201] = -128.0
        above = above_floor(frames, SPEC)
        assert above[201] == pytest.approx(0.2, abs=1e-3)
        assert (np.delete(above, 201, axis=0) == 0).all()

    def test_a_short_file_is_counted_from_what_was_heard(self):
        frames = np.full((20, 2), -60.0, np.float32)
        frames[:10] = -130.0
        assert above_floor(frames, SPEC)[10:] == pytest.approx(-0.5, abs=1e-3)
        assert (above_floor(frames, SPEC)[:10] == 0).all()

    @given(first=st.integers(0, 700))
    def test_a_level_is_the_same_wherever_the_sound_is_cut(self, first):
        frames = np.random.default_rng(3).normal(-60, 5, (900, 3)).astype(np.float32)
        for gap in (100, 340, 345, 600):
            frames[gap : gap + 30] = -130.0
        reach = SPEC.reach_frames // LEVEL_STEP
        part = running_floor(frames[first:], SPEC)[reach:]
        assert np.array_equal(part, running_floor(frames, SPEC)[first + reach :])
