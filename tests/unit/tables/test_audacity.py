from collections.abc import Callable
from pathlib import Path

import pytest

from ndoki.core.errors import TableError
from ndoki.core.types import Event, Recording
from ndoki.tables.audacity import read_audacity, write_audacity
from ndoki.tables.row import Row

Make = Callable[..., Event]


def test_two_lines_by_hand(
    tmp_path: Path, make_event: Make, make_recording: Callable[..., Recording]
) -> None:
    silent = make_recording(source="cards/silent.wav")
    paths = write_audacity(tmp_path, [make_event(label="hn\techo")], [make_recording(), silent])
    assert [path.name for path in paths] == ["nn03a_20180817_000000.labels.txt", "silent.labels.txt"]
    assert paths[0].read_text() == "24.500500\t25.400500\thn echo 0.8713\n\\\t60.0\t912.5\n"
    assert paths[1].read_bytes() == b""


@pytest.mark.parametrize(
    ("text", "label", "score"),
    [
        ("gunshot 0.87", "gunshot", 0.87),
        ("AK-47 far 1.0000", "AK-47 far", 1.0),
        ("a 0.5 0.25", "a 0.5", 0.25),
        ("shot 1", "shot 1", None),
        ("1.5 km", "1.5 km", None),
        ("", "", None),
        (" 0.5", "", 0.5),
    ],
)
def test_texts_give_label_and_score(tmp_path: Path, text: str, label: str, score: float | None) -> None:
    path = tmp_path / "x.txt"
    path.write_text(f"1\t2\t{text}\n")
    assert read_audacity(path, source="a.wav") == [
        Row(file="a.wav", label=label, score=score, offset_s=0, start_s=1.0, end_s=2.0, peak_s=1.0)
    ]


def test_labels_from_audacity_itself(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(b"1.0\t1.0\tpoint\r\n\\\t-1.000000\t6334.588867\r\n2.0\t2.5\r\n\r\n3,5\t4,0\tcomma\r\n")
    assert [(row.start_s, row.end_s, row.label, row.low_hz, row.high_hz) for row in read_audacity(path)] == [
        (1.0, 1.0, "point", None, 6334.588867),
        (2.0, 2.5, "", None, None),
        (3.5, 4.0, "comma", None, None),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\\\t1\t2\n", r"line 1, column 'mark': found '\\\\', expected a label's line before"),
        ("1\t2\ta\n\\\t1\t2\n\\\t1\t2\n", "line 3, column 'mark'"),
        ("1\t2\ta\n\\\t1\n", "line 2, column 'high_hz': found '', expected a number"),
        ("a label\n", "line 1, column 'start_s': found 'a label', expected a number"),
        ("5\t4\ta\n", "line 1, column 'end_s': found '4', expected an end at or after the start"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "x.txt").write_text(text)
    with pytest.raises(TableError, match=said):
        read_audacity(tmp_path / "x.txt")
