import os
import stat
from pathlib import Path

import pytest

from ndoki.core.errors import OutputError
from ndoki.tables.atomic import folders_flushed_once, open_atomic, write_bytes, write_lines, write_text


def test_a_file_gets_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with open_atomic(path) as handle:
        handle.write(b"half")
        handle.flush()
        assert not path.exists()
        assert [one.suffix for one in tmp_path.iterdir()] == [".part"]
    assert path.read_bytes() == b"half"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("fault", [RuntimeError, KeyboardInterrupt])
def test_a_fault_leaves_the_old_file_and_no_rest(tmp_path: Path, fault: type[BaseException]) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")

    def interrupted() -> None:
        with open_atomic(path) as handle:
            handle.write(b"new")
            raise fault

    with pytest.raises(fault):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_folders_are_made_and_files_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "x.bin"
    write_bytes(path, b"1")
    write_bytes(path, b"22")
    assert path.read_bytes() == b"22"


def test_a_new_file_may_be_read_as_the_umask_says(tmp_path: Path) -> None:
    plain, ours = tmp_path / "plain", tmp_path / "ours"
    plain.write_bytes(b"")
    write_bytes(ours, b"")
    assert ours.stat().st_mode == plain.stat().st_mode


def test_lines_end_in_line_feeds_and_are_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    write_lines(path, ["Mbéli", "b\udcff"])
    assert path.read_bytes() == "Mbéli\nb\\udcff\n".encode()
    write_text(path, "whole\r\n")
    assert path.read_bytes() == b"whole\r\n"


def test_a_place_that_takes_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    path = tmp_path / "file" / "table.csv"
    with pytest.raises(OutputError, match=r"file/table\.csv: cannot be written \(.*\); expected a folder"):
        write_text(path, "")


def test_a_full_disk_is_an_output_error(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"

    def onto_full_disk() -> None:
        with open_atomic(path) as handle:
            handle.write(b"some")
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left on device"):
        onto_full_disk()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what is flushed to disk: folders by their name, files as ``file``."""
    names: list[str] = []
    flush = os.fsync

    def watched(handle: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        names.append(Path(f"/proc/self/fd/{handle}").readlink().name if is_folder else "file")
        flush(handle)

    monkeypatch.setattr(os, "fsync", watched)
    return names


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="names of open folders come from /proc")
def test_folders_are_flushed_once_for_many_files(tmp_path: Path, flushed: list[str]) -> None:
    for name in ("a/1", "a/2"):
        write_bytes(tmp_path / name, b"x")
    assert flushed == ["file", "a", "file", "a"]
    flushed.clear()
    with folders_flushed_once():
        for name in ("b/1", "a/3", "b/2"):
            write_bytes(tmp_path / name, b"x")
            assert (tmp_path / name).exists()
    assert flushed == ["file", "file", "file", "a", "b"]
    write_bytes(tmp_path / "a/4", b"x")
    assert flushed[5:] == ["file", "a"]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="names of open folders come from /proc")
def test_folders_are_flushed_after_a_fault_too(tmp_path: Path, flushed: list[str]) -> None:
    def interrupted() -> None:
        with folders_flushed_once():
            write_bytes(tmp_path / "a/1", b"x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert flushed == ["file", "a"]
