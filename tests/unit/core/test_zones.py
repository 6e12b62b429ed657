from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndoki.core.errors import ClockError
from ndoki.core.zones import fixed_zone, localise, parse_zone, zone_label

LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("UTC", 0),
        ("utc", 0),
        ("Z", 0),
        ("GMT", 0),
        ("UTC+1", 60),
        ("UTC +1", 60),
        ("UTC-4:30", -270),
        ("GMT+5:45", 345),
        ("+01:00", 60),
        ("+0100", 60),
        ("-0400", -240),
        ("\N{MINUS SIGN}04:00", -240),
        ("+1", 60),
        ("+14", 840),
        (" -12:00 ", -720),
    ],
)
def test_offsets(text, minutes):
    assert parse_zone(text).utcoffset(None) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["Africa/Libreville", "africa/libreville", " Africa/Libreville "])
def test_named_zone_in_any_case(text):
    assert parse_zone(text) == ZoneInfo("Africa/Libreville")


@pytest.mark.parametrize(
    ("text", "suggested"),
    [
        ("Africa/Librevile", "Africa/Libreville"),
        ("Libreville", "Africa/Libreville"),
        ("Brazzavile", "Africa/Brazzaville"),
    ],
)
def test_unknown_zone_names_the_nearest(text, suggested):
    with pytest.raises(ClockError, match=suggested) as caught:
        parse_zone(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "WAT+", "+25:00", "-13", "+01:60", "Africa", "../etc/passwd", "/etc/localtime", "\0"]
)
def test_nonsense_is_a_clock_error(text):
    with pytest.raises(ClockError):
        parse_zone(text)


@settings(max_examples=40)  # every refusal reads the list of zones
@given(st.text(max_size=12))
def test_any_text_gives_a_zone_or_a_clock_error(text):
    try:
        zone = parse_zone(text)
    except ClockError:
        return
    assert datetime(2020, 1, 1, tzinfo=zone).utcoffset() is not None


@given(st.integers(-720, 840))
def test_label_reads_back(minutes):
    zone = fixed_zone(minutes)
    label = zone_label(datetime(2020, 1, 1, tzinfo=zone))
    assert parse_zone(label).utcoffset(None) == timedelta(minutes=minutes)


def test_zone_without_change_of_clocks_leaves_no_doubt():
    moment, doubt = localise(datetime(2018, 8, 17), ZoneInfo("Africa/Libreville"))
    assert moment.astimezone(UTC) == datetime(2018, 8, 16, 23, tzinfo=UTC)
    assert doubt == ""


def test_reading_that_occurs_twice_is_the_first_and_is_named():
    moment, doubt = localise(datetime(2021, 10, 31, 1, 30), LONDON)
    assert moment.astimezone(UTC) == datetime(2021, 10, 31, 0, 30, tzinfo=UTC)
    assert "occurs twice in Europe/London" in doubt


def test_reading_that_never_occurs_is_moved_and_is_named():
    moment, doubt = localise(datetime(2021, 3, 28, 1, 30), LONDON)
    assert moment.astimezone(UTC) == datetime(2021, 3, 28, 1, 30, tzinfo=UTC)
    assert "never occurs in Europe/London" in doubt
    assert "02:30:00 is taken" in doubt


@given(st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)))
def test_only_a_doubtful_reading_does_not_come_back(moment):
    reading = moment.astimezone(LONDON).replace(tzinfo=None, fold=0)
    back, doubt = localise(reading, LONDON)
    assert back.astimezone(UTC) == moment or "occurs twice" in doubt


def test_fold_of_the_reading_itself_is_passed_over():
    reading = datetime(2021, 10, 31, 1, 30, fold=1)
    assert localise(reading, LONDON)[0].utcoffset() == timedelta(hours=1)


def test_fixed_zone_of_zero_is_utc():
    assert fixed_zone(0) is UTC
    assert fixed_zone(90) == timezone(timedelta(minutes=90))
