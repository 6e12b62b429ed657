"""Right and wrong events at every threshold, against counts that sed_scores_eval made (see tests/data)."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ndoki.evaluation.columns import Detections, Truths
from ndoki.evaluation.match import onset_pairs
from ndoki.evaluation.precision import precision_curve

COUNTS = json.loads(
    (Path(__file__).resolve().parents[2] / "data/evaluation/sed_scores_eval_counts.json").read_text()
)


@pytest.mark.parametrize("scene", COUNTS["scenes"], ids=range(len(COUNTS["scenes"])))
def test_counts_equal_those_of_sed_scores_eval(scene: dict[str, Any]) -> None:
    events = [(key, frame, score) for key, rows in scene["events"].items() for frame, score in rows]
    shots = [(key, frame) for key, rows in scene["truths"].items() for frame in rows]
    recording, frame, score = zip(*events, strict=True)
    detections = Detections(
        recording=np.array(recording), onset_s=np.array(frame) * COUNTS["frame_s"], score=np.array(score)
    )
    recording, frame = zip(*shots, strict=True)
    truths = Truths(recording=np.array(recording), onset_s=np.array(frame) * COUNTS["frame_s"])
    curve = precision_curve(onset_pairs(detections, truths, scene["collar_s"]), detections.score)
    # Theirs: events whose score exceeds what lies just below the threshold, so ≥ the threshold.
    theirs = {threshold: (right, right + wrong) for threshold, right, wrong in scene["counts"]}
    ours = zip(curve.threshold.tolist(), curve.n_found.tolist(), curve.n_reported.tolist(), strict=True)
    assert {threshold: (right, n) for threshold, right, n in ours} == theirs
    assert len(theirs) >= 10
