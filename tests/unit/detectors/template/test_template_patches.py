import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndoki.core.errors import ConfigError
from ndoki.detectors.template.patches import PatchSpec, cut_patch, find_onset, is_whole, measure_box
from ndoki.features.mel import MelSpec, log_mel

SPEC = PatchSpec()
MEL = SPEC.mel


def sound_with_shots(shots, n_samples=16_000, seed=0):
    """Noise at 4 kHz with decaying bursts: (onset sample, amplitude)."""
    rng = np.random.default_rng(seed)
    sound = rng.normal(scale=1e-3, size=n_samples)
    for onset, amplitude in shots:
        n = min(6000, n_samples - onset)
        sound[onset : onset + n] += rng.normal(scale=amplitude, size=n) * np.exp(-np.arange(n) / 1200)
    return sound.astype(np.float32)


def test_the_patch_is_counted_in_whole_hops():
    assert (SPEC.before_frames, SPEC.after_frames) == (19, 94)


@pytest.mark.parametrize("change", [{"before_s": 0.0}, {"after_s": 0.02}, {"before_s": -1.0}])
def test_a_patch_without_length_is_refused(change):
    with pytest.raises(ConfigError, match="give at least 1 and 2 hops"):
        PatchSpec(**change)


def test_a_band_without_mel_bands_is_refused():
    with pytest.raises(ConfigError, match="no mel band lies between"):
        PatchSpec(onset_low_hz=1400.0)


@settings(max_examples=25, deadline=None)
@given(onset=st.integers(1000, 15_000), amplitude=st.sampled_from([0.01, 0.1, 0.5]), seed=st.integers(0, 99))
def test_the_onset_is_found_within_a_frame_or_two(onset, amplitude, seed):
    row, rise_db = find_onset(log_mel(sound_with_shots([(onset, amplitude)], seed=seed), MEL), SPEC)
    assert abs(row - MEL.grid.frame_at(onset, 4000)) <= 2
    assert rise_db > 8


def test_the_larger_rise_wins_unless_one_looks_elsewhere():
    frames_db = log_mel(sound_with_shots([(3000, 0.02), (10_000, 0.3)]), MEL)
    early, late = (MEL.grid.frame_at(sample, 4000) for sample in (3000, 10_000))
    assert abs(find_onset(frames_db, SPEC)[0] - late) <= 2
    assert abs(find_onset(frames_db, SPEC, 0, late - 20)[0] - early) <= 2
    assert abs(find_onset(frames_db, SPEC, late - 10)[0] - late) <= 2


def test_a_rise_in_all_bands_counts_more_than_one_loud_animal():
    sound = sound_with_shots([(4000, 0.05)])
    sound[9000:15_000] += (0.5 * np.sin(2 * np.pi * 700 * np.arange(6000) / 4000)).astype(np.float32)
    row, _ = find_onset(log_mel(sound, MEL), SPEC)
    assert abs(row - MEL.grid.frame_at(4000, 4000)) <= 2


def test_a_shot_that_still_swells_behind_its_edge_begins_at_its_edge():
    level_db = np.full(250, -70.0)
    level_db[100:112] = -30 + 1.5 * np.arange(12)
    level_db[112:] = np.maximum(-12 - 0.4 * np.arange(138), -70)
    frames_db = np.tile(level_db[:, None], MEL.n_mels).astype(np.float32)
    row, rise_db = find_onset(frames_db, SPEC)
    assert abs(row - 100) <= 1
    assert rise_db > 40


def test_steady_noise_rises_little():
    assert find_onset(log_mel(sound_with_shots([]), MEL), SPEC)[1] < 4


@pytest.mark.parametrize("n_rows", [1, 2, 8, 9, 10])
def test_a_very_short_sound_still_has_an_onset(n_rows):
    frames_db = np.full((n_rows, MEL.n_mels), -70, np.float32)
    frames_db[n_rows - 1] = -20
    row, rise_db = find_onset(frames_db, SPEC)
    assert 0 <= row < n_rows
    assert np.isfinite(rise_db)
    if n_rows < 9:
        assert (row, rise_db) == (n_rows - 1, 0.0)


def test_a_patch_in_the_middle_is_what_was_there():
    frames_db = np.arange(300 * MEL.n_mels, dtype=np.float32).reshape(300, -1)
    np.testing.assert_array_equal(cut_patch(frames_db, 100, SPEC), frames_db[81:194])


@pytest.mark.parametrize(
    ("onset_row", "n_rows", "there"),
    [(4, 300, slice(15, 113)), (290, 300, slice(0, 29)), (3, 9, slice(16, 25))],
)
def test_what_is_not_there_is_filled_with_the_mean(onset_row, n_rows, there):
    frames_db = np.random.default_rng(0).normal(-60, 5, size=(n_rows, MEL.n_mels)).astype(np.float32)
    patch = cut_patch(frames_db, onset_row, SPEC)
    assert patch.shape == (113, MEL.n_mels)
    held = frames_db[max(onset_row - 19, 0) : onset_row + 94]
    np.testing.assert_array_equal(patch[there], held)
    filled = np.delete(patch, np.arange(113)[there], axis=0)
    np.testing.assert_allclose(filled, np.broadcast_to(held.mean(axis=0), filled.shape), rtol=1e-5)
    assert not is_whole(n_rows, onset_row, SPEC)


@pytest.mark.parametrize(("row", "whole"), [(18, False), (19, True), (206, True), (207, False)])
def test_whole_means_that_all_rows_are_there(row, whole):
    assert is_whole(300, row, SPEC) is whole


def patch_with(rows, bands, level_db=30.0):
    patch = np.full((113, MEL.n_mels), -70, np.float32)
    patch[19 : 19 + rows, bands] += level_db
    return patch


def test_the_box_of_a_patch():
    duration_s, low_hz, high_hz = measure_box(patch_with(50, slice(5, 20)), SPEC)
    # The 80 ms of smoothing let the end run out by up to two frames.
    assert duration_s == pytest.approx(50 * 0.016, abs=0.04)
    assert MEL.centres_hz[4] < low_hz < MEL.centres_hz[5]
    assert MEL.centres_hz[19] < high_hz < MEL.centres_hz[20]


def test_a_box_never_leaves_the_patch_or_the_band():
    for patch in (
        patch_with(94, slice(None)),
        patch_with(1, slice(39, 40)),
        np.full((113, 40), -70, np.float32),
    ):
        duration_s, low_hz, high_hz = measure_box(patch, SPEC)
        assert 0 < duration_s <= 1.504
        assert 40 <= low_hz < high_hz <= 1300


def test_a_faint_shot_gets_at_least_its_strongest_band():
    _, low_hz, high_hz = measure_box(patch_with(60, slice(7, 8), 1.0), SPEC)
    assert low_hz < MEL.centres_hz[7] < high_hz
    assert high_hz - low_hz < 40


def test_another_mel_grid():
    spec = PatchSpec(
        mel=MelSpec(rate_hz=2000, hop_samples=50, frame_samples=128, n_mels=10, high_hz=900), after_s=1.0
    )
    assert (spec.before_frames, spec.after_frames) == (12, 40)
