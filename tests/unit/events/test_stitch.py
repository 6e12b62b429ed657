"""Parts become one."""

import numpy as np
import pytest

from ndoki.core.grid import FrameGrid
from ndoki.core.types import Analysis, Proposals, ScoreTrack
from ndoki.events.stitch import stitch

GRID = FrameGrid(rate_hz=4000, hop_samples=64, frame_samples=256)


def part(first_frame, n, labels=("gunshot",)):
    scores = np.arange(first_frame, first_frame + n, dtype=np.float32)[:, None]
    proposals = Proposals(
        frame=np.array([first_frame], np.int64),
        duration_s=np.ones(1, np.float32),
        low_hz=np.ones(1, np.float32),
        high_hz=np.ones(1, np.float32),
        score=np.ones(1, np.float32),
        label=np.zeros(1, np.int16),
    )
    track = ScoreTrack(grid=GRID, labels=labels, first_frame=first_frame, scores=scores)
    return Analysis(track=track, proposals=proposals)


def test_rows_follow_each_other():
    whole = stitch([part(0, 3), part(3, 2), part(5, 4)])
    assert np.array_equal(whole.track.scores[:, 0], np.arange(9))
    assert whole.proposals.frame.tolist() == [0, 3, 5]


@pytest.mark.parametrize("second", [part(4, 2), part(2, 2), part(3, 2, ("thunder",))])
def test_a_gap_an_overlap_or_another_detector_is_refused(second):
    with pytest.raises(ValueError, match="part"):
        stitch([part(0, 3), second])


def test_nothing_cannot_be_stitched():
    with pytest.raises(ValueError, match="nothing"):
        stitch([])
