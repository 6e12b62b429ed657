from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.core.deployments import read_deployments
from ndoki.core.errors import TableError

LIBREVILLE = ZoneInfo("Africa/Libreville")


@pytest.fixture
def table(tmp_path):
    """Write a table and read it."""

    def read(text, encoding="utf-8"):
        path = tmp_path / "deployments.csv"
        path.write_bytes(text.encode(encoding))
        return read_deployments(path)

    return read


def test_all_columns(table):
    rows = table(
        "Site,Recorder,Latitude,Longitude,Timezone,Start,End,Clock offset (s),Habitat\n"
        "kp01,24F3190361DA1234,2.25,-9.5,Africa/Libreville,2018-08-17,2018-12-20 09:30,-42.5,bai\n"
    ).rows
    (row,) = rows
    assert (row.row, row.site, row.recorder) == (2, "kp01", "24F3190361DA1234")
    assert (row.latitude, row.longitude) == (2.25, -9.5)
    assert row.zone == row.clock_zone == LIBREVILLE
    assert (row.start, row.end) == (datetime(2018, 8, 17), datetime(2018, 12, 20, 9, 30))
    assert row.clock_fast_s == -42.5
    assert row.extra == (("Habitat", "bai"),)


@pytest.mark.parametrize("header", ["TIME ZONE", "time_zone", " timezone ", "tz"])
def test_headers_in_any_spelling(table, header):
    assert table(f"SITE,{header}\nkp01,UTC\n").rows[0].zone is UTC


def test_as_a_french_spreadsheet_writes_it(table):
    rows = table("site;latitude;longitude\nMékambo;1,5;13,9\n", encoding="cp1252").rows
    assert (rows[0].site, rows[0].latitude, rows[0].longitude) == ("Mékambo", 1.5, 13.9)


def test_byte_order_mark_tabs_and_empty_lines(table):
    rows = table("\ufeffsite\ttimezone\r\n\r\nkp01\t+01:00\r\n\t\r\nkp02\t\r\n").rows
    assert [(row.row, row.site) for row in rows] == [(3, "kp01"), (5, "kp02")]
    assert rows[1].zone is None


def test_an_end_that_is_a_day_holds_the_whole_day(table):
    row = table("site,start,end\nkp01,2018-08-17,2018-08-18\n").rows[0]
    assert row.covers(datetime(2018, 8, 18, 23, 59, 59))
    assert not row.covers(datetime(2018, 8, 19))
    assert not row.covers(datetime(2018, 8, 16, 23, 59, 59))


def test_clock_zone_apart_from_the_site_zone(table):
    row = table("site,timezone,clock timezone\nkp01,Africa/Libreville,UTC\n").rows[0]
    assert (row.zone, row.clock_zone) == (LIBREVILLE, UTC)


def test_explicit_start(table):
    rows = table(
        "file,timezone,recording start\n"
        "a.wav,Africa/Libreville,2018-08-17 06:30:00.25\n"
        "b.wav,,2018-08-17T06:30:00-04:00\n"
    ).rows
    assert rows[0].recording_start == datetime(2018, 8, 17, 5, 30, 0, 250000, tzinfo=UTC)
    assert rows[1].recording_start == datetime(2018, 8, 17, 6, 30, tzinfo=timezone(timedelta(hours=-4)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column says which recordings a row is about. Found nothing"),
        ("date,time\n", "Found date, time; expected at least one of site, recorder"),
        ("site,Latitude,lat\nkp01,1,1\n", "the columns Latitude and lat mean the same"),
        ("site,timezone\nkp01,Africa/Librevile\n", r"row 2, column 'timezone': .*Africa/Libreville"),
        (
            "site,start\nkp01,\nkp02,17/08/2018\n",
            r"row 3, column 'start': '17/08/2018' is no date. Expected 2018-08-17",
        ),
        ("site,latitude\nkp01,north\n", r"row 2, column 'latitude': not a number"),
        ("site,clock offset\nkp01,nan\n", r"row 2, column 'clock offset': not a number"),
        ("site,longitude\nkp01,181\n", r"row 2, column 'longitude': not between −180 and 180"),
        ("site,start,end\nkp01,2018-08-18,2018-08-17\n", r"row 2: it ends \(2018-08-18 .*before it starts"),
        ("site,recorder,timezone\n,,UTC\n", "row 2: it names no site, no recorder"),
        ("site,timezone\nkp01,UTC,surplus\n", "row 2: 3 cells under 2 headers"),
        ("site,recording start\nkp01,2018-08-17T00:00Z\n", "a recording_start needs a file"),
        ("file,recording start\na.wav,2018-08-17 00:00\n", "has no offset, and the row has no timezone"),
        ('site\n"kp01\n', "not a CSV table"),
    ],
)
def test_message_names_row_and_column(table, text, message):
    with pytest.raises(TableError, match=message):
        table(text)


def test_coordinates_stay_out_of_messages_and_reprs(table):
    with pytest.raises(TableError) as caught:
        table("site,latitude\nkp01,912.3456\n")
    assert "912" not in str(caught.value)
    assert "1.2345" not in repr(table("site,latitude,longitude\nkp01,1.2345,11.2345\n"))


def test_missing_file(tmp_path):
    with pytest.raises(TableError, match="the deployment table cannot be read"):
        read_deployments(tmp_path / "none.csv")


@given(st.text(max_size=80))
def test_any_text_is_a_table_or_a_table_error(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("fuzz") / "table.csv"
    path.write_text(f"site,timezone,start,latitude\n{text}", encoding="utf-8", errors="replace", newline="")
    with suppress(TableError):
        read_deployments(path)
