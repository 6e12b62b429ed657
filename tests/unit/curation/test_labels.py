"""Loose labels as people keep them."""

import pytest

from ndoki.core.errors import LabelError, TableError
from ndoki.curation.labels import located, read_labels
from ndoki.curation.windows import LooseLabel

RAVEN = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tBegin File\tLabel\n"


def read(tmp_path, text: str, name: str = "labels.csv", **options):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_labels(path, **options)


def spans(table) -> list[tuple]:
    return [(one.file, one.channel, one.first_s, one.end_s) for one in table.labels]


def test_a_spreadsheet_of_segments(tmp_path):
    table = read(tmp_path, "file,offset_s\na.wav,24\nb.wav,0\n")
    assert spans(table) == [("a.wav", 0, 24.0, 36.0), ("b.wav", 0, 0.0, 12.0)]
    assert [one.origin for one in table.labels] == ["labels.csv, line 2", "labels.csv, line 3"]
    assert not table.refused
    short = read(tmp_path, "file,offset_s\na.wav,24\n", window_s=4.0)
    assert spans(short) == [("a.wav", 0, 24.0, 28.0)]


def test_as_spreadsheets_save(tmp_path):
    """Semicolons, decimal commas, a byte order mark, capitals, quotes, blank lines, other columns."""
    text = '\ufeffFile;Offset_s;Channel;analyst\n"a;b.wav";"24,5";2;Jo\n;;;\n\nc.wav;0;;\n'
    table = read(tmp_path, text)
    assert spans(table) == [("a;b.wav", 1, 24.5, 36.5), ("c.wav", 0, 0.0, 12.0)]
    assert not table.refused


def test_bad_rows_are_named_and_cost_no_other(tmp_path):
    text = (
        "file,offset_s,channel\na.wav,24,\nb.wav,soon,\n,3,\nc.wav,-1,\nd.wav,1,0\ne.wav,1,1,9\nf.wav,36,\n"
    )
    table = read(tmp_path, text)
    assert [one.file for one in table.labels] == ["a.wav", "f.wav"]
    said = [str(one) for one in table.refused]
    assert [f"line {n}" in one for n, one in zip(range(3, 8), said, strict=True)] == [True] * 5
    assert "'soon'" in said[0]


def test_clips_as_a_whole(tmp_path):
    assert spans(read(tmp_path, "file\na.wav\n")) == [("a.wav", 0, None, None)]
    manifest = "path,kind,label,group,split\na.flac,gunshot,gunshot,g,train\nb.flac,background,wind,h,train\n"
    table = read(tmp_path, manifest, "clips.csv")
    assert spans(table) == [("a.flac", 0, None, None)]
    assert table.n_others == 1


def test_boxes_of_raven(tmp_path):
    text = RAVEN + "1\tSpectrogram 1\t2\t24.5\t27.5\ta.wav\tgunshot\n2\tSpectrogram 1\t1\t9\t9\ta.wav\t\n"
    text += "3\tSpectrogram 1\t1\tx\t9\ta.wav\tgunshot\n4\tSpectrogram 1\t1\t50\t51\ta.wav\tbird\n"
    table = read(tmp_path, text, "t.selections.txt")
    assert spans(table) == [("a.wav", 1, 24.5, 27.5), ("a.wav", 0, 9.0, 21.0)]
    assert table.n_others == 1
    assert len(table.refused) == 1
    assert "line 4" in str(table.refused[0])
    assert spans(read(tmp_path, text, "t.selections.txt", window_s=12.0))[0] == ("a.wav", 1, 24.5, 36.5)
    birds = read(tmp_path, text, "t.selections.txt", names=["Bird"])
    assert [one.first_s for one in birds.labels] == [9.0, 50.0]


def test_a_table_of_something_else_is_refused_as_a_whole(tmp_path):
    with pytest.raises(TableError, match="no column"):
        read(tmp_path, "name,when\nx,1\n")
    with pytest.raises(TableError, match="cannot be read"):
        read_labels(tmp_path / "absent.csv")


def label(name: str) -> LooseLabel:
    return LooseLabel(file=name, first_s=0.0, end_s=12.0, origin="t.csv, line 2")


def test_recordings_beside_the_table_are_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tables").mkdir()
    for name in ("here.wav", "tables/beside.wav"):
        (tmp_path / name).write_bytes(b"x")
    wanted = [label("here.wav"), label("beside.wav"), label("absent.wav"), label("s3://b/c.wav")]
    found, refused = located(wanted, tmp_path / "tables", [])
    assert [one.file for one in found] == [
        str(tmp_path / "here.wav"),
        str(tmp_path / "tables" / "beside.wav"),
        "s3://b/c.wav",
    ]
    assert isinstance(refused[0], LabelError)
    assert "t.csv, line 2" in str(refused[0])
    assert "--recordings" in str(refused[0])


def test_recordings_by_name(tmp_path):
    sounds = ["/card/1/a.wav", "/card/2/a.wav", "/card/2/b.wav"]
    wanted = [label("b.wav"), label("a.wav"), label("D:\\x\\b.wav"), label("/card/1/a.wav"), label("c.wav")]
    found, refused = located(wanted, tmp_path, sounds)
    assert [one.file for one in found] == ["/card/2/b.wav", "/card/2/b.wav", "/card/1/a.wav"]
    assert ["several" in str(one) for one in refused] == [True, False]
