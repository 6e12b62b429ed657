"""Scores and boxes become events."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.core.errors import ConfigError
from ndoki.core.grid import FrameGrid
from ndoki.core.types import Analysis, DetectorId, Proposals, Recording, ScoreTrack
from ndoki.events.pick import Picker, box_iou, peaks

FRAMES = FrameGrid(rate_hz=4000, hop_samples=64, frame_samples=256)
WINDOWS = FrameGrid(rate_hz=4000, hop_samples=4000, frame_samples=16000)
RECORDING = Recording(source="a.wav", rate_hz=8000, n_samples=8000 * 60)
NAME = DetectorId(name="d", digest="0")


def track(scores, grid=FRAMES, labels=("gunshot",)):
    rows = np.asarray(scores, np.float32).reshape(-1, len(labels))
    return ScoreTrack(grid=grid, labels=labels, first_frame=0, scores=rows)


def boxes(*rows):
    frame, duration_s, low_hz, high_hz, score = zip(*rows, strict=True)
    return Proposals(
        frame=np.array(frame, np.int64),
        duration_s=np.array(duration_s, np.float32),
        low_hz=np.array(low_hz, np.float32),
        high_hz=np.array(high_hz, np.float32),
        score=np.array(score, np.float32),
        label=np.zeros(len(rows), np.int16),
    )


def pick(analysis, **rules):
    return Picker(**rules).pick(analysis, RECORDING, 0, NAME)


def slow_peaks(scores, threshold, reach):
    kept = []
    for i, score in enumerate(scores):
        around = scores[max(0, i - reach) : i + reach + 1]
        if score >= threshold and score == around.max() and (not kept or i - kept[-1] > reach):
            kept.append(i)
    return kept


@given(st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.7, 0.9]), max_size=60), st.integers(1, 5))
def test_peaks_agree_with_the_slow_definition(scores, reach):
    scores = np.array(scores, np.float32)
    assert peaks(scores, 0.3, reach).tolist() == slow_peaks(scores, 0.3, reach)


def test_shots_a_tenth_of_a_second_apart_are_two():
    scores = np.zeros(100)
    scores[[20, 26]] = 0.9, 0.8
    events = pick(Analysis(track=track(scores)), threshold=0.5)
    assert [round(event.start_s, 3) for event in events] == [0.352, 0.448]


ONE_SECOND = FrameGrid(rate_hz=4000, hop_samples=4000, frame_samples=4000)
KINDS = {
    "peaks": lambda score: Analysis(track=track([0, 0, score, 0, 0])),
    "windows": lambda score: Analysis(track=track([0, score, 0], ONE_SECOND)),
    "boxes": lambda score: Analysis(track=track([]), proposals=boxes((10, 1.0, 100.0, 500.0, score))),
}


@pytest.mark.parametrize("kind", KINDS)
@given(score=st.floats(0.25, 1.0, width=32), threshold=st.integers(1000, 10_000).map(lambda n: n / 10_000))
def test_what_counts_at_a_threshold_is_what_tells_it_or_more(kind, score, threshold):
    """So a table of a lower threshold, cut later, is that of the higher one."""
    (event,) = pick(KINDS[kind](score), threshold=0.1)
    assert abs(event.score - score) < 1e-4 + 1e-6
    for level in (threshold, event.score, round(event.score + 1e-4, 4)):
        if level <= 1:
            assert bool(pick(KINDS[kind](score), threshold=level)) == (event.score >= level)


@pytest.mark.parametrize(("score", "told"), [(0.7, 0.7), (0.69996, 0.6999), (0.99797, 0.9979), (1.0, 1.0)])
def test_scores_are_told_in_four_digits_rounded_down(score, told):
    assert [one.score for one in pick(KINDS["peaks"](score), threshold=0.5)] == [told]


def test_an_event_takes_its_box_from_the_proposal_at_its_frame():
    scores = np.zeros(100)
    scores[40] = 0.9
    analysis = Analysis(
        track=track(scores), proposals=boxes((39, 9.0, 1, 2, 0.5), (40, 1.5, 80.0, 700.0, 0.9))
    )
    (event,) = pick(analysis)
    assert event.first_sample == (40 * 64 + 128) * 2
    assert event.end_sample - event.first_sample == 12000
    assert (event.low_hz, event.high_hz, event.score, event.label) == (80.0, 700.0, 0.9, "gunshot")


def test_an_event_ends_with_the_file():
    scores = np.zeros(3740)
    scores[3739] = 0.9
    (event,) = pick(Analysis(track=track(scores), proposals=boxes((3739, 5.0, 80, 700, 0.9))))
    assert event.end_sample == RECORDING.n_samples


@given(
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=50), st.floats(0.1, 0.9), st.floats(0.0, 0.09)
)
def test_a_lower_threshold_keeps_every_event(scores, threshold, less):
    high = {event.first_sample for event in pick(Analysis(track=track(scores)), threshold=threshold)}
    low = {event.first_sample for event in pick(Analysis(track=track(scores)), threshold=threshold - less)}
    assert high <= low


def test_windows_in_a_row_are_one_event():
    (event,) = pick(Analysis(track=track([0.1, 0.8, 0.9, 0.2, 0.3], grid=WINDOWS)), threshold=0.5)
    assert (event.start_s, event.end_s, event.score) == (1.0, 6.0, 0.9)


def test_overlapping_boxes_are_one_event_and_the_best_stays():
    found = boxes((100, 1.0, 100, 500, 0.7), (105, 1.0, 100, 500, 0.9), (400, 1.0, 100, 500, 0.6))
    events = pick(Analysis(track=track(np.empty((0, 1))), proposals=found), threshold=0.5)
    assert [event.score for event in events] == [0.9, 0.6]


def test_overlap_by_hand():
    found = boxes((0, 2.0, 0, 100, 1), (0, 1.0, 0, 100, 1), (0, 2.0, 50, 150, 1), (500, 1.0, 0, 100, 1))
    assert np.allclose(box_iou(found, 0.016, 0, np.array([1, 2, 3])), [0.5, 1 / 3, 0.0])


def test_another_label_may_be_picked():
    scores = np.zeros((50, 2))
    scores[10, 1] = 0.9
    analysis = Analysis(track=track(scores, labels=("gunshot", "thunder")))
    assert pick(analysis) == []
    assert [event.label for event in pick(analysis, label="thunder")] == ["thunder"]


def test_an_impossible_threshold_is_refused():
    with pytest.raises(ConfigError, match="threshold"):
        Picker(threshold=0.0)
