"""Background level with a finite memory, so that gain, recorder and weather do not matter.

Nothing here looks further than `FloorSpec.reach_frames` frames to either side; that reach is part of a
detector's context, and so the level is the same for every cut of the sound into blocks.
"""

from dataclasses import asdict, dataclass

import numpy as np

from ndoki.core.errors import ConfigError
from ndoki.core.types import Floats

__all__ = ["FloorSpec", "above_floor", "running_floor"]

_CHUNK_FRAMES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorSpec:
    """How the background level is followed.

    Parameters
    ----------
    half_width_frames
        The level at a frame is a mean over this many frames on either side (250 frames of 16 ms: 4 s).
    tolerance_db
        In the second pass whatever stands higher than this above the first pass counts as only this
        much, so that a shot and its tail hardly lift the level under the next shot.
    """

    half_width_frames: int = 250
    tolerance_db: float = 3.0

    def __post_init__(self) -> None:
        if self.half_width_frames < 1 or self.tolerance_db <= 0:
            raise ConfigError("half_width_frames must be at least 1 and tolerance_db above 0")

    @property
    def reach_frames(self) -> int:
        """Frames to either side that a level depends on: two passes."""
        return 2 * self.half_width_frames

    def to_dict(self) -> dict[str, float]:
        """Plain numbers, for a model's file."""
        return asdict(self)


def _box_mean(frames: Floats, half_width_frames: int) -> Floats:
    """Centred moving mean over rows; near an edge, the mean over the rows that exist."""
    n, width = len(frames), 2 * half_width_frames + 1
    mean = np.empty_like(frames)
    # Some rows at a time, so that all sums stay in a core's cache.
    for first in range(0, n, _CHUNK_FRAMES):
        end = min(first + _CHUNK_FRAMES, n)
        mean[first:end] = _sums(_around(frames, first, end, half_width_frames), width)
    n_rows = np.full(n, width, np.float32)
    near = np.arange(min(half_width_frames, n))
    n_rows[near] -= half_width_frames - near
    n_rows[n - 1 - near] -= half_width_frames - near
    mean *= (np.float32(1) / n_rows)[:, None]
    return mean


def _around(frames: Floats, first: int, end: int, margin: int) -> Floats:
    """Rows ``[first − margin, end + margin)``; zero where there are none."""
    kept = frames[max(0, first - margin) : end + margin]
    before, behind = max(0, margin - first), max(0, end + margin - len(frames))
    return np.pad(kept, ((before, behind), (0, 0))) if before or behind else kept


def _sums(rows: Floats, width: int) -> Floats:
    """Sums of every ``width`` (odd) rows in succession, shape (n_rows − width + 1, n_bands).

    Sums of 1, 2, 4, … rows are made of each other and added as the binary digits of ``width`` say: an
    addition per digit instead of one per row. The order is the same for every row, so a sum is the same, bit
    for bit, wherever the rows around it begin.
    """
    doubled, n_doubled, covered = rows, 1, 1
    total = rows[: len(rows) - width + 1].copy()
    while covered < width:
        doubled = doubled[:-n_doubled] + doubled[n_doubled:]
        n_doubled *= 2
        if width & n_doubled:
            total += doubled[covered : covered + len(total)]
            covered += n_doubled
    return total


def running_floor(frames_db: Floats, spec: FloorSpec) -> Floats:
    """Background level per frame and band.

    Parameters
    ----------
    frames_db
        float32, shape (n_frames, n_bands), log power in dB.

    Returns
    -------
    float32, same shape
        A winsorised moving mean: the mean over ± half_width of min(x, m + tolerance), with m the plain
        moving mean over the same width.
    """
    first_pass = _box_mean(frames_db, spec.half_width_frames)
    first_pass += np.float32(spec.tolerance_db)
    np.minimum(frames_db, first_pass, out=first_pass)
    return _box_mean(first_pass, spec.half_width_frames)


def above_floor(frames_db: Floats, spec: FloorSpec) -> Floats:
    """Level above the background in units of 10 dB, float32, same shape as ``frames_db``."""
    above = frames_db - running_floor(frames_db, spec)
    above *= np.float32(0.1)
    return above
