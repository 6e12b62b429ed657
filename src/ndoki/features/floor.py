"""Background level with a finite memory, so that gain, recorder and weather do not matter.

Nothing here looks further than `FloorSpec.reach_frames` frames to either side; that reach is part of a
detector's context, and so the level is the same for every cut of the sound into blocks.
"""

from dataclasses import asdict, dataclass

import numpy as np

from ndoki.core.errors import ConfigError
from ndoki.core.types import Floats

__all__ = ["FloorSpec", "above_floor", "running_floor"]


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
    n = len(frames)
    total = np.empty((n + 1, frames.shape[1]), np.float64)
    total[0] = 0.0
    # Sums in double: over a block the rounding stays below the resolution of a float32 decibel.
    np.cumsum(frames, axis=0, dtype=np.float64, out=total[1:])
    first = np.maximum(np.arange(n) - half_width_frames, 0)
    end = np.minimum(np.arange(n) + half_width_frames + 1, n)
    mean = total[end]
    mean -= total[first]
    mean /= (end - first)[:, None]
    return mean.astype(np.float32)


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
