"""What a gun could have fired: found again in sound, told of each onset, and put where nothing was found."""

import numpy as np
import pytest
import soundfile

from ndoki.audio.reader import open_samples
from ndoki.audio.recording import describe
from ndoki.core.types import Evidence
from ndoki.curation.fired import Fired, fired_near, likely_at_first, unfound
from ndoki.features.gabor import GABOR_GRID
from ndoki.firing.complete import firings

RATE_HZ = 8000
BURST_S = [6.0 + 0.1 * i for i in range(8)]


@pytest.fixture
def recording(tmp_path, forest):
    path = tmp_path / "a.wav"
    soundfile.write(path, forest(12.0, BURST_S, RATE_HZ, snr_db=30.0), RATE_HZ)
    return describe(str(path))


def test_a_burst_is_heard_around_one_of_its_shots(recording, events_at):
    with open_samples(recording.source) as samples:
        fired = fired_near(samples, 0, events_at(recording, [6.2]))
        nothing = fired_near(samples, 0, [])
    np.testing.assert_allclose(fired.onset_s, BURST_S, atol=0.012)
    assert fired.chance.min() > 0.9
    assert fired.log_odds(np.array(BURST_S)).min() > 1.0
    assert fired.is_regular.all()
    assert np.isnan(nothing.same(np.array([6.0]))).all()
    assert not nothing.between(np.array([6.0])).any()
    assert len(nothing.onset_s) == len(nothing.evidence) == 0
    assert nothing.chances(np.array([6.0])).tolist() == [0.0]
    assert nothing.log_odds(np.array([6.0])).tolist() == [-3.0]


def test_what_the_detector_scores_is_told_with_it(recording, events_at, monkeypatch):
    asked = []

    def spy(evidence, onsets, scored, **how):
        asked.append((onsets, scored, how))
        return firings(evidence, onsets, scored, **how)

    monkeypatch.setattr("ndoki.curation.fired.firings", spy)
    with open_samples(recording.source) as samples:
        fired_near(samples, 0, events_at(recording, [6.0, 6.1, 6.2], [0.9, 0.04, 0.05]))
    ((onsets, scored, how),) = asked
    assert scored.frames.tolist() == onsets[[0, 2]].tolist()
    assert scored.scores.tolist() == [0.9, 0.05]
    assert scored.reach_s == 0.032
    assert how == {"doubts_unheard": False}


def told(onsets_s, chances, frames=(), log_odds=(), *, regular=()):
    is_regular = np.isin(np.arange(len(onsets_s)), regular)
    evidence = Evidence(frame=np.array(frames, np.int64), log_odds=np.array(log_odds, np.float32))
    return Fired(
        onset_s=np.array(onsets_s), chance=np.array(chances), is_regular=is_regular, evidence=evidence
    )


def test_an_onset_gets_the_chance_of_the_shot_next_to_it():
    fired = told([1.0, 1.05], [0.9, 0.3])
    np.testing.assert_allclose(
        fired.chances(np.array([0.971, 0.969, 1.02, 1.03, 1.09])), [0.9, 0, 0.9, 0.3, 0]
    )


def test_an_onset_is_the_shot_within_20_ms():
    fired = told([1.0, 1.03], [0.9, 0.3])
    np.testing.assert_allclose(fired.same(np.array([0.979, 0.981, 1.014, 1.016])), [np.nan, 1.0, 1.0, 1.03])


def test_between_rounds_of_automatic_fire_is_what_is_far_from_both():
    onsets_s = [0.5, 1.0, 1.1, 1.2, 1.5, 1.6, 1.7]
    fired = told(onsets_s, [0.9] * 7, regular=[1, 2, 3, 4, 5])
    inside = [1.05, 1.15, 1.55]
    outside = [0.4, 0.75, 0.99, 1.0, 1.015, 1.085, 1.35, 1.61, 1.65, 2.0]
    assert fired.between(np.array(inside)).all()
    assert not fired.between(np.array(outside)).any()
    assert not told([1.0, 1.1], [0.9] * 2, regular=[0]).between(np.array([1.05])).any()


def test_an_onset_gets_the_most_evidence_near_it():
    frame = GABOR_GRID.frame_at(4000, 4000)
    fired = told([], [], [frame - 5, frame - 4, frame, frame + 4], [9.0, 2.0, -1.0, 1.0])
    onset_s = np.array([GABOR_GRID.centre_sample(frame + k, 4000) / 4000 for k in (0, 4, -4, 40)])
    np.testing.assert_allclose(fired.log_odds(onset_s), [2.0, 1.0, 8.0, -3.0])


def test_what_is_listened_to_again_is_what_is_heard_and_the_best_of_a_window(recording, events_at):
    events = events_at(recording, [1.0, 2.0, 3.0, 4.0, 5.0], [0.01, 0.02, 0.06, 0.001, 0.002])
    inside = np.array([[True, False], [True, False], [False, False], [False, True], [False, True]])
    assert likely_at_first(events, inside).tolist() == [False, True, True, False, True]
    assert likely_at_first(events, np.zeros((5, 0), bool)).tolist() == [False, False, True, False, False]


def test_shots_are_put_where_no_candidate_is(recording, events_at):
    events = events_at(recording, [6.0, 6.5])
    put = unfound(told([6.015, 6.1, 6.45, 12.5], [0.9] * 4), events)
    assert [one.first_sample / RATE_HZ for one in put] == [6.1, 6.45]
    assert {one.score for one in put} == {0.0}
    assert [one.end_sample - one.first_sample for one in put] == [4000, 4000]
    last = unfound(told([11.9], [0.9]), events)
    assert last[0].end_sample == recording.n_samples
