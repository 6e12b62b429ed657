"""A week of a forest, hour by hour, and what happens to its microphone."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ndoki.audio.hours import Hour
from ndoki.audio.levels import HIGH, MIDDLE, SHOT, WIND
from ndoki.audio.microphone import DEAD, STILL, WET, find_spells

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
SELF_NOISE_DB = np.array([-95.0, -88.0, -85.0, -84.0])
WATER_KG_PER_M2 = 0.3


@pytest.fixture
def week(rng):
    """Levels and spreads of 7 days: evening insects 14 dB over noon's, ±2 dB from day to day."""
    return _days(rng, 7)


def _days(rng, n_days):
    hour = np.arange(24 * n_days) % 24
    sway = np.cos((hour - 19) / 24 * 2 * np.pi)
    levels = np.array([-62.0, -60.0, -63.0, -58.0]) + sway[:, None] * np.array([1.0, 3.0, 4.0, 7.0])
    return levels + rng.normal(0, 2, levels.shape), np.abs(rng.normal(4, 1, levels.shape)).clip(1.5)


def _spells(levels, spread):
    hours = [
        Hour(
            began_at=BEGAN + timedelta(hours=i),
            present_s=3600,
            silent_s=0,
            levels_db=levels[i],
            spread_db=spread[i],
        )
        for i in range(len(levels))
    ]
    return find_spells(hours)


def _died(levels, spread, first, end=None):
    levels[first:end], spread[first:end] = SELF_NOISE_DB, 0.4


def _got_wet(levels, first, end):
    """A film of water lets through 1 / |1 + jωm / 2ρc|: the law of mass, 830 Pa·s/m for 2ρc of air."""
    middle_hz = np.array([30.0, 250.0, 1300.0, 2800.0])
    loss_db = 10 * np.log10(1 + (2 * np.pi * middle_hz * WATER_KG_PER_M2 / 830) ** 2)
    levels[first:end] += np.array([2.0, 0.0, 0.0, 0.0]) - loss_db


def _told(spells):
    return [(spell.kind, spell.began_at, spell.end_at) for spell in spells]


def _at(day, hour):
    return BEGAN + timedelta(days=day, hours=hour)


def test_a_healthy_week_is_healthy(week):
    assert _spells(*week) == ([], set())


def test_it_dies_at_noon_of_the_fifth_day(week):
    levels, spread = week
    _died(levels, spread, 4 * 24 + 12)
    spells, _ = _spells(levels, spread)
    assert _told(spells) == [(DEAD, _at(4, 12), _at(7, 0))]
    assert all(fall > 15 for fall in spells[0].falls_db)
    assert (
        spells[0].sentence().startswith("From 2026-03-05 12:00 to 2026-03-08 00:00 the microphone seems dead")
    )
    assert "60 to 700 Hz: -" in spells[0].sentence()


def test_it_dies_at_noon_of_the_only_day(rng):
    levels, spread = _days(rng, 1)
    _died(levels, spread, 12)
    spells, unjudged = _spells(levels, spread)
    assert _told(spells) == [(DEAD, _at(0, 12), _at(1, 0))]
    assert unjudged == {_at(0, hour) for hour in range(12)}  # one day says nothing of what is usual


def test_it_is_dead_for_most_of_the_time(rng):
    levels, spread = _days(rng, 20)
    _died(levels, spread, 4 * 24)
    assert _told(_spells(levels, spread)[0]) == [(DEAD, _at(4, 0), _at(20, 0))]


def test_it_crackles_but_hears_nothing(week):
    """A broken cable's noise is not still; the fall alone has to tell."""
    levels, spread = week
    _died(levels, spread, 5 * 24, 6 * 24)
    levels[5 * 24 : 6 * 24, WIND] = -50
    spread[5 * 24 : 6 * 24] = 6.0
    assert _told(_spells(levels, spread)[0]) == [(DEAD, _at(5, 0), _at(6, 0))]


def test_rain_wets_the_membrane_for_half_a_day(week):
    levels, spread = week
    _got_wet(levels, 3 * 24 + 14, 4 * 24 + 2)
    spells, _ = _spells(levels, spread)
    assert _told(spells) == [(WET, _at(3, 14), _at(4, 2))]
    assert "the microphone seems wet" in spells[0].sentence()
    wind, _, middle, high = spells[0].falls_db
    assert wind < 0 < middle < high


def test_high_bands_15_db_down_are_wet_whatever_the_law(week):
    levels, spread = week
    levels[60:72, MIDDLE:] -= 15
    assert _told(_spells(levels, spread)[0]) == [(WET, _at(2, 12), _at(3, 0))]


def test_at_4_khz_the_highest_band_that_is_there_tells(week):
    levels, spread = week
    levels[:, HIGH] = spread[:, HIGH] = np.nan
    _died(levels, spread, 120, 130)
    levels[120:130, HIGH] = np.nan
    levels[60:72, MIDDLE] -= 15
    assert [kind for kind, _, _ in _told(_spells(levels, spread)[0])] == [WET, DEAD]


@pytest.mark.parametrize(
    "change",
    [
        np.array([3.0, 8.0, 15.0, 18.0]),  # rain falls
        np.array([0.0, 0.0, 0.0, -20.0]),  # no insect sings
        np.array([-8.0, -8.0, -8.0, -8.0]),  # a still night
        np.array([-9.0, -9.0, -15.0, -20.0]),  # a stiller one, in all bands: neither muffled nor silent
        np.array([20.0, 4.0, 0.0, 0.0]),  # wind
    ],
)
def test_weather_is_no_fault(week, change):
    levels, spread = week
    levels[60:72] += change
    assert _spells(levels, spread)[0] == []


def test_an_hour_or_two_are_no_spell(week):
    levels, spread = week
    _died(levels, spread, 60, 62)
    levels[80:83, MIDDLE:] -= 15
    assert _spells(levels, spread)[0] == []


def test_three_days_are_needed_to_call_it_wet(rng):
    levels, spread = _days(rng, 2)
    levels[30:40, MIDDLE:] -= 15
    spells, unjudged = _spells(levels, spread)
    assert spells == []
    assert len(unjudged) == 48


def test_a_microphone_that_never_heard_anything(rng):
    levels, spread = _days(rng, 3)
    _died(levels, spread, 0)
    spells, _ = _spells(levels, spread)
    assert _told(spells) == [(STILL, _at(0, 0), _at(3, 0))]
    assert "may be dead" in spells[0].sentence()


def test_silence_and_unheard_hours_are_not_judged(week):
    levels, spread = week
    levels[60:72] = spread[60:72] = np.nan
    spells, unjudged = _spells(levels, spread)
    assert spells == []
    assert unjudged == {BEGAN + timedelta(hours=hour) for hour in range(60, 72)}
    assert find_spells([]) == ([], set())


def test_bands_are_what_the_figures_were_made_for():
    assert (WIND, SHOT, MIDDLE, HIGH) == (0, 1, 2, 3)
