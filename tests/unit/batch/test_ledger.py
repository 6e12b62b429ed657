"""The ledger: who may write, what it keeps, and what it says when it cannot."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ndoki.batch.ledger import Ledger
from ndoki.batch.session import begin, is_alive, ledger_path, opened, set_aside
from ndoki.batch.status import read_status
from ndoki.core.errors import ConfigError, OutputError
from ndoki.core.types import Recording
from ndoki.events.stitch import Thinned

SETTINGS = {"--detector": "gunshot 12", "--threshold": "0.5"}
SOURCES = ["a.wav", "b.wav", "c.wav"]


def recording(source="a.wav", hours=1):
    return Recording(source=source, rate_hz=8000, n_samples=hours * 3600 * 8000)


def part(first_frame=0, n_found=2):
    frames = first_frame + np.arange(n_found, dtype=np.int64)
    return Thinned(
        first_frame=first_frame, end_frame=first_frame + 100, frame=frames, score=np.ones(n_found, np.float32)
    )


def begun(out, settings=SETTINGS, sources=SOURCES):
    return Ledger.begun(out, settings, sources)


@pytest.fixture
def stopped(tmp_path):
    """An output folder whose run has heard one stretch of the second file."""
    with begun(tmp_path) as ledger:
        entry = ledger.recording(1, "b.wav", "id", recording("b.wav"))
        ledger.heard(entry, 0, part(), 1800.0, 2)
    return tmp_path


def test_what_was_entered_is_there_in_the_next_session(stopped):
    with begun(stopped) as ledger:
        assert ledger.recordings() == [(1, recording("b.wav"))]
        ((channel, (found,)),) = ledger.stretches(1).items()
        assert (channel, found.first_frame, found.end_frame) == (0, 0, 100)
        assert found.frame.tolist() == [0, 1]
        entry = ledger.recording(1, "b.wav", "id", recording("b.wav"))
        assert entry.done == {(0, 0)}
        assert ledger.heard_s() == 1800.0


def test_a_stretch_stands_there_once(stopped):
    with begun(stopped) as ledger:
        entry = ledger.recording(1, "b.wav", "id", recording("b.wav"))
        ledger.heard(entry, 0, part(), 1800.0, 2)
        ledger.heard(entry, 1, part(), 1800.0, 2)
        ledger.heard(entry, 0, part(100), 1800.0, 2)
        parts = ledger.stretches(entry.id)
        assert {channel: [one.first_frame for one in of] for channel, of in parts.items()} == {
            0: [0, 100],
            1: [0],
        }


def test_a_changed_file_is_forgotten_and_a_failed_one_is_not(stopped):
    with begun(stopped) as ledger:
        ledger.failed(1, "b.wav", "unplugged")
        ledger.failed(0, "a.wav", "empty")
        assert ledger.failures() == [("a.wav", "empty"), ("b.wav", "unplugged")]
        assert ledger.recordings() == []
        assert ledger.recording(1, "b.wav", "id", recording("b.wav")).done == {(0, 0)}
        assert ledger.failures() == [("a.wav", "empty")]
        assert ledger.recording(1, "b.wav", "other", recording("b.wav")).done == frozenset()
        assert ledger.recordings() == []


def test_order_is_that_of_the_run_and_other_files_do_not_appear(stopped):
    with begun(stopped, sources=["b.wav", "a.wav"]) as ledger:
        entry = ledger.recording(1, "a.wav", "id", recording("a.wav"))
        ledger.heard(entry, 0, part(), 1800.0, 2)
        assert [one.source for _, one in ledger.recordings()] == ["b.wav", "a.wav"]
    with begun(stopped, sources=["a.wav"]) as ledger:
        assert [one.source for _, one in ledger.recordings()] == ["a.wav"]
        assert ledger.heard_s() == 1800.0


def test_half_a_stretch_is_never_there(stopped, monkeypatch):
    """Ctrl-C between the two statements of a transaction undoes the first."""
    with begun(stopped) as ledger:
        entry = ledger.recording(1, "b.wav", "id", recording("b.wav"))
        with monkeypatch.context() as patched:

            def interrupted():
                raise KeyboardInterrupt

            patched.setattr("ndoki.batch.ledger.time.time", interrupted)
            with pytest.raises(KeyboardInterrupt):
                ledger.heard(entry, 0, part(100), 1800.0, 2)
        assert [one.first_frame for one in ledger.stretches(entry.id)[0]] == [0]
        ledger.heard(entry, 0, part(100), 1800.0, 2)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"--threshold": "0.3"}, "--threshold was 0.5 and is now 0.3"),
        ({"--detector": "template 9"}, "--detector was gunshot 12 and is now template 9"),
    ],
)
def test_other_settings_are_refused_while_a_run_is_unfinished(stopped, changed, said):
    with pytest.raises(ConfigError) as refused, begun(stopped, SETTINGS | changed):
        pass
    for words in (said, "not finished", "another --out", "--restart"):
        assert words in str(refused.value)
    with begun(stopped) as ledger:
        assert ledger.heard_s() == 1800.0


def test_a_finished_run_makes_room(stopped):
    with begun(stopped) as ledger:
        ledger.done()
    with begun(stopped) as ledger:
        assert ledger.heard_s() == 1800.0, "the same settings: nothing is lost"
        ledger.done()
    with begun(stopped, SETTINGS | {"--threshold": "0.3"}) as ledger:
        assert ledger.heard_s() == 0.0
        assert ledger.recordings() == []


def test_a_run_in_which_nothing_was_heard_makes_room(tmp_path):
    with begun(tmp_path):
        pass
    with begun(tmp_path, {"--threshold": "0.3"}) as ledger:
        assert ledger.recordings() == []


def test_two_processes_do_not_write_to_one_folder(tmp_path):
    """The other one is real, and dies."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom ndoki.batch.ledger import Ledger\n"
        f"with Ledger.begun(Path(sys.argv[1]), {SETTINGS}, []):\n    print('in', flush=True)\n    input()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with pytest.raises(ConfigError, match=f"process {other.pid} on .* is writing"), begun(tmp_path):
            pass
        with pytest.raises(ConfigError, match="is writing"):
            set_aside(tmp_path)
        assert read_status(tmp_path).state == "running"
        other.kill()
    assert read_status(tmp_path).state == "stopped"
    with begun(tmp_path):
        pass


def test_who_is_alive():
    now = 1e10
    here = os.uname().nodename
    assert is_alive(os.getppid(), here, now)
    assert not is_alive(os.getppid(), here, 0.0), "no beat for long: its number belongs to another by now"
    assert not is_alive(os.getpid(), here, now), "in a container, the killed run had this number too"
    assert is_alive(1, "another machine", now)
    assert not is_alive(1, "another machine", 0.0)


def test_a_full_disk_is_said_and_what_is_there_stays(stopped):
    def fill():
        with begun(stopped) as ledger:
            entry = ledger.recording(1, "b.wav", "id", recording("b.wav"))
            ledger._connection.execute("PRAGMA max_page_count = 12")
            for i in range(1, 100):
                ledger.heard(entry, 0, part(100 * i, n_found=100), 1800.0, 2)

    with pytest.raises(OutputError, match=r"disk is full.*run the same command again"):
        fill()
    with begun(stopped) as ledger:
        (parts,) = ledger.stretches(1).values()
        assert [one.first_frame for one in parts] == [100 * i for i in range(len(parts))]
        assert 1 < len(parts) < 99
        entry = ledger.recording(1, "b.wav", "id", recording("b.wav"))
        assert len(entry.done) == len(parts)
        ledger.heard(entry, 0, part(9900, n_found=100), 1800.0, 2)


def test_a_damaged_or_foreign_ledger_is_refused(stopped):
    path = ledger_path(stopped)
    with opened(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match=r"layout 99.*--restart"), begun(stopped):
        pass
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(OutputError, match=r"not a database.*--restart"), begun(stopped):
        pass
    set_aside(stopped)
    with begun(stopped):
        pass


def test_a_place_that_takes_no_ledger_is_said(tmp_path):
    (tmp_path / ".ndoki").write_text("a file in the way")
    with pytest.raises(OutputError, match=r"\.ndoki: the folder cannot be made"), begun(tmp_path):
        pass


def test_old_results_are_moved_aside_whole(tmp_path):
    out = tmp_path / "out"
    set_aside(out)
    for number in (1, 2):
        out.mkdir()
        (out / "detections.csv").write_text(f"{number}")
        set_aside(out)
        assert not out.exists()
        assert (tmp_path / f"out.before-{number}" / "detections.csv").read_text() == f"{number}"


def test_the_file_is_in_wal_mode(stopped):
    with opened(ledger_path(stopped)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_status_counts_hours_events_and_failures(tmp_path):
    with begun(tmp_path) as ledger:
        said = read_status(tmp_path)
        assert (said.n_files, said.n_opened, said.planned_s, said.left_s) == (3, 0, None, None)
        entry = ledger.recording(0, "a.wav", "id", recording("a.wav", hours=2))
        ledger.heard(entry, 0, part(), 1800.0, 2)
        ledger.heard(entry, 0, part(100), 1800.0, 3)
        ledger.failed(1, "b.wav", "empty")
        # This process is the run itself, so it counts as dead to itself.
        said = read_status(tmp_path)
        assert (said.n_opened, said.n_failed, said.n_events) == (2, 1, 5)
        assert (said.heard_s, said.planned_s) == (3600.0, 3 * 3600.0)
        assert said.failures == (("b.wav", "empty"),)
        assert said.speed_x_realtime is not None
        assert said.speed_x_realtime > 1000
        ledger.done()
    said = read_status(tmp_path)
    assert (said.state, said.planned_s, said.left_s) == ("done", 3600.0, None)


def test_status_of_no_run_is_refused_and_makes_no_file(tmp_path):
    with pytest.raises(ConfigError, match="holds no run"):
        read_status(tmp_path)
    assert list(tmp_path.iterdir()) == []
    ledger_path(tmp_path).parent.mkdir()
    sqlite3.connect(ledger_path(tmp_path)).close()
    ledger_path(tmp_path).touch()
    with pytest.raises((ConfigError, OutputError)):
        read_status(tmp_path)


def test_a_session_is_numbered(tmp_path):
    path = Path(tmp_path / "x.sqlite")
    with opened(path) as connection:
        assert [begin(connection, tmp_path, SETTINGS, []) for _ in range(2)] == [1, 2]
