import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.audio.audiomoth import read_artist, read_comment
from ndoki.audio.guano import read_guano
from ndoki.audio.metadata import read_metadata
from ndoki.audio.song_meter import read_wamd
from ndoki.core.clock import AUDIOMOTH, GUANO, WAMD, Saying

SERIAL = "24F3190361DA1234"


def _zone(hours, minutes=0):
    return timezone(timedelta(hours=hours, minutes=minutes))


# AudioMoth: one comment of each generation of firmware ------------------------------------------------


V1_0 = (
    f"Recorded at 22:40:00 12/12/2017 by AudioMoth {SERIAL} at gain setting 2 while battery state was < 3.6V"
)
V1_1 = (
    f"Recorded at 10:30:00 11/04/2018 (UTC) by AudioMoth {SERIAL} "
    "at gain setting 4 while battery state was 3.60V"
)
V1_2 = (
    f"Recorded at 06:00:00 17/02/2019 (UTC-5) by AudioMoth {SERIAL} "
    "at gain setting 0 while battery state was less than 3.6V. "
    "Recording cancelled before completion due to low battery voltage."
)
V1_4 = (
    f"Recorded at 19:57:00 05/06/2019 (UTC+5:30) by AudioMoth {SERIAL} "
    "at medium-high gain setting while battery state was greater than 4.9V and temperature was -3.5C."
)
V1_6 = (
    "Recorded at 10:06:19 06/12/2020 (UTC-0:30) during deployment EEC909D42565A5F0 using external microphone "
    "at low-medium gain while battery was 4.2V and temperature was 19.6C. Band-pass filter applied with "
    "cut-off frequencies of 1.0kHz and 8.0kHz. Recording stopped due to file size limit."
)
V1_11 = (
    f"Recorded at 16:46:32.125 16/04/2025 (UTC) by AudioMoth {SERIAL} "
    "at medium gain while battery was less than 2.5V and temperature was 22.1C. "
    "Recording stopped by magnetic switch."
)


@pytest.mark.parametrize(
    ("comment", "when", "gain", "battery", "temperature_c", "stop"),
    [
        (V1_0, datetime(2017, 12, 12, 22, 40, tzinfo=UTC), "medium", "< 3.6 V", None, ""),
        (V1_1, datetime(2018, 4, 11, 10, 30, tzinfo=UTC), "high", "3.60 V", None, ""),
        (V1_2, datetime(2019, 2, 17, 6, tzinfo=_zone(-5)), "low", "< 3.6 V", None, "low battery voltage"),
        (V1_4, datetime(2019, 6, 5, 19, 57, tzinfo=_zone(5, 30)), "medium-high", "> 4.9 V", -3.5, ""),
        (
            V1_6,
            datetime(2020, 12, 6, 10, 6, 19, tzinfo=_zone(0, -30)),
            "low-medium",
            "4.2 V",
            19.6,
            "file size limit",
        ),
        (V1_11, datetime(2025, 4, 16, 16, 46, 32, 125000, UTC), "medium", "< 2.5 V", 22.1, "magnetic switch"),
    ],
    ids=["1.0", "1.1", "1.2", "1.4", "1.6", "1.11"],
)
def test_comments_of_all_firmware(comment, when, gain, battery, temperature_c, stop):
    notes = read_comment(comment.encode())
    assert notes.sayings == (Saying(source=AUDIOMOTH, when=when),)
    assert notes.sayings[0].when.utcoffset() == when.utcoffset()
    told = ("", "EEC909D42565A5F0") if comment is V1_6 else (SERIAL, "")
    assert (notes.model, notes.recorder, notes.deployment) == ("AudioMoth", *told)
    assert (notes.gain, notes.battery, notes.temperature_c) == (gain, battery, temperature_c)
    assert notes.stop_reason == stop


def test_filter_keeps_its_frequencies():
    text = (
        f"Recorded at 00:00:00 01/01/2021 (UTC) by AudioMoth {SERIAL} at medium gain while battery was 4.2V. "
        "High-pass filter with frequency of 1.0kHz applied. Recording stopped due to switch position change."
    )
    notes = read_comment(text.encode())
    assert notes.filter == "High-pass filter with frequency of 1.0kHz applied"
    assert notes.stop_reason == "switch position change"
    assert notes.problems == ()


@pytest.mark.parametrize(
    ("ending", "problem"),
    [
        ("Recording stopped due to low voltage.", ("The recorder stopped early: low voltage.",)),
        (
            "Recording stopped due to SD card write error.",
            ("The recorder stopped early: SD card write error.",),
        ),
        ("Recording stopped due to microphone change.", ()),
        ("Recording stopped due to file size limit.", ()),
    ],
)
def test_only_stops_that_harm_the_data_are_problems(ending, problem):
    text = f"Recorded at 00:00:00 01/01/2021 (UTC) by AudioMoth {SERIAL}. {ending}"
    assert read_comment(text.encode()).problems == problem


@pytest.mark.parametrize(
    ("time", "problem"),
    [
        ("25:00:00 01/01/2021 (UTC)", "does not exist"),
        ("00:00:00 31/02/2021 (UTC)", "does not exist"),
        ("00:00:00 01/01/2021 (UTC+19)", "does not exist"),
        ("00:00:00 01/01/2021 (local)", "zone ' \\(local\\)"),
        ("00:00:00 01/01/0218 (UTC)", "year 218 is no recorder's"),
        ("midnight", "tells no time"),
    ],
)
def test_unreadable_time_leaves_the_other_fields(time, problem):
    notes = read_comment(
        f"Recorded at {time} by AudioMoth {SERIAL} at medium gain while battery was 4.2V.".encode()
    )
    assert notes.sayings == ()
    (sentence,) = notes.problems
    assert re.search(problem, sentence)
    assert sentence.endswith("the next source is asked.")
    assert (notes.recorder, notes.gain, notes.battery) == (SERIAL, "medium", "4.2 V")


@pytest.mark.parametrize("comment", [b"", b"A fine dawn chorus", b"\xff\xfe\x00", b"Processed with SoX"])
def test_other_comments_say_nothing(comment):
    assert read_comment(comment) == read_comment(b"")


def test_artist():
    assert (read_artist(b"AudioMoth 24f3190361da1234\0").recorder, read_artist(b"AudioMoth").model) == (
        SERIAL,
        "AudioMoth",
    )
    assert read_artist(b"Anna Moth").model == ""


# GUANO -----------------------------------------------------------------------------------------------

GUANO_AUDIOMOTH = f"""GUANO|Version:1.0
Make:Open Acoustic Devices
Model:AudioMoth
Serial:{SERIAL}
OAD|Deployment ID:EEC909D42565A5F0
Firmware Version:AudioMoth-Firmware-Basic (1.12.1)
Timestamp:2025-04-16T17:46:32+01:00
Loc Position:1.25 13.75
OAD|Loc Source:Configuration app
Original Filename:20250416_164632.WAV
OAD|Recording Settings:8000 GAIN 2 LGR
OAD|Battery Voltage:4.8
Temperature Int:21.5
"""


def test_guano_of_an_audiomoth():
    notes = read_guano(GUANO_AUDIOMOTH.encode() + b"\0")
    assert notes.sayings == (Saying(source=GUANO, when=datetime(2025, 4, 16, 16, 46, 32, tzinfo=UTC)),)
    assert notes.sayings[0].when.utcoffset() == timedelta(hours=1)
    assert (notes.model, notes.recorder, notes.deployment) == ("AudioMoth", SERIAL, "EEC909D42565A5F0")
    assert (notes.gain, notes.battery, notes.temperature_c) == ("medium", "4.8 V", 21.5)
    assert notes.firmware == "AudioMoth-Firmware-Basic (1.12.1)"
    assert notes.problems == ()


def test_guano_of_a_song_meter_with_spaces_and_crlf():
    text = (
        "GUANO|Version: 1.0\r\nModel: Song Meter Mini\r\nSerial: SMA14826\r\nWA|Song Meter|Prefix: KP01\r\n"
        'WA|Song Meter|Audio settings: [{"rate":24000,"gain":6},{"rate":24000,"gain":18}]\r\n'
        "Timestamp: 2025-02-27 07:39:02\r\nTemperature Int: -1.25\r\n"
    )
    notes = read_guano(text.encode())
    assert notes.sayings == (
        Saying(source=GUANO, when=datetime(2025, 2, 27, 7, 39, 2)),
    )  # local, no offset: legal
    assert (notes.model, notes.recorder, notes.site) == ("Song Meter Mini", "SMA14826", "KP01")
    assert (notes.gain, notes.temperature_c) == ("6 and 18 dB", -1.25)


def test_damaged_guano_keeps_what_can_be_read():
    notes = read_guano(b"GUANO|Version:1.0\nnoise\nSerial:A1\nTimestamp:yesterday\nNote:\xff\nSerial:B2\n")
    assert notes.sayings == ()
    assert notes.recorder == "A1"
    assert [problem.split()[3:6] for problem in notes.problems] == [
        ["holds", "bytes", "that"],
        ["has", "1", "line(s)"],
        ["time", "'yesterday'", "is"],
    ]


# Song Meter ------------------------------------------------------------------------------------------


def _wamd(*entries):
    return b"".join(
        kind.to_bytes(2, "little") + len(value).to_bytes(4, "little") + value for kind, value in entries
    )


SONG_METER = _wamd(
    (0, b"\x01\x00"), (1, b"SM3"), (2, b"SM300123"), (3, b"1.35A"), (4, b"KP01"),
    (5, b"2014-04-02 22:59:14-05:00"), (0xFFFF, b"\0"), (0x11, bytes(50)),
)  # fmt: skip


def test_song_meter_block():
    notes = read_wamd(SONG_METER)
    assert notes.sayings == (Saying(source=WAMD, when=datetime(2014, 4, 2, 22, 59, 14, tzinfo=_zone(-5))),)
    assert (notes.model, notes.recorder, notes.firmware, notes.site) == ("SM3", "SM300123", "1.35A", "KP01")
    assert notes.problems == ()


def test_cut_song_meter_block_keeps_what_came_before():
    notes = read_wamd(SONG_METER[:-10])
    assert notes.recorder == "SM300123"
    assert notes.problems == ("The Song Meter block is cut off.",)


# All together ----------------------------------------------------------------------------------------


def test_first_source_that_tells_a_field_counts():
    chunks = {
        "ICMT": b"Recorded at 16:46:32 16/04/2025 (UTC) by AudioMoth AAAAAAAAAAAAAAAA at high gain. "
        b"Recording stopped due to low voltage.",
        "IART": b"AudioMoth FFFFFFFFFFFFFFFF",
        "guan": GUANO_AUDIOMOTH.encode(),
        "bext": b"\0" * 602,
    }
    notes = read_metadata(chunks)
    assert [saying.source for saying in notes.sayings] == [GUANO, AUDIOMOTH]
    assert (notes.recorder, notes.gain, notes.battery, notes.stop_reason) == (
        SERIAL,
        "medium",
        "4.8 V",
        "low voltage",
    )
    assert notes.problems == ("The recorder stopped early: low voltage.",)


def test_no_chunks():
    assert read_metadata({}) == read_metadata({"bext": b"\0", "guan": b""})


TIME_WORDS = [
    "Recorded at ",
    "12:00:00 01/02/2020",
    " (UTC",
    "+",
    "-",
    "5",
    ":30",
    ")",
    "9999-12-31T23:59:59-12:00",
]
FIELD_WORDS = [
    "gain setting ",
    "battery was ",
    "less than ",
    "2.5V",
    "temperature was ",
    "C. ",
    "Timestamp",
    ":",
    "\n",
]
OTHER_WORDS = [" by AudioMoth ", SERIAL, "during deployment ", "Recording stopped due to ", "\0", "é", "٣"]
WORDS = st.sampled_from([*TIME_WORDS, *FIELD_WORDS, *OTHER_WORDS])
TEXTS = st.lists(WORDS, max_size=14).map(lambda words: "".join(words).encode())


@given(TEXTS | st.binary(max_size=60))
def test_whatever_a_chunk_holds_nothing_is_raised(raw):
    notes = read_metadata({"guan": raw, "wamd": raw, "ICMT": raw, "IART": raw})
    for saying in notes.sayings:
        assert saying.when.astimezone(UTC).year >= 1899


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2099, 1, 1)).map(
        lambda moment: moment.replace(microsecond=0)
    ),
    st.integers(-12 * 60, 14 * 60),
)
def test_comment_and_guano_read_back(moment, offset_minutes):
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=offset_minutes)))
    hours, minutes = divmod(abs(offset_minutes), 60)
    shown = (
        f"{'-' if offset_minutes < 0 else '+'}{hours}" + (f":{minutes:02d}" if minutes else "")
        if offset_minutes
        else ""
    )
    comment = f"Recorded at {aware:%H:%M:%S %d/%m/%Y} (UTC{shown}) by AudioMoth {SERIAL} at medium gain."
    notes = read_metadata({"ICMT": comment.encode(), "guan": f"Timestamp:{aware.isoformat()}\n".encode()})
    assert [saying.when for saying in notes.sayings] == [aware, aware]
