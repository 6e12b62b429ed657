"""From a sound with a shot in it to a patch: where the shot begins, what is cut out, how large it is."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ndoki.core.errors import ConfigError
from ndoki.core.types import Floats
from ndoki.features.mel import MelSpec

__all__ = ["TEMPLATE_MEL", "PatchSpec", "cut_patch", "find_onset", "is_whole", "measure_box"]

TEMPLATE_MEL = MelSpec(
    rate_hz=4000,
    frame_samples=256,
    hop_samples=64,
    n_mels=40,
    low_hz=40.0,
    high_hz=1300.0,
    power_floor=1e-9,
)
"""Analysts at ELP draw their boxes at about 10 to 1300 Hz; below 40 Hz there is wind and DC. The power floor
is that of the first templates: they are what a network is compared with, and stay as they were."""

_RISE_FRAMES = 6
_BEFORE_FRAMES = 16
_GAP_FRAMES = 1
_LEAST_BEFORE_FRAMES = 6
_LEAST_AFTER_FRAMES = 3
_BOX_LEVEL_DB = 3.0
_BOX_ATTACK_FRAMES = 12
_BOX_SMOOTH_FRAMES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchSpec:
    """What is cut out around a shot's onset.

    Parameters
    ----------
    mel
        How frames are made.
    before_s, after_s
        Sound before and behind the onset, rounded to whole hops. The part before it is needed: without
        it any steady sound would match a slow decay.
    onset_low_hz, onset_high_hz
        Band in which the onset is looked for.
    """

    mel: MelSpec = field(default=TEMPLATE_MEL)
    before_s: float = 0.3
    after_s: float = 1.5
    onset_low_hz: float = 80.0
    onset_high_hz: float = 1500.0

    def __post_init__(self) -> None:
        if self.before_frames < 1 or self.after_frames < 2:
            raise ConfigError(
                f"before_s = {self.before_s} and after_s = {self.after_s} make {self.before_frames} and "
                f"{self.after_frames} frames; give at least 1 and 2 hops of {self.mel.grid.hop_s} s"
            )
        in_band = (self.mel.centres_hz >= self.onset_low_hz) & (self.mel.centres_hz <= self.onset_high_hz)
        if not in_band.any():
            raise ConfigError(f"no mel band lies between {self.onset_low_hz} and {self.onset_high_hz} Hz")

    @property
    def before_frames(self) -> int:
        """Rows before the onset's row."""
        return self.mel.grid.frames_in(self.before_s)

    @property
    def after_frames(self) -> int:
        """Rows from the onset's row on."""
        return self.mel.grid.frames_in(self.after_s)


def find_onset(
    frames_db: Floats, spec: PatchSpec, first_row: int = 0, end_row: int | None = None
) -> tuple[int, float]:
    """Row in which the strongest shot begins: the largest rise over the level just before it.

    The level is the mean over the onset bands in dB, so that a rise in all bands counts more than one
    loud animal in a few. The rise of a row is the mean level of the 0.1 s behind it over the mean of
    up to 0.25 s before it (the mean, not the median: it climbs with the first loud rows, so the rise is
    largest at the edge and not somewhere on the plateau behind it); the onset is then where the level
    is steepest.

    Parameters
    ----------
    frames_db
        float32, shape (n_rows, n_mels).
    spec
        Bands to look in.
    first_row, end_row
        Rows to look in, half-open; all by default.

    Returns
    -------
    row, rise_db
        A sound shorter than 9 frames (0.14 s) has its onset in its loudest row, with a rise of 0 dB.
    """
    centres_hz = spec.mel.centres_hz
    bands = (centres_hz >= spec.onset_low_hz) & (centres_hz <= spec.onset_high_hz)
    level_db = frames_db[:, bands].mean(axis=1, dtype=np.float64)
    first = max(first_row, _LEAST_BEFORE_FRAMES)
    end = min(len(level_db) if end_row is None else end_row, len(level_db) - _LEAST_AFTER_FRAMES + 1)
    if end <= first:
        return int(level_db.argmax()), 0.0
    rise_db = _rises(level_db, np.arange(first, end))
    about = first + int(rise_db.argmax())
    near = np.arange(max(about - 4, 1), min(about + 5, len(level_db) - 1))
    steepness_db = level_db[near + 1] - level_db[near - 1]
    return int(near[steepness_db.argmax()]), float(rise_db.max())


def _rises(level_db: npt.NDArray[np.float64], rows: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Mean level of the 0.1 s from each row on over the mean level before it, in dB."""
    total = np.concatenate([[0.0], np.cumsum(level_db)])

    def mean(first: npt.NDArray[np.intp], end: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        means: npt.NDArray[np.float64] = (total[end] - total[first]) / (end - first)
        return means

    behind = mean(rows, np.minimum(rows + _RISE_FRAMES, len(level_db)))
    return behind - mean(np.maximum(rows - _BEFORE_FRAMES, 0), rows - _GAP_FRAMES)


def is_whole(n_rows: int, onset_row: int, spec: PatchSpec) -> bool:
    """Whether the sound holds all of the patch around an onset."""
    return spec.before_frames <= onset_row <= n_rows - spec.after_frames


def cut_patch(frames_db: Floats, onset_row: int, spec: PatchSpec) -> Floats:
    """The patch around an onset.

    Rows that the sound does not have are filled with each band's mean over the rows that it has, so that
    they take no part in a correlation.

    Returns
    -------
    float32, shape (before_frames + after_frames, n_mels)
        Onset in row ``before_frames``.
    """
    first = onset_row - spec.before_frames
    end = onset_row + spec.after_frames
    there = frames_db[max(first, 0) : end]
    patch = np.tile(there.mean(axis=0), (end - first, 1))
    patch[max(-first, 0) : max(-first, 0) + len(there)] = there
    return patch


def measure_box(patch: Floats, spec: PatchSpec) -> tuple[float, float, float]:
    """How long and how high a shot is.

    A shot ends where its mean level, smoothed over 80 ms, has fallen to 3 dB above the level before it,
    at the latest with the patch; it fills the bands that rise by 3 dB in its first 0.2 s, at
    least the one that rises most.

    Returns
    -------
    duration_s, low_hz, high_hz
    """
    onset = spec.before_frames
    over_db = patch - np.median(patch[:onset], axis=0)
    attack_db = over_db[onset : onset + _BOX_ATTACK_FRAMES].mean(axis=0)
    bands = np.flatnonzero(attack_db >= min(_BOX_LEVEL_DB, float(attack_db.max())))
    kernel = np.full(_BOX_SMOOTH_FRAMES, 1 / _BOX_SMOOTH_FRAMES)
    tail_db = np.convolve(over_db[onset:, bands].mean(axis=1), kernel, mode="same")
    loudest = int(tail_db[:_BOX_ATTACK_FRAMES].argmax())
    below = np.flatnonzero(tail_db[loudest:] < min(_BOX_LEVEL_DB, float(tail_db[loudest])))
    n_rows = loudest + int(below[0]) if len(below) else len(tail_db)
    centres_hz = spec.mel.centres_hz
    edges_hz = np.concatenate(([spec.mel.low_hz], (centres_hz[1:] + centres_hz[:-1]) / 2, [spec.mel.high_hz]))
    duration_s = max(n_rows, 1) * spec.mel.grid.hop_s
    return duration_s, float(edges_hz[bands[0]]), float(edges_hz[bands[-1] + 1])
