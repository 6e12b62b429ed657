from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.core.file_names import start_from_name

WEST = timezone(timedelta(hours=-4))
CONGO = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("name", "when", "site"),
    [
        # Elephant Listening Project
        ("nn03a_20180817_000000.wav", datetime(2018, 8, 17), "nn03a"),
        ("kp01_20130621_000002.wav", datetime(2013, 6, 21, 0, 0, 2), "kp01"),
        ("Tree3_20180517_000000.wav", datetime(2018, 5, 17), "Tree3"),
        ("tir1100m_20180426_092825.wav", datetime(2018, 4, 26, 9, 28, 25), "tir1100m"),
        # SwiftOne
        ("SwiftOne_20220719_000000_-0400.wav", datetime(2022, 7, 19, tzinfo=WEST), ""),
        ("KP01_20220719_000000_+0100.wav", datetime(2022, 7, 19, tzinfo=CONGO), "KP01"),
        # AudioMoth
        ("20190605_195700.WAV", datetime(2019, 6, 5, 19, 57), ""),
        ("20190605_195700T.WAV", datetime(2019, 6, 5, 19, 57), ""),
        ("24F3190361DA1234_20190605_195700.WAV", datetime(2019, 6, 5, 19, 57), ""),
        ("5E90A4D4.WAV", datetime(2020, 4, 10, 16, 54, 44, tzinfo=UTC), ""),
        # Song Meter
        ("SITE-A_20140701_053000.wav", datetime(2014, 7, 1, 5, 30), "SITE-A"),
        ("SITEA_0+1_20140701_053000.wav", datetime(2014, 7, 1, 5, 30), "SITEA"),
        ("SITEA_0+1_20140701$053000.wav", datetime(2014, 7, 1, 5, 30), "SITEA"),
        ("SMA14826_20210203_040506_000123.wav", datetime(2021, 2, 3, 4, 5, 6, 123), "SMA14826"),
        # Gabon
        (
            "S20200102T030405678+0100_E20200102T040405677+0100_+0.5123+11.3456.wav",
            datetime(2020, 1, 2, 3, 4, 5, 678000, tzinfo=CONGO),
            "",
        ),
        ("20200102T030405+0100_Moanda camp [-1.5+13.2].wav", datetime(2020, 1, 2, 3, 4, 5, tzinfo=CONGO), ""),
        # pamflow, OwlSense, others
        ("MC-013_20230401_120000.WAV", datetime(2023, 4, 1, 12), "MC-013"),
        ("OWL_07_2023-04-01_T12-30-45.wav", datetime(2023, 4, 1, 12, 30, 45), "OWL_07"),
        ("2023-04-01T12:30:45Z.flac", datetime(2023, 4, 1, 12, 30, 45, tzinfo=UTC), ""),
        ("card 3/nn03a_20180817_000000.wav", datetime(2018, 8, 17), "nn03a"),
        ("C:\\data\\nn03a_20180817_000000.wav", datetime(2018, 8, 17), "nn03a"),
        ("az://elp/kp01/kp01_20130621_000000.wav", datetime(2013, 6, 21), "kp01"),
    ],
)
def test_names_from_the_field(name, when, site):
    said = start_from_name(name)
    assert said is not None
    assert said.when == when
    assert (said.when.tzinfo is None) == (when.tzinfo is None)
    assert said.site == site


def test_serial_number_is_no_site():
    said = start_from_name("24f3190361da1234_20190605_195700.WAV")
    assert said is not None
    assert (said.recorder, said.site, said.bare) == ("24F3190361DA1234", "", True)


@pytest.mark.parametrize(
    ("name", "is_bare"),
    [
        ("20190605_195700.WAV", True),
        ("20190605_195700T.WAV", True),
        ("24F3190361DA1234_20190605_195700.WAV", True),
        ("nn03a_20190605_195700.wav", False),
        ("20190605_195700_part2.wav", False),
    ],
)
def test_what_an_audiomoth_could_have_written(name, is_bare):
    said = start_from_name(name)
    assert said is not None
    assert said.bare is is_bare


@pytest.mark.parametrize(
    "name",
    [
        "gunshot_12.wav",
        "",
        "nn03a_20180817.wav",  # a day is no start
        "nn03a_20181332_000000.wav",  # no such month
        "20230229_120000.wav",  # no such day
        "20230228_246060.wav",
        "nn03a_120180817_000000.wav",  # part of a longer number
        "nn03a_20180817_0000001234.wav",
        "20180817.WAV",  # a date, not a Unix time in hexadecimal
        "00000012.WAV",  # a counter, or a clock that was never set
        "DEADBEEF.WAV",  # 2088
        "5e90a4d4.wav",  # a digest; AudioMoth writes capitals
        "5E90A4D4B.WAV",
    ],
)
def test_names_without_a_time(name):
    assert start_from_name(name) is None


def test_a_counter_behind_the_time_is_no_offset():
    for name in ("a_20200101_000000-0012.wav", "a_20200101_000000_-9900.wav", "a_20200101_000000+0100x.wav"):
        said = start_from_name(name)
        assert said is not None
        assert said.when == datetime(2020, 1, 1)


def test_an_impossible_date_in_front_does_not_hide_the_true_one():
    said = start_from_name("20181399_000000_20180817_010203.wav")
    assert said is not None
    assert said.when == datetime(2018, 8, 17, 1, 2, 3)


@pytest.mark.parametrize("word", ["SwiftOne", "AudioMoth", "REC", "Song_Meter", "SM4"])
def test_kind_of_recorder_is_no_site(word):
    said = start_from_name(f"{word}_20200101_000000.wav")
    assert said is not None
    assert said.site == ""


def test_numbered_recorder_is_a_site():
    said = start_from_name("REC3_20200101_000000.wav")
    assert said is not None
    assert said.site == "REC3"


# Laws ------------------------------------------------------------------------------------------------

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2099, 12, 31))
SECONDS = MOMENTS.map(lambda moment: moment.replace(microsecond=0))
OFFSETS = st.integers(-12 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
SITES = st.from_regex(r"[a-z]{2}[0-9]{2}[a-z]", fullmatch=True)


def _read(name):
    said = start_from_name(name)
    assert said is not None, name
    return said


@given(
    SECONDS,
    SITES,
    st.sampled_from(["_", "T", "$", "-"]),
    st.sampled_from([".wav", ".WAV", ".flac", ".w64", ""]),
)
def test_plain_names_read_back(moment, site, between, suffix):
    said = _read(f"{site}_{moment:%Y%m%d}{between}{moment:%H%M%S}{suffix}")
    assert (said.when, said.site) == (moment, site)


@given(SECONDS, OFFSETS)
def test_swift_names_read_back(moment, zone):
    aware = moment.replace(tzinfo=zone)
    said = _read(f"SwiftOne_{aware:%Y%m%d_%H%M%S_%z}.wav")
    assert said.when == aware
    assert said.when.utcoffset() == aware.utcoffset()


@given(MOMENTS, OFFSETS, st.floats(-10, 10), st.floats(8, 15))
def test_gabon_names_read_back(moment, zone, latitude, longitude):
    aware = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=zone)
    end = aware + timedelta(hours=1)
    name = (
        f"S{aware:%Y%m%dT%H%M%S}{aware.microsecond // 1000:03d}{aware:%z}"
        f"_E{end:%Y%m%dT%H%M%S}000{end:%z}_{latitude:+.4f}{longitude:+.4f}.wav"
    )
    said = _read(name)
    assert (said.when, said.site) == (aware, "")


@given(MOMENTS, SITES)
def test_microseconds_read_back(moment, site):
    assert _read(f"{site}_{moment:%Y%m%d_%H%M%S_%f}.wav").when == moment


@given(SECONDS, SITES)
def test_dashed_names_read_back(moment, site):
    said = _read(f"{site}_07_{moment:%Y-%m-%d_T%H-%M-%S}.wav")
    assert (said.when, said.site) == (moment, f"{site}_07")


@given(SECONDS, st.integers(0, 2**64 - 1))
def test_audiomoth_names_read_back(moment, serial):
    said = _read(f"{serial:016X}_{moment:%Y%m%d_%H%M%S}.WAV")
    assert (said.when, said.recorder, said.bare) == (moment, f"{serial:016X}", True)


@given(st.datetimes(datetime(2015, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC)))
def test_unix_names_read_back(moment):
    whole = moment.replace(microsecond=0)
    assert _read(f"{int(whole.timestamp()):08X}.WAV").when == whole


@given(st.text(max_size=40))
def test_any_name_is_survived(name):
    said = start_from_name(name)
    assert said is None or isinstance(said.when, datetime)
