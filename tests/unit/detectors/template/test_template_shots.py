"""What a user gives as examples: which shots are meant, and in which files."""

import pytest

from ndoki.core.errors import InputError
from ndoki.detectors.template.shots import Shot, find_shots

COLUMNS = ("Selection", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)", "High Freq (Hz)")


def sound(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def table(path, rows, *columns):
    headers = [*COLUMNS, *columns]
    lines = ["\t".join(headers), *("\t".join(map(str, row)) for row in rows)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


BOX = (1, 2, 1.5, 3, 30, 900)


def sources(found):
    return [one.source for one in found.shots]


def test_files_and_folders_of_sounds_are_one_shot_each(tmp_path):
    clip, deep = sound(tmp_path / "clip.wav"), sound(tmp_path / "clips" / "deep" / "a.WAV")
    found = find_shots([str(clip), str(tmp_path / "clips")], channel=1)
    assert found.shots == tuple(
        Shot(source=str(path), name=path.name, told_by=str(path), channel=1) for path in (clip, deep)
    )
    assert found.skipped == ()


def test_a_selection_says_all_that_the_table_says(tmp_path):
    sound(tmp_path / "day.wav")
    path = table(tmp_path / "t.txt", [(*BOX, "day.wav", " good ")], "Begin File", "Label")
    assert find_shots([str(path)]).shots == (
        Shot(
            source=str(tmp_path / "day.wav"),
            name="day.wav at 1.5 s",
            told_by=f"{path}, selection 1",
            channel=1,
            start_s=1.5,
            end_s=3.0,
            low_hz=30.0,
            high_hz=900.0,
            label="good",
        ),
    )


def test_labels_choose(tmp_path):
    sound(tmp_path / "day.wav")
    rows = [
        (n, *BOX[1:], "day.wav", label, tag)
        for n, (label, tag) in enumerate([("gun", "x"), ("", "Good"), ("Gun ", "")], 1)
    ]
    path = str(table(tmp_path / "t.txt", rows, "Begin File", "Label", "Tag 1"))

    def told(**options):
        return [one.told_by.rsplit(" ")[-1] for one in find_shots([path], **options).shots]

    assert told() == ["1", "2", "3"]
    assert told(labels=["GUN"]) == ["1", "3"]
    assert told(labels=["good"], column="tag 1") == ["2"]
    assert told(labels=["good", "x"], column="Tag 1") == ["1", "2"]
    (none,) = find_shots([path], labels=["AK"]).skipped
    assert (
        "none of 3 selections has 'AK' in the column 'Label'; found 'gun' (1), blank (1), 'Gun' (1)"
        in none.reason
    )
    (lacking,) = find_shots([path], labels=["AK"], column="Verdict").skipped
    assert "no column 'Verdict'; found Selection, Channel" in lacking.reason


def test_one_bad_input_costs_no_other(tmp_path):
    clip = sound(tmp_path / "clip.wav")
    (tmp_path / "empty").mkdir()
    no_table = tmp_path / "notes.txt"
    no_table.write_text("shots at noon\n")
    header_only = table(tmp_path / "none.txt", [])
    given = [no_table, tmp_path / "gone.wav", tmp_path / "gone.txt", tmp_path / "empty", header_only, clip]
    found = find_shots([str(one) for one in given])
    assert sources(found) == [str(clip)]
    assert [one.what for one in found.skipped] == [str(one) for one in given[:-1]]
    for one, words in zip(
        found.skipped,
        [
            "expected a Raven selection table",
            "no file or folder",
            "cannot be read",
            "no recording",
            "no selection",
        ],
        strict=True,
    ):
        assert words in one.reason


def test_a_sound_that_is_not_there_costs_its_own_selections_only(tmp_path):
    sound(tmp_path / "b.wav")
    rows = [(n, *BOX[1:], name) for n, name in enumerate(["a.wav", "b.wav", "a.wav"], 1)]
    path = table(tmp_path / "t.txt", rows, "Begin File")
    found = find_shots([str(path)])
    assert [one.told_by for one in found.shots] == [f"{path}, selection 2"]
    (gone,) = found.skipped
    assert gone.what == f"{path}, 2 selection(s)"
    assert gone.reason.startswith("is about a.wav, which is neither there nor beside the table")


def test_where_the_sounds_of_a_table_are_looked_for(tmp_path, monkeypatch):
    """At the path told, else beside the table with as much of the path as is there; never where one works."""
    elsewhere = sound(tmp_path / "card" / "site1" / "day.wav")
    beside = sound(tmp_path / "tables" / "site1" / "day.wav")
    sound(tmp_path / "tables" / "day.wav")
    sound(tmp_path / "cwd" / "only.wav")
    monkeypatch.chdir(tmp_path / "cwd")

    def found(begin_path):
        path = table(tmp_path / "tables" / "t.txt", [(*BOX, begin_path)], "Begin Path")
        return sources(find_shots([str(path)]))

    assert found(elsewhere) == [str(elsewhere)]
    assert found("/mnt/ndoki-test-card/site1/day.wav") == [str(beside)]
    assert found("E:\\card\\site1\\day.wav") == [str(beside)]
    assert found("../day.wav") == [str(tmp_path / "tables" / "day.wav")]
    assert found("only.wav") == []
    assert found("az://sounds/day.wav") == ["az://sounds/day.wav"]


def test_a_folder_of_sounds_is_searched_for_the_most_alike_path(tmp_path):
    one, two = (sound(tmp_path / "audio" / site / "DAY.wav") for site in ("site1", "site2"))

    def found(begin_path, audio="audio"):
        path = table(tmp_path / "t.txt", [(*BOX, begin_path)], "Begin Path")
        return find_shots([str(path)], audio=str(tmp_path / audio))

    assert sources(found("/x/site2/day.wav")) == [str(two)]
    (both,) = found("/x/site3/day.wav").skipped
    assert f"is about day.wav, which could be any of {one}, {two}" in both.reason
    (none,) = found("/x/site1/night.wav").skipped
    assert "is about night.wav, which is not among the 2 recording(s) of --audio" in none.reason
    with pytest.raises(InputError, match="no file or folder"):
        found("/x/site1/day.wav", "gone")


def test_a_table_that_names_no_sound(tmp_path):
    """Its own name stands for it, or there is only one."""
    path = table(tmp_path / "R1.Table.1.selections.txt", [BOX])
    (nameless,) = find_shots([str(path)]).skipped
    assert "does not say which sound it is about" in nameless.reason
    one, other = sound(tmp_path / "audio" / "R1.wav"), sound(tmp_path / "audio" / "R2.wav")
    assert sources(find_shots([str(path)], audio=str(one.parent))) == [str(one)]
    assert sources(find_shots([str(path)], audio=str(other))) == [str(other)]
    own = sound(tmp_path / "R1.wav")
    assert sources(find_shots([str(path)])) == [str(own)]
