import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ndoki.core.types import Burst, DetectorId, Event, Recording
from ndoki.tables.summary import FailedFile, Summary, summarise, terminal_tables, write_summary

Make = Callable[..., Event]
MakeRecording = Callable[..., Recording]
DETECTOR = DetectorId(name="ndoki", digest="0123456789abcdef")


@pytest.fixture
def summary(make_event: Make, make_recording: MakeRecording) -> Summary:
    local = make_recording()
    utc = make_recording(
        source="b.wav", local_zone=None, site="", problems=("data size is 0", "odd tail byte")
    )
    unknown = make_recording(source="c.wav", started_at=None, local_zone=None, n_samples=8000 * 1800)
    hour = 8000 * 3600
    events = [
        make_event(recording=local, first_sample=0),
        make_event(recording=local, first_sample=hour - 1),
        make_event(recording=utc, first_sample=0, label="thunder", burst=Burst(id="2", n_shots=1)),
        make_event(recording=unknown, first_sample=0, burst=Burst(id="3", n_shots=1)),
    ]
    return summarise(
        events,
        [local, utc, unknown],
        detector=DETECTOR,
        threshold=0.5,
        wall_s=4.5,
        failed=[FailedFile(file="d.wav", reason="no sound in it")],
        versions={"python": "3.11", "ndoki": "0.1.0"},
    )


def test_counts_by_hand(summary: Summary) -> None:
    assert summary.hours_heard == 2.5
    assert summary.speed_x_realtime == 2000.0
    assert (summary.n_files_ok, summary.n_files_failed, summary.n_events) == (3, 1, 4)
    assert list(summary.events_per_label.items()) == [("gunshot", 3), ("thunder", 1)]
    assert list(summary.events_per_site.items()) == [("nn03a", 3), ("unknown", 1)]
    # The first two events are one burst.
    assert list(summary.bursts_per_weapon.items()) == [("unknown", 2), ("automatic", 1)]
    # 23:00 UTC is midnight at the site; the other's zone is unknown; the third has no clock.
    assert list(summary.events_per_hour.items()) == [("00 local", 2), ("23 UTC", 1), ("unknown", 1)]


def test_hours_of_the_day_are_sorted_unknown_last(make_event: Make, make_recording: MakeRecording) -> None:
    recordings = [
        make_recording(
            source=f"{hour}", started_at=datetime(2018, 8, 17, hour, tzinfo=UTC) - timedelta(hours=1)
        )
        for hour in (13, 2, 9)
    ]
    recordings.append(make_recording(started_at=None))
    events = [make_event(recording=recording, first_sample=0) for recording in reversed(recordings)]
    result = summarise(events, recordings, detector=DETECTOR, threshold=0.5, wall_s=1)
    assert list(result.events_per_hour) == ["02 local", "09 local", "13 local", "unknown"]


def test_hours_are_added_up_exactly(make_recording: MakeRecording) -> None:
    recordings = [make_recording(source=f"{n}", rate_hz=44_100, n_samples=14_700) for n in range(10_800)]
    assert summarise([], recordings, detector=DETECTOR, threshold=0.5, wall_s=1).hours_heard == 1.0


def test_json_holds_every_key_in_order(tmp_path: Path, summary: Summary) -> None:
    path = tmp_path / "summary.json"
    write_summary(path, summary)
    found = json.loads(path.read_text())
    assert list(found) == [
        "detector",
        "detector_digest",
        "threshold",
        "hours_heard",
        "wall_s",
        "speed_x_realtime",
        "n_files_ok",
        "n_files_failed",
        "n_events",
        "events_per_label",
        "events_per_site",
        "events_per_hour",
        "bursts_per_weapon",
        "failed",
        "with_problems",
        "versions",
    ]
    assert found["failed"] == [{"file": "d.wav", "reason": "no sound in it"}]
    assert found["with_problems"] == [{"file": "b.wav", "problems": ["data size is 0", "odd tail byte"]}]
    assert list(found["versions"]) == ["ndoki", "python"]
    assert path.read_text().endswith("}\n")


def test_terminal_tables(summary: Summary) -> None:
    tables = {table.title: table for table in terminal_tables(summary)}
    assert list(tables) == [
        "Summary",
        "Events per label",
        "Events per site",
        "Events per hour of day",
        "Bursts per weapon",
        "Files that failed",
        "Problems",
    ]
    assert dict(tables["Summary"].rows) == {
        "hours heard": "2.50",
        "events": "4",
        "files heard": "3",
        "files failed": "1",
        "files with problems": "1",
        "speed": "2000 × real time",
        "time taken": "4.5 s",
        "detector": "ndoki 0123456789ab",
        "threshold": "0.50",
    }
    assert tables["Events per label"].rows == (("gunshot", "3"), ("thunder", "1"))
    assert tables["Bursts per weapon"].columns == ("weapon", "bursts")
    assert tables["Bursts per weapon"].rows == (("unknown", "2"), ("automatic", "1"))
    assert tables["Files that failed"].rows == (("d.wav", "no sound in it"),)
    assert tables["Problems"].rows == (("1", "data size is 0", "b.wav"), ("1", "odd tail byte", "b.wav"))
    assert all(len(row) == len(table.columns) for table in tables.values() for row in table.rows)


def test_nothing_heard_and_nothing_found(tmp_path: Path) -> None:
    empty = summarise([], [], detector=replace(DETECTOR, digest=""), threshold=0.5, wall_s=0)
    write_summary(tmp_path / "summary.json", empty)
    assert empty.speed_x_realtime is None
    (table,) = terminal_tables(empty)
    rows = dict(table.rows)
    assert (rows["speed"], rows["detector"], rows["events"]) == ("not measured", "ndoki", "0")


def test_problems_that_differ_in_numbers_alone_are_one_row(make_recording: MakeRecording) -> None:
    recordings = [
        make_recording(source=f"{hour}.wav", problems=(f"{hour:02d}:00 has no zone",)) for hour in (7, 8)
    ]
    recordings.append(make_recording(source="9.wav", problems=("odd tail byte",)))
    heard = summarise([], recordings, detector=DETECTOR, threshold=0.5, wall_s=1)
    assert len(heard.with_problems) == 3
    rows = {table.title: table.rows for table in terminal_tables(heard)}["Problems"]
    assert rows == (("2", "07:00 has no zone", "7.wav"), ("1", "odd tail byte", "9.wav"))
