"""Where a shot begins, how long it is seen and in which band: measured on frames above the floor.

Labels of the field are for a whole clip.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d

from ndoki.core.types import Floats

__all__ = ["VisibleBox", "further_rises", "rise", "strongest_rise", "visible_box", "visible_rise"]

_AFTER_FRAMES = 6
_BEFORE_FRAMES = 12
_VISIBLE_BANDS = 8
_CAP = 2.0
"""Rises count up to 20 dB per band: one loud band must not outweigh a shot in all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibleBox:
    """What of an event stands out of the background."""

    duration_s: float
    low_hz: float
    high_hz: float


def rise(above: Floats, bands: slice) -> Floats:
    """How much louder the 6 frames from each frame on are than the 12 before it.

    Parameters
    ----------
    above
        float32, shape (n_frames, n_bands), level above the floor in units of 10 dB.
    bands
        Bands to look at.

    Returns
    -------
    float32, shape (n_frames,)
        Mean over bands of the rise, each band's clipped to 0 to 20 dB, in units of 10 dB. Before the
        sound's beginning and behind its end the background is taken as level.
    """
    return np.asarray(np.clip(_gained(above[:, bands]), 0.0, _CAP).mean(axis=1), dtype=np.float32)


def _gained(part: Floats) -> npt.NDArray[np.float64]:
    """Level of the 6 frames from each frame on over that of the 12 before it; same shape as ``part``."""
    padded = np.pad(part, ((_BEFORE_FRAMES + 1, _AFTER_FRAMES), (0, 0)))
    total = np.concatenate([np.zeros((1, padded.shape[1])), np.cumsum(padded, axis=0, dtype=np.float64)])
    at = np.arange(len(part)) + _BEFORE_FRAMES + 1
    after = (total[at + _AFTER_FRAMES] - total[at]) / _AFTER_FRAMES
    # One frame of 64 ms overlaps the onset before it is centred on it: leave that one out.
    before = (total[at - 1] - total[at - 1 - _BEFORE_FRAMES]) / _BEFORE_FRAMES
    return np.asarray(after - before)


def visible_rise(above: Floats, onset_frame: int) -> float:
    """How far an onset stands out, in units of 10 dB: `rise` in the eight bands in a row that gain most.

    The onset may be one frame later than told; behind the sound's end its last frame goes on. In steady noise
    one frame in fifty shows 3 dB or more.
    """
    end = onset_frame + 2 + _AFTER_FRAMES
    around = above[max(0, onset_frame - _BEFORE_FRAMES - 1) : end]
    around = np.pad(around, ((0, max(0, end - len(above))), (0, 0)), mode="edge")
    at = min(onset_frame, _BEFORE_FRAMES + 1)
    gained = np.clip(_gained(around)[at : at + 2], -1.0, _CAP)
    total = np.cumsum(np.pad(gained, ((0, 0), (1, 0))), axis=1)
    return float((total[:, _VISIBLE_BANDS:] - total[:, :-_VISIBLE_BANDS]).max() / _VISIBLE_BANDS)


def strongest_rise(above: Floats, bands: slice, first_frame: int = 0, end_frame: int | None = None) -> int:
    """Frame of the strongest rise in ``[first_frame, end_frame)``, sharpened to its steepest frame."""
    curve = rise(above, bands)[first_frame:end_frame]
    frame = first_frame + int(np.argmax(curve))
    # Before the sound's beginning the background is level here too: a sound may begin with its onset.
    level = np.concatenate([[0.0], np.clip(above[:, bands], 0.0, None).mean(axis=1)])
    first = max(frame - 3, 0)
    return first + int(np.argmax(np.diff(level[first : frame + 6])))


def further_rises(above: Floats, bands: slice, onset_frame: int, share: float = 0.4) -> tuple[int, ...]:
    """Other frames where something begins that is at least ``share`` as strong as at the onset.

    These may be further shots, echoes or something else: nobody has said, so nothing should be learned
    from them.
    """
    curve = rise(above, bands)
    highest = maximum_filter1d(curve, 7, mode="nearest")
    limit = max(0.15, share * float(curve[max(0, onset_frame - 3) : onset_frame + 4].max(initial=0.0)))
    found = np.flatnonzero((curve == highest) & (curve >= limit))
    return tuple(int(frame) for frame in found if abs(frame - onset_frame) > 5)


def visible_box(
    above: Floats, onset_frame: int, centres_hz: npt.NDArray[np.float64], hop_s: float
) -> VisibleBox:
    """Extent of the event that begins at a frame.

    The band is where the first 0.3 s stand 5 dB above the floor, grown from the loudest band; the end is
    where the level in that band, smoothed over 0.1 s, has come down to 15 % of its peak (in dB) or to 2 dB
    above the floor.
    """
    head = above[onset_frame : onset_frame + max(1, round(0.3 / hop_s))].mean(axis=0)
    # Three bands together: in a faint shot single bands dip below the limit by chance.
    head = np.convolve(np.pad(head, 1, mode="edge"), np.full(3, 1 / 3), mode="valid")
    loudest = int(np.argmax(head))
    limit = min(0.5, 0.5 * float(head[loudest]))
    low, high = loudest, loudest
    while low > 0 and head[low - 1] > limit:
        low -= 1
    while high < len(head) - 1 and head[high + 1] > limit:
        high += 1
    level = above[onset_frame:, low : high + 1].mean(axis=1)
    width = max(1, round(0.1 / hop_s))
    smooth = np.convolve(level, np.ones(width) / width, mode="valid") if len(level) >= width else level[:1]
    peak = int(np.argmax(smooth[: max(1, round(0.5 / hop_s))]))
    below = np.flatnonzero(smooth[peak:] < max(0.2, 0.15 * float(smooth[peak])))
    n_frames = peak + (int(below[0]) if len(below) else len(smooth) - peak)
    return VisibleBox(
        duration_s=max(0.05, n_frames * hop_s), low_hz=float(centres_hz[low]), high_hz=float(centres_hz[high])
    )
