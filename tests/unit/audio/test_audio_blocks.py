"""Blocks: what they cover and what they hold. The laws are in tests/property/audio."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ndoki.audio.blocks import read_blocks
from ndoki.audio.reader import open_samples
from ndoki.core.errors import ConfigError
from ndoki.core.grid import FrameGrid
from ndoki.core.types import Block

GRID = FrameGrid(rate_hz=4000, hop_samples=64, frame_samples=256)


def blocks_of(
    path: Path,
    n_samples: int,
    *,
    before: int = 0,
    after: int = 0,
    block_s: float = 1.0,
    grid: FrameGrid = GRID,
) -> list[Block]:
    soundfile.write(path, np.arange(n_samples, dtype=np.int16), grid.rate_hz, subtype="PCM_16")
    with open_samples(str(path)) as samples:
        return list(
            read_blocks(samples, 0, grid=grid, before_frames=before, after_frames=after, block_s=block_s)
        )


def counts(block: Block) -> list[int]:
    return [round(32768 * float(x)) for x in block.samples]


def test_blocks_with_context(tmp_path: Path) -> None:
    blocks = blocks_of(tmp_path / "a.wav", 256 + 64 * 9, before=2, after=1, block_s=4 * 64 / 4000)
    assert [(b.first_frame, b.end_frame) for b in blocks] == [(0, 4), (4, 8), (8, 10)]
    assert [b.first_sample for b in blocks] == [0, 2 * 64, 6 * 64]
    assert counts(blocks[0]) == list(range(4 * 64 + 256))
    assert counts(blocks[1]) == list(range(2 * 64, 8 * 64 + 256))
    assert counts(blocks[2]) == list(range(6 * 64, 9 * 64 + 256))


def test_the_last_frame_is_heard(tmp_path: Path) -> None:
    blocks = blocks_of(tmp_path / "a.wav", 256 + 64 * 9 + 63, block_s=0.1)
    assert blocks[-1].end_frame == 10
    assert counts(blocks[-1])[-1] == 9 * 64 + 255


@pytest.mark.parametrize("n_samples", [1, 100, 255])
def test_a_file_shorter_than_a_frame_is_held(tmp_path: Path, n_samples: int) -> None:
    (block,) = blocks_of(tmp_path / "a.wav", n_samples, before=3, after=3)
    assert (block.first_sample, block.first_frame, block.end_frame) == (0, 0, 1)
    assert counts(block) == [*range(n_samples), *[n_samples - 1] * (256 - n_samples)]


def test_a_window_classifier_with_gaps_between_its_windows(tmp_path: Path) -> None:
    grid = FrameGrid(rate_hz=4000, hop_samples=500, frame_samples=100)
    blocks = blocks_of(tmp_path / "a.wav", 1700, block_s=0.2, grid=grid)
    assert [(b.first_frame, b.end_frame, b.first_sample) for b in blocks] == [(0, 2, 0), (2, 4, 1000)]
    assert counts(blocks[1]) == list(range(1000, 1600))


@pytest.mark.parametrize("block_s", [1e-9, 0.016])
def test_a_block_has_at_least_one_frame(tmp_path: Path, block_s: float) -> None:
    blocks = blocks_of(tmp_path / "a.wav", 256 + 64 * 2, block_s=block_s)
    assert [(b.first_frame, b.end_frame) for b in blocks] == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize("block_s", [1e12, float("inf")])
def test_one_block_for_all(tmp_path: Path, block_s: float) -> None:
    (block,) = blocks_of(tmp_path / "a.wav", 5000, block_s=block_s)
    assert (block.first_frame, block.end_frame) == (0, GRID.n_frames(5000))


@pytest.mark.parametrize(
    ("before", "after", "block_s"), [(-1, 0, 1.0), (0, -1, 1.0), (0, 0, 0.0), (0, 0, -2.0)]
)
def test_impossible_blocks(tmp_path: Path, before: int, after: int, block_s: float) -> None:
    with pytest.raises(ConfigError, match="expected a positive length"):
        blocks_of(tmp_path / "a.wav", 1000, before=before, after=after, block_s=block_s)
    with pytest.raises(ConfigError, match="blocks of nan s"):
        blocks_of(tmp_path / "a.wav", 1000, block_s=float("nan"))
