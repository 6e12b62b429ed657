from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ndoki.core.errors import TableError
from ndoki.tables.cells import Cells, one_line, paired, read_lines, read_text, unique_headers


def cells(**values: str) -> Cells:
    return Cells(path=Path("t.csv"), line=3, values=values, headers={"low": "Low Freq (Hz)"})


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"Mb\xc3\xa9li", "Mbéli"),
        (b"\xef\xbb\xbfMb\xc3\xa9li", "Mbéli"),
        ("Mbéli".encode("utf-16"), "Mbéli"),
        (b"Mb\xe9li", "Mbéli"),
        (b"", ""),
    ],
    ids=["utf-8", "byte order mark", "utf-16", "latin-1", "empty"],
)
def test_usual_encodings_are_understood(tmp_path: Path, data: bytes, text: str) -> None:
    (tmp_path / "t").write_bytes(data)
    assert read_text(tmp_path / "t") == text


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"none\.csv: cannot be read \(No such file"):
        read_text(tmp_path / "none.csv")


def test_lines_end_at_line_ends_only(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes("a\r\nb\nc\rd\u2028e\x0bf\n".encode())
    assert read_lines(tmp_path / "t") == ["a", "b", "c", "d\u2028e\x0bf"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.5", 1.5), (" 2 ", 2.0), ("1234,5", 1234.5), (",5", 0.5), ("-1e3", -1000.0), ("", None)],
)
def test_numbers(text: str, value: float | None) -> None:
    assert cells(x=text).number("x") == value
    assert cells().number("x") is None


@pytest.mark.parametrize("text", ["high", "1,234.5", "1,2,3", "nan", "inf", "1 2"])
def test_what_is_no_number_is_named_with_its_place(text: str) -> None:
    with pytest.raises(TableError) as caught:
        cells(low=text).number("low")
    assert str(caught.value) == (
        f"t.csv: line 3, column 'Low Freq (Hz)': found {text!r}, expected a number; correct the cell"
    )


def test_a_needed_number_may_not_be_blank() -> None:
    assert cells(x="4").needed_number("x") == 4.0
    for line in (cells(x=" "), cells()):
        with pytest.raises(TableError, match=r"column 'x': found ' ?', expected a number"):
            line.needed_number("x")


def test_moments_are_aware() -> None:
    line = cells(utc="2018-08-17T01:02:03.004Z", local="2018-08-17T02:02:03.004+01:00", no="")
    utc, local = line.moment("utc"), line.moment("local")
    assert utc == local == datetime(2018, 8, 17, 1, 2, 3, 4000, tzinfo=UTC)
    assert local is not None
    assert local.utcoffset() == timedelta(hours=1)
    assert line.moment("no") is None


@pytest.mark.parametrize("text", ["2018-08-17T01:02:03", "17/08/2018", "soon"])
def test_a_time_without_a_zone_is_not_guessed_at(text: str) -> None:
    with pytest.raises(TableError, match=r"expected a time such as 2026-11-22T05:30:00\.000Z"):
        cells(x=text).moment("x")


def test_short_lines_are_filled_and_surplus_text_is_an_error() -> None:
    assert paired(Path("t"), 2, ["a", "b"], ["1"]) == {"a": "1", "b": ""}
    assert paired(Path("t"), 2, ["a"], ["1", "", " "]) == {"a": "1"}
    with pytest.raises(TableError, match="line 2 has 3 cells, but the header has 1 columns"):
        paired(Path("t"), 2, ["a"], ["1", "", "x"])


def test_repeated_headers_keep_their_columns() -> None:
    assert unique_headers([" Notes ", "Score", "Notes", "Notes"]) == [
        "Notes",
        "Score",
        "Notes (2)",
        "Notes (3)",
    ]


def test_one_line_has_no_separator() -> None:
    assert one_line("a\tb\r\n\nc d") == "a b c d"
