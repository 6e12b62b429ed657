"""Events and evidence by hand: what is added, moved, left alone."""

from dataclasses import replace

import numpy as np
import pytest

from ndoki.core.types import DetectorId, Event, Evidence, Recording
from ndoki.features.gabor import GABOR_GRID
from ndoki.firing.complete import HEARD_SCORE, Scored, completed, firings
from ndoki.firing.sequence import Firing

RATE = 8000
RECORDING = Recording(source="a.wav", rate_hz=RATE, n_samples=20 * RATE)
SURE = 0.6


def frame_of(onset_s: float) -> int:
    return GABOR_GRID.frame_at(round(onset_s * 4000), 4000)


def event(onset_s: float, score: float = 0.9, length_s: float = 0.5) -> Event:
    first = round(onset_s * RATE)
    return Event(
        recording=RECORDING, channel=0, first_sample=first, end_sample=first + round(length_s * RATE),
        peak_sample=first, label="gunshot", score=score, low_hz=100.0, high_hz=900.0,
        detector=DetectorId(name="hand", digest="1"),
    )  # fmt: skip


def evidence(*onsets_s: float, log_odds: float = 12.0) -> Evidence:
    frames = np.array([frame_of(one) for one in sorted(onsets_s)], np.int64)
    return Evidence(frame=frames, log_odds=np.full(len(frames), log_odds, np.float32))


def hints(*onsets_s: float, score: float = HEARD_SCORE) -> Scored:
    frames = np.array(sorted(map(frame_of, onsets_s)), np.int64)
    return Scored(frames=frames, scores=np.full(len(frames), score))


def run(events, heard, hinted=None, sure_score=SURE):
    hinted = hints(*np.arange(0, 20, 0.016)) if hinted is None else hinted
    return completed(events, heard, RECORDING, scored=hinted, sure_score=sure_score)


def starts(events):
    return [one.start_s for one in events]


def test_missed_shots_are_added_and_found_ones_moved():
    found = run([event(5.02)], evidence(5.0, 5.5, 6.0))
    assert starts(found) == pytest.approx([5.0, 5.5, 6.0], abs=0.002)
    assert all(one.end_s - one.start_s == pytest.approx(0.5) for one in found)
    assert {(one.low_hz, one.high_hz, one.label, one.burst) for one in found} == {
        (100.0, 900.0, "gunshot", None)
    }
    assert all(one.peak_sample == one.first_sample for one in found)


def test_what_the_detector_says_of_a_place_is_evidence_too():
    """A round and an echo 30 ms behind it, heard alike: what the detector scores twice as high wins."""
    rounds_s, echo_s = [5.0, 5.1, 5.2, 5.3], 5.23
    heard = evidence(*rounds_s, echo_s)

    def found(near_s: float, **reach: float) -> Firing:
        told = hints(*rounds_s, echo_s, near_s)
        more = 2 * HEARD_SCORE * (told.frames == frame_of(near_s))
        scored = replace(told, scores=np.maximum(told.scores, more), **reach)
        (_, firing), *none = firings(heard, np.array([frame_of(5.0)]), scored)
        assert not none
        return firing

    assert found(5.2).log_odds == pytest.approx(found(5.0).log_odds)
    assert found(5.2).log_odds - found(echo_s).log_odds == pytest.approx(np.log(2), abs=1e-4)
    assert found(5.185).log_odds == pytest.approx(found(echo_s).log_odds)
    assert found(5.185, reach_s=0.016).log_odds == pytest.approx(found(5.2).log_odds)
    # An event has that score already: it does not say again how sure its shot is.
    np.testing.assert_allclose(found(5.2).gains, found(echo_s).gains, atol=1e-4)


def test_a_single_shot_and_an_echo_that_the_detector_hears_well_are_no_mechanism():
    loud = replace(hints(5.0, 5.1), scores=np.array([0.98, 0.9]))
    heard = Evidence(
        frame=np.array([frame_of(5.0), frame_of(5.1)], np.int64), log_odds=np.array([10, 5.5], np.float32)
    )
    found = run([event(5.0)], heard, loud)
    assert starts(found) == pytest.approx([5.0], abs=0.002)


def test_a_score_is_the_best_times_the_chance():
    # Evidence of 6, less the pause of 0.5 s: ln(1.5 / ln(1 / 0.15) / 0.5 · 0.004) = −5.065.
    heard = evidence(5.0, 5.5, log_odds=6.0)
    assert run([event(5.0)], heard)[1].score == pytest.approx(0.9 / (1 + np.exp(-6 + 5.065)), abs=1e-3)
    doubted = [event(5.0, 0.9), event(5.5, 0.61)]
    assert [one.score for one in run(doubted, heard)] == pytest.approx([0.9, 0.646], abs=1e-3)


def test_a_burst_that_is_reported_is_reported_with_its_shots():
    found = run([event(5.0, SURE)], evidence(5.0, 5.5))
    assert [one.score for one in found] == [SURE, SURE]


def test_what_explains_nothing_is_not_added():
    assert starts(run([event(5.0)], evidence(5.0, 5.5, log_odds=5.0))) == [5.0]


def test_where_the_detector_hears_nothing_more_is_asked_for():
    heard = evidence(5.0, 5.5, log_odds=6.5)
    assert len(run([event(5.0)], heard)) == 2
    assert len(run([event(5.0)], heard, hints(5.0, 5.5 + 0.032))) == 2
    assert len(run([event(5.0)], heard, hints(5.0, 5.5 + 0.037))) == 1
    assert len(run([event(5.0)], evidence(5.0, 5.5), hints(5.0))) == 2


def test_raindrops_around_a_shot_are_none_where_the_detector_hears_nothing():
    """They sound much like onsets; a shot of a mechanism is one although the detector is deaf to it."""
    drops_s = (4.1, 4.43, 5.7)
    assert starts(run([event(5.0)], evidence(5.0, *drops_s, log_odds=9.0), hints(5.0))) == [5.0]
    assert len(run([event(5.0)], evidence(5.0, *drops_s, log_odds=9.0))) == 4
    burst_s = [5.0, 5.1, 5.2, 5.3, 5.4]
    found = run([event(5.0)], evidence(*burst_s, *drops_s, log_odds=9.0), hints(5.0))
    assert starts(found) == pytest.approx(burst_s, abs=0.003)


@pytest.mark.parametrize("onset_s", [4.9, 5.1, 8.0])
def test_without_an_event_near_by_nothing_is_added(onset_s):
    events = [event(onset_s)]
    assert run(events, evidence(5.0)) == events
    assert run(events, Evidence()) == events


def test_the_nearest_event_lends_its_extent():
    found = run([event(5.0, length_s=0.3), event(6.5, length_s=0.7)], evidence(5.0, 5.5, 6.0, 6.5))
    assert [round(one.end_s - one.start_s, 1) for one in found] == [0.3, 0.3, 0.7, 0.7]


def test_fainter_events_change_none_that_counts():
    """One where a shot is added gives way to it; the others stay as they are."""
    heard, sure = evidence(5.0, 5.5, 6.0), [event(5.0)]
    faint = [event(5.52, 0.2, 1.0), event(5.7, 0.59), event(9.0, 0.3)]
    found = run(sure + faint, heard)
    assert [one for one in found if one.score >= SURE] == run(sure, heard)
    assert [one for one in found if one.score < SURE] == faint[1:]


def test_faint_events_alone_are_not_completed():
    assert starts(run([event(5.0, 0.5)], evidence(5.0, 5.5))) == [5.0]


def test_nothing_lies_behind_the_recordings_end():
    recording = replace(RECORDING, n_samples=round(5.6 * RATE))
    found = completed(
        [replace(event(5.0), recording=recording)], evidence(5.0, 5.5), recording, scored=hints(5.5),
        sure_score=SURE,
    )  # fmt: skip
    assert [one.end_sample for one in found] == [round(5.5 * RATE), recording.n_samples]


def test_of_two_events_at_one_shot_the_nearer_moves():
    found = run([event(4.95), event(5.01)], evidence(5.0))
    assert starts(found) == pytest.approx([4.95, 5.0], abs=0.002)


def test_what_follows_an_aimed_shot_and_was_not_fired_is_its_echo():
    """Sooner than a finger fires, that is; and not as close to it as the same sound would be."""
    found = run([event(5.0), event(5.1, 0.8), event(5.16, 0.8)], evidence(5.0))
    assert [one.score for one in found] == [0.9, 0.32, 0.8]
    assert starts(found) == [5.0, 5.1, 5.16]
    assert [one.score for one in run([event(5.0), event(5.04, 0.8)], evidence(5.0))] == [0.9, 0.8]


def test_what_follows_automatic_fire_and_was_not_foretold_stays():
    burst_s = [5.0, 5.1, 5.2, 5.3]
    found = run([*(event(one) for one in burst_s), event(5.47, 0.8)], evidence(*burst_s))
    assert found[-1].score == 0.8
