"""What the sound does around a frame: against loops, by hand, and finite in memory."""

import numpy as np
import pytest

from ndoki.features.attack import (
    FLOOR_REACH_FRAMES,
    N_INPUTS,
    REACH_FRAMES,
    STRENGTH,
    above_floor_db,
    attack_inputs,
    rising,
)
from ndoki.features.gabor import BANDS, pooled

N_KERNELS = 21
NEAR = range(-12, 13)
SPANS = ((-25, -13), (-50, -25), (-100, -50), (-200, -100), (13, 25), (25, 50), (50, 100))


def slow_above(levels_db, row):
    def at(i):
        return levels_db[min(max(i, 0), len(levels_db) - 1)]

    def smooth(i):
        i = min(max(i, 0), len(levels_db))
        return np.mean([at(k) for k in range(i - 16, i + 16)], axis=0)

    base = row // 4 * 4
    floor = np.sort([smooth(base + 32 * k) for k in range(-32, 32)], axis=0)[12]
    return np.clip(levels_db[row] - floor, -5, 50)


def test_the_level_above_the_background_agrees_with_loops(rng):
    levels_db = (rng.normal(-60, 4, (2600, 2)) + 20 * (rng.random((2600, 1)) > 0.9)).astype(np.float32)
    for first in (0, 1200, 2400):
        found = above_floor_db(levels_db, first, first + 8)
        expected = [slow_above(levels_db.astype(np.float64), row) for row in range(first, first + 8)]
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_the_background_has_a_finite_memory(rng):
    levels_db = rng.normal(-60, 4, (4000, 1)).astype(np.float32)
    before = above_floor_db(levels_db, 2000, 2004)
    levels_db[: 2000 - FLOOR_REACH_FRAMES] = 0.0
    levels_db[2004 + FLOOR_REACH_FRAMES :] = 0.0
    np.testing.assert_allclose(above_floor_db(levels_db, 2000, 2004), before, atol=1e-4)


def test_a_steady_level_is_its_own_background():
    assert above_floor_db(np.full((300, 6), -40.0, np.float32), 100, 200) == pytest.approx(0.0, abs=1e-3)


def test_digital_silence_is_no_background(rng):
    """Half of the sound around is silence: what was heard is counted from what was heard."""
    heard = rng.normal(-60, 2, (2600, 2)).astype(np.float32)
    gapped = heard.copy()
    gapped[:1280] = -110.0
    steady = above_floor_db(heard[1280:], 200, 300).mean()
    assert above_floor_db(gapped, 1480, 1580).mean() == pytest.approx(steady, abs=0.5)
    gapped[:] = -110.0
    assert above_floor_db(gapped, 1200, 1400) == pytest.approx(0.0, abs=0.6)


def test_a_step_rises_where_it_is():
    """Mean of three frames behind less that of three before, two left out: whole from 19 to 21."""
    step = np.repeat([[0.0], [2.0]], 20, axis=0).astype(np.float32)
    assert rising(step)[15:25, 0] == pytest.approx([0, 0, 2 / 3, 4 / 3, 2, 2, 2, 4 / 3, 2 / 3, 0])
    assert (rising(step)[[0, 3, -4, -1]] == 0).all()


def slow_alikeness(spectra, at, before):
    best = np.zeros(len(BANDS))
    for shift in (-1, 0, 1):
        values = []
        for kernel in range(N_KERNELS):
            a = [spectra[at + k, kernel] for k in range(-2, 11)]
            b = [spectra[before + k + shift, kernel] for k in range(-2, 11)]
            energy = sum(abs(x) ** 2 for x in a) * sum(abs(x) ** 2 for x in b)
            values.append(abs(sum(x * y.conjugate() for x, y in zip(a, b, strict=True))) / np.sqrt(energy))
        alike = pooled(np.array(values, np.float32))
        best = alike if alike.sum() > best.sum() else best
    return best


def slow_inputs(spectra, above, at):
    rise = rising(above)
    strength = np.clip(rise, 0, 2).sum(axis=1)
    before = max(range(at - 200, at - 11), key=lambda i: (strength[i], -i))
    level = np.mean([above[at + k] for k in NEAR], axis=0)
    loudest_before = np.max([above[i] for i in range(at - 200, at - 11)], axis=0)
    parts = [above[at + k] - level for k in NEAR] + [level]
    parts += [np.mean(above[at + first : at + end], axis=0) - level for first, end in SPANS]
    parts += [above[before + k] - level for k in range(-6, 16, 3)]
    parts += [rise[at], rise[before], [(at - before) / 100, strength[before], strength[at]]]
    parts += [above[at : at + 8].max(axis=0) - loudest_before, slow_alikeness(spectra, at, before)]
    return np.concatenate(parts)


@pytest.fixture
def sound(rng):
    n = 2 * REACH_FRAMES + 6
    spectra = (rng.normal(size=(n, N_KERNELS)) + 1j * rng.normal(size=(n, N_KERNELS))).astype(np.complex64)
    return spectra, rng.normal(0, 1, (n, len(BANDS))).astype(np.float32)


def test_a_frame_is_described_as_by_loops(sound):
    spectra, above = sound
    found = attack_inputs(spectra, above)
    assert found.shape == (6, N_INPUTS)
    for i in (0, 5):
        np.testing.assert_allclose(found[i], slow_inputs(spectra, above, REACH_FRAMES + i), atol=1e-4)


def test_strength_is_the_sum_of_what_rises(sound):
    spectra, above = sound
    expected = np.clip(rising(above), 0, 2).sum(axis=1)[REACH_FRAMES:-REACH_FRAMES]
    np.testing.assert_allclose(attack_inputs(spectra, above)[:, STRENGTH], expected, rtol=1e-6)


def test_a_copy_is_alike_whatever_its_phase_and_level(sound):
    spectra, above = sound
    at, before = REACH_FRAMES, REACH_FRAMES - 30
    above[:] = 0
    above[before + 1 : before + 4] = 2.0
    spectra[at - 2 : at + 11] = 0.3j * spectra[before - 2 : before + 11]
    alike = attack_inputs(spectra, above)[:, -len(BANDS) :]
    assert alike[0] == pytest.approx(1.0, abs=1e-3)
    assert alike[5].max() < 0.9
