import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.audio.quality import Stretch, measure

RATE_HZ = 40  # low, so that seconds and minutes are short arrays


def _noise(n_samples, seed=0, level=0.1):
    return np.random.default_rng(seed).normal(0, level, n_samples).clip(-0.9, 0.9).astype(np.float32)


def _measured(samples, block_samples=None, **options):
    step = block_samples or max(1, len(samples))
    blocks = (samples[first : first + step] for first in range(0, len(samples), step))
    return measure(blocks, RATE_HZ, **options)


def _silences(samples):
    """Slow and obvious: runs of one value, a second or longer, or the whole file."""
    edges = [0, *(np.flatnonzero(np.diff(samples)) + 1).tolist(), len(samples)]
    runs = list(pairwise(edges)) if len(samples) else []
    return tuple(
        Stretch(first_sample=first, end_sample=end)
        for first, end in runs
        if end - first >= RATE_HZ or end - first == len(samples)
    )


def _longest_clip(samples, full_scale):
    longest = run = 0
    for sample in np.abs(samples).tolist():
        run = run + 1 if sample >= full_scale else 0
        longest = max(longest, run)
    return longest


PIECES = st.lists(
    st.tuples(st.sampled_from([0.0, 0.5, 1.0, -1.0, None]), st.integers(1, 3 * RATE_HZ)),
    min_size=1,
    max_size=8,
)


@given(PIECES, st.integers(1, 5 * RATE_HZ))
def test_agrees_with_a_slow_reference_whatever_the_blocks(pieces, block_samples):
    samples = np.concatenate(
        [
            _noise(length, i) if value is None else np.full(length, value, np.float32)
            for i, (value, length) in enumerate(pieces)
        ]
    )
    quality = _measured(samples, block_samples)
    assert quality.n_samples == len(samples)
    assert quality.silences == _silences(samples)
    assert quality.longest_clip_samples == _longest_clip(samples, 32767 / 32768)
    assert quality.clipped_share == np.mean(np.abs(samples) >= 32767 / 32768)
    assert quality.peak == np.abs(samples).max()
    assert quality.dc_offset == pytest.approx(samples.mean(dtype=np.float64), abs=1e-6)


def test_full_scale_sine_is_3_decibels_below_full_scale():
    sine = np.sin(2 * np.pi * np.arange(60 * RATE_HZ) * 7 / RATE_HZ).astype(np.float32)
    assert _measured(sine).level_dbfs == pytest.approx(-3.0103, abs=1e-3)


def test_level_is_the_median_minute():
    minute = 60 * RATE_HZ
    loud = np.concatenate([_noise(minute, 1, 0.01), _noise(minute, 2, 0.02), _noise(minute, 3, 0.2)])
    expected_dbfs = 20 * math.log10(loud[minute : 2 * minute].std())
    assert _measured(loud, 1234).level_dbfs == pytest.approx(expected_dbfs, abs=1e-3)


def test_offset_does_not_count_as_level():
    quiet = _noise(60 * RATE_HZ, level=0.01)
    assert _measured(quiet + np.float32(0.3)).level_dbfs == pytest.approx(
        _measured(quiet).level_dbfs, abs=0.02
    )


@pytest.mark.parametrize("value", [0.0, 0.1, -0.7, 1.0])
def test_constant_file_has_no_level(value):
    quality = _measured(np.full(150 * RATE_HZ, value, np.float32))
    assert quality.level_dbfs is None
    assert quality.silences == (Stretch(first_sample=0, end_sample=150 * RATE_HZ),)
    assert (quality.silent_s, quality.starts_silent, quality.ends_silent) == (150.0, True, True)
    assert quality.dc_offset == pytest.approx(value)


@pytest.mark.parametrize(
    ("silent_from_s", "starts", "ends"), [(0, True, False), (5, False, False), (8, False, True)]
)
def test_silent_first_and_last_second(silent_from_s, starts, ends):
    samples = _noise(10 * RATE_HZ)
    samples[silent_from_s * RATE_HZ : (silent_from_s + 2) * RATE_HZ] = 0
    quality = _measured(samples)
    assert (quality.starts_silent, quality.ends_silent) == (starts, ends)
    assert quality.silent_s == 2.0


def test_dropout_shorter_than_a_second_is_no_silence():
    samples = _noise(10 * RATE_HZ)
    samples[100 : 100 + RATE_HZ - 1] = 0
    assert _measured(samples).silences == ()


def test_full_scale_of_8_bits():
    samples = np.array([0, 127 / 128, 127 / 128, 0, -1, 126 / 128], np.float32)
    assert _measured(samples).clipped_share == pytest.approx(1 / 6)
    assert _measured(samples, full_scale=127 / 128).clipped_share == pytest.approx(3 / 6)
    assert _measured(samples, full_scale=127 / 128).longest_clip_samples == 2


def test_no_sound_at_all():
    quality = measure([], RATE_HZ)
    assert (quality.n_samples, quality.level_dbfs, quality.silences) == (0, None, ())
    assert (quality.dc_offset, quality.clipped_share, quality.starts_silent) == (0.0, 0.0, False)


def test_one_sample_is_a_file_of_silence():
    assert _measured(np.zeros(1, np.float32)).silences == (Stretch(first_sample=0, end_sample=1),)
