"""Evidence read from a recording: the same wherever it is asked for, and that of the whole recording."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndoki.features.attack import N_INPUTS, REACH_FRAMES, STRENGTH, above_floor_db, attack_inputs
from ndoki.features.gabor import CELL_FRAMES, CELL_SAMPLES, GABOR_GRID, band_levels_db, cell_spectra
from ndoki.firing.model import ShotModel
from ndoki.firing.near import Listener, evidence_near

RATE = GABOR_GRID.rate_hz
LENGTH_S = 40.0
CLICKS_S = (12.0, 12.4, 13.9, 15.5, 30.0)


class Sound:
    """Samples in memory."""

    def __init__(self, samples):
        self.samples = samples

    def read(self, first_sample, end_sample, channel):
        return self.samples[first_sample:end_sample, channel]


def rises() -> ShotModel:
    """Log odds grow with how much begins at a frame."""
    weight = np.zeros((N_INPUTS, 1), np.float32)
    weight[STRENGTH] = 4.0
    return ShotModel(weights=(weight,), biases=(np.array([-16.0], np.float32),))


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(5)
    sound = 0.01 * rng.standard_normal((round(LENGTH_S * RATE), 2))
    for onset_s in CLICKS_S:
        first = round(onset_s * RATE)
        sound[first : first + 800, 1] += 0.3 * rng.standard_normal(800) * np.exp(-np.arange(800) / 100)
    return sound.astype(np.float32)


def listener(samples, channel=1):
    return Listener(Sound(samples), len(samples), RATE, channel)


def test_a_cell_is_described_as_in_the_whole_recording(samples):
    step = CELL_FRAMES * GABOR_GRID.hop_samples
    firsts = range(0, len(samples) - CELL_SAMPLES, step)
    spectra = np.concatenate([cell_spectra(samples[first : first + CELL_SAMPLES, 1]) for first in firsts])
    above = above_floor_db(band_levels_db(spectra), 0, len(spectra)) / 10
    cell = 12
    around = slice(cell * CELL_FRAMES - REACH_FRAMES, (cell + 1) * CELL_FRAMES + REACH_FRAMES)
    np.testing.assert_allclose(
        listener(samples).inputs(cell), attack_inputs(spectra[around], above[around]), atol=2e-4
    )


def test_a_cell_is_the_same_whatever_was_asked_for_before(samples):
    asked, fresh = listener(samples), listener(samples)
    cells = [asked.inputs(cell) for cell in (3, 20, 12, 11)]
    assert np.array_equal(cells[2], fresh.inputs(12))


@pytest.mark.parametrize("n_samples", [1, 100, 4000, CELL_SAMPLES + 1])
def test_a_short_recording_is_described(samples, n_samples):
    short = listener(samples[:n_samples])
    for cell in range(short.n_cells):
        assert np.isfinite(short.inputs(cell)).all()


def evidence(samples, *places_s):
    return evidence_near(listener(samples), rises(), [round(one * RATE) for one in places_s])


def onsets_s(found):
    strong = found.frame[found.log_odds > 0]
    return [round(float(one) * GABOR_GRID.hop_s + 0.032, 1) for one in strong]


def test_what_follows_is_heard_as_long_as_it_goes_on(samples):
    """Each click is within two seconds of the one before; 30 s is not. The other channel has none."""
    assert sorted(set(onsets_s(evidence(samples, 12.0)))) == [12.0, 12.4, 13.9, 15.5]
    assert sorted(set(onsets_s(evidence(samples, 20.0)))) == []
    quiet = evidence_near(listener(samples, 0), rises(), [12 * RATE])
    assert onsets_s(quiet) == []


def test_nothing_asked_is_nothing_heard(samples):
    assert len(evidence(samples)) == 0


@settings(max_examples=8)
@given(
    st.lists(
        st.sampled_from([0.0, 5.0, 11.9, 12.0, 12.4, 14.0, 15.5, 17.0, 30.0, 39.9]), min_size=1, max_size=5
    ),
    st.integers(0, 5),
)
def test_pieces_together_say_what_the_whole_says(places_s, cut):
    """However the places are shared out among stretches, the union is the same, to the bit."""
    sound = np.asarray(_shared())
    whole = evidence(sound, *places_s)
    parts = [evidence(sound, *some) for some in (places_s[:cut], places_s[cut:])]
    together = {}
    for part in parts:
        together |= dict(zip(part.frame.tolist(), part.log_odds.tolist(), strict=True))
    assert dict(zip(whole.frame.tolist(), whole.log_odds.tolist(), strict=True)) == together
    assert (np.diff(whole.frame) > 0).all()


def _shared():
    rng = np.random.default_rng(6)
    sound = 0.01 * rng.standard_normal((round(LENGTH_S * RATE), 2)).astype(np.float32)
    for onset_s in CLICKS_S:
        sound[round(onset_s * RATE) :][:80, 1] += 0.3
    return sound
