"""The answer for a frame depends on the sound alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndoki.core.types import Block
from ndoki.detectors.template.detector import PROPOSAL_MIN_SCORE, load

DETECTOR = load()
HOP = DETECTOR.grid.hop_samples


def forest(n_samples, onsets, seed=0):
    """Noise with decaying bursts in it, float32 at 4 kHz."""
    rng = np.random.default_rng(seed)
    sound = rng.normal(scale=1e-3, size=n_samples)
    for onset in onsets:
        length = max(0, min(6000, n_samples - onset))
        decay = np.exp(-np.arange(length) / 1500)
        sound[onset : onset + length] += rng.normal(scale=0.05, size=length) * decay
    return sound.astype(np.float32)


def in_blocks(sound, n_block_frames):
    """Analyses of a sound cut into blocks with exactly the stated context."""
    grid = DETECTOR.grid
    n_frames = grid.n_frames(len(sound))
    for first_frame in range(0, n_frames, n_block_frames):
        end_frame = min(first_frame + n_block_frames, n_frames)
        held_first = max(first_frame - DETECTOR.context_before_frames, 0)
        held_end = end_frame + DETECTOR.context_after_frames
        samples = sound[held_first * HOP : (held_end - 1) * HOP + grid.frame_samples]
        yield DETECTOR.analyse(
            Block(
                samples=samples, first_sample=held_first * HOP, first_frame=first_frame, end_frame=end_frame
            )
        )


def scores(sound, n_block_frames=1_000_000):
    return np.concatenate([analysis.track.scores for analysis in in_blocks(sound, n_block_frames)])[:, 0]


@settings(max_examples=25, deadline=None)
@given(n_samples=st.integers(1, 40_000), n_block_frames=st.integers(23, 700), onset=st.integers(0, 40_000))
def test_blocks_do_not_matter(n_samples, n_block_frames, onset):
    sound = forest(n_samples, [onset])
    whole = scores(sound)
    assert len(whole) == DETECTOR.grid.n_frames(n_samples)
    np.testing.assert_allclose(scores(sound, n_block_frames), whole, atol=1e-5)


def test_blocks_of_one_frame_do_not_matter():
    sound = forest(9000, [3000])
    np.testing.assert_allclose(scores(sound, 1), scores(sound), atol=1e-5)


def test_digital_silence_beside_a_loud_shot_does_not_depend_on_blocks():
    sound = np.zeros(60_000, np.float32)
    sound[30_000:34_000] = forest(4000, [0])
    whole = scores(sound)
    for n_block_frames in (50, 333):
        np.testing.assert_allclose(scores(sound, n_block_frames), whole, atol=1e-5)
    assert whole[:350].max() < 1e-5
    assert whole[600:].max() < 1e-5


@settings(max_examples=10, deadline=None)
@given(k=st.integers(0, 200))
def test_sound_k_hops_later_scores_k_frames_later(k):
    sound = forest(30_000, [12_000, 16_000])
    later = np.concatenate([forest(k * HOP, [], seed=1), sound])
    inner = slice(DETECTOR.context_before_frames, None)
    np.testing.assert_allclose(scores(later)[k:][inner], scores(sound)[inner], atol=1e-5)


@settings(max_examples=10, deadline=None)
@given(gain_db=st.floats(-12, 20))
def test_gain_does_not_matter_above_the_noise_of_16_bits(gain_db):
    """The sound's own noise is 41 dB above that of 16 bits; from 27 dB on the added noise begins to show."""
    sound = forest(20_000, [8000])
    louder = (sound * 10 ** (gain_db / 20)).astype(np.float32)
    np.testing.assert_allclose(scores(louder), scores(sound), atol=0.05)


@settings(max_examples=15, deadline=None)
@given(
    n_samples=st.integers(0, 20_000),
    scale=st.sampled_from([0.0, 1e-6, 1e-3, 1.0, 1e4]),
    seed=st.integers(0, 1000),
)
def test_any_sound_gives_valid_scores_and_boxes(n_samples, scale, seed):
    sound = np.random.default_rng(seed).normal(scale=scale, size=n_samples).astype(np.float32)
    for analysis in in_blocks(sound, 100):
        track, proposals = analysis.track, analysis.proposals
        assert track.scores.dtype == np.float32
        assert np.isfinite(track.scores).all()
        assert ((track.scores >= 0) & (track.scores <= 1)).all()
        expected = track.first_frame + np.flatnonzero(track.scores[:, 0] >= PROPOSAL_MIN_SCORE)
        np.testing.assert_array_equal(proposals.frame, expected)
        np.testing.assert_array_equal(proposals.score, track.scores[proposals.frame - track.first_frame, 0])


@pytest.mark.parametrize("onset", [0, 200, 1200])
def test_a_shot_in_a_file_of_0_4_s_is_heard(onset):
    assert scores(forest(1600, [onset])).max() > scores(forest(1600, [])).max() + 0.02


def test_a_shot_in_the_last_0_4_s_is_heard():
    sound = forest(40_000, [40_000 - 1600])
    found = scores(sound)
    assert abs(int(found.argmax()) - DETECTOR.grid.frame_at(40_000 - 1600, 4000)) <= 2
    assert found.max() > 0.35
