"""A closer look at the seconds around a frame: finer in time than what a detector scans with. Pure.

Scanning has to be cheap, so its frames are long and overlap little. Around the few places that it is
unsure of, more detail costs next to nothing: how steeply a sound begins, how evenly it dies away.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ndoki.core.errors import ConfigError
from ndoki.core.grid import FrameGrid
from ndoki.core.types import Floats
from ndoki.features.mel import MelSpec, is_silent, log_mel

__all__ = ["CloseUpSpec", "close_up", "close_ups"]

_LOWEST_DB, _HIGHEST_DB = -30.0, 63.5
_MOST_TOGETHER = 4
"""Frames of so many close-ups, at most, are made at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseUpSpec:
    """What is looked at.

    Parameters
    ----------
    mel
        Fine frames; 128 samples every 32 at 4 kHz are 32 ms every 8 ms.
    before_frames, after_frames
        Fine frames before the place, and from it on: 1 s and 2.2 s.
    quiet_share
        A band's level is counted from the one that this share of its frames stays below.
    """

    mel: MelSpec = field(default_factory=lambda: MelSpec(frame_samples=128, hop_samples=32))
    before_frames: int = 125
    after_frames: int = 275
    quiet_share: float = 0.3

    def __post_init__(self) -> None:
        if min(self.before_frames, self.after_frames) < 1 or not 0 <= self.quiet_share < 1:
            raise ConfigError("a close-up needs frames before and behind its place, and 0 ≤ quiet_share < 1")

    @property
    def n_frames(self) -> int:
        """Fine frames in all."""
        return self.before_frames + self.after_frames

    def reach_frames(self, grid: FrameGrid) -> tuple[int, int]:
        """Frames of a detector's grid, before and behind a frame, that its close-up depends on."""
        hop = self.mel.hop_samples
        # A frame more: two frames with one centre begin at different samples.
        before, after = (-(-n * hop // grid.hop_samples) + 1 for n in (self.before_frames, self.after_frames))
        return before, after


def close_up(samples: Floats, first_sample: int, centre_sample: int, spec: CloseUpSpec) -> Floats:
    """Levels around a place, band by band above the quieter frames of the same close-up.

    Parameters
    ----------
    samples
        float32, shape (n,), at ``spec.mel.rate_hz``; they begin at ``first_sample`` of the recording, a
        multiple of the fine hop, and are cut off only where the recording is.
    centre_sample
        The place, as a sample of the recording.

    Returns
    -------
    float32, shape (spec.n_frames, n_mels)
        In units of 10 dB; 0 where the recording has no sound, or digital silence.
    """
    return next(close_ups(samples, first_sample, [centre_sample], spec))


def close_ups(
    samples: Floats, first_sample: int, centre_samples: Sequence[int], spec: CloseUpSpec
) -> Iterator[Floats]:
    """One `close_up` after the other, of ascending places; frames that neighbours share are made once."""
    mel, hop = spec.mel, spec.mel.hop_samples
    n_there = max(0, (len(samples) - mel.frame_samples) // hop + 1)
    firsts = [
        mel.grid.frame_at(place, mel.rate_hz) - first_sample // hop - spec.before_frames
        for place in centre_samples
    ]
    made, made_first, made_end = np.empty((0, mel.n_mels), np.float32), 0, 0
    for i, first in enumerate(firsts):
        view = np.zeros((spec.n_frames, mel.n_mels), np.float32)
        start, end = max(0, first), min(first + spec.n_frames, n_there)
        if start >= end:
            yield view
            continue
        if end > made_end:
            made_first, made_end = start, min(_end_of_overlap(firsts[i:], spec.n_frames), n_there)
            made = log_mel(samples[made_first * hop : (made_end - 1) * hop + mel.frame_samples], mel)
        levels_db, shown = made[start - made_first : end - made_first], view[start - first : end - first]
        silent = is_silent(levels_db)
        heard_db = levels_db[~silent] if silent.any() and not silent.all() else levels_db
        quiet = int(spec.quiet_share * len(heard_db))
        np.subtract(levels_db, np.partition(heard_db, quiet, axis=0)[quiet], out=shown)
        np.clip(shown, _LOWEST_DB, _HIGHEST_DB, out=shown)
        shown *= np.float32(0.1)
        shown[silent] = 0
        yield view


def _end_of_overlap(firsts: Sequence[int], n_frames: int) -> int:
    """Where the close-ups end that begin at ``firsts`` and each overlap the one before, or many of them."""
    end = firsts[0] + n_frames
    for first in firsts[1:]:
        if first >= end or first + n_frames - firsts[0] > _MOST_TOGETHER * n_frames:
            break
        end = first + n_frames
    return end
