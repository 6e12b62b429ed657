import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndoki.core.errors import ConfigError
from ndoki.core.grid import FrameGrid
from ndoki.features.close_up import CloseUpSpec, close_up, close_ups
from ndoki.features.mel import MelSpec, log_mel

SPEC = CloseUpSpec()
HOP, FRAME = SPEC.mel.hop_samples, SPEC.mel.frame_samples
GRID = MelSpec().grid


def noise(n, seed=1):
    return (0.01 * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


def by_hand(samples, centre_sample):
    """Every frame by itself, the quiet level by sorting."""
    rows, first = {}, round((centre_sample - FRAME / 2) / HOP) - SPEC.before_frames
    for row in range(SPEC.n_frames):
        start = (first + row) * HOP
        if start >= 0 and start + FRAME <= len(samples):
            rows[row] = log_mel(samples[start : start + FRAME], SPEC.mel)[0]
    view = np.zeros((SPEC.n_frames, SPEC.mel.n_mels))
    for band in range(SPEC.mel.n_mels):
        levels = {row: float(bands[band]) for row, bands in rows.items()}
        quiet = sorted(levels.values())[int(0.3 * len(levels))]
        for row, level in levels.items():
            view[row, band] = min(max(level - quiet, -30.0), 63.5) / 10
    return view


@pytest.mark.parametrize("centre", [128, 20_000, 39_800])
def test_it_is_its_definition(centre):
    """In the middle of a recording and at both of its ends."""
    samples = noise(40_000)
    samples[20_000:21_000] *= 30
    np.testing.assert_allclose(close_up(samples, 0, centre, SPEC), by_hand(samples, centre), atol=2e-4)


def test_a_click_is_seen_at_its_place():
    samples = noise(40_000)
    samples[20_000] += 0.9
    view = close_up(samples, 0, 20_000, SPEC)
    loudest = view.mean(axis=1).argmax()
    assert abs(int(loudest) - SPEC.before_frames) <= 1
    assert view[loudest].mean() > 1.0
    assert abs(np.delete(view, range(120, 131), axis=0).mean()) < 0.5


@settings(max_examples=20)
@given(first_hop=st.integers(0, 300), n_behind=st.integers(8960, 12_000), frame=st.integers(620, 640))
def test_it_depends_on_its_stated_reach_alone(first_hop, n_behind, frame):
    """However the sound is cut into blocks, as long as the detector's context is there."""
    samples = noise(70_000)
    before, after = SPEC.reach_frames(GRID)
    first = min(first_hop * GRID.hop_samples, (frame - before) * GRID.hop_samples)
    end = max(frame * GRID.hop_samples + n_behind, (frame + after) * GRID.hop_samples + GRID.frame_samples)
    place = GRID.centre_sample(frame, GRID.rate_hz)
    part = close_up(samples[first:end], first, place, SPEC)
    np.testing.assert_array_equal(part, close_up(samples, 0, place, SPEC))


@settings(max_examples=20)
@given(
    frames=st.lists(st.integers(-10, 5000), min_size=1, max_size=30).map(sorted),
    first_frame=st.integers(0, 50),
)
def test_many_are_each_what_they_are_alone(frames, first_frame):
    """Near each other, far apart, at the ends of the sound and beyond."""
    samples, first = noise(160_000), first_frame * GRID.hop_samples
    places = [GRID.centre_sample(frame, GRID.rate_hz) for frame in frames]
    for view, place in zip(close_ups(samples, first, places, SPEC), places, strict=True):
        # A product of matrices adds up in another order for other numbers of rows.
        np.testing.assert_allclose(view, close_up(samples, first, place, SPEC), atol=3e-6)


def test_loudness_does_not_matter():
    """Above the noise of the recorder's own steps."""
    samples = 10 * noise(40_000)
    np.testing.assert_allclose(
        close_up(samples, 0, 20_000, SPEC), close_up(4 * samples, 0, 20_000, SPEC), atol=2e-3
    )


@pytest.mark.parametrize("n", [0, 50, 127, 128, 500])
def test_sound_shorter_than_a_view_is_finite(n):
    view = close_up(noise(n), 0, 128, SPEC)
    assert view.shape == (400, 40)
    assert np.isfinite(view).all()
    assert (np.abs(view).sum(axis=1) > 0).sum() <= max(0, (n - FRAME) // HOP + 1)


def test_reach_covers_the_view_on_any_grid():
    for hop in (32, 48, 64, 128):
        grid = FrameGrid(rate_hz=4000, hop_samples=hop, frame_samples=256)
        before, after = SPEC.reach_frames(grid)
        assert before * hop >= SPEC.before_frames * HOP
        assert after * hop >= SPEC.after_frames * HOP


@pytest.mark.parametrize("wrong", [{"before_frames": 0}, {"after_frames": 0}, {"quiet_share": 1.0}])
def test_impossible_views_are_refused(wrong):
    with pytest.raises(ConfigError, match="a close-up needs"):
        CloseUpSpec(**wrong)


def test_digital_silence_is_no_quiet_sound():
    """A gap says nothing of the background: what was heard looks as if there were none."""
    samples = noise(40_000)
    samples[20_000:21_000] *= 30
    gapped = samples.copy()
    gapped[14_000:19_000] = 0
    view, whole = close_up(gapped, 0, 20_000, SPEC), close_up(samples, 0, 20_000, SPEC)
    # 32 ms of sound and silence lie on either side.
    silent = range((14_000 - 20_000) // HOP + 129, (19_000 - 20_000) // HOP + 119)
    assert (view[silent.start : silent.stop] == 0).all()
    assert abs((view - whole)[SPEC.before_frames :].mean()) < 0.05


def test_in_silence_alone_there_is_nothing():
    assert (close_up(np.zeros(40_000, np.float32), 0, 20_000, SPEC) == 0).all()
