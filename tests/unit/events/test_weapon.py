from collections import Counter

import numpy as np
import pytest
from scipy.optimize import minimize
from simulated_bursts import EXACT, WORST, Hearing, firings

from ndoki.core.errors import ConfigError
from ndoki.datasets.simulate.ranges import TEST, TRAIN
from ndoki.events.cadence import Cadence, cadence_of
from ndoki.events.weapon import (
    LEAST_SCORE,
    NOT_AUTOMATIC_SCORE,
    SCORE_WEIGHTS,
    UNKNOWN,
    automatic_score,
    weapon_of,
)


def steady(n_intervals: int = 9, rounds_per_minute: float = 600.0, irregularity: float = 0.04) -> Cadence:
    return Cadence(n_intervals=n_intervals, interval_s=60 / rounds_per_minute, irregularity=irregularity)


def test_the_score_by_hand() -> None:
    # 0.7 + (2.8 - 16.8 · 0.05) · ln 4 = 3.417; 1 / (1 + e^-3.417) = 0.9682.
    assert automatic_score(steady(4, irregularity=0.05)) == pytest.approx(0.9682, abs=1e-4)
    assert weapon_of(steady(4, irregularity=0.05)) == (
        "automatic",
        automatic_score(steady(4, irregularity=0.05)),
    )


def test_ten_shots_at_600_with_five_percent_jitter_are_automatic(rng: np.random.Generator) -> None:
    for _ in range(200):
        onsets_s = np.cumsum(0.1 * (1 + 0.05 * rng.standard_normal(10))).tolist()
        weapon, score = weapon_of(cadence_of(onsets_s))
        assert (weapon, score > 0.97) == ("automatic", True)


@pytest.mark.parametrize(
    "onsets_s",
    [
        [5.0],
        [5.0, 5.3],
        [5.0, 5.1],
        [5.0, 5.3, 5.6, 5.9, 6.2],
        [5.0, 5.04, 5.08, 5.12, 5.16],
        [5.0, 5.4, 6.3, 6.9],
        [5.0, 5.06, 5.23, 5.33, 5.48, 5.55],
    ],
    ids=["one", "two", "two close", "steady but slow", "too fast", "aimed", "irregular"],
)
def test_what_a_cadence_cannot_tell_is_unknown(onsets_s: list[float]) -> None:
    assert weapon_of(cadence_of(onsets_s)) == UNKNOWN == ("unknown", 0.0)


@pytest.mark.parametrize(
    ("rounds_per_minute", "fires"), [(449, False), (451, True), (949, True), (951, False)]
)
def test_mechanisms_have_a_slowest_and_a_fastest_rate(rounds_per_minute: float, fires: bool) -> None:
    assert (automatic_score(steady(rounds_per_minute=rounds_per_minute)) > 0) == fires


def test_one_gap_scores_nothing_however_lenient_the_limit() -> None:
    assert automatic_score(steady(1, irregularity=0.0)) == 0.0
    assert weapon_of(steady(1, irregularity=0.0), least_score=0.01) == UNKNOWN


def test_more_shots_are_surer_and_irregularity_is_less_sure() -> None:
    by_number = [automatic_score(steady(n)) for n in range(2, 30)]
    assert by_number == sorted(by_number)
    assert by_number[0] < 0.9 < 0.99 < by_number[-1]
    by_irregularity = [automatic_score(steady(irregularity=x)) for x in np.linspace(0, 0.5, 20)]
    assert by_irregularity == sorted(by_irregularity, reverse=True)
    assert by_irregularity[-1] < 0.01


def test_a_stricter_limit_rejects_more() -> None:
    score = automatic_score(steady(2))
    assert weapon_of(steady(2), least_score=score).weapon == "automatic"
    assert weapon_of(steady(2), least_score=score + 1e-6) == UNKNOWN


@pytest.fixture(scope="module")
def judged() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score, whether automatic, and terms of the score, over simulated bursts with a score."""
    bursts = [one for each in firings(np.random.default_rng(11), TRAIN, None, 14_000) for one in each]
    scored = [(one, one.cadence) for one in bursts if one.cadence and automatic_score(one.cadence) > 0]
    log_n = np.log([cadence.n_intervals for _, cadence in scored])
    irregularity = np.array([cadence.irregularity for _, cadence in scored])
    return (
        np.array([automatic_score(cadence) for _, cadence in scored]),
        np.array([one.maker == "automatic" for one, _ in scored]),
        np.stack([np.ones(len(log_n)), log_n, irregularity * log_n], axis=1),
    )


def test_the_weights_are_those_that_simulation_gives(
    judged: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    _, automatic, terms = judged

    def surprise(weights: np.ndarray) -> float:
        logit = terms @ weights
        return float(np.mean(np.logaddexp(0, logit) - automatic * logit))

    fitted = minimize(surprise, np.zeros(3))
    # About three standard errors of a fit to this many bursts.
    assert np.all(np.abs(fitted.x - SCORE_WEIGHTS) <= (0.4, 0.6, 3.0))
    assert surprise(np.array(SCORE_WEIGHTS)) - fitted.fun < 0.003


@pytest.mark.parametrize(("low", "high"), [(LEAST_SCORE, 0.9), (0.9, 0.95), (0.95, 1.0)])
def test_a_score_is_the_share_that_is_right(
    judged: tuple[np.ndarray, np.ndarray, np.ndarray], low: float, high: float
) -> None:
    scores, automatic, _ = judged
    inside = (scores >= low) & (scores < high)
    assert inside.sum() > 300
    assert automatic[inside].mean() == pytest.approx(scores[inside].mean(), abs=0.05)


def called_automatic(hearing: Hearing) -> dict[str, float]:
    """Share of the test world's firings in which some burst is called automatic, by what made it.

    ``right`` is the share of these that are. The table in docs/reference/outputs.md has 20 000 firings.
    """
    n_made: Counter[str] = Counter()
    n_called: Counter[str] = Counter()
    for bursts in firings(np.random.default_rng(12), TEST, hearing, 5000):
        for maker in {one.maker if one.maker in ("automatic", "chance") else "aimed" for one in bursts}:
            n_made[maker] += 1
            n_called[maker] += any(weapon_of(one.cadence).weapon == "automatic" for one in bursts)
    shares = {maker: n_called[maker] / n for maker, n in n_made.items()}
    return shares | {"right": n_called["automatic"] / n_called.total()}


@pytest.mark.parametrize(
    ("hearing", "found", "aimed", "chance", "right"),
    [
        (EXACT, 0.917, 0.0, 0.30, 0.970),
        (Hearing(), 0.906, 0.007, 0.31, 0.953),
        (Hearing(missed=0.1, off_s=0.008), 0.831, 0.005, 0.27, 0.956),
        (WORST, 0.654, 0.005, 0.24, 0.951),
    ],
    ids=["exact", "with echoes", "10 % missed, 8 ms off", "10 % missed, 16 ms off"],
)
def test_right_wrong_and_rejected_in_a_world_not_fitted_to(
    hearing: Hearing, found: float, aimed: float, chance: float, right: float
) -> None:
    shares = called_automatic(hearing)
    assert shares["automatic"] == pytest.approx(found, abs=0.03)
    assert shares["aimed"] == pytest.approx(aimed, abs=0.004)
    assert shares["chance"] == pytest.approx(chance, abs=0.1)
    assert shares["right"] == pytest.approx(right, abs=0.015)


SLOW = Cadence(n_intervals=3, interval_s=0.5, irregularity=0.2)


@pytest.mark.parametrize("cadence", [None, SLOW], ids=["single", "aimed"])
def test_where_one_other_weapon_is_carried_it_fired_what_no_mechanism_did(cadence: Cadence | None) -> None:
    assert weapon_of(cadence, weapons=("automatic", "shotgun")) == ("shotgun", NOT_AUTOMATIC_SCORE)
    assert weapon_of(cadence, weapons=("rifle",)) == ("rifle", NOT_AUTOMATIC_SCORE)
    assert weapon_of(cadence, weapons=("rifle", "shotgun")) == UNKNOWN
    assert weapon_of(cadence, weapons=("automatic",)) == UNKNOWN
    assert weapon_of(cadence, weapons=("shotgun",), least_score=0.9) == UNKNOWN


def test_a_mechanism_is_no_shotgun_whoever_carries_what() -> None:
    assert weapon_of(steady(), weapons=("automatic", "shotgun")).weapon == "automatic"
    assert weapon_of(steady(), weapons=("shotgun",)) == UNKNOWN


@pytest.mark.parametrize("weapons", [(), ("automatic", "bow")])
def test_weapons_that_are_not_known_are_refused(weapons: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=r"none|bow"):
        weapon_of(SLOW, weapons=weapons)
