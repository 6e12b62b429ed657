"""What is taken for an echo is left out where its lower score is none that was asked for, and only there."""

import numpy as np
import pytest

from ndoki.core.types import Evidence, Proposals, Recording
from ndoki.detectors.network.detector import load_network
from ndoki.events.pick import Picker
from ndoki.events.stitch import Thinned
from ndoki.features.gabor import GABOR_GRID
from ndoki.scan import pick_stretches

RECORDING = Recording(source="a.wav", rate_hz=8000, n_samples=20 * 8000)
SHOT_S, ECHO_S = 5.0, 5.112


@pytest.mark.parametrize(("threshold", "scores"), [(0.5, [0.9]), (0.3, [0.9, 0.32])])
def test_an_echo_is_listed_by_its_own_score(threshold, scores):
    detector = load_network()
    frame = np.array([detector.grid.frame_at(round(one * 4000), 4000) for one in (SHOT_S, ECHO_S)])
    shape = np.ones(2, np.float32)
    proposals = Proposals(
        frame=frame, duration_s=0.5 * shape, low_hz=100 * shape, high_hz=900 * shape,
        score=np.array([0.9, 0.8], np.float32), label=np.zeros(2, np.int16),
    )  # fmt: skip
    shot_frame = GABOR_GRID.frame_at(round(SHOT_S * 4000), 4000)
    evidence = Evidence(frame=np.array([shot_frame]), log_odds=np.array([12.0], np.float32))
    part = Thinned(
        first_frame=0, end_frame=1200, frame=frame, score=proposals.score, proposals=proposals,
        evidence=evidence,
    )  # fmt: skip
    picker = Picker(threshold=threshold, burst_threshold=0.5)
    found = pick_stretches([part], RECORDING, 0, detector, picker)
    assert [one.score for one in found] == pytest.approx(scores, abs=2e-3)
