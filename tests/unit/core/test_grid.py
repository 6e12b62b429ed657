"""Frames, samples and seconds."""

from hypothesis import given
from hypothesis import strategies as st

from ndoki.core.grid import FrameGrid, seconds_to_samples

GRID = FrameGrid(rate_hz=4000, hop_samples=64, frame_samples=256)
RATES = st.sampled_from([2000, 4000, 8000, 11025, 16000, 22050, 44100, 48000, 192000])


@given(st.integers(0, 10_000_000), RATES)
def test_a_frames_centre_lies_in_that_frame(frame, rate_hz):
    assert GRID.frame_at(GRID.centre_sample(frame, rate_hz), rate_hz) == frame


@given(st.integers(0, 200_000_000))
def test_frames_fit_and_one_more_does_not(n_samples):
    n = GRID.n_frames(n_samples)
    if n_samples >= 256:
        assert (n - 1) * 64 + 256 <= n_samples < n * 64 + 256
    else:
        assert n == (1 if n_samples else 0)


def test_a_day_at_48_khz_stays_exact():
    day = 86_400 * 48_000
    assert seconds_to_samples((day - 1) / 48_000, 48_000) == day - 1
    assert GRID.first_sample(5_400_000 - 4, 48_000) == (5_400_000 - 4) * 768


def test_resampled_length_covers_the_whole_file():
    assert GRID.n_samples(8001, 8000) == 4001
    assert GRID.n_samples(1, 48000) == 1
    assert GRID.frames_in(1.6) == 100
    assert GRID.hop_s == 0.016
