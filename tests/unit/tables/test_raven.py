from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from ndoki.core.errors import TableError
from ndoki.core.types import Event, Recording
from ndoki.tables.raven import HEADERS, write_combined, write_per_recording
from ndoki.tables.raven_reader import read_raven
from ndoki.tables.row import Row

Make = Callable[..., Event]
MakeRecording = Callable[..., Recording]


def table(path: Path) -> list[dict[str, str]]:
    header, *lines = path.read_text().split("\n")[:-1]
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


def test_a_selection_by_hand(tmp_path: Path, make_event: Make, make_recording: MakeRecording) -> None:
    (path,) = write_per_recording(tmp_path, [make_event()], [make_recording()])
    assert path == tmp_path / "nn03a_20180817_000000.Table.1.selections.txt"
    assert table(path) == [
        {
            "Selection": "1",
            "View": "Spectrogram 1",
            "Channel": "1",
            "Begin Time (s)": "24.500500",
            "End Time (s)": "25.400500",
            "Low Freq (Hz)": "60.0",
            "High Freq (Hz)": "912.5",
            "Begin File": "nn03a_20180817_000000.wav",
            "Begin Path": "cards/nn03a_20180817_000000.wav",
            "File Offset (s)": "24.500500",
            "Peak Offset (s)": "24.537500",
            "Label": "gunshot",
            "Score": "0.8713",
            "Site": "nn03a",
            "Begin Date Time (UTC)": "2018-08-16T23:00:24.500Z",
            "Begin Date Time (local)": "2018-08-17T00:00:24.500+01:00",
            "Time Source": "name",
            "Detector": "ndoki",
            "Detector Digest": "9f2c",
            "Burst": "nn03a-5e1c08-ch1-00012",
            "Shots": "3",
            "Weapon": "automatic",
            "Verdict": "",
            "Notes": "",
        }
    ]


def test_recordings_of_the_same_name_have_their_own_tables(
    tmp_path: Path, make_event: Make, make_recording: MakeRecording
) -> None:
    one, two = make_recording(source="c/a/R.wav"), make_recording(source="c/b/R.wav")
    paths = write_per_recording(tmp_path, [make_event(recording=two)], [one, two])
    assert paths == [tmp_path / f"{folder}/R.Table.1.selections.txt" for folder in "ab"]
    assert [len(table(path)) for path in paths] == [0, 1]
    assert paths[0].read_text() == "\t".join(HEADERS) + "\n"


def test_combined_times_add_up_true_durations(
    tmp_path: Path, make_event: Make, make_recording: MakeRecording
) -> None:
    # 1/3 s files at 3 Hz steps: no decimal fraction of a second is exact, so rounding would add up.
    recordings = [
        make_recording(source=f"{number}.wav", rate_hz=44_100, n_samples=44_100 * 600 + 14_700)
        for number in range(3000)
    ]
    events = [make_event(recording=recordings[n], first_sample=1, end_sample=44_101) for n in (0, 1, 2999)]
    write_combined(tmp_path / "combined.selections.txt", events, recordings)
    rows = table(tmp_path / "combined.selections.txt")
    assert [row["Begin Time (s)"] for row in rows] == ["0.000023", "600.333356", "1800399.666689"]
    assert [row["End Time (s)"] for row in rows] == ["1.000023", "601.333356", "1800400.666689"]
    assert {row["File Offset (s)"] for row in rows} == {"0.000023"}
    assert [row["Selection"] for row in rows] == ["1", "2", "3"]
    exact = 2999 * Fraction(44_100 * 600 + 14_700, 44_100) + Fraction(1, 44_100)
    assert abs(Fraction(rows[2]["Begin Time (s)"]) - exact) <= Fraction(1, 2_000_000)


def test_combined_follows_the_order_opened_and_counts_files_without_events(
    tmp_path: Path, make_event: Make, make_recording: MakeRecording
) -> None:
    first, silent, last = (
        make_recording(source=name, n_samples=8000 * seconds)
        for name, seconds in (("z.wav", 100), ("silent.wav", 50), ("a.wav", 100))
    )
    events = [make_event(recording=one, first_sample=8000, end_sample=16_000) for one in (last, first)]
    path = tmp_path / "combined.selections.txt"
    write_combined(path, events, [first, silent, last])
    assert [(row["Begin File"], row["Begin Time (s)"]) for row in table(path)] == [
        ("z.wav", "1.000000"),
        ("a.wav", "151.000000"),
    ]
    assert [(row.file, row.start_s, row.end_s) for row in read_raven(path)] == [
        ("z.wav", 1.0, 2.0),
        ("a.wav", 1.0, 2.0),
    ]


def test_an_event_of_another_recording_is_refused(tmp_path: Path, make_event: Make) -> None:
    with pytest.raises(TableError, match="not among the 0 recordings"):
        write_combined(tmp_path / "c.txt", [make_event()], [])
    assert list(tmp_path.iterdir()) == []


def test_cells_hold_no_separators_and_quotes_survive(
    tmp_path: Path, make_event: Make, make_recording: MakeRecording
) -> None:
    recording = make_recording(site='"the" bend\tin\nthe river')
    (path,) = write_per_recording(tmp_path, [make_event(recording=recording)], [recording])
    assert len(path.read_text().splitlines()) == 2
    assert [row.site for row in read_raven(path)] == ['"the" bend in the river']


@pytest.mark.parametrize("site", ['"quoted"', '"', '""', 'a "b"'])
def test_quotes_are_not_lost(
    tmp_path: Path, make_event: Make, make_recording: MakeRecording, site: str
) -> None:
    recording = make_recording(site=site)
    (path,) = write_per_recording(tmp_path, [make_event(recording=recording)], [recording])
    assert [row.site for row in read_raven(path)] == [site]


def test_what_was_written_comes_back_with_blank_verdict_and_notes(
    tmp_path: Path, make_event: Make, make_recording: MakeRecording
) -> None:
    (path,) = write_per_recording(tmp_path, [make_event()], [make_recording()])
    (row,) = read_raven(path)
    assert dict(row.extra) == {"Selection": "1", "View": "Spectrogram 1", "Verdict": "", "Notes": ""}
    path.write_text(path.read_text().replace("\t\t\n", "\tyes\tfar away\n"))
    (row,) = read_raven(path)
    assert (row.extra["Verdict"], row.extra["Notes"]) == ("yes", "far away")
    assert (row.burst, row.n_shots, row.weapon) == ("nn03a-5e1c08-ch1-00012", 3, "automatic")
    assert row.start_utc == Row.from_event(make_event()).start_utc
