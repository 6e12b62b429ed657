"""Which files are found, in which order, and with which words nothing is."""

import logging
import os
from pathlib import Path

import fsspec
import pytest

from ndoki.audio.storage import RECORDING_SUFFIXES, find_recordings, open_binary
from ndoki.core.errors import AudioError, InputError


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def below(folder: Path, found: list[str]) -> list[str]:
    return [Path(name).relative_to(folder).as_posix() for name in found]


def test_every_suffix_in_any_case_at_any_depth(tmp_path: Path) -> None:
    names = [f"a/{'b/' * depth}x{suffix}" for depth, suffix in enumerate(sorted(RECORDING_SUFFIXES))]
    touch(tmp_path, *names, "A.WAV", "B.Flac", "notes.txt", "wav", "x.wav.part")
    assert sorted(below(tmp_path, find_recordings([str(tmp_path)]))) == sorted([*names, "A.WAV", "B.Flac"])


def test_natural_order(tmp_path: Path) -> None:
    touch(
        tmp_path, "day10/1.wav", "day2/10.wav", "day2/9.wav", "Day3/1.wav", "day2 b/1.wav", "1.wav", "a1b.wav"
    )
    assert below(tmp_path, find_recordings([str(tmp_path)])) == [
        "1.wav",
        "a1b.wav",
        "day2/9.wav",
        "day2/10.wav",
        "day2 b/1.wav",
        "Day3/1.wav",
        "day10/1.wav",
    ]


def test_the_same_name_on_two_recorders_is_two_recordings(tmp_path: Path) -> None:
    touch(tmp_path, "a/20240101_000000.WAV", "b/20240101_000000.WAV")
    assert len(find_recordings([str(tmp_path)])) == 2


def test_companions_and_deleted_recordings_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", "._a.wav", ".Trashes/501/b.wav", ".Trash-1000/c.wav", "$RECYCLE.BIN/d.wav")
    assert below(tmp_path, find_recordings([str(tmp_path)])) == ["a.wav"]


def test_a_named_file_is_taken_whatever_its_name(tmp_path: Path) -> None:
    touch(tmp_path, "._a.wav", "sound.bin")
    named = [str(tmp_path / "._a.wav"), str(tmp_path / "sound.bin")]
    assert find_recordings(named) == named


def test_each_file_once(tmp_path: Path) -> None:
    touch(tmp_path, "a/x.wav")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "y.wav").symlink_to(tmp_path / "a" / "x.wav")
    inputs = [str(tmp_path / "a" / "x.wav"), str(tmp_path), f"{tmp_path}/a/../a"]
    assert find_recordings(inputs) == [str(tmp_path / "a" / "x.wav")]


def test_links_in_a_circle_are_walked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a/x.wav", "b/y.wav")
    for name in ("a", "b"):
        (tmp_path / name / "up").symlink_to(tmp_path)
    listed: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: (listed.append(folder), scandir(folder))[1])
    assert len(find_recordings([str(tmp_path)])) == 2
    assert len(listed) == 3


def test_linked_folders_are_walked(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/sub/x.wav", "cards/y.wav")
    (tmp_path / "cards" / "more").symlink_to(tmp_path / "elsewhere")
    assert below(tmp_path, find_recordings([str(tmp_path / "cards")])) == [
        "cards/more/sub/x.wav",
        "cards/y.wav",
    ]


def test_relative_inputs_stay_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "cards/a/x.wav")
    monkeypatch.chdir(tmp_path)
    assert find_recordings(["cards"]) == ["cards/a/x.wav"]
    assert find_recordings(["cards/"]) == ["cards/a/x.wav"]
    assert find_recordings(["."]) == ["./cards/a/x.wav"]
    assert find_recordings(["cards/a/x.wav"]) == ["cards/a/x.wav"]


@pytest.mark.parametrize(
    "name", ["S20240101T000000+0100_E [+0.5+12.1].wav", "a::b#c%20d?.wav", "Forêt é.wav"]
)
def test_names_that_look_like_patterns(tmp_path: Path, name: str) -> None:
    touch(tmp_path, name)
    (found,) = find_recordings([str(tmp_path)])
    assert found == str(tmp_path / name)
    with open_binary(found) as file:
        assert file.read() == b"x"


def test_nothing_to_hear(tmp_path: Path) -> None:
    touch(tmp_path, "full/a.wav", "empty/notes.txt")
    with pytest.raises(InputError, match="no input was given"):
        find_recordings([])
    with pytest.raises(InputError, match=r"there is no file or folder .*nowhere"):
        find_recordings([str(tmp_path / "full"), str(tmp_path / "nowhere")])
    with pytest.raises(InputError, match=r"empty holds no recording; expected files that end in \.aif, "):
        find_recordings([str(tmp_path / "full"), str(tmp_path / "empty")])
    with pytest.raises(InputError, match="cannot look into nope://x/y"):
        find_recordings(["nope://x/y"])


def test_a_folder_that_cannot_be_listed_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a/x.wav", "closed/y.wav")

    scandir = os.scandir

    def closed(folder: str) -> "os._ScandirIterator[str]":
        if Path(folder).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", closed)
    with caplog.at_level(logging.WARNING):
        assert below(tmp_path, find_recordings([str(tmp_path)])) == ["a/x.wav"]
    assert "closed: Permission denied" in caplog.text


def test_other_storage_works_alike() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe({"/card/b/x2.WAV": b"2", "/card/b/x10.wav": b"10", "/card/._x.wav": b"", "/card/n.txt": b""})
    try:
        found = find_recordings(["memory://card", "memory://card/b/x2.WAV"])
        assert found == ["memory://card/b/x2.WAV", "memory://card/b/x10.wav"]
        with open_binary(found[1]) as file:
            file.seek(1)
            assert file.read() == b"0"
    finally:
        memory.rm("/card", recursive=True)


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    for source in (str(tmp_path / "none.wav"), str(tmp_path), "nope://x.wav", "memory://none.wav"):
        with pytest.raises(AudioError, match="cannot open") as caught:
            open_binary(source)
        assert source in str(caught.value)
