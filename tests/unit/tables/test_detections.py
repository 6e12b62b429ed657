import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ndoki.core.errors import TableError
from ndoki.core.types import Event, Recording
from ndoki.tables.detections import read_detections, write_detections, write_rows
from ndoki.tables.row import COLUMNS, Row

Make = Callable[..., Event]


def test_nothing_found_is_the_header_alone(tmp_path: Path) -> None:
    path = tmp_path / "detections.csv"
    write_detections(path, [])
    assert path.read_bytes() == (",".join(COLUMNS) + "\n").encode()
    assert read_detections(path) == []


@pytest.mark.parametrize("source", ['a,"b".wav', "two\nlines\r.wav", "=1+1.wav", " a .wav", "Mbéli ☂.wav"])
def test_names_are_kept_as_they_are(
    tmp_path: Path, make_event: Make, make_recording: Callable[..., Recording], source: str
) -> None:
    path = tmp_path / "detections.csv"
    write_detections(path, [make_event(recording=make_recording(source=source))])
    assert [row.file for row in read_detections(path)] == [source]
    with path.open(newline="", encoding="utf-8") as handle:
        assert [line["file"] for line in csv.DictReader(handle)] == [source]


def test_later_columns_are_kept_and_written_again(tmp_path: Path, make_event: Make) -> None:
    one, two = Row.from_event(make_event()), Row.from_event(make_event(first_sample=9))
    rows = [
        replace(one, extra={"verdict": "yes", "calibre": ".458"}),
        replace(two, extra={"calibre": "", "verdict": "no"}),
    ]
    path = tmp_path / "detections.csv"
    write_rows(path, rows)
    assert path.read_text().splitlines()[0].endswith(",weapon,weapon_score,verdict,calibre")
    assert read_detections(path) == rows


def test_a_table_from_before_there_were_bursts(tmp_path: Path, make_event: Make) -> None:
    path = tmp_path / "detections.csv"
    write_detections(path, [make_event()])
    old = [line.split(",")[: len(COLUMNS) - 6] for line in path.read_text().splitlines()]
    path.write_text("".join(",".join(cells) + "\n" for cells in old))
    assert path.read_text().startswith("file,site,")
    assert path.read_text().splitlines()[0].endswith(",detector_digest")
    assert read_detections(path) == [Row.from_event(make_event(burst=None, shot_index=None))]


def test_columns_in_any_order_and_only_the_needed_ones(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("end_s,file,start_s\n31.5,a.wav,30.25\n\n")
    assert read_detections(path) == [Row(file="a.wav", offset_s=24, start_s=30.25, end_s=31.5, peak_s=30.25)]


@pytest.mark.parametrize(("separator", "newline"), [(";", "\r\n"), ("\t", "\n")])
def test_a_table_that_a_spreadsheet_saved_again(tmp_path: Path, separator: str, newline: str) -> None:
    lines = [["file", "label", "start_s", "end_s"], ["a,b.wav", "gunshot", "30,25", "31,5"]]
    path = tmp_path / "t.csv"
    path.write_bytes(("\ufeff" + newline.join(map(separator.join, lines))).encode())
    (row,) = read_detections(path)
    assert (row.file, row.start_s, row.end_s) == ("a,b.wav", 30.25, 31.5)


def test_an_error_names_file_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('file,start_s,end_s\n"two\nlines.wav",1,2\na.wav,x,2\n')
    with pytest.raises(TableError, match=r"t\.csv: line 4, column 'start_s': found 'x', expected a number"):
        read_detections(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column file, start_s, end_s; found an empty file"),
        ("file,when\n", "no column start_s, end_s; found file, when; expected a header with at least file"),
    ],
)
def test_what_is_no_detections_table_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(TableError, match=said):
        read_detections(tmp_path / "t.csv")


def test_a_cell_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("file,start_s,end_s\n" + '"' + "x" * 140_000)
    with pytest.raises(TableError, match="line 2 is not CSV"):
        read_detections(tmp_path / "t.csv")
