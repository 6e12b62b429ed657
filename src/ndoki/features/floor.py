"""Background level with a finite memory, so that gain, recorder and weather do not matter.

Nothing here looks further than `FloorSpec.reach_frames` frames to either side; that reach is part of a
detector's context, and so the level is the same for every cut of the sound into blocks. It is measured on
every second frame: frames overlap by three quarters, so the others say nothing new.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ndoki.core.errors import ConfigError
from ndoki.core.types import Floats
from ndoki.features.mel import is_silent

__all__ = ["LEVEL_STEP", "FloorSpec", "above_floor", "counted_from", "running_floor"]

LEVEL_STEP = 2
"""The background level is measured on frames whose number is a multiple of this."""

_SHORT_ROWS = 31
_QUIET_SHARE = 0.25
_QUIET_BIAS_DB = 5.0
"""By how much a band's quietest quarter of frames lies below the mean of steady noise, about."""
_CHUNK_ROWS = 2048
"""So many rows are averaged at a time: what is made of them stays in a core's cache."""
_PARTS_PER_DB = 65536
"""Levels are added up as whole numbers of this part of a dB: a sum of those is exact in any order."""

_Whole = npt.NDArray[np.signedinteger[Any]]


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
        moving mean over the same width; near an edge, over the rows that exist, and of those only over
        such that are not digital silence. A recording of less than a second may be all shot: there it is
        the level of each band's quietest frames instead.
    """
    n, silent = len(levels_db), is_silent(levels_db)
    if n < _SHORT_ROWS:
        return _quietest(levels_db, silent)
    half = min(spec.half_width_frames // LEVEL_STEP, n)
    level = levels_db * np.float32(_PARTS_PER_DB)
    np.rint(level, out=level)
    # Sums of shorter windows may run over where those of whole ones cannot: they come out right all the same.
    fits = (2 * half + 1) * max(float(level.max()), -float(level.min())) < 2**31
    parts = np.zeros((n + 2 * half, levels_db.shape[1]), np.int32 if fits else np.int64)
    inner = parts[half : half + n]
    np.copyto(inner, level, casting="unsafe")
    n_heard = _heard_around(silent, half)
    share = np.float32(1) / np.maximum(n_heard, 1)[:, None].astype(np.float32)
    inner[silent] = 0
    _box_means(parts, half, share, level)
    level += np.float32(spec.tolerance_db * _PARTS_PER_DB)
    np.minimum(inner, level.astype(parts.dtype), out=inner)
    inner[silent] = 0
    _box_means(parts, half, share, level)
    level *= np.float32(1 / _PARTS_PER_DB)
    level[n_heard == 0] = levels_db[n_heard == 0]
    return level


def above_floor(frames_db: Floats, spec: FloorSpec, first_frame: int = 0) -> Floats:
    """Level above the background in units of 10 dB, float32, same shape as ``frames_db``.

    Parameters
    ----------
    frames_db
        float32, shape (n_frames, n_bands), log power in dB of all frames.
    first_frame
        Number of the first of them in its recording. A frame between two measured ones has the level of the
        one before it. Digital silence lies on the level itself: 0.
    """
    ahead = -first_frame % LEVEL_STEP
    levels = running_floor(frames_db[ahead:][::LEVEL_STEP], spec)
    above = frames_db.copy()
    for late in range(LEVEL_STEP):
        rows = above[ahead + late :: LEVEL_STEP]
        counted_from(levels[: len(rows)], rows)
    counted_from(levels[:1], above[:ahead])
    return above


def counted_from(levels: Floats, rows: Floats) -> None:
    """Turn rows in dB into what lies above levels in units of 10 dB, in place; digital silence becomes 0.

    Where nothing was stored, the background is taken to go on: not that everything fell silent, nor, where
    sound sets in again, that something began.
    """
    silent = is_silent(rows)
    rows -= levels
    rows *= np.float32(0.1)
    rows[silent] = 0


def _heard_around(silent: npt.NDArray[np.bool_], half: int) -> npt.NDArray[np.int64]:
    """How many rows each row's window counts, shape (n,): those that exist and are no digital silence."""
    at, n = np.arange(len(silent)), len(silent)
    before = np.concatenate(([0], np.cumsum(~silent)))
    return np.asarray(before[np.minimum(at + half + 1, n)] - before[np.maximum(at - half, 0)])


def _box_means(parts: _Whole, half: int, share: Floats, means: Floats) -> None:
    """Fill in centred moving means down each column; near an edge, those of the rows that exist.

    Parameters
    ----------
    parts
        Whole numbers, of which sums are exact; ``half`` rows of zeros, the rows, and again zeros.
    share
        One over how many rows each window counts, float32, shape (n, 1).
    means
        float32, shape (n, n_bands).
    """
    n, n_bands = means.shape
    n_chunk = min(_CHUNK_ROWS, n)
    found = np.empty((n_chunk, n_bands), parts.dtype)
    spare = np.empty((2, n_chunk + 2 * half, n_bands), parts.dtype)
    for first in range(0, n, n_chunk):
        target = means[first : first + n_chunk]
        sums = found[: len(target)]
        _window_sums(parts[first : first + len(target) + 2 * half], 2 * half + 1, sums, spare)
        np.multiply(sums, share[first : first + n_chunk], out=target, dtype=np.float32, casting="unsafe")


def _window_sums(rows: _Whole, width: int, sums: _Whole, spare: _Whole) -> None:
    """Add up each row and the ``width`` − 1 behind it; the width is odd.

    Sums over 1, 2, 4, … rows, each made of two of the one before, are put together as the width's binary
    digits say. A running sum takes fewer steps, but each of them waits for the one before it.

    Parameters
    ----------
    sums
        Where they go, shape (n_rows − width + 1, n_bands).
    spare
        Shape (2, n_rows or more, n_bands).
    """
    n = len(sums)
    np.copyto(sums, rows[:n])
    done = size = 1
    while 2 * size <= width:
        rows = np.add(rows[:-size], rows[size:], out=spare[0, : len(rows) - size])
        spare, size = spare[::-1], 2 * size
        if width & size:
            sums += rows[done : done + n]
            done += size


def _quietest(frames_db: Floats, silent: npt.NDArray[np.bool_]) -> Floats:
    heard = frames_db if silent.all() else frames_db[~silent]
    n_quiet = max(1, round(_QUIET_SHARE * len(heard)))
    level = np.sort(heard, axis=0)[:n_quiet].mean(axis=0) + np.float32(_QUIET_BIAS_DB)
    return np.broadcast_to(level, frames_db.shape).astype(np.float32)
