"""Which box may answer for which: enough overlap in time and frequency."""

import numpy as np

from ndoki.core.errors import ConfigError, LabelError
from ndoki.evaluation.columns import Detections, Doubles, Integers, Truths, joined, rows_by_recording
from ndoki.evaluation.match import Pairs

__all__ = ["overlap_pairs"]

_ROUNDING = 1e-9


def overlap_pairs(detections: Detections, truths: Truths, min_overlap: float) -> Pairs:
    """Pair all boxes of one recording that overlap by at least ``min_overlap``.

    Overlap is the area that two boxes share divided by the area that they cover together (intersection
    over union) in the plane of time and frequency. Where one of the two has no band (no column, or NaN),
    it is that of the two stretches of time.

    Raises
    ------
    ConfigError
        If ``min_overlap`` does not lie in (0, 1].
    LabelError
        If an end is missing on either side, or lies before its onset.
    """
    if not 0 < min_overlap <= 1:
        raise ConfigError(f"overlap threshold {min_overlap}: expected a number above 0 and at most 1")
    event_end_s, truth_end_s = _ends("detections", detections), _ends("truths", truths)
    events, shots = [], []
    for event, truth in rows_by_recording(detections.recording, truths.recording):
        begins_before_end = detections.onset_s[event][:, None] < truth_end_s[truth]
        ends_after_begin = event_end_s[event][:, None] > truths.onset_s[truth]
        rows, columns = np.nonzero(begins_before_end & ends_after_begin)
        events.append(event[rows])
        shots.append(truth[columns])
    event, truth = joined(events), joined(shots)
    overlap = _overlap(detections, truths, event, truth)
    keep = overlap >= min_overlap - _ROUNDING
    return Pairs(
        event=event[keep],
        truth=truth[keep],
        cost=np.maximum(0.0, 1 - overlap[keep]),
        n_events=len(detections),
        n_truths=len(truths),
    )


def _overlap(detections: Detections, truths: Truths, event: Integers, truth: Integers) -> Doubles:
    """Intersection over union of the boxes in the given rows; every pair meets in time."""
    event_end_s, truth_end_s = _ends("detections", detections)[event], _ends("truths", truths)[truth]
    shared, event_size, truth_size = _sizes(
        detections.onset_s[event], event_end_s, truths.onset_s[truth], truth_end_s
    )
    event_low_hz, event_high_hz = _band(detections, event)
    truth_low_hz, truth_high_hz = _band(truths, truth)
    has_band = ~np.isnan(event_low_hz + event_high_hz + truth_low_hz + truth_high_hz)
    bands = _sizes(event_low_hz, event_high_hz, truth_low_hz, truth_high_hz)
    shared_hz, event_hz, truth_hz = (np.where(has_band, size, 1.0) for size in bands)
    shared = shared * shared_hz
    either = event_size * event_hz + truth_size * truth_hz - shared
    return np.divide(shared, either, out=np.zeros_like(shared), where=either > 0)


def _sizes(
    first: Doubles, end: Doubles, other_first: Doubles, other_end: Doubles
) -> tuple[Doubles, Doubles, Doubles]:
    """Length that two stretches share, and the length of each."""
    shared = np.minimum(end, other_end) - np.maximum(first, other_first)
    return np.maximum(0.0, shared), end - first, other_end - other_first


def _band(boxes: Detections | Truths, rows: Integers) -> tuple[Doubles, Doubles]:
    """Lower and upper frequency of some rows in Hz; NaN where there is no column."""
    unknown = np.full(len(rows), np.nan)
    low_hz = unknown if boxes.low_hz is None else boxes.low_hz[rows]
    return low_hz, unknown if boxes.high_hz is None else boxes.high_hz[rows]


def _ends(what: str, boxes: Detections | Truths) -> Doubles:
    """Ends in seconds; LabelError unless every box has one behind its onset."""
    if boxes.end_s is None or not (boxes.end_s >= boxes.onset_s).all():
        raise LabelError(
            f"{what}: overlap needs an end_s at or behind the onset in every row, but some are missing "
            "or earlier; give the ends, or match by onset"
        )
    return boxes.end_s
