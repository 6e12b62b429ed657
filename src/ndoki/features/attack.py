"""What the sound does around a frame: whether something begins there, and whether it is what began before.

Of each frame: how the levels of six bands run in the 48 ms on either side; how loud it was further before and
behind; what the strongest rise of the last 0.8 s looked like; and how alike the two waves are. An echo is a
smeared copy, a second shot comes the same way as the first. Pure.
"""

from collections.abc import Iterable
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ndoki.core.sliding import highest_near
from ndoki.core.types import Floats
from ndoki.features.gabor import BANDS, SILENT_DB, Spectra, pooled

__all__ = [
    "FLOOR_REACH_FRAMES",
    "N_INPUTS",
    "REACH_FRAMES",
    "STRENGTH",
    "above_floor_db",
    "attack_inputs",
    "rising",
]

REACH_FRAMES = 256
"""Frames before and behind those that are told of; 232 and 112 are used."""

FLOOR_REACH_FRAMES = 1056
"""Frames before and behind a frame that its background level depends on (4.2 s)."""

_SMOOTH_FRAMES = 32
_FLOOR_STEP_FRAMES = 4
_FLOOR_AT = np.arange(-32, 32) * _SMOOTH_FRAMES
_FLOOR_RANK = 12
"""Of 64 smoothed levels the 13th lowest: the 20th percentile, so that a burst of seconds hardly lifts it."""
_RANGE_DB = (-5.0, 50.0)
_NEAR = range(-12, 13)
_SPANS = ((-25, -13), (-50, -25), (-100, -50), (-200, -100), (13, 25), (25, 50), (50, 100))
_LATEST_BEFORE, _EARLIEST_BEFORE = 12, 200
_BEFORE = np.arange(-6, 16, 3)
_WAVE = range(-2, 11)
_LOUD_FRAMES = 8
_RISE_CAP = 2.0

N_INPUTS = len(BANDS) * (len(_NEAR) + len(_SPANS) + len(_BEFORE) + 5) + 3
"""How many numbers describe a frame."""

STRENGTH = N_INPUTS - 2 * len(BANDS) - 1
"""Which of them is the rise at the frame itself, summed over bands."""

Places = npt.NDArray[np.int64]
Number = TypeVar("Number", np.float32, np.float64, np.complex64)


def above_floor_db(levels_db: Floats, first: int, end: int) -> Floats:
    """Level above the background, clipped to −5 to 50 dB.

    Parameters
    ----------
    levels_db
        float32, shape (n, n_bands), every 4 ms.
    first, end
        Rows that are wanted, multiples of 4. The background at a row comes from those within
        `FLOOR_REACH_FRAMES`; where there are none, the outermost go on. Digital silence does not count.

    Returns
    -------
    float32, shape (end − first, n_bands)
    """
    width = _SMOOTH_FRAMES
    padded = np.pad(levels_db, ((width // 2, width // 2), (0, 0)), mode="edge")
    summed = np.cumsum(np.pad(padded, ((1, 0), (0, 0))), axis=0, dtype=np.float64)
    smooth = ((summed[width:] - summed[:-width]) / width).astype(np.float32)
    at = np.arange(first, end, _FLOOR_STEP_FRAMES)
    near = np.clip(at[:, None] + _FLOOR_AT, 0, len(smooth) - 1)
    silent = np.asarray((smooth < SILENT_DB).all(axis=1))
    if silent.any():
        floor = _floor_of_heard(smooth, silent, near)
    else:
        floor = np.partition(smooth[near], _FLOOR_RANK, axis=1)[:, _FLOOR_RANK]
    above = levels_db[first:end] - np.repeat(floor, _FLOOR_STEP_FRAMES, axis=0)
    return np.asarray(np.clip(above, *_RANGE_DB), np.float32)


def _floor_of_heard(smooth: Floats, silent: npt.NDArray[np.bool_], near: Places) -> Floats:
    """The same percentile, of what is no digital silence; where all is, its level."""
    sorted_db = np.sort(np.where(silent[:, None], np.float32(np.inf), smooth)[near], axis=1)
    n_heard = (~silent[near]).sum(axis=1)
    rank = np.minimum(_FLOOR_RANK, n_heard * (_FLOOR_RANK + 1) // len(_FLOOR_AT))
    floor = sorted_db[np.arange(len(near)), rank]
    return np.asarray(np.where(np.isfinite(floor), floor, np.float32(SILENT_DB)), np.float32)


def rising(above: Floats) -> Floats:
    """Rise of each band within about 16 ms, in units of 10 dB; 0 within four frames of either end."""
    rise = np.zeros_like(above)
    after = above[5:-3] + above[6:-2] + above[7:-1]
    rise[4:-4] = (after - above[:-8] - above[1:-7] - above[2:-6]) / np.float32(3)
    return rise


def attack_inputs(spectra: Spectra, above: Floats) -> Floats:
    """Describe the frames of a stretch, less `REACH_FRAMES` on either side.

    Parameters
    ----------
    spectra
        complex64, shape (n + 2 · `REACH_FRAMES`, n_kernels), see `ndoki.features.gabor.cell_spectra`.
    above
        float32, shape (n + 2 · `REACH_FRAMES`, n_bands), in units of 10 dB, see `above_floor_db`.

    Returns
    -------
    float32, shape (n, `N_INPUTS`)
        Levels in units of 10 dB, most of them against the mean of the 100 ms about the frame.
    """
    n = len(above) - 2 * REACH_FRAMES
    rise = rising(above)
    strength = np.clip(rise, 0, _RISE_CAP).sum(axis=1)
    at = np.arange(REACH_FRAMES, REACH_FRAMES + n)
    before = _strongest_before(strength, at)
    near = np.stack([_later(above, offset, n) for offset in _NEAR])
    level = near.mean(axis=0)
    summed = np.concatenate([np.zeros((1, above.shape[1])), np.cumsum(above, axis=0, dtype=np.float64)])
    spans = [
        (_later(summed, end, n) - _later(summed, first, n)) / (end - first) - level for first, end in _SPANS
    ]
    loud_before = highest_near(above, (_EARLIEST_BEFORE - _LATEST_BEFORE) // 2)
    loudest = np.stack([_later(above, offset, n) for offset in range(_LOUD_FRAMES)]).max(axis=0)
    columns = [
        (near - level).transpose(1, 0, 2).reshape(n, -1),
        level,
        *spans,
        (above[before[:, None] + _BEFORE] - level[:, None]).reshape(n, -1),
        rise[at],
        rise[before],
        np.stack([(at - before) * 0.01, strength[before], strength[at]], axis=1),
        loudest - _later(loud_before, -((_EARLIEST_BEFORE + _LATEST_BEFORE) // 2), n),
        _alikeness(spectra, before),
    ]
    return np.concatenate(columns, axis=1, dtype=np.float32)


def _later(values: npt.NDArray[Number], offset: int, n: int) -> npt.NDArray[Number]:
    """Rows that lie ``offset`` behind those of the ``n`` frames that are told of; a piece, not a copy."""
    return values[REACH_FRAMES + offset :][:n]


def _strongest_before(strength: Floats, at: Places) -> Places:
    """For each of some frames, that of the strongest rise 48 to 800 ms before it; of equals, the first."""
    before = at[:, None] + np.arange(-_EARLIEST_BEFORE, -_LATEST_BEFORE + 1)
    return np.asarray(before[np.arange(len(at)), np.argmax(strength[before], axis=1)])


def _alikeness(spectra: Spectra, before: Places) -> Floats:
    """Coherence of the 52 ms from each frame on with those from another on, per band, in [0, 1].

    |Σ a·b*| / √(Σ|a|² · Σ|b|²), a wave's phase dropping out; the other may lie a frame earlier or later.
    """
    n = len(before)
    # Frame by frame of the wave, each in one piece: numpy sums such pieces several times faster than rows.
    here = [_later(spectra, offset, n).conj() for offset in _WAVE]
    other = [spectra[before + offset] for offset in range(_WAVE[0] - 1, _WAVE[-1] + 2)]
    power = spectra.real**2 + spectra.imag**2
    energy = _sum([power[k : len(power) - len(_WAVE) + 1 + k] for k in range(len(_WAVE))])
    own_energy = _later(energy, _WAVE[0], n)
    best = np.zeros((n, len(BANDS)), np.float32)
    for shift in (-1, 0, 1):
        product = np.abs(_sum([a * b for a, b in zip(here, other[1 + shift :], strict=False)]))
        both = own_energy * energy[before + (_WAVE[0] + shift)]
        alike = pooled(product / np.sqrt(both + np.float32(1e-20)))
        wins = alike.sum(axis=1) > best.sum(axis=1)
        best[wins] = alike[wins]
    return best


def _sum(pieces: Iterable[npt.NDArray[Number]]) -> npt.NDArray[Number]:
    """Sum of arrays of one shape."""
    first, *others = pieces
    summed = first.copy()
    for one in others:
        summed += one
    return summed
