import numpy as np
import pytest

from ndoki.events.cadence import LEAST_GAP_S, Cadence, cadence_of


def rhythm(onsets_s: list[float]) -> Cadence:
    cadence = cadence_of(onsets_s)
    assert cadence is not None
    return cadence


def test_a_steady_rhythm_by_hand() -> None:
    cadence = rhythm([10.0, 10.1, 10.2, 10.3])
    assert cadence.n_intervals == 3
    assert cadence.interval_s == pytest.approx(0.1)
    assert cadence.rounds_per_minute == pytest.approx(600.0)
    assert cadence.irregularity == pytest.approx(0.0, abs=1e-9)


def test_irregularity_by_hand() -> None:
    # Gaps of 90, 100 and 120 ms: median 100, mean distance (10 + 0 + 20) / 3 = 10 ms.
    assert rhythm([0.0, 0.09, 0.19, 0.31]).irregularity == pytest.approx(0.1)


@pytest.mark.parametrize("onsets_s", [[], [3.0], [3.0, 3.0 + LEAST_GAP_S / 2]])
def test_one_shot_has_no_cadence(onsets_s: list[float]) -> None:
    assert cadence_of(onsets_s) is None


def test_missed_shots_are_counted_as_intervals() -> None:
    # Of nine shots the 3rd, 6th and 7th are missing, so the gaps are 1, 2, 1, 3 and 1 intervals of 0.1 s.
    whole = np.arange(9) * 0.1
    cadence = rhythm([float(t) for i, t in enumerate(whole) if i not in (2, 5, 6)])
    assert cadence.n_intervals == 5
    assert cadence.rounds_per_minute == pytest.approx(600.0)
    assert cadence.irregularity == pytest.approx(0.0, abs=1e-9)


def test_three_shots_missed_in_a_row_are_a_pause() -> None:
    cadence = rhythm([0.0, 0.1, 0.2, 0.6, 0.7])
    assert (cadence.n_intervals, cadence.rounds_per_minute) == (3, pytest.approx(600.0))


def test_aimed_fire_has_no_multiples() -> None:
    # A mechanism would have missed every other shot; a finger just waited.
    cadence = rhythm([0.0, 0.4, 1.2, 1.6])
    assert cadence.interval_s == pytest.approx(0.4)
    assert cadence.irregularity == pytest.approx(1 / 3)
    assert rhythm([0.0, 0.4, 1.2]).rounds_per_minute == pytest.approx(100.0)


def test_a_gap_in_between_is_irregular() -> None:
    assert rhythm([0.0, 0.1, 0.25, 0.35, 0.5]).irregularity > 0.1


def test_two_boxes_of_one_shot_are_one_beat() -> None:
    assert rhythm([0.0, 0.001, 0.1, 0.2, 0.201]) == rhythm([0.0, 0.1, 0.2])


def test_jitter_of_five_percent_reads_as_four(rng: np.random.Generator) -> None:
    # The mean distance of a normal deviate is √(2/π) = 0.80 of its standard deviation.
    gaps_s = 0.1 * (1 + 0.05 * rng.standard_normal(2000))
    assert rhythm(np.cumsum(gaps_s).tolist()).irregularity == pytest.approx(0.04, abs=0.002)


def test_unrelated_onsets_read_as_a_fifth(rng: np.random.Generator) -> None:
    onsets_s = np.cumsum(0.055 + rng.exponential(0.045, 2000)).tolist()
    assert 0.15 < rhythm(onsets_s).irregularity < 0.3


@pytest.mark.parametrize("rounds_per_minute", [480, 600, 750, 900])
def test_the_rate_survives_missed_shots_and_a_hop_of_error(
    rng: np.random.Generator, rounds_per_minute: int
) -> None:
    errors = []
    for _ in range(200):
        shots_s = np.arange(10) * 60 / rounds_per_minute
        heard_s = (shots_s + rng.uniform(-0.008, 0.008, 10))[rng.random(10) >= 0.1]
        errors.append(abs(rhythm(heard_s.tolist()).rounds_per_minute / rounds_per_minute - 1))
    assert np.quantile(errors, 0.95) < 0.06
