from pathlib import Path

import pytest

from ndoki.core.errors import TableError
from ndoki.tables.raven_reader import read_raven
from ndoki.tables.row import Row

CORE = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)"


def written(folder: Path, *lines: str, newline: str = "\n", encoding: str = "utf-8") -> Path:
    path = folder / "t.selections.txt"
    path.write_bytes("".join(line + newline for line in lines).encode(encoding))
    return path


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_plain_raven(tmp_path: Path, newline: str, encoding: str) -> None:
    path = written(
        tmp_path, CORE, "1\tSpectrogram 1\t2\t10.5\t12.25\t20\t900.5", newline=newline, encoding=encoding
    )
    assert read_raven(path, source="a.wav") == [
        Row(
            file="a.wav",
            channel=1,
            offset_s=0,
            start_s=10.5,
            end_s=12.25,
            peak_s=10.5,
            low_hz=20.0,
            high_hz=900.5,
            extra={"Selection": "1", "View": "Spectrogram 1"},
        )
    ]


def test_lower_case_headers_without_units(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "selection\tbegin time\tend time\tlow freq\thigh freq\tbegin path\t"
        "duration (s)\ttime\tdistance(m)\tcalibre",
        "1\t3.5\t5\t10\t1300\tguns/d1.wav\t1.5\t09:00\t1000\t.458",
    )
    (row,) = read_raven(path)
    assert (row.file, row.start_s, row.end_s, row.low_hz, row.high_hz) == (
        "guns/d1.wav",
        3.5,
        5.0,
        10.0,
        1300.0,
    )
    assert dict(row.extra) == {
        "Selection": "1",
        "duration (s)": "1.5",
        "time": "09:00",
        "distance(m)": "1000",
        "calibre": ".458",
    }


def test_headers_match_whatever_their_spelling(tmp_path: Path) -> None:
    path = written(
        tmp_path, "BEGIN_TIME (S)\t End  Time(s) \tLow Frequency (Hz)\thigh frequency", "1\t2\t30\t40"
    )
    (row,) = read_raven(path)
    assert (row.start_s, row.end_s, row.low_hz, row.high_hz) == (1.0, 2.0, 30.0, 40.0)


def test_cumulative_times_become_times_within_the_file(tmp_path: Path) -> None:
    # The figures are those of a table as it is used at Korup: far beyond a day.
    path = written(
        tmp_path,
        CORE + "\tBegin File\tFile Offset (s)",
        "1\tSpectrogram 1\t1\t196881.7\t196883.2\t10\t1300\tnn03a_20180817.wav\t24201.47",
    )
    (row,) = read_raven(path)
    assert (row.file, row.start_s, row.end_s, row.offset_s) == (
        "nn03a_20180817.wav",
        24201.47,
        24202.97,
        24192,
    )


def test_the_waveform_row_of_a_selection_is_dropped(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        CORE,
        "1\tWaveform 1\t1\t1\t2\t0\t4000",
        "1\tSpectrogram 1\t1\t1\t2\t10\t900",
        "2\tWaveform 1\t1\t5\t6\t0\t4000",
        "1\tWaveform 1\t1\t70\t71\t0\t4000",
    )
    rows = read_raven(path)
    assert [(row.start_s, row.high_hz) for row in rows] == [(1.0, 900.0), (5.0, 4000.0), (70.0, 4000.0)]


def test_label_and_score_columns_can_be_named(tmp_path: Path) -> None:
    path = written(tmp_path, CORE + "\tTag 1\tscore-guns\tLabel", "1\tS\t1\t1\t2\t3\t4\tgun\t0.25\told")
    (row,) = read_raven(path, label_column="tag 1", score_column="score-guns")
    assert (row.label, row.score, row.extra["Label"]) == ("gun", 0.25, "old")
    (row,) = read_raven(path)
    assert (row.label, row.score, row.extra["Tag 1"]) == ("old", None, "gun")


@pytest.mark.parametrize("options", [{"label_column": "Tag 2"}, {"score_column": "Tag 2"}])
def test_a_column_that_is_named_must_be_there(tmp_path: Path, options: dict[str, str]) -> None:
    path = written(tmp_path, CORE + "\tTag 1", "1\tS\t1\t1\t2\t3\t4\tgun")
    with pytest.raises(
        TableError, match=r"t\.selections\.txt: no column 'Tag 2'; found Selection, .*, Tag 1;"
    ):
        read_raven(path, **options)


def test_foreign_columns_never_pass_for_ours(tmp_path: Path) -> None:
    path = written(tmp_path, CORE + "\tfile\toffset_s\tstart_s", "1\tS\t1\t1\t2\t3\t4\tx\ty\tz")
    (row,) = read_raven(path, source="a.wav")
    assert (row.file, row.start_s, row.offset_s) == ("a.wav", 1.0, 0)
    assert [row.extra[name] for name in ("file", "offset_s", "start_s")] == ["x", "y", "z"]


def test_shots_are_counted_our_way_only_beside_a_burst(tmp_path: Path) -> None:
    path = written(tmp_path, CORE + "\tShots\tWeapon", "1\tS\t1\t1\t2\t3\t4\t2 or 3\tAK-47")
    (row,) = read_raven(path)
    assert (row.n_shots, row.extra["Shots"], row.weapon) == (None, "2 or 3", "AK-47")
    path = written(tmp_path, CORE + "\tburst\tshots", "1\tS\t1\t1\t2\t3\t4\tx\t3")
    (row,) = read_raven(path)
    assert (row.burst, row.n_shots, "shots" in row.extra) == ("x", 3, False)


@pytest.mark.parametrize(
    ("path", "name", "file"),
    [
        (r"D:\cards\a.wav", "a.wav", "D:/cards/a.wav"),
        (r"\\server\cards\a.wav", "a.wav", "//server/cards/a.wav"),
        ("/cards", "a.wav", "/cards/a.wav"),
        ("/cards/week.1/", "a.wav", "/cards/week.1/a.wav"),
        ("/cards/week.1", "a.wav", "/cards/week.1/a.wav"),
        ("/cards/a.wav", "", "/cards/a.wav"),
        ("/cards/A.WAV", "a.wav", "/cards/A.WAV"),
        ("", "a.wav", "a.wav"),
        ("", "", "given.wav"),
    ],
)
def test_the_recording_is_found_from_path_and_name(tmp_path: Path, path: str, name: str, file: str) -> None:
    table = written(tmp_path, CORE + "\tBegin Path\tBegin File", f"1\tS\t1\t1\t2\t3\t4\t{path}\t{name}")
    assert read_raven(table, source="given.wav")[0].file == file


def test_spreadsheets_leave_quotes_commas_and_short_lines(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        CORE + "\tNotes\tNotes",
        '1\tS\t1\t1,5\t2,25\t3\t4\t"far, ""maybe"""',
        "",
        "\t\t",
        encoding="latin-1",
    )
    (row,) = read_raven(path)
    assert (row.start_s, row.end_s, row.extra["Notes"], row.extra["Notes (2)"]) == (
        1.5,
        2.25,
        'far, "maybe"',
        "",
    )


def test_bands_may_be_unknown(tmp_path: Path) -> None:
    (row,) = read_raven(written(tmp_path, "Begin Time (s)\tEnd Time (s)\tLow Freq (Hz)", "1\t2\t"))
    assert (row.low_hz, row.high_hz, row.channel, row.label) == (None, None, 0, "")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            [],
            r"no column Begin Time \(s\) and no column End Time \(s\); found an empty file; expected a Raven",
        ),
        (["a,b,c"], r"no column Begin Time \(s\) and no column End Time \(s\); found a,b,c"),
        (["Begin Time (s)\tScore"], r"no column End Time \(s\); found Begin Time \(s\), Score"),
        (
            [CORE, "1\tS\t1\tten\t2\t3\t4"],
            r"line 2, column 'Begin Time \(s\)': found 'ten', expected a number",
        ),
        (
            [CORE, "1\tS\t1\t1\t2\tlow\t4"],
            r"line 2, column 'Low Freq \(Hz\)': found 'low', expected a number",
        ),
        (
            [CORE, "1\tS\t1\t9\t2\t3\t4"],
            r"line 2, column 'End Time \(s\)': found '2', expected an end at or after",
        ),
        ([CORE, "1\tS\tleft\t1\t2\t3\t4"], "line 2, column 'Channel': found 'left', expected a number"),
        ([CORE, "1\tS\t1\t1\t2\t3\t4\tmore"], "line 2 has 8 cells, but the header has 7 columns"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, lines: list[str], said: str) -> None:
    with pytest.raises(TableError, match=said):
        read_raven(written(tmp_path, *lines))
