"""What a network and its gate are shown of a block: levels above the floor, made where they are asked for.

The background, and a gate, need every second frame only. Half of the frames are therefore made just where
the network listens.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ndoki.core.grid import FrameGrid
from ndoki.core.types import Block, Floats
from ndoki.features.floor import LEVEL_STEP, FloorSpec, counted_from, running_floor
from ndoki.features.mel import MelSpec, log_mel

__all__ = ["BlockLevels", "widened"]


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockLevels:
    """Levels above the floor of a block's frames and those of its context, in units of 10 dB.

    Frames are numbered as in the recording. Where the block has none, and where it has
    digital silence, the background goes on level (0).

    Attributes
    ----------
    block
        The sound.
    mel, floor
        How frames are made, and the level that they are counted from.
    """

    block: Block
    mel: MelSpec
    floor: FloorSpec

    def measured(self, first_frame: int, end_frame: int) -> Floats:
        """Every second frame of ``[first_frame, end_frame)``, both multiples of `LEVEL_STEP`.

        Returns
        -------
        float32, shape ((end_frame − first_frame) / LEVEL_STEP, n_mels)
        """
        return _placed(self._rows, self._first_measured, first_frame, end_frame)

    def all(self, first_frame: int, end_frame: int) -> Floats:
        """Every frame of ``[first_frame, end_frame)``, both multiples of `LEVEL_STEP`.

        Returns
        -------
        float32, shape (end_frame − first_frame, n_mels)
        """
        frames = np.zeros((end_frame - first_frame, self.mel.n_mels), np.float32)
        frames[::LEVEL_STEP] = self.measured(first_frame, end_frame)
        for late in range(1, LEVEL_STEP):
            first = max(first_frame, self._first_measured)
            rows = self._between(first + late, end_frame)
            at = (first - self._first_measured) // LEVEL_STEP
            counted_from(self._floor_db[at : at + len(rows)], rows)
            target = frames[first - first_frame + late :: LEVEL_STEP]
            target[: len(rows)] = rows
        return frames

    @cached_property
    def _first_available(self) -> int:
        return self.block.first_sample // self.mel.hop_samples

    @cached_property
    def _first_measured(self) -> int:
        return -(-self._first_available // LEVEL_STEP) * LEVEL_STEP

    @cached_property
    def _levels_db(self) -> Floats:
        return self._between(self._first_measured, None)

    @cached_property
    def _floor_db(self) -> Floats:
        return running_floor(self._levels_db, self.floor)

    @cached_property
    def _rows(self) -> Floats:
        rows = self._levels_db.copy()
        counted_from(self._floor_db, rows)
        return rows

    def _between(self, first_frame: int, end_frame: int | None) -> Floats:
        """Level in dB of ``first_frame`` and every `LEVEL_STEP`-th behind it that the block has."""
        hop, samples = self.mel.hop_samples, self.block.samples
        start = (first_frame - self._first_available) * hop
        end = len(samples)
        if end_frame is not None:
            end = min(end, (end_frame - 1 - self._first_available) * hop + self.mel.frame_samples)
        if start and end - start < self.mel.frame_samples:
            return np.empty((0, self.mel.n_mels), np.float32)
        return log_mel(samples[start:end], replace(self.mel, hop_samples=LEVEL_STEP * hop))


def widened(block: Block, reach_frames: int, step: int, grid: FrameGrid) -> Block:
    """The same sound, answering for frames further out on either side: as far as there is sound.

    Parameters
    ----------
    block
        Of whole steps of ``step`` frames, as the result is; ``reach_frames`` are whole steps too.
    """
    end_sample = block.first_sample + len(block.samples)
    first = max(block.first_frame - reach_frames, -(-block.first_sample // grid.hop_samples) // step * step)
    end = min(block.end_frame + reach_frames, -(-grid.n_frames(end_sample) // step) * step)
    return replace(block, first_frame=first, end_frame=max(block.end_frame, end))


def _placed(rows: Floats, first_row_frame: int, first_frame: int, end_frame: int) -> Floats:
    """Those rows that lie in a range of frames, with zeros where there are none."""
    placed = np.zeros(((end_frame - first_frame) // LEVEL_STEP, rows.shape[1]), np.float32)
    skipped = (first_frame - first_row_frame) // LEVEL_STEP
    part = rows[max(0, skipped) : max(0, skipped + len(placed))]
    at = max(0, -skipped)
    placed[at : at + len(part)] = part
    return placed
