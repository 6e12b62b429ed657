"""Stretches become one answer, and nothing is lost that can become an event."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.core.grid import FrameGrid
from ndoki.core.types import Analysis, DetectorId, Evidence, Proposals, Recording, ScoreTrack
from ndoki.events.pick import Picker
from ndoki.events.stitch import COLUMNS, Thinned, islands, joined_evidence, stitch, thin

FINE = FrameGrid(rate_hz=4000, hop_samples=64, frame_samples=256)
WINDOWS = FrameGrid(rate_hz=4000, hop_samples=64, frame_samples=4000)
LABELS = ("thunder", "gunshot")
ID = DetectorId(name="x", digest="0")


def boxes(frames, scores, label=1):
    n = len(frames)
    return Proposals(
        frame=np.asarray(frames, np.int64),
        duration_s=(np.arange(n) % 7 + 1).astype(np.float32) * np.float32(0.05),
        low_hz=(np.arange(n) % 5 * 100).astype(np.float32),
        high_hz=np.full(n, 1000, np.float32),
        score=np.asarray(scores, np.float32),
        label=np.full(n, label, np.int16),
    )


def analysis(scores, first_frame=0, grid=FINE):
    """Scores in the second column, a box at every third frame; the first column is all ones."""
    scores = np.asarray(scores, np.float32)
    both = np.stack([np.ones_like(scores), scores], axis=1)
    frames = first_frame + np.flatnonzero((np.arange(len(scores)) + first_frame) % 3 == 0)
    track = ScoreTrack(grid=grid, labels=LABELS, first_frame=first_frame, scores=both)
    return Analysis(track=track, proposals=boxes(frames, scores[frames - first_frame]))


def only_boxes(found):
    track = ScoreTrack(grid=FINE, labels=LABELS, first_frame=0, scores=np.empty((0, 2), np.float32))
    return Analysis(track=track, proposals=found)


def part(first_frame, n, **options):
    whole = analysis(np.full(n, 0.9), first_frame)
    return thin(whole, first_frame, first_frame + n, column=1, least_score=0.5, **options)


@given(
    levels=st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.7, 0.7, 1.0]), min_size=1, max_size=60),
    cuts=st.sets(st.integers(1, 59)),
    grid=st.sampled_from([FINE, WINDOWS]),
)
def test_events_of_thinned_parts_are_those_of_the_whole_track(levels, cuts, grid):
    """Plateaus of equal scores across every seam too: picking happens once, on the whole."""
    picker = Picker(threshold=0.5, label="gunshot")
    recording = Recording(source="a.wav", rate_hz=4000, n_samples=64 * len(levels) + 4000)
    whole = analysis(levels, grid=grid)
    edges = [0, *sorted(cut for cut in cuts if cut < len(levels)), len(levels)]
    scores, found = whole.track.scores, whole.proposals
    parts = []
    for first, end in pairwise(edges):
        inside = (found.frame >= first) & (found.frame < end)
        piece = Analysis(
            track=ScoreTrack(grid=grid, labels=LABELS, first_frame=first, scores=scores[first:end]),
            proposals=Proposals(**{name: getattr(found, name)[inside] for name in COLUMNS}),
        )
        parts.append(thin(piece, first, end, column=1, least_score=0.5))
    joined = stitch(parts, grid=grid, labels=LABELS, column=1)
    assert len(joined.track.scores) == len(levels)
    expected = picker.pick(whole, recording, 0, ID)
    assert picker.pick(joined, recording, 0, ID) == expected
    apart = [
        stitch(island, grid=grid, labels=LABELS, column=1)
        for island in islands(parts, picker.reach_frames(grid))
    ]
    assert [event for one in apart for event in picker.pick(one, recording, 0, ID)] == expected


def test_islands_hold_no_silence_and_lie_further_apart_than_the_reach():
    """So a file's length costs no memory: its silent stretches are left out."""
    silent = [Thinned(first_frame=first, end_frame=first + 100) for first in range(9, 10_000, 100)]
    parts = [part(0, 3), part(6, 3), *silent, part(20_000, 3)]
    assert [[one.first_frame for one in group] for group in islands(parts, 4)] == [[0, 6], [20_000]]
    assert [[one.first_frame for one in group] for group in islands(parts, 3)] == [[0], [6], [20_000]]
    assert list(islands(silent, 3)) == []


def test_boxes_of_a_box_detector_are_one_island():
    found = only_boxes(boxes([3, 5, 9], [0.9, 0.4, 0.6]))
    parts = [thin(found, first, first + 10, column=1, least_score=0.5) for first in (0, 5000)]
    assert [len(group) for group in islands(parts, 3)] == [2]


def test_only_what_counts_is_kept():
    kept = thin(analysis([0.1, 0.6, 0.2, 0.7, 0.5, 0.4], 30), 30, 36, column=1, least_score=0.5)
    assert kept.frame.tolist() == [31, 33, 34]
    assert kept.score.tolist() == pytest.approx([0.6, 0.7, 0.5])
    assert kept.proposals.frame.tolist() == [33]


def test_boxes_of_a_box_detector():
    found = only_boxes(boxes([3, 5, 9], [0.9, 0.4, 0.6]))
    first = thin(found, 0, 10, column=1, least_score=0.5)
    second = thin(only_boxes(boxes([12], [0.8])), 10, 20, column=1, least_score=0.5)
    whole = stitch([first, second], grid=FINE, labels=LABELS, column=1)
    assert whole.proposals.frame.tolist() == [3, 9, 12]
    assert len(whole.track.scores) == 0
    assert len(thin(found, 0, 10, column=0, least_score=0.5).proposals) == 0


def test_a_gap_holds_no_event():
    whole = stitch([part(0, 3), part(6, 3)], grid=FINE, labels=LABELS, column=1)
    assert whole.track.scores[:, 1].tolist() == pytest.approx([0.9] * 3 + [0.0] * 3 + [0.9] * 3)
    assert whole.proposals.frame.tolist() == [0, 6]


def test_nothing_is_no_event():
    whole = stitch([], grid=FINE, labels=LABELS, column=1)
    recording = Recording(source="a.wav", rate_hz=4000, n_samples=4000)
    assert Picker(label="gunshot").pick(whole, recording, 0, ID) == []


@pytest.mark.parametrize(
    "second", [part(2, 2), part(0, 3), Thinned(first_frame=3, end_frame=5, has_track=False)]
)
def test_an_overlap_or_another_detector_is_refused(second):
    with pytest.raises(ValueError, match="part"):
        stitch([part(0, 3), second], grid=FINE, labels=LABELS, column=1)


def test_a_track_of_other_frames_is_refused():
    with pytest.raises(ValueError, match="expected frames 5 to 8"):
        thin(analysis([0.5, 0.5, 0.5], 4), 5, 8, column=1, least_score=0.5)


def test_evidence_of_several_parts_is_kept_once():
    def heard(first, *frames):
        evidence = Evidence(frame=np.array(frames), log_odds=np.array(frames, np.float32) / 2)
        return replace(part(first, 3), evidence=evidence)

    joined = joined_evidence([heard(0, 4, 5, 9), part(3, 3), heard(6, 5, 9, 12)])
    assert joined.frame.tolist() == [4, 5, 9, 12]
    assert joined.log_odds.tolist() == [2.0, 2.5, 4.5, 6.0]
    assert len(joined_evidence([part(0, 3)])) == 0
