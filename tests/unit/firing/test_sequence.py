"""The best sequence of shots: against trying every one, and what a gun can and cannot do."""

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndoki.firing.likeliest import best_firing
from ndoki.firing.sequence import LEAST_LOG_ODDS, FiringRules

HOP_S = 0.004
COARSE_S = 0.03
RULES = FiringRules()
FEW = FiringRules(
    n_intervals=3, pause_s=(0.15, 0.27), mechanism_cost=1.0, alternation=np.inf, out_of_step_s=0.0
)


def slow_log_odds(evidence, doubts, interval_s):
    """Best sum of evidence and gaps over all sets of frames; with pauses only where there is no interval."""
    foretold = np.maximum(evidence, LEAST_LOG_ODDS)
    alone = foretold + doubts

    def step(first, second):
        gap_s, logs = (second - first) * COARSE_S, [-np.inf]
        if FEW.pause_s[0] - 1e-9 <= gap_s <= FEW.pause_s[1] + 1e-9 and alone[second] > 0:
            logs.append(float(FEW.log_pause(gap_s, mechanism=interval_s is not None)) + alone[second])
        if interval_s is not None and gap_s < 0.2:
            logs.append(float(FEW.log_regular(gap_s, interval_s)) + foretold[second])
        return max(logs) + np.log(COARSE_S)

    sets = [one for n in range(1, 7) for one in combinations(range(len(evidence)), n)]
    return max(alone[one[0]] + sum(step(*two) for two in pairwise(one)) for one in sets)


NINE = {"min_size": 9, "max_size": 9}


@settings(max_examples=25)
@given(st.lists(st.floats(-5, 9), **NINE), st.lists(st.sampled_from([0.0, 0.0, -4.0]), **NINE))
def test_no_sequence_is_better(values, doubts):
    evidence, doubted = np.array(values, np.float32), np.array(doubts, np.float32)
    aimed = slow_log_odds(evidence, doubted, None)
    regular = max(slow_log_odds(evidence, doubted, interval_s) for interval_s in FEW.intervals_s)
    found = best_firing(evidence, COARSE_S, FEW, doubted)
    expected = regular if regular - FEW.mechanism_cost > aimed else aimed
    assert found.log_odds == pytest.approx(expected, abs=1e-4)
    assert (found.interval_s is not None) == (regular - FEW.mechanism_cost > aimed)


def shots(at_s, strength=10.0, length_s=3.0):
    evidence = np.full(round(length_s / HOP_S), -3.0, np.float32)
    evidence[[round(one / HOP_S) for one in at_s]] = strength
    return evidence


def found_s(evidence):
    return (best_firing(evidence, HOP_S, RULES).frames * HOP_S).tolist()


def test_one_shot_is_one_shot():
    firing = best_firing(shots([1.0]), HOP_S, RULES)
    assert (firing.frames.tolist(), firing.interval_s, firing.log_odds) == ([250], None, 10.0)
    assert firing.gains.tolist() == [10.0]


@pytest.mark.parametrize("interval_s", [0.06, 0.08, 0.1, 0.12])
def test_a_mechanism_is_followed_through_a_shot_that_is_covered(interval_s):
    onsets_s = [round((0.4 + interval_s * i) / HOP_S) * HOP_S for i in range(10)]
    firing = best_firing(shots([*onsets_s[:4], *onsets_s[5:]]), HOP_S, RULES)
    assert firing.interval_s == pytest.approx(interval_s, rel=0.03)
    assert firing.frames * HOP_S == pytest.approx(onsets_s, abs=0.0081)
    assert firing.gains[4] < 2 < min(firing.gains[:4])


def alternating(strong, weak, n=9):
    """Shots every 0.12 s, and something between each two."""
    evidence = shots(1.0 + 0.12 * np.arange(n), strong)
    evidence[[round((1.06 + 0.12 * k) / HOP_S) for k in range(n - 1)]] = weak
    return evidence


def test_echoes_half_way_are_no_shots_of_a_faster_mechanism():
    evidence = alternating(9.0, 4.0)
    kept = best_firing(evidence, HOP_S, replace(RULES, alternation=np.inf))
    assert kept.interval_s == pytest.approx(0.06, rel=0.05)
    found = best_firing(evidence, HOP_S, RULES)
    assert found.interval_s == pytest.approx(0.12, rel=0.05)
    np.testing.assert_allclose(found.frames * HOP_S, 1.0 + 0.12 * np.arange(9), atol=0.005)


@pytest.mark.parametrize(("strong", "weak"), [(9.0, 8.0), (6.0, 6.0), (16.0, 10.0)])
def test_a_fast_mechanism_stays_fast_where_all_its_shots_are_heard(strong, weak):
    assert len(best_firing(alternating(strong, weak), HOP_S, RULES).frames) == 17


def test_aimed_shots_are_not_filled_up():
    onsets_s = [0.4, 0.9, 1.4, 1.9]
    assert found_s(shots(onsets_s)) == pytest.approx(onsets_s)
    assert best_firing(shots(onsets_s), HOP_S, RULES).interval_s is None


def test_two_barrels_are_two_shots_and_faint_traces_none():
    assert found_s(shots([0.5, 0.7])) == pytest.approx([0.5, 0.7])
    assert found_s(shots([0.5]) + shots([0.7], 4.0) + 3.0) == pytest.approx([0.5])


def test_what_no_gun_does_is_not_one_sequence():
    """Closer than 15 shots a second, or further apart than a pause."""
    assert len(found_s(shots([0.5, 0.53]))) == 1
    assert len(found_s(shots([0.5, 1.6]))) == 1


def test_a_gain_is_what_would_be_lost():
    """Evidence and both gaps, less the one gap that would be left: 0.3, 0.3 and 0.6 s, by hand."""
    firing = best_firing(shots([0.5, 0.8, 1.1]), HOP_S, RULES)
    weight = RULES.pause / np.log(1.0 / 0.15) * HOP_S
    two, one = 2 * np.log(weight / 0.3), np.log(weight / 0.6)
    assert firing.gains == pytest.approx([10 + two / 2, 10 + two - one, 10 + two / 2])
    assert firing.log_odds == pytest.approx(30 + two)


def test_what_is_doubted_alone_is_a_shot_where_a_mechanism_foretells_it():
    """A raindrop beside a burst is none of its shots; a shot of it that the detector did not hear is one."""
    burst_s = [1.0, 1.1, 1.2, 1.3, 1.4]
    evidence = shots([0.5, *burst_s], 9.0)
    doubts = np.zeros(len(evidence), np.float32)
    doubts[[round(one / HOP_S) for one in (0.5, 1.2)]] = -4.0
    assert found_s(evidence) == pytest.approx([0.5, *burst_s])
    firing = best_firing(evidence, HOP_S, RULES, doubts)
    assert firing.frames * HOP_S == pytest.approx(burst_s)
    assert firing.gains == pytest.approx(best_firing(shots(burst_s, 9.0), HOP_S, RULES).gains)


def test_what_is_doubted_is_worth_less_beside_aimed_shots():
    evidence = shots([1.0, 1.5], 11.0)
    doubts = np.zeros(len(evidence), np.float32)
    doubts[round(1.5 / HOP_S)] = -4.0
    plain, doubted = best_firing(evidence, HOP_S, RULES), best_firing(evidence, HOP_S, RULES, doubts)
    assert doubted.frames.tolist() == plain.frames.tolist()
    assert doubted.gains - plain.gains == pytest.approx([0.0, -4.0])
    doubts -= 4.0
    assert len(best_firing(evidence, HOP_S, RULES, doubts).frames) == 1


@pytest.mark.parametrize(
    ("behind_s", "strength", "is_echo"),
    [
        ((0.26, 0.268), 4.5, True),
        ((0.26, 0.28), 4.5, False),
        ((0.26,), 4.5, False),
        ((0.26, 0.268), 13.0, False),
    ],
)
def test_what_lies_behind_two_aimed_shots_by_one_time_is_their_echo(behind_s, strength, is_echo):
    """Not what does so once, or by other times, or is heard as well as they."""
    aimed_s = [0.5, 1.0, 1.5]
    others_s = [one + lag for one, lag in zip(aimed_s[1:], behind_s, strict=False)]
    evidence = np.maximum(shots(aimed_s, 14.0), shots(others_s, strength))
    expected = aimed_s if is_echo else sorted([*aimed_s, *others_s])
    firing = best_firing(evidence, HOP_S, RULES)
    assert (firing.frames * HOP_S).tolist() == pytest.approx(expected)
    if is_echo:
        assert firing.gains == pytest.approx(best_firing(shots(aimed_s, 14.0), HOP_S, RULES).gains)


def test_even_aimed_fire_that_fades_is_no_echo():
    """Each shot is heard less than the one before by far, and as long behind it."""
    at_s = [0.5, 0.8, 1.1, 1.4]
    evidence = np.max([shots([one], 18.0 - 3.0 * i) for i, one in enumerate(at_s)], axis=0)
    assert found_s(evidence) == pytest.approx(at_s)


def fading_burst(n_heard, lag_s, *, n=16):
    """A burst every 0.1 s whose first shots are heard well and the others hardly, and an echo of all but the
    first two that is heard well."""
    onsets_s = 1.0 + 0.1 * np.arange(n)
    evidence = np.maximum(shots(onsets_s[:n_heard], 8.0), shots(onsets_s, 0.5))
    return onsets_s, np.maximum(evidence, shots(onsets_s[2:] + lag_s, 5.0))


@pytest.mark.parametrize("n_heard", [1, 2, 3])
@pytest.mark.parametrize("lag_s", [0.04, 0.056])
def test_a_mechanism_keeps_the_step_of_its_first_shot_where_echoes_are_louder(n_heard, lag_s):
    onsets_s, evidence = fading_burst(n_heard, lag_s)
    lost = best_firing(evidence, HOP_S, replace(RULES, out_of_step_s=0.0))
    apart_s = np.abs(lost.frames[:, None] * HOP_S - onsets_s).min(axis=1)
    assert (apart_s > 0.03).sum() > 8
    found = best_firing(evidence, HOP_S, RULES)
    assert found.frames * HOP_S == pytest.approx(onsets_s, abs=0.0081)
    assert found.interval_s == pytest.approx(0.1, rel=0.03)


def test_another_burst_keeps_its_own_step():
    """The trigger was pulled again, 0.44 s later: nothing of it is an echo, though traces lie between."""
    onsets_s = [*(1.0 + 0.1 * np.arange(5)), *(1.844 + 0.1 * np.arange(5))]
    evidence = np.maximum(shots(onsets_s), shots([1.5, 1.6, 1.7], 0.5))
    assert found_s(evidence) == pytest.approx(onsets_s, abs=0.0081)
    # Were nobody able to pull again so soon, it would be one long burst and its echo.
    one_burst = best_firing(evidence, HOP_S, replace(RULES, out_of_step_s=0.5))
    assert one_burst.frames * HOP_S == pytest.approx(1.0 + 0.1 * np.arange(13), abs=0.0081)
