"""Which false alarms are kept: against a slow search, and rule by rule."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.curation.diversity import KEPT, Candidate, ChoiceRules, choose, patch_vector
from ndoki.features.mel import MelSpec

SPEC = MelSpec()
FREE = ChoiceRules(n_keep=99, n_per_hour=99, max_likeness=1.01)


def unit(*values: float) -> np.ndarray:
    vector = np.asarray(values, np.float32)
    return vector / np.float32(np.linalg.norm(vector))


def candidate(score: float, vector: np.ndarray, i: int = 0, **others) -> Candidate:
    """The i-th: in a recording of its own."""
    place = {
        "hour": f"h{i}",
        "channel_key": f"r{i}#0",
        "first_sample": 0,
        "end_sample": 48,
        "onset_sample": 16,
    }
    return Candidate(score=score, vector=vector, **(place | others))


def by_rank(choices) -> list[int]:
    return [one.row for one in choices if one.rank]


def test_score_and_novelty_decide_together():
    """The second best is a near copy of the best; the third is faint but unlike both."""
    found = [candidate(0.9, unit(1, 0), 0), candidate(0.8, unit(5, 1), 1), candidate(0.3, unit(0, 1), 2)]
    choices = choose(found, replace(FREE, n_keep=2))
    assert by_rank(choices) == [0, 2]
    assert [one.novelty for one in choices] == [1.0, 1.0, pytest.approx(1 - 5 / np.sqrt(26), abs=1e-4)]
    assert [one.why for one in choices] == [KEPT, KEPT, "others tell more"]


@given(
    st.lists(st.tuples(st.floats(0.05, 1.0), st.integers(0, 2**32 - 1)), min_size=1, max_size=12),
    st.integers(1, 12),
)
def test_it_is_the_greedy_choice(drawn, n_keep):
    found = [
        candidate(score, unit(*np.random.default_rng(seed).normal(size=4)), i)
        for i, (score, seed) in enumerate(drawn)
    ]
    kept: list[int] = []
    while len(kept) < min(n_keep, len(found)):
        value = {
            i: one.score * (1 - max([0.0, *(float(one.vector @ found[k].vector) for k in kept)]))
            for i, one in enumerate(found)
            if i not in kept
        }
        best = max(value.values())
        choice = by_rank(choose(found, replace(FREE, n_keep=n_keep)))[len(kept)]
        assert value[choice] == pytest.approx(best, abs=1e-6)
        kept.append(choice)


@pytest.mark.parametrize(
    ("second", "rules", "why"),
    [
        ({"vector": unit(10, 1)}, ChoiceRules(), "near duplicate"),
        ({"channel_key": "r0#0", "onset_sample": 47}, ChoiceRules(), "in a kept clip"),
        ({"channel_key": "r0#0", "onset_sample": 48}, ChoiceRules(), KEPT),
        ({"channel_key": "r0#1", "onset_sample": 47}, ChoiceRules(), KEPT),
        ({"hour": "h0"}, ChoiceRules(n_per_hour=1), "its hour is full"),
        ({"hour": "h0"}, ChoiceRules(n_per_hour=2), KEPT),
        ({}, ChoiceRules(n_keep=1), "others tell more"),
    ],
)
def test_why_a_second_one_is_kept_or_not(second, rules, why):
    other = {"vector": unit(0, 1)} | second
    choices = choose([candidate(0.9, unit(1, 0), 0), candidate(0.8, other.pop("vector"), 1, **other)], rules)
    assert [one.why for one in choices] == [KEPT, why]


def test_what_was_mined_before_is_not_new():
    found = [candidate(0.9, unit(1, 0), 0), candidate(0.4, unit(0, 1), 1), candidate(0.8, unit(1, 1), 2)]
    choices = choose(found, ChoiceRules(), known=[unit(1, 0.1)])
    assert by_rank(choices) == [1, 2]
    assert {one.row: one.why for one in choices}[0] == "near duplicate"


def test_nothing_to_choose_from():
    assert choose([], ChoiceRules()) == []
    assert choose([], ChoiceRules(), known=[unit(1, 0)]) == []


def look(at: int = 60, gain: float = 1.0, decay: float = 10.0, seed: int = 1) -> np.ndarray:
    above = np.random.default_rng(seed).normal(0, 0.2, (220, SPEC.n_mels)).astype(np.float32)
    above[at : at + 60, 5:30] += np.float32(gain) * np.exp(-np.arange(60) / decay)[:, None]
    return above


def test_a_look_forgives_loudness_and_a_frame():
    one = patch_vector(look(), 60, SPEC)
    assert one.dtype == np.float32
    assert np.linalg.norm(one) == pytest.approx(1.0, abs=1e-5)
    assert one @ patch_vector(look(gain=2.0, seed=2), 60, SPEC) > 0.85
    assert one @ patch_vector(look(at=61, seed=3), 60, SPEC) > 0.85
    flipped = look(seed=4)[:, ::-1]
    assert one @ patch_vector(np.ascontiguousarray(flipped), 60, SPEC) < 0.8
    assert abs(one @ patch_vector(look(gain=0.0, seed=5), 60, SPEC)) < 0.5


def test_beyond_an_edge_the_background_is_level():
    at_start = patch_vector(look(at=0)[:30], 0, SPEC)
    assert np.isfinite(at_start).all()
    assert not at_start.reshape(20, 20)[:3].any(), "before the sound's beginning there is nothing"
    assert not patch_vector(np.zeros((5, SPEC.n_mels), np.float32), 2, SPEC).any()
    assert not patch_vector(look(), 5000, SPEC).any()
