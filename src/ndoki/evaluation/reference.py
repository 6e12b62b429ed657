"""The same numbers as the rest of this package, slowly and obviously: everything anew at every threshold.

For tests, and for readers who want to know what is meant. Nothing here is shared with the fast code.
"""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from ndoki.evaluation.columns import Detections, Doubles, Truths

__all__ = ["n_false_alarms", "n_found", "operating_points", "recall_at_rate"]


def n_found(event_onsets_s: Doubles, truth_onsets_s: Doubles, collar_s: float) -> int:
    """Most shots of one recording that its events can find, one event for one shot."""
    if not (len(event_onsets_s) and len(truth_onsets_s)):
        return 0
    may_find = np.abs(event_onsets_s[:, None] - truth_onsets_s[None, :]) <= collar_s + 1e-6
    shot_of_event = maximum_bipartite_matching(csr_array(may_find), perm_type="column")
    return int(np.count_nonzero(shot_of_event >= 0))


def n_false_alarms(onsets_s: Doubles, merge_s: float) -> int:
    """False alarms in one shot-free recording: a report within ``merge_s`` of the first one is part of it."""
    opened_s: list[float] = []
    for onset_s in sorted(onsets_s.tolist()):
        if not opened_s or onset_s - opened_s[-1] >= merge_s - 1e-6:
            opened_s.append(onset_s)
    return len(opened_s)


def operating_points(
    detections: Detections, truths: Truths, background: Detections, *, collar_s: float, merge_s: float
) -> list[tuple[float, int, int]]:
    """Threshold, shots found and false alarms for every distinct score, the threshold falling."""
    scores = {float(score) for score in np.concatenate([detections.score, background.score])}
    points = []
    for threshold in sorted(scores, reverse=True):
        reported = detections.select(detections.score >= threshold)
        false = background.select(background.score >= threshold)
        found = sum(
            n_found(
                reported.onset_s[reported.recording == key], truths.onset_s[truths.recording == key], collar_s
            )
            for key in set(truths.recording.tolist())
        )
        alarms = sum(
            n_false_alarms(false.onset_s[false.recording == key], merge_s)
            for key in set(false.recording.tolist())
        )
        points.append((threshold, found, alarms))
    return points


def recall_at_rate(
    points: list[tuple[float, int, int]], *, n_truths: int, background_hours: float, per_hour: float
) -> float:
    """Recall at the lowest threshold whose false alarms per hour do not exceed ``per_hour``."""
    recall = 0.0
    for _, found, alarms in points:
        if alarms / background_hours <= per_hour * (1 + 1e-9):
            recall = found / n_truths
    return recall
