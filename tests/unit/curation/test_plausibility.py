import numpy as np
import pytest

from ndoki.curation.plausibility import ALONE, CUES, Cues, Weights, plausibility, rhythm


def cues(**columns: list[float]) -> Cues:
    n = len(next(iter(columns.values())))
    usual = {
        "score": 0.1,
        "evidence": 20.0,
        "likeness": ALONE,
        "rhythm": 0,
        "fired": 0,
        "log_odds": 0,
        "between": 0,
        "follows": 0,
        "is_meant": 0,
    }
    return Cues(**{name: np.array(columns.get(name, [usual[name]] * n), np.float64) for name in CUES})


def test_by_hand():
    one = cues(
        score=[0.2], evidence=[30.0], likeness=[0.9], is_meant=[1.0], fired=[0.5], log_odds=[-2.0],
        between=[1.0],
    )  # fmt: skip
    weights = Weights(
        score=0.5, evidence=0.4, likeness=2.0, rhythm=1.0, fired=1.0, log_odds=0.3, between=-0.7, follows=1.0,
        is_meant=1.5, offset=-3.0,
    )  # fmt: skip
    odds = 0.5 * np.log(0.2 / 0.8) + 0.4 * np.log(30.0) + 2.0 * 0.9 + 1.5 - 3.0 + 0.5 - 0.6 - 0.7
    assert plausibility(one, weights)[0] == pytest.approx(1 / (1 + np.exp(-odds)))


@pytest.mark.parametrize("name", [name for name in CUES if name != "evidence"])
def test_every_cue_but_one_speaks_for_a_shot(name):
    """By itself: evidence, of which one that follows a shot has none, says nothing here."""
    low, high = plausibility(cues(**{name: [0.0, 1.0], "evidence": [1.0, 1.0]}), Weights())
    assert (low < high) == (name != "between")


def test_evidence_counts_where_nothing_sounds_before():
    alone = plausibility(cues(evidence=[1.0, 100.0]), Weights())
    assert alone[0] < alone[1]
    hidden = plausibility(cues(evidence=[1.0, 100.0], follows=[1.0, 1.0]), Weights())
    assert hidden[0] == hidden[1]


def test_extreme_cues_stay_probabilities():
    found = plausibility(
        cues(score=[0.0, 1.0], evidence=[0.0, 1e9], likeness=[0.0, 1.0]), Weights(score=50.0)
    )
    assert ((found > 0) & (found < 1)).all()


def test_rhythm():
    onsets = np.array([0.0, 0.1, 0.2, 0.26, 5.0])
    likely = np.array([True, False, True, False, True])
    found = rhythm(onsets, likely)
    assert found[1] == pytest.approx(1.0)  # halfway between two likely ones
    assert found[4] == 0.0  # nothing is near
    assert found[3] == pytest.approx(np.exp(-abs(np.log(0.06 / 0.13)) / 0.05), abs=1e-6)
    even = rhythm(np.arange(5) * 0.3, np.ones(5, bool))
    np.testing.assert_allclose(even, 1.0)
    assert rhythm(np.array([1.0]), np.array([True])).tolist() == [0.0]


def test_what_was_not_found_counts_as_something_scored():
    found = plausibility(cues(score=[0.0, 0.0005, 0.5]), Weights())
    assert found[1] < found[0] < found[2]
