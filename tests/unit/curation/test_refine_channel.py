"""From loose labels to onsets, by a detector that is told what to say: each rule is seen by itself."""

import numpy as np
import pytest
import soundfile

from ndoki.audio.reader import open_samples
from ndoki.audio.recording import describe
from ndoki.curation.refine import Candidate, RefineRules, refine_channel
from ndoki.curation.windows import LooseLabel, window_of

RATE_HZ = 8000


@pytest.fixture
def refined(tmp_path, forest, told):
    """``refined(shots_s, scores, labels, length_s)`` → candidates, from shots in a simulated forest."""

    def make(shots_s, scores, labels, length_s=24.0, rules=None, **sound) -> list[Candidate]:
        path = tmp_path / "a.wav"
        soundfile.write(path, forest(length_s, shots_s, RATE_HZ, **sound), RATE_HZ)
        recording = describe(str(path))
        windows = [
            window_of(LooseLabel(file=str(path), first_s=first, end_s=end), recording, 0.5)
            for first, end in labels
        ]
        with open_samples(str(path)) as samples:
            return refine_channel(samples, recording, 0, windows, told(scores=scores), rules or RefineRules())

    return make


def onsets_s(found: list[Candidate]) -> list[float]:
    return [one.first_sample / RATE_HZ for one in found if one.is_shot]


def test_the_sound_says_where_the_detector_only_points(refined):
    found = refined([9.103], [(9.12, 0.9), (4.0, 0.01)], [(2.0, 14.0)])
    assert onsets_s(found) == [pytest.approx(9.103, abs=0.005)]
    shot = next(one for one in found if one.is_shot)
    assert shot.confidence > 0.9
    assert shot.meant_by == 0
    assert shot.windows == (0,)
    assert shot.evidence > 20


def test_a_faint_candidate_is_placed_because_a_label_says_so(refined):
    labelled = refined([9.0], [(9.0, 0.004)], [(2.0, 14.0)], snr_db=9.0)
    assert onsets_s(labelled) == [pytest.approx(9.0, abs=0.01)]
    assert labelled[0].confidence < 0.9


def test_nothing_outside_the_windows_is_looked_at(refined):
    assert onsets_s(refined([3.0, 20.0], [(3.0, 0.99), (20.0, 0.99)], [(1.0, 6.0)])) == [
        pytest.approx(3.0, abs=0.01)
    ]
    assert refined([3.0], [(3.0, 0.99)], [(10.0, 14.0)]) == []
    assert refined([3.0], [(3.0, 0.99)], []) == []


def test_a_series_is_followed_behind_the_window(refined):
    """The last lies further behind the window than is searched; the one at 15 s is too unlikely."""
    shots_s, scores = [9.0, 12.5, 15.0, 17.0], [(9.0, 0.99), (12.5, 0.99), (15.0, 0.001), (17.0, 0.99)]
    found = refined(shots_s, scores, [(2.0, 10.0)], snr_db=15.0)
    assert onsets_s(found) == [pytest.approx(9.0, abs=0.01), pytest.approx(12.5, abs=0.01)]
    assert next(one for one in found if one.first_sample > 12 * RATE_HZ).windows == ()


def test_a_lone_shot_behind_the_window_is_none_of_its_series(refined):
    found = refined([9.0, 14.5], [(9.0, 0.99), (14.5, 0.99)], [(2.0, 10.0)])
    assert onsets_s(found) == [pytest.approx(9.0, abs=0.01)]


def test_each_label_means_a_shot_of_its_own(refined):
    """Two labels at nearly the same time: two candidates, though one has far the higher score."""
    scores = [(5.0, 0.95), (7.0, 0.002), (9.0, 0.001)]
    assert len(onsets_s(refined([5.0], scores, [(2.0, 14.0)]))) == 1
    two = refined([5.0], scores, [(2.0, 14.0), (2.1, 14.1)])
    assert sorted(one.meant_by for one in two if one.is_shot) == [0, 1]
    again = refined([5.0], scores, [(2.0, 14.0), (2.0, 14.0)])
    assert len(onsets_s(again)) == 1


def test_a_label_gets_the_candidate_that_no_other_label_can_have(refined):
    scores = [(5.0, 0.5), (11.0, 0.9)]
    found = refined([5.0, 11.0], scores, [(0.5, 12.5), (9.0, 21.0)])
    assert [one.meant_by for one in found] == [0, 1]


def test_a_burst_is_completed(refined):
    true_s = [6.0 + 0.1 * i for i in range(8)]
    scores = [(at, 0.9) for i, at in enumerate(true_s) if i != 4]
    found = refined(true_s, scores, [(2.0, 14.0)], snr_db=30.0)
    np.testing.assert_allclose(onsets_s(found), true_s, atol=0.015)
    put = [one for one in found if one.event.score == 0]
    assert [one.first_sample / RATE_HZ for one in put] == [pytest.approx(6.4, abs=0.015)]
    assert put[0].fired > 0.9


def test_what_lies_between_two_rounds_is_none_however_sure_the_detector_is(refined):
    """Some are drawn to the round behind them by their own rise; those left between are echoes."""
    rounds_s = [9.0 + 0.1 * k for k in range(10)]
    echoes_s = [one + 0.05 for one in rounds_s[:-1]]
    found = refined(rounds_s, [(one, 0.97) for one in [9.0, *echoes_s]], [(2.0, 14.0)], snr_db=30.0)
    assert onsets_s(found) == pytest.approx(rounds_s, abs=0.03)
    confidence = [one.confidence for one in found if one.between]
    assert len(confidence) >= 3
    assert max(confidence) < 0.5


def test_the_threshold_is_kept(refined):
    scores = [(5.0, 0.95), (8.0, 0.3), (11.0, 0.01)]
    few, many = (
        refined([5.0, 8.0, 11.0], scores, [(1.0, 13.0)], rules=RefineRules(least=least))
        for least in (0.999999, 0.01)
    )
    assert len(onsets_s(few)) == 1
    assert len(onsets_s(many)) == 3


def test_two_candidates_for_one_onset_give_one_shot(refined):
    found = refined([9.0], [(8.968, 0.9), (9.032, 0.8)], [(2.0, 14.0)])
    assert onsets_s(found) == [pytest.approx(9.0, abs=0.01)]


def test_a_later_label_changes_nothing_of_an_earlier_shot(refined):
    scores = [(5.0, 0.95), (17.0, 0.9)]
    one = refined([5.01, 17.0], scores, [(1.0, 9.0)])
    both = refined([5.01, 17.0], scores, [(1.0, 9.0), (15.5, 20.0)])
    assert one[0] == both[0]


@pytest.mark.parametrize("edge_s", [0.0, 0.004, 0.03])
def test_a_shot_on_a_files_edge_is_placed(refined, edge_s):
    found = refined([edge_s], [(0.032, 0.9)], [(-3.0, 9.0)])
    assert onsets_s(found) == [pytest.approx(edge_s, abs=0.036)]


def test_windows():
    from ndoki.core.types import Recording

    recording = Recording(source="a.wav", rate_hz=1000, n_samples=20_000)
    inside = window_of(LooseLabel(file="a.wav", first_s=3.0, end_s=15.0), recording, 0.5)
    assert (inside.first_sample, inside.end_sample, inside.is_cut) == (2500, 15_501, False)
    assert inside.holds(15_500)
    assert not inside.holds(15_501)
    cut = window_of(LooseLabel(file="a.wav", first_s=15.0, end_s=27.0), recording, 0.5)
    assert (cut.end_sample, cut.is_cut) == (20_000, True)
    whole = window_of(LooseLabel(file="a.wav"), recording, 0.5)
    assert (whole.first_sample, whole.end_sample, whole.is_cut) == (0, 20_000, False)
    beyond = window_of(LooseLabel(file="a.wav", first_s=30.0, end_s=42.0), recording, 0.5)
    assert beyond.first_sample >= beyond.end_sample
