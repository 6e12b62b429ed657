"""Blocks cover the file exactly once, and hold the same samples however it is cut."""

import tempfile
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from ndoki.audio.blocks import read_blocks
from ndoki.audio.reader import open_samples
from ndoki.audio.resample import Resampler
from ndoki.core.grid import FrameGrid
from ndoki.core.types import Floats

RATES_HZ = (2000, 4000, 8000, 11025, 16000, 44100, 48000)


@pytest.fixture(scope="module", autouse=True)
def folder() -> Iterator[Path]:
    """Where all examples find their files."""
    with tempfile.TemporaryDirectory() as name:
        _FOLDER.append(Path(name))
        yield Path(name)
        _FOLDER.clear()
        recording.cache_clear()


_FOLDER: list[Path] = []


@cache
def recording(rate_hz: int, n_samples: int) -> str:
    path = _FOLDER[0] / f"{rate_hz}_{n_samples}.wav"
    soundfile.write(path, np.random.default_rng(n_samples).uniform(-0.9, 0.9, n_samples), rate_hz)
    return str(path)


def whole(source: str, grid: FrameGrid) -> Floats:
    """The resampled file, its last sample held to the end of the first frame."""
    with open_samples(source) as samples:
        n_in, rate_hz = samples.header.n_samples, samples.header.rate_hz
        n_out = grid.n_samples(n_in, rate_hz)
        out = Resampler(rate_hz, grid.rate_hz).read(samples, n_in, 0, 0, n_out)
    return np.concatenate([out, np.full(max(0, grid.frame_samples - n_out), out[-1], np.float32)])


@given(
    rate_hz=st.sampled_from(RATES_HZ),
    n_samples=st.one_of(st.integers(1, 300), st.integers(1, 30_000)),
    hop=st.integers(1, 900),
    frame=st.integers(1, 2500),
    before=st.integers(0, 40),
    after=st.integers(0, 40),
    block_s=st.floats(1e-4, 30),
)
@settings(max_examples=60)
def test_blocks_cover_each_frame_once_and_hold_its_samples(
    rate_hz: int, n_samples: int, hop: int, frame: int, before: int, after: int, block_s: float
) -> None:
    grid = FrameGrid(rate_hz=4000, hop_samples=hop, frame_samples=frame)
    block_s = max(block_s, n_samples / rate_hz / 25)  # no more than some 25 blocks
    source = recording(rate_hz, n_samples)
    expected = whole(source, grid)
    n_frames = grid.n_frames(grid.n_samples(n_samples, rate_hz))
    next_frame = 0
    with open_samples(source) as samples:
        for block in read_blocks(
            samples, 0, grid=grid, before_frames=before, after_frames=after, block_s=block_s
        ):
            assert block.first_frame == next_frame < block.end_frame
            next_frame = block.end_frame
            assert block.first_sample == max(0, block.first_frame - before) * hop
            end_sample = (min(block.end_frame + after, n_frames) - 1) * hop + frame
            np.testing.assert_array_equal(block.samples, expected[block.first_sample : end_sample])
            assert len(block.samples) == end_sample - block.first_sample
    assert next_frame == n_frames
    assert grid.n_samples(n_samples, rate_hz) - ((n_frames - 1) * hop + frame) < hop


@given(
    rate_in_hz=st.integers(2000, 9000),
    rate_out_hz=st.sampled_from([2000, 4000]),
    cuts=st.lists(st.integers(0, 4000), min_size=1, max_size=4),
)
@settings(max_examples=25)
def test_resampling_in_pieces_is_resampling_at_once(
    rate_in_hz: int, rate_out_hz: int, cuts: list[int]
) -> None:
    source = recording(8000, 3000)
    with open_samples(source) as samples:
        resampler = Resampler(rate_in_hz, rate_out_hz)
        edges = sorted({0, *cuts, 4000})
        at_once = resampler.read(samples, 3000, 0, 0, 4000)
        pieces = [resampler.read(samples, 3000, 0, a, b) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(pieces), at_once)
