from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.core import clock
from ndoki.core.clock import Saying, choose_start, doubt, parse_timestamp

CONGO = timezone(timedelta(hours=1))
NOON = datetime(2020, 6, 1, 12)


def _says(source, when):
    return Saying(source=source, when=when)


def test_the_first_moment_counts():
    start = choose_start(
        [_says(clock.GUANO, NOON.replace(tzinfo=CONGO)), _says(clock.NAME_ZONE, NOON)],
        clock_zone=ZoneInfo("Asia/Tokyo"),
    )
    assert start.started_at == datetime(2020, 6, 1, 11, tzinfo=UTC)
    assert start.time_source == "guano"
    assert start.problems == ()


def test_reading_without_zone_is_passed_over_for_a_moment():
    start = choose_start(
        [_says(clock.GUANO, NOON), _says(clock.AUDIOMOTH, NOON.replace(tzinfo=UTC))], clock_zone=None
    )
    assert (start.started_at, start.time_source) == (NOON.replace(tzinfo=UTC), "audiomoth-comment")


def test_reading_becomes_a_moment_in_the_given_zone():
    start = choose_start([_says(clock.NAME_ZONE, NOON)], clock_zone=CONGO)
    assert (start.started_at, start.time_source) == (datetime(2020, 6, 1, 11, tzinfo=UTC), "filename-zone")


def test_reading_without_zone_is_never_guessed():
    start = choose_start([_says(clock.NAME_ZONE, NOON)], clock_zone=None)
    assert (start.started_at, start.time_source) == (None, "none")
    assert start.problems[0].startswith("The file name says 2020-06-01 12:00:00 without a time zone")
    assert "--timezone" in start.problems[0]


def test_nothing_said():
    start = choose_start([], clock_zone=UTC)
    assert start.started_at is None
    assert start.problems == ("Nothing says when the recording began; the start stays unknown.",)


def test_start_is_in_utc_so_that_adding_seconds_is_safe_across_a_change_of_clocks():
    before_change = datetime(2021, 3, 28, 0, 30)
    start = choose_start([_says(clock.NAME_ZONE, before_change)], clock_zone=ZoneInfo("Europe/London"))
    assert start.started_at is not None
    later = start.started_at + timedelta(hours=1)
    assert later.astimezone(ZoneInfo("Europe/London")).hour == 2


def test_doubtful_change_of_clocks_is_flagged():
    start = choose_start(
        [_says(clock.NAME_ZONE, datetime(2021, 10, 31, 1, 30))], clock_zone=ZoneInfo("Europe/London")
    )
    assert "occurs twice" in start.problems[0]


def test_fast_clock_is_put_right_but_an_explicit_start_is_not_touched():
    moment = NOON.replace(tzinfo=UTC)
    fast = choose_start([_says(clock.GUANO, moment)], clock_zone=None, clock_fast_s=42.5)
    assert fast.started_at == moment - timedelta(seconds=42.5)
    explicit = choose_start([_says(clock.DEPLOYMENT, moment)], clock_zone=None, clock_fast_s=42.5)
    assert explicit.started_at == moment


def test_sources_that_contradict_each_other_are_flagged():
    start = choose_start(
        [_says(clock.GUANO, NOON.replace(tzinfo=UTC)), _says(clock.NAME_ZONE, NOON + timedelta(minutes=55))],
        clock_zone=None,
    )
    assert start.started_at == NOON.replace(tzinfo=UTC)
    assert start.problems == (
        "The GUANO block says 2020-06-01 12:00:00 UTC, but the file name says 2020-06-01 12:55:00: "
        "was the file split or renamed?",
    )


@pytest.mark.parametrize("reading", [NOON, NOON - timedelta(hours=1)], ids=["local", "utc"])
def test_a_name_in_local_time_or_in_utc_contradicts_nothing(reading):
    start = choose_start(
        [_says(clock.GUANO, NOON.replace(tzinfo=CONGO)), _says(clock.NAME_ZONE, reading)], clock_zone=None
    )
    assert start.problems == ()


def test_explicit_start_is_not_argued_with():
    start = choose_start(
        [
            _says(clock.DEPLOYMENT, NOON.replace(tzinfo=UTC)),
            _says(clock.GUANO, datetime(1970, 1, 1, tzinfo=UTC)),
        ],
        None,
    )
    assert start.problems == ()


@pytest.mark.parametrize(
    ("when", "is_odd"),
    [
        (datetime(1970, 1, 1), True),
        (datetime(1989, 12, 31), True),
        (datetime(2000, 1, 1, 0, 4), True),
        (datetime(2101, 1, 1), True),
        (datetime(1990, 1, 1), False),
        (datetime(2000, 2, 1), False),
        (datetime(2026, 11, 22), False),
    ],
)
def test_clocks_that_were_never_set(when, is_odd):
    assert bool(doubt(when)) is is_odd


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2019-06-05T19:57:00Z", datetime(2019, 6, 5, 19, 57, tzinfo=UTC)),
        ("2019-06-05T19:57:00+01:00", datetime(2019, 6, 5, 19, 57, tzinfo=CONGO)),
        ("2019-06-05 19:57:00.123", datetime(2019, 6, 5, 19, 57, 0, 123000)),
        (" 2019-06-05 ", datetime(2019, 6, 5)),
        ("05/06/2019", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("", None),
    ],
)
def test_timestamps(text, when):
    assert parse_timestamp(text) == when


SAYINGS = st.builds(
    Saying,
    source=st.sampled_from([clock.GUANO, clock.WAMD, clock.AUDIOMOTH, clock.NAME_OFFSET, clock.NAME_ZONE]),
    when=st.datetimes(
        datetime(1900, 1, 2),
        datetime(2199, 12, 30),
        timezones=st.sampled_from([None, UTC, CONGO, ZoneInfo("Asia/Tokyo")]),
    ),
)


@given(st.lists(SAYINGS, max_size=4), st.sampled_from([None, CONGO, ZoneInfo("Europe/London")]))
def test_start_is_in_utc_or_unknown_with_a_reason(sayings, zone):
    start = choose_start(sayings, zone)
    usable = [saying for saying in sayings if zone is not None or saying.when.tzinfo is not None]
    if usable:
        assert start.started_at is not None
        assert start.started_at.tzinfo is UTC
        assert start.time_source == usable[0].source
    else:
        assert start.started_at is None
        assert start.time_source == "none"
        assert start.problems
