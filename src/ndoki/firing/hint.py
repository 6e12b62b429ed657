"""Where it is worth listening for more shots: where the detector itself hears more than one. Pure.

To listen again costs many times the detector's work on the same seconds, and nearly all that it finds is a
single sound. What it misses of a burst it mostly still scores, faintly; beside a single shot it seldom
scores anything.
"""

import numpy as np
import numpy.typing as npt

from ndoki.core.grid import FrameGrid
from ndoki.firing.near import AFTER_S, BEFORE_S

__all__ = ["HINT_SCORE", "hinted", "reach_frames"]

Frames = npt.NDArray[np.int64]

HINT_SCORE = 0.02
"""Low enough for nearly all bursts; lower, and single sounds would be listened to again. A network that was
trained anew should be tried with ``make weapons``."""

_OWN_S = 0.06
"""How far from its peak a shot's own score reaches."""


def reach_frames(grid: FrameGrid) -> tuple[int, int]:
    """How many frames before and behind a frame may hint at other shots."""
    return grid.frames_in(BEFORE_S), grid.frames_in(AFTER_S)


def hinted(sure: Frames, hints: Frames, grid: FrameGrid) -> npt.NDArray[np.bool_]:
    """Say of frames that count whether another shot may be near.

    Parameters
    ----------
    sure
        Frames of the grid, shape (n,), that score enough to be an event.
    hints
        Frames that score `HINT_SCORE` or more, ascending; complete within `reach_frames` of each of ``sure``.

    Returns
    -------
    bool, shape (n,)
        Whether one of ``hints`` lies within reach, and more than 60 ms away.
    """
    before, after = reach_frames(grid)
    own = grid.frames_in(_OWN_S)

    def between(first: int, end: int) -> npt.NDArray[np.bool_]:
        return np.asarray(np.searchsorted(hints, sure + first) < np.searchsorted(hints, sure + end))

    return between(-before, -own + 1) | between(own, after + 1)
