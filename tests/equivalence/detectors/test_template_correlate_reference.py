"""The fast correlation against the formula written out in loops."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndoki.detectors.template.cluster import distances
from ndoki.detectors.template.correlate import STILLNESS_DB, correlate, matcher


def slow(frames_db, patch, onset_frame, row):
    """Normalised cross-correlation of one template around one row, cell by cell."""
    n_frames, n_mels = patch.shape
    there = [i for i in range(n_frames) if 0 <= row - onset_frame + i < len(frames_db)]
    product = energy_sound = energy_template = 0.0
    for band in range(n_mels):
        sound = [float(frames_db[row - onset_frame + i, band]) for i in there]
        mean_sound = math.fsum(sound) / len(there)
        mean_template = math.fsum(float(value) for value in patch[:, band]) / n_frames
        for value in patch[:, band]:
            energy_template += (float(value) - mean_template) ** 2
        for i, value in zip(there, sound, strict=True):
            product += (value - mean_sound) * (float(patch[i, band]) - mean_template)
            energy_sound += (value - mean_sound) ** 2
    still = n_mels * len(there) * STILLNESS_DB**2
    if energy_template == 0:
        return 0.0
    return product / math.sqrt(energy_template) / math.sqrt(energy_sound + still)


@st.composite
def cases(draw):
    n_frames = draw(st.integers(2, 16))
    n_mels = draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_rows = draw(st.integers(1, 40))
    level_db = draw(st.sampled_from([0.0, -90.0, 300.0]))
    frames_db = level_db + rng.normal(
        scale=draw(st.sampled_from([0.0, 0.1, 5.0, 40.0])), size=(n_rows, n_mels)
    )
    patches = rng.normal(-40, 10, size=(draw(st.integers(1, 3)), n_frames, n_mels))
    return frames_db.astype(np.float32), patches, draw(st.integers(0, n_frames - 1))


@settings(max_examples=60, deadline=None)
@given(cases())
def test_equals_the_loops_for_every_row_and_template(case):
    frames_db, patches, onset_frame = case
    found = correlate(frames_db, matcher(patches, onset_frame), 0, len(frames_db))
    expected = [
        [slow(frames_db, patch, onset_frame, row) for patch in patches] for row in range(len(frames_db))
    ]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_equals_the_loops_where_pieces_meet():
    rng = np.random.default_rng(3)
    frames_db = rng.normal(-60, 5, size=(5000, 3)).astype(np.float32)
    frames_db[1990:2010] += 60
    patches = rng.normal(size=(2, 30, 3))
    ready = matcher(patches, 5)
    step = ready.n_fft - 30 + 1
    found = correlate(frames_db, ready, 100, 4990)
    for row in [
        100,
        *range(100 + step - 3, 100 + step + 3),
        *range(100 + 2 * step - 2, 100 + 2 * step + 2),
        4989,
    ]:
        expected = [slow(frames_db, patch, 5, row) for patch in patches]
        np.testing.assert_allclose(found[row - 100], expected, atol=1e-5)


def test_a_template_longer_than_the_usual_transform():
    rng = np.random.default_rng(4)
    frames_db = rng.normal(size=(1500, 2)).astype(np.float32)
    patches = rng.normal(size=(1, 900, 2))
    ready = matcher(patches, 100)
    assert ready.n_fft >= 4 * 900
    found = correlate(frames_db, ready, 0, 1500)
    for row in (0, 99, 100, 700, 701, 1499):
        assert found[row, 0] == pytest.approx(slow(frames_db, patches[0], 100, row), abs=1e-5)


def test_a_template_finds_itself_and_its_negative():
    rng = np.random.default_rng(5)
    patch = rng.normal(-50, 6, size=(20, 8))
    frames_db = rng.normal(-50, 6, size=(90, 8)).astype(np.float32)
    frames_db[30:50] = patch + 20  # louder by 20 dB: no matter
    frames_db[60:80] = -patch
    found = correlate(frames_db, matcher(patch[None], 4), 0, 90)[:, 0]
    assert found.argmax() == 34
    assert found.argmin() == 64
    # Not quite 1, by the constant that stands for stillness.
    assert found[34] == pytest.approx(1 / math.sqrt(1 + STILLNESS_DB**2 / patch.var(axis=0).mean()), abs=1e-5)
    assert found[64] == pytest.approx(-found[34], abs=1e-5)


def test_stillness_scores_zero_and_is_finite():
    patches = np.random.default_rng(6).normal(size=(2, 10, 3))
    still = np.full((50, 3), -90.0, np.float32)
    np.testing.assert_array_equal(correlate(still, matcher(patches, 2), 0, 50), 0.0)
    still[25:] = -30.0  # a step, with stillness on both sides
    found = correlate(still, matcher(patches, 2), 0, 50)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:17], 0.0, atol=1e-5)
    np.testing.assert_allclose(found[27:], 0.0, atol=1e-5)


def test_a_template_without_movement_scores_zero():
    frames_db = np.random.default_rng(7).normal(size=(30, 2)).astype(np.float32)
    np.testing.assert_array_equal(correlate(frames_db, matcher(np.ones((1, 5, 2)), 1), 0, 30), 0.0)


def test_distances_are_one_minus_the_correlation():
    patches = np.random.default_rng(8).normal(-50, 50, size=(5, 12, 3))
    apart = distances(patches)
    for i in range(5):
        for j in range(5):
            alike = slow(patches[i].astype(np.float32), patches[j], 0, 0)
            assert apart[i, j] == pytest.approx(1 - alike, abs=1e-3)  # the constant again
