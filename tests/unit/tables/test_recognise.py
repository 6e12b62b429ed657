"""Whatever a table is, it is told by its content, and its rows know their recording."""

from pathlib import Path

import pytest

from ndoki.core.errors import TableError
from ndoki.tables.recognise import read_table

CSV = "file,start_s,end_s,label,score\nsite/a.wav,1.5,2.0,gunshot,0.9\n"
RAVEN = "Selection\tBegin Time (s)\tEnd Time (s)\tLabel\n1\t3.25\t4.0\tgunshot\n"
AUDACITY = "24.5\t25.1\tgunshot 0.8713\n\\\t60.0\t900.0\n"
JSONL = '{"file": "a.wav", "start_s": 1.5, "end_s": 2.0, "score": 0.25}\n'
TRUTH = (
    "onset_sample,onset_s,end_sample,label,weapon,distance_m,burst,shot_index,n_shots,snr_db,low_hz,high_hz,first_arrival\n"
    "80001,10.0001,84001,gunshot,rifle,512.5,1,1,1,6.25,60.0,900.0,blast\n"
    "160000,20.0,176000,branch_crack,,,,,,12.0,100.0,3000.0,\n"
)


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text", "kind", "start_s"),
    [
        ("x.csv", CSV, "csv", 1.5),
        ("x.txt", CSV, "csv", 1.5),
        ("x.csv", CSV.replace(",", ";"), "csv", 1.5),
        ("x.txt", RAVEN, "raven", 3.25),
        ("x.csv", RAVEN, "raven", 3.25),
        ("x.txt", RAVEN.lower().replace(" (s)", ""), "raven", 3.25),
        ("x.txt", AUDACITY, "audacity", 24.5),
        ("x.jsonl", JSONL, "jsonl", 1.5),
        ("x.txt", "\n" + JSONL, "jsonl", 1.5),
        ("x.truth.csv", TRUTH, "truth", 80001 / 8000),
    ],
)
def test_formats_are_told_by_content(tmp_path: Path, name: str, text: str, kind: str, start_s: float) -> None:
    table = read_table(written(tmp_path / name, text))
    assert (table.kind, table.rows[0].start_s) == (kind, start_s)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("R1.Table.1.selections.txt", RAVEN),
        ("R1.selections.txt", RAVEN),
        ("R1.labels.txt", AUDACITY),
        ("R1.txt", AUDACITY),
        ("R1.truth.csv", TRUTH),
        ("R1.csv", CSV.replace("site/a.wav", "")),
    ],
)
def test_rows_without_a_recording_belong_to_that_of_the_tables_name(
    tmp_path: Path, name: str, text: str
) -> None:
    table = read_table(written(tmp_path / name, text))
    assert {row.file for row in table.rows} == {str(tmp_path / "R1")} == {table.recording}
    (tmp_path / "R1.wav").touch()
    (tmp_path / "R1.settings.json").touch()
    table = read_table(tmp_path / name)
    assert {row.file for row in table.rows} == {str(tmp_path / "R1.wav")}


def test_a_name_that_two_sounds_could_have_stays_open(tmp_path: Path) -> None:
    for ending in ("wav", "flac"):
        (tmp_path / f"R1.{ending}").touch()
    assert read_table(written(tmp_path / "R1.labels.txt", AUDACITY)).recording == str(tmp_path / "R1")


def test_brackets_in_a_name_are_only_brackets(tmp_path: Path) -> None:
    (tmp_path / "R[1].wav").touch()
    (tmp_path / "R1.wav").touch()
    assert read_table(written(tmp_path / "R[1].labels.txt", AUDACITY)).recording == str(tmp_path / "R[1].wav")


def test_a_recording_that_is_named_stays(tmp_path: Path) -> None:
    (tmp_path / "x.wav").touch()
    assert read_table(written(tmp_path / "x.csv", CSV)).rows[0].file == "site/a.wav"


def test_the_truth_of_a_simulation_is_exact_and_whole(tmp_path: Path) -> None:
    shot, crack = read_table(written(tmp_path / "n.truth.csv", TRUTH)).rows
    assert (shot.start_s, shot.end_s, shot.low_hz, shot.label) == (
        80001 / 8000,
        84001 / 8000,
        60.0,
        "gunshot",
    )
    assert (shot.extra["snr_db"], shot.extra["weapon"], shot.extra["burst"]) == ("6.25", "rifle", "1")
    assert (crack.label, crack.start_s, crack.end_s, crack.score) == ("branch_crack", 20.0, 22.0, None)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("e.csv", CSV.splitlines()[0] + "\n"),
        ("e.truth.csv", TRUTH.splitlines()[0] + "\n"),
        ("e.labels.txt", ""),
    ],
)
def test_empty_tables_are_tables(tmp_path: Path, name: str, text: str) -> None:
    table = read_table(written(tmp_path / name, text))
    assert table.rows == ()
    assert table.recording == str(tmp_path / "e")


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("x.txt", "Dear Ndoki,\n", "'Dear Ndoki,'"),
        ("x.txt", "", "not a table"),
        ("x.csv", "time,score\n1,2\n", "no column file, start_s, end_s; found time, score"),
        ("x.truth.csv", "onset_s,label\n1,gunshot\n", "no column onset_sample, end_sample"),
        ("x.truth.csv", TRUTH.replace("20.0,", "late,"), "line 3, column 'onset_s': found 'late'"),
    ],
)
def test_what_is_no_table_is_refused_with_what_was_found(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    path = written(tmp_path / name, text)
    with pytest.raises(TableError) as caught:
        read_table(path)
    assert told in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"gone\.csv: cannot be read"):
        read_table(tmp_path / "gone.csv")
