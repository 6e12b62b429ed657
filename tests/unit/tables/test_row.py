from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ndoki.core.errors import TableError
from ndoki.core.types import Burst, Event, Recording
from ndoki.tables.cells import Cells
from ndoki.tables.row import COLUMNS, Row, cells_of, row_from_cells, source_in_files

Make = Callable[..., Event]
MakeRecording = Callable[..., Recording]


def test_cells_of_an_event_by_hand(make_event: Make) -> None:
    # Onset at 196 004 / 8000 = 24.5005 s after 23:00:00 UTC.
    assert cells_of(Row.from_event(make_event())) == {
        "file": "cards/nn03a_20180817_000000.wav",
        "site": "nn03a",
        "channel": "1",
        "label": "gunshot",
        "score": "0.8713",
        "offset_s": "24",
        "start_s": "24.500500",
        "end_s": "25.400500",
        "peak_s": "24.537500",
        "low_hz": "60.0",
        "high_hz": "912.5",
        "start_utc": "2018-08-16T23:00:24.500Z",
        "start_local": "2018-08-17T00:00:24.500+01:00",
        "time_source": "name",
        "detector": "ndoki",
        "detector_digest": "9f2c",
        "burst": "nn03a-5e1c08-ch1-00012",
        "shot_index": "2",
        "n_shots": "3",
        "rounds_per_minute": "612.2",
        "weapon": "automatic",
        "weapon_score": "0.9322",
    }


def test_what_nobody_grouped_has_blank_cells(make_event: Make) -> None:
    row = Row.from_event(make_event(burst=None, shot_index=None))
    assert {cells_of(row)[name] for name in COLUMNS[-6:]} == {""}
    single = Row.from_event(make_event(burst=Burst(id="x", n_shots=1), shot_index=1))
    assert [cells_of(single)[name] for name in COLUMNS[-6:]] == ["x", "1", "1", "", "unknown", "0.0000"]


def test_the_columns_are_those_that_users_were_promised() -> None:
    assert ", ".join(COLUMNS) == (
        "file, site, channel, label, score, offset_s, start_s, end_s, peak_s, low_hz, high_hz, start_utc, "
        "start_local, time_source, detector, detector_digest, burst, shot_index, n_shots, rounds_per_minute, "
        "weapon, weapon_score"
    )


@pytest.mark.parametrize(
    ("first_sample", "offset_s"), [(0, 0), (95_999, 0), (96_000, 12), (191_999, 12), (691_200_000, 86_400)]
)
def test_the_segment_is_the_one_that_holds_the_onset(
    make_event: Make, first_sample: int, offset_s: int
) -> None:
    assert Row.from_event(make_event(first_sample=first_sample)).offset_s == offset_s


def test_each_sample_of_a_day_at_48_khz_has_its_own_time(
    make_event: Make, make_recording: MakeRecording
) -> None:
    recording = make_recording(rate_hz=48_000, n_samples=48_000 * 86_400)
    last = recording.n_samples - 1
    for sample in (1, 47_999, last - 1, last):
        row = Row.from_event(make_event(recording=recording, first_sample=sample, end_sample=sample + 1))
        assert round(float(cells_of(row)["start_s"]) * 48_000) == sample
        assert row.start_s < row.end_s


def test_unknown_times_stay_blank(make_event: Make, make_recording: MakeRecording) -> None:
    nowhen = cells_of(
        Row.from_event(make_event(recording=make_recording(started_at=None, time_source="none")))
    )
    assert (nowhen["start_utc"], nowhen["start_local"], nowhen["time_source"]) == ("", "", "none")
    nowhere = cells_of(Row.from_event(make_event(recording=make_recording(local_zone=None))))
    assert (nowhere["start_utc"], nowhere["start_local"]) == ("2018-08-16T23:00:24.500Z", "")


def test_milliseconds_are_rounded_not_cut(make_event: Make, make_recording: MakeRecording) -> None:
    start = datetime(2018, 12, 31, 23, 59, 59, 999_600, tzinfo=UTC)
    row = Row.from_event(make_event(recording=make_recording(started_at=start), first_sample=0))
    assert row.start_utc == datetime(2019, 1, 1, tzinfo=UTC)


def test_local_time_follows_the_zone_through_a_change_of_clocks(
    make_event: Make, make_recording: MakeRecording
) -> None:
    # London's clocks went back at 01:00 UTC on 2018-10-28.
    zone = ZoneInfo("Europe/London")
    recording = make_recording(started_at=datetime(2018, 10, 28, 0, 30, tzinfo=UTC), local_zone=zone)
    before = Row.from_event(make_event(recording=recording, first_sample=0))
    after = Row.from_event(make_event(recording=recording, first_sample=8000 * 3600))
    assert cells_of(before)["start_local"] == "2018-10-28T01:30:00.000+01:00"
    assert cells_of(after)["start_local"] == "2018-10-28T01:30:00.000+00:00"
    assert before.start_local != after.start_local
    # What `==` compares in the repeated hour is the instant.
    assert before.start_local == before.start_utc


@pytest.mark.parametrize(
    ("low_hz", "high_hz", "sane"),
    [
        (60.04, 912.56, (60.0, 912.6)),
        (-3.0, 9000.0, (0.0, 4000.0)),
        (500.0, 500.0, (500.0, 501.0)),
        (900.0, 100.0, (900.0, 901.0)),
        (4000.0, 4000.0, (3999.0, 4000.0)),
        (5000.0, 6000.0, (3999.0, 4000.0)),
    ],
)
def test_boxes_that_viewers_refuse_are_mended(
    make_event: Make, low_hz: float, high_hz: float, sane: tuple[float, float]
) -> None:
    row = Row.from_event(make_event(low_hz=low_hz, high_hz=high_hz))
    assert (row.low_hz, row.high_hz) == sane


def test_sources_have_forward_slashes_only_where_backslashes_separate() -> None:
    assert source_in_files(r"D:\cards\a.WAV", separator="\\") == "D:/cards/a.WAV"
    assert source_in_files(r"cards/odd\name.wav", separator="/") == r"cards/odd\name.wav"
    assert source_in_files("s3://bucket/a.wav", separator="\\") == "s3://bucket/a.wav"


def line(**values: str) -> Cells:
    return Cells(path=Path("t.csv"), line=7, values={"start_s": "30.5", "end_s": "31"} | values)


def test_what_is_missing_is_unknown_or_follows() -> None:
    assert row_from_cells(line(calibre=".458")) == Row(
        file="", offset_s=24, start_s=30.5, end_s=31.0, peak_s=30.5, extra={"calibre": ".458"}
    )


def test_read_times_are_utc_and_local() -> None:
    row = row_from_cells(
        line(start_utc="2018-08-17T01:00:00+01:00", start_local="2018-08-17T01:00:00+01:00", channel="2.0")
    )
    assert row.start_utc is not None
    assert row.start_local is not None
    assert row.start_utc.utcoffset() == timedelta(0)
    assert row.start_local.utcoffset() == timedelta(hours=1)
    assert row.channel == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"channel": "0"}, "column 'channel': found '0', expected a whole number from 1 up"),
        ({"channel": "1.5"}, "column 'channel': found '1.5', expected a whole number from 1 up"),
        ({"shot_index": "0"}, "column 'shot_index': found '0', expected a whole number from 1 up"),
        ({"n_shots": "2.5"}, "column 'n_shots': found '2.5', expected a whole number from 1 up"),
        ({"end_s": "30"}, "column 'end_s': found '30', expected an end at or after the start, 30.5 s"),
        ({"start_s": ""}, "column 'start_s': found '', expected a number"),
        ({"score": "high"}, "column 'score': found 'high', expected a number"),
    ],
)
def test_impossible_cells_are_named(values: dict[str, str], said: str) -> None:
    with pytest.raises(TableError, match=f"t.csv: line 7, {said}"):
        row_from_cells(line(**values))


def test_rows_can_be_kept_in_sets(make_event: Make) -> None:
    assert len({Row.from_event(make_event()), Row.from_event(make_event())}) == 1
