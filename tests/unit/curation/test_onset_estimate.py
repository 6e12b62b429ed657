"""The local onset estimate: against its slow definition, on steps, on simulated shots, at a file's edges."""

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from ndoki.audio.reader import open_samples
from ndoki.curation.onset_estimate import (
    BIN_SAMPLES,
    RATE_HZ,
    Stretch,
    change_evidence,
    likeness,
    listen,
    pick_onset,
)
from ndoki.curation.onset_reference import evidence_at

BAND_HZ = np.array([65.0, 125.0, 250.0, 500.0, 800.0])
N_BINS = 375


def stretch_of(energy: np.ndarray, first_bin: int = 0) -> Stretch:
    return Stretch(
        at_bin=first_bin + 200,
        first_bin=first_bin,
        energy=energy,
        wave=np.zeros(energy.shape[1] * BIN_SAMPLES, np.float32),
        inside=(0, energy.shape[1]),
    )


def noise(rng: np.random.Generator, n_bins: int = N_BINS) -> np.ndarray:
    return rng.gamma(2.0, 0.5, (5, n_bins)) * np.array([[9.0], [4.0], [2.0], [1.0], [0.5]])


@given(st.integers(0, 2**32 - 1), st.integers(3, 372), st.integers(0, 2), st.integers(0, 2))
def test_evidence_is_its_definition(seed, column, first, cut):
    energy = noise(np.random.default_rng(seed))
    end = N_BINS - cut
    fast = change_evidence(energy, np.array([column]), first, end)
    per_bin = BAND_HZ * 2 * BIN_SAMPLES / RATE_HZ
    # The formula counts n values per side, the definition n/2 pairs; they differ by the factor in front only.
    slow = evidence_at(energy.tolist(), per_bin.tolist(), column, first, end)
    assert fast[0] == pytest.approx(slow, rel=1e-6, abs=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(190, 210), st.floats(4.0, 300.0), st.floats(3.0, 60.0))
def test_a_step_is_placed_to_the_bin_or_nearly(seed, onset, rise, decay_bins):
    energy = noise(np.random.default_rng(seed))
    later = np.arange(N_BINS - onset)
    energy[:, onset:] *= 1 + rise * np.exp(-later / decay_bins)
    pick = pick_onset(stretch_of(energy), 200)
    assert abs(pick.bin - onset) <= 6
    assert pick.evidence > 5
    if rise > 100:
        assert abs(pick.bin - onset) <= 2
        assert pick.spread_s < 0.004


def test_noise_leaves_the_detectors_onset_about_where_it_was(rng):
    picks = [pick_onset(stretch_of(noise(rng)), 200) for _ in range(50)]
    assert np.median([abs(pick.bin - 200) for pick in picks]) <= 4
    assert max(pick.evidence for pick in picks) < 8
    assert min(pick.spread_s for pick in picks) > 0.002


def test_what_was_heard_again_is_sought_within_12_ms(rng):
    """A rise 24 ms off draws the detector's onset there, but not that of the second hearing."""
    energy = noise(rng)
    energy[:, 212:] *= 100.0
    assert pick_onset(stretch_of(energy), 200).bin == 212
    again = pick_onset(stretch_of(energy), 200, is_heard_again=True)
    assert abs(again.bin - 200) <= 6
    near = pick_onset(stretch_of(energy), 208, is_heard_again=True)
    assert near.bin == 212


def test_positions_count_from_the_start_of_the_file(rng):
    energy = noise(rng)
    energy[:, 195:] *= 100
    here, there = pick_onset(stretch_of(energy), 200), pick_onset(stretch_of(energy, 10_000), 10_200)
    assert (there.bin - here.bin, there.evidence) == (10_000, here.evidence)
    assert here.sample(RATE_HZ) == 195 * BIN_SAMPLES
    assert here.sample(44_100) == round(195 * BIN_SAMPLES * 44_100 / RATE_HZ)


def test_neighbours_shots_are_not_looked_at(rng):
    """The shot before is loud; the one behind too. Neither moves the one between."""
    energy = noise(rng)
    energy[:, 160:] *= 300 * np.exp(-np.arange(N_BINS - 160) / 12)[None, :] + 1
    energy[:, 200:] *= 20
    energy[:, 240:] *= 100
    between = pick_onset(stretch_of(energy), 202, previous_bin=160, next_bin=240)
    assert abs(between.bin - 200) <= 1
    assert abs(pick_onset(stretch_of(energy), 202).bin - 200) > 1


@pytest.mark.parametrize("rate_hz", [8000, 4000, 48_000, 11_025])
def test_a_simulated_shot_is_placed_within_two_bins(tmp_path, forest, rate_hz):
    onset_s = 2.503
    soundfile.write(tmp_path / "a.wav", forest(6.0, [onset_s], rate_hz, 20.0), rate_hz)
    with open_samples(str(tmp_path / "a.wav")) as samples:
        stretch = listen(samples, 0, round((onset_s + 0.011) * rate_hz))
        pick = pick_onset(stretch, stretch.at_bin)
    assert abs(pick.sample(rate_hz) / rate_hz - onset_s) < 0.0045


def test_edges_of_a_file_are_no_onsets(tmp_path, rng):
    """A file that begins and ends abruptly, and silence between: nothing raises, nothing is infinite."""
    sound = 0.1 * rng.standard_normal(8000)
    sound[3000:5000] = 0
    soundfile.write(tmp_path / "a.wav", sound, 8000)
    with open_samples(str(tmp_path / "a.wav")) as samples:
        for at in (0, 1, 40, 2990, 4990, 7960, 7999):
            stretch = listen(samples, 0, at)
            pick = pick_onset(stretch, stretch.at_bin)
            assert np.isfinite(pick.evidence)
            assert np.isfinite(stretch.energy).all()
            assert abs(pick.bin - stretch.at_bin) <= 15
        nothing = pick_onset(listen(samples, 0, 0), 0)
    assert nothing.evidence >= 0


def test_a_shot_resembles_itself_and_noise_does_not(tmp_path, forest):
    soundfile.write(tmp_path / "a.wav", forest(12.0, [3.0, 9.0], 8000, 25.0), 8000)
    with open_samples(str(tmp_path / "a.wav")) as samples:
        one, same, none = (listen(samples, 0, round(at * 8000)) for at in (3.0, 3.004, 6.0))
    at = round(3.0 * RATE_HZ / BIN_SAMPLES)
    assert likeness(one, at, same, at) > 0.999
    assert likeness(one, at, same, at + 3) > 0.9  # shifted by 6 ms
    assert likeness(none, none.at_bin, one, at) < 0.7
    assert likeness(one, at + 300, same, at) == 0.0  # too far out to be compared


def test_what_sounded_before_the_middle_between_two_shots_changes_nothing(rng):
    energy = noise(rng)
    energy[:, 200:] *= 20
    changed = energy.copy()
    changed[:, :180] *= 50
    picks = [pick_onset(stretch_of(one), 201, previous_bin=160) for one in (energy, changed)]
    assert picks[0].bin == picks[1].bin
    assert picks[0].evidence == pytest.approx(picks[1].evidence)
    assert pick_onset(stretch_of(changed), 201).evidence < 0.5 * picks[1].evidence
