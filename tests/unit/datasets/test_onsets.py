import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.datasets.onsets import further_rises, rise, strongest_rise, visible_box, visible_rise
from ndoki.features.floor import FloorSpec, above_floor
from ndoki.features.mel import MelSpec, log_mel

MEL = MelSpec()
HOP_S = MEL.grid.hop_s
ALL = slice(0, 40)


def frames(n: int, *steps: tuple[int, float, float], n_mels: int = 40, seed: int = 0) -> np.ndarray:
    """Noise of 1 dB around the floor; at each (frame, level, decay in frames) a step that decays."""
    above = np.random.default_rng(seed).normal(0, 0.1, (n, n_mels))
    for frame, level, decay in steps:
        above[frame:] = np.maximum(above[frame:], level * np.exp(-np.arange(n - frame) / decay)[:, None])
    return above.astype(np.float32)


def by_hand(above: np.ndarray, frame: int) -> float:
    """The definition of `rise`, a frame and a band at a time; outside, the level is 0."""
    total = 0.0
    for band in range(above.shape[1]):
        after = [float(above[i, band]) if i < len(above) else 0.0 for i in range(frame, frame + 6)]
        before = [float(above[i, band]) if i >= 0 else 0.0 for i in range(frame - 13, frame - 1)]
        total += min(max(sum(after) / 6 - sum(before) / 12, 0.0), 2.0)
    return total / above.shape[1]


def test_rise_is_its_definition():
    above = frames(60, (20, 1.5, 8), (50, 3.0, 30), n_mels=5)
    curve = rise(above, slice(0, 5))
    assert curve.dtype == np.float32
    np.testing.assert_allclose(curve, [by_hand(above, i) for i in range(60)], atol=1e-5)
    np.testing.assert_allclose(
        rise(above, slice(1, 3)), [by_hand(above[:, 1:3], i) for i in range(60)], atol=1e-5
    )


@pytest.mark.parametrize("frame", [0, 5, 13, 14, 40, 58, 59])
def test_the_visible_rise_is_that_of_the_eight_bands_in_a_row_that_gain_most(frame):
    above = frames(60, (20, 0.7, 8), (40, 1.2, 30), n_mels=12)
    padded = np.pad(np.pad(above, ((0, 8), (0, 0)), mode="edge"), ((13, 0), (0, 0))).astype(np.float64)

    def gained(at: int) -> np.ndarray:
        return np.clip(padded[at + 13 : at + 19].mean(axis=0) - padded[at : at + 12].mean(axis=0), -1.0, 2.0)

    expected = max(gained(at)[first : first + 8].mean() for at in (frame, frame + 1) for first in range(5))
    assert visible_rise(above, frame) == pytest.approx(expected, abs=1e-6)


def test_in_steady_noise_one_frame_in_fifty_rises_by_3_db():
    noise = np.random.default_rng(0).normal(0, 0.01, 120 * MEL.rate_hz).astype(np.float32)
    above = above_floor(log_mel(noise, MEL), FloorSpec())
    seen = [visible_rise(above, frame) >= 0.3 for frame in range(20, len(above) - 20, 10)]
    assert 0.01 < np.mean(seen) < 0.04


def test_one_loud_band_does_not_outweigh_a_rise_in_all():
    above = frames(200, (60, 0.8, 20))
    above[120:125, 7] = 6.0
    assert abs(strongest_rise(above, ALL) - 60) <= 1


@given(st.integers(0, 199), st.floats(0.8, 5.0), st.floats(6.0, 40.0), st.integers(0, 50))
def test_a_step_is_found_within_a_frame(frame, level, decay, seed):
    found = strongest_rise(frames(200, (frame, level, decay), seed=seed), ALL)
    assert abs(found - frame) <= 1


@pytest.mark.parametrize("snr_db", [10.0, 20.0, 30.0])
@pytest.mark.parametrize("onset_s", [3.0, 6.021, 9.5])
def test_the_onset_of_a_simulated_shot_is_found_within_a_frame(forest, onset_s, snr_db):
    samples = forest(12.0, [onset_s], MEL.rate_hz, snr_db)
    above = above_floor(log_mel(samples, MEL), FloorSpec())
    bands = slice(int(np.searchsorted(MEL.centres_hz, 80)), int(np.searchsorted(MEL.centres_hz, 1500)))
    expected = MEL.grid.frame_at(round(onset_s * MEL.rate_hz), MEL.rate_hz)
    assert abs(strongest_rise(above, bands) - expected) <= 1


def test_the_search_can_be_kept_to_a_range():
    above = frames(300, (50, 2.0, 10), (200, 1.0, 10))
    assert strongest_rise(above, ALL) == 50
    assert abs(strongest_rise(above, ALL, 100) - 200) <= 1
    assert abs(strongest_rise(above, ALL, 20, 100) - 50) <= 1


@pytest.mark.parametrize("n", [1, 2, 5, 13])
def test_a_very_short_sound_has_an_onset_inside(n):
    assert 0 <= strongest_rise(frames(n), ALL) < n


def test_further_rises_are_those_of_other_events():
    above = frames(400, (100, 2.0, 10), (180, 1.5, 10), (300, 1.2, 10))
    found = further_rises(above, ALL, 100)
    assert len(found) == 2
    assert np.abs(np.array(found) - (180, 300)).max() <= 2


def test_there_are_no_further_rises_in_steady_noise_or_at_the_onset_itself():
    assert further_rises(frames(400, (100, 2.0, 10)), ALL, 100) == ()
    assert further_rises(np.zeros((50, 40), np.float32), ALL, 20) == ()


def test_a_weak_rise_counts_only_beside_a_weak_onset():
    above = frames(400, (100, 2.0, 10), (250, 0.4, 10))
    assert further_rises(above, ALL, 100) == ()
    weak = frames(400, (100, 0.6, 10), (250, 0.4, 10))
    assert len(further_rises(weak, ALL, 100)) == 1


def test_the_box_is_what_stands_out():
    above = frames(300)
    above[80:110, 8:21] = 2.0
    box = visible_box(above, 80, MEL.centres_hz, HOP_S)
    assert box.low_hz == pytest.approx(MEL.centres_hz[8], rel=0.15)
    assert box.high_hz == pytest.approx(MEL.centres_hz[20], rel=0.15)
    assert box.duration_s == pytest.approx(30 * HOP_S, abs=0.1)


@given(st.floats(0.5, 4.0), st.floats(3.0, 60.0), st.integers(0, 299))
def test_any_box_is_possible(level, decay, frame):
    above = frames(300, (frame, level, decay))
    box = visible_box(above, frame, MEL.centres_hz, HOP_S)
    assert 0.05 <= box.duration_s <= (300 - frame) * HOP_S + 0.05
    assert MEL.centres_hz[0] <= box.low_hz <= box.high_hz <= MEL.centres_hz[-1]


def test_a_longer_decay_makes_a_longer_box():
    lengths = [
        visible_box(frames(400, (50, 3.0, decay)), 50, MEL.centres_hz, HOP_S).duration_s
        for decay in (5.0, 15.0, 45.0)
    ]
    assert lengths == sorted(lengths)
    assert lengths[2] > 3 * lengths[0]


def test_an_event_that_the_files_end_cuts_off_ends_there():
    above = frames(100)
    above[60:] = 2.0
    box = visible_box(above, 60, MEL.centres_hz, HOP_S)
    assert box.duration_s == pytest.approx(40 * HOP_S, abs=0.12)
