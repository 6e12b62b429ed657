"""Background level with a finite memory, so that gain, recorder and weather do not matter.

Nothing here looks further than `FloorSpec.reach_frames` frames to either side; that reach is part of a
detector's context, and so the level is the same for every cut of the sound into blocks. It is measured on
every second frame: frames overlap by three quarters, so the others say nothing new.
"""

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from ndoki.core.errors import ConfigError
from ndoki.core.types import Floats

__all__ = ["LEVEL_STEP", "FloorSpec", "above_floor", "running_floor"]

LEVEL_STEP = 2
"""The background level is measured on frames whose number is a multiple of this."""

_SHORT_ROWS = 31
_QUIET_SHARE = 0.25
_QUIET_BIAS_DB = 5.0
"""By how much a band's quietest quarter of frames lies below the mean of steady noise, about."""
_PARTS_PER_DB = 65536
"""Levels are added up as whole numbers of this part of a dB: a sum of those is exact in any order."""


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
        """Frames to either side that a level depends on: two passes, and the step of the measured frames."""
        return 2 * self.half_width_frames + LEVEL_STEP - 1

    def to_dict(self) -> dict[str, float]:
        """Plain numbers, for a model's file."""
        return asdict(self)


def running_floor(levels_db: Floats, spec: FloorSpec) -> Floats:
    """Background level per measured frame and band.

    Parameters
    ----------
    levels_db
        float32, shape (n_rows, n_bands), log power in dB of every frame whose number is a multiple of
        `LEVEL_STEP`.

    Returns
    -------
    float32, same shape
        A winsorised moving mean: the mean over ± half_width of min(x, m + tolerance), with m the plain
        moving mean over the same width; near an edge, over the rows that exist. A recording of less than a
        second may be all shot: there it is the level of each band's quietest frames instead.
    """
    if len(levels_db) < _SHORT_ROWS:
        return _quietest(levels_db)
    half_width = spec.half_width_frames // LEVEL_STEP
    scaled = levels_db * np.float32(_PARTS_PER_DB)
    # One band behind the other: sums along neighbouring numbers are several times faster.
    parts = np.ascontiguousarray(np.rint(scaled, out=scaled).astype(np.int32).T)
    highest = _box_mean(parts, half_width)
    highest += np.float32(spec.tolerance_db * _PARTS_PER_DB)
    np.minimum(parts, highest.astype(np.int32), out=parts)
    level = _box_mean(parts, half_width)
    level *= np.float32(1 / _PARTS_PER_DB)
    return np.ascontiguousarray(level.T)


def above_floor(frames_db: Floats, spec: FloorSpec, first_frame: int = 0) -> Floats:
    """Level above the background in units of 10 dB, float32, same shape as ``frames_db``.

    Parameters
    ----------
    frames_db
        float32, shape (n_frames, n_bands), log power in dB of all frames.
    first_frame
        Number of the first of them in its recording. A frame between two measured ones has the level of the
        one before it.
    """
    ahead = -first_frame % LEVEL_STEP
    levels = running_floor(frames_db[ahead:][::LEVEL_STEP], spec)
    above = frames_db.copy()
    for late in range(LEVEL_STEP):
        rows = above[ahead + late :: LEVEL_STEP]
        rows -= levels[: len(rows)]
    above[:ahead] -= levels[:1]
    above *= np.float32(0.1)
    return above


def _box_mean(parts: npt.NDArray[np.int32], half_width: int) -> Floats:
    """Centred moving mean along each row; near an edge, the mean over the columns that exist.

    Made of running sums of whole numbers, which are exact.
    """
    n_bands, n = parts.shape
    half = min(half_width, n)
    width = 2 * half + 1
    # Running sums may run over where the sum over a window cannot: their differences are right all the same.
    largest = max(int(parts.max()), -int(parts.min()))
    kind = np.int32 if width * largest < 2**31 else np.int64
    sums = np.empty((n_bands, n + width), kind)
    sums[:, : half + 1] = 0
    np.cumsum(parts, axis=1, dtype=kind, out=sums[:, half + 1 : half + 1 + n])
    sums[:, half + 1 + n :] = sums[:, half + n : half + n + 1]
    at = np.arange(n)
    n_columns = np.minimum(at + half + 1, n) - np.maximum(at - half, 0)
    mean: Floats = np.subtract(sums[:, width:], sums[:, :n]).astype(np.float32)
    mean *= np.float32(1) / n_columns.astype(np.float32)
    return mean


def _quietest(frames_db: Floats) -> Floats:
    n_quiet = max(1, round(_QUIET_SHARE * len(frames_db)))
    level = np.sort(frames_db, axis=0)[:n_quiet].mean(axis=0) + np.float32(_QUIET_BIAS_DB)
    return np.broadcast_to(level, frames_db.shape).astype(np.float32)
