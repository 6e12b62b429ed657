"""Events, labels and table rows become columns; columns that do not fit together are refused."""

import numpy as np
import pytest

from ndoki.core.errors import LabelError
from ndoki.core.types import DetectorId, Event, Recording
from ndoki.evaluation.columns import (
    Detections,
    Truths,
    detections_from_events,
    detections_from_rows,
    recording_key,
    rows_by_recording,
    rows_of_recordings,
)
from ndoki.tables.row import Row


def _event(source: str, channel: int, first_sample: int, score: float) -> Event:
    return Event(
        recording=Recording(source=source, rate_hz=8000, n_samples=80_000),
        channel=channel,
        first_sample=first_sample,
        end_sample=first_sample + 4000,
        peak_sample=first_sample + 80,
        label="gunshot",
        score=score,
        low_hz=60.0,
        high_hz=700.0,
        detector=DetectorId(name="test", digest="0"),
    )


def test_events_become_columns_in_seconds() -> None:
    detections = detections_from_events([_event("a/x.wav", 0, 8000, 0.5), _event("b/x.wav", 1, 4000, 0.25)])
    assert len(detections) == 2
    assert detections.recording.tolist() == ["a/x.wav#0", "b/x.wav#1"]
    assert detections.onset_s.tolist() == [1.0, 0.5]
    assert detections.score.tolist() == [0.5, 0.25]
    assert detections.end_s is not None
    assert detections.end_s.tolist() == [1.5, 1.0]
    assert detections.low_hz is not None
    assert detections.low_hz.tolist() == [60.0, 60.0]


def test_no_events_are_still_columns() -> None:
    detections = detections_from_events([])
    assert len(detections) == 0
    assert detections.onset_s.dtype == np.float64


def _row(file: str, start_s: float, score: float | None) -> Row:
    return Row(
        file=file, offset_s=0, start_s=start_s, end_s=start_s + 1, peak_s=start_s, score=score, low_hz=80.0
    )


def test_table_rows_become_columns() -> None:
    detections = detections_from_rows([_row("a.wav", 1.0, 0.75)])
    assert detections.recording.tolist() == [recording_key("a.wav")]
    assert detections.score.tolist() == [0.75]
    np.testing.assert_array_equal(detections.end_s, [2.0])
    np.testing.assert_array_equal(detections.low_hz, [80.0])
    np.testing.assert_array_equal(detections.high_hz, [np.nan])


def test_a_row_without_score_is_named() -> None:
    with pytest.raises(LabelError, match=r"b\.wav: the event at 7\.000 s has no score"):
        detections_from_rows([_row("a.wav", 1.0, 0.75), _row("b.wav", 7.0, None)])


def test_float32_scores_are_kept_exactly_as_float64() -> None:
    score = np.array([0.1, 0.9], np.float32)
    detections = Detections(recording=np.zeros(2, int), onset_s=np.zeros(2), score=score)
    assert detections.score.dtype == np.float64
    assert (detections.score == score.astype(np.float64)).all()


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(LabelError, match=r"column score has shape \(1,\), expected \(2,\)"):
        Detections(recording=np.zeros(2, int), onset_s=np.zeros(2), score=np.zeros(1))
    with pytest.raises(LabelError, match="column weapon"):
        Truths(recording=np.zeros(2, int), onset_s=np.zeros(2), tags={"weapon": np.zeros(3)})


@pytest.mark.parametrize(("onset_s", "score"), [(np.nan, 0.5), (np.inf, 0.5), (1.0, np.nan), (1.0, np.inf)])
def test_what_is_not_finite_is_refused(onset_s: float, score: float) -> None:
    with pytest.raises(LabelError, match="NaN or infinite"):
        Detections(recording=np.zeros(1, int), onset_s=np.array([onset_s]), score=np.array([score]))


def test_selecting_keeps_the_box() -> None:
    detections = detections_from_events([_event("a", 0, 8000, 0.5), _event("b", 0, 4000, 0.25)])
    kept = detections.select(detections.score > 0.3)
    assert kept.recording.tolist() == ["a#0"]
    assert kept.end_s is not None
    assert kept.end_s.tolist() == [1.5]
    bare = Detections(recording=np.zeros(1, int), onset_s=np.zeros(1), score=np.zeros(1))
    assert bare.select(np.array([True])).end_s is None


def test_rows_are_grouped_by_recordings_that_both_have() -> None:
    first, second = np.array(["b", "a", "b", "c"]), np.array(["d", "b", "a", "a"])
    groups = [(i.tolist(), j.tolist()) for i, j in rows_by_recording(first, second)]
    assert groups == [([1], [2, 3]), ([0, 2], [1])]
    assert [rows.tolist() for rows in rows_of_recordings(first)] == [[1], [0, 2], [3]]
    assert rows_of_recordings(first[:0]) == []


def test_keys_of_two_kinds_are_refused() -> None:
    with pytest.raises(LabelError, match="of two kinds"):
        list(rows_by_recording(np.array([1]), np.array(["1"])))
    assert list(rows_by_recording(np.empty(0), np.array(["1"]))) == []
