from datetime import UTC, datetime, timedelta, timezone

from ndoki.audio.resets import find_resets
from ndoki.core.types import Recording

DAY = timedelta(days=1)


def _recording(start, zone=None):
    source = f"{start}"
    return Recording(source=source, rate_hz=8000, n_samples=8000 * 3600, started_at=start, local_zone=zone)


def _days(first, n):
    return [_recording(datetime(*first, tzinfo=UTC) + day * DAY) for day in range(n)]


def _resets(*recordings):
    return find_resets(("nn03a", one) for one in recordings)


def test_dates_that_no_recorder_of_today_writes():
    good, bad = _days((2018, 8, 17), 5), _days((1970, 1, 1), 2) + _days((2000, 1, 3), 1)
    found = _resets(*good, *bad)
    assert set(found) == {one.source for one in bad}
    assert all("clock was probably never set" in sentence for sentence in found.values())


def test_a_factory_date_takes_along_what_follows_on_it():
    good, bad = _days((2018, 8, 17), 60), _days((2014, 1, 1), 40)
    found = _resets(*bad, *good)
    assert set(found) == {one.source for one in bad}
    assert "60 other recordings of this recorder (2018-08-17 to 2018-10-15)" in found[bad[0].source]


def test_two_seasons_years_apart_are_two_seasons():
    assert _resets(*_days((2018, 8, 17), 60), *_days((2022, 3, 1), 30)) == {}


def test_new_year_within_a_season_is_new_year():
    assert _resets(*_days((2018, 12, 1), 60)) == {}
    assert _resets(*_days((2019, 1, 1), 60)) == {}


def test_midnight_of_the_local_clock_counts_too():
    zone = timezone(timedelta(hours=1))
    bad = _recording(datetime(2013, 12, 31, 23, tzinfo=UTC), zone)
    assert set(_resets(bad, *_days((2018, 8, 17), 3))) == {bad.source}


def test_the_first_hour_of_2000_is_last_year_in_utc():
    zone = timezone(timedelta(hours=1))
    bad = _recording(datetime(1999, 12, 31, 23, 30, tzinfo=UTC), zone)
    assert "2000-01-01 00:30:00" in _resets(bad)[bad.source]


def test_recorders_are_kept_apart_and_unknown_starts_passed_over():
    one, other = _days((2014, 1, 1), 3), _days((2018, 8, 17), 3)
    assert find_resets([*(("a", r) for r in one), *(("b", r) for r in other), ("b", _recording(None))]) == {}
