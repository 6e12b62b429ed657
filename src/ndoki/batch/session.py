"""Sessions of a run: the file they share, its settings, and which of them is at work."""

import os
import socket
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ndoki.core.errors import ConfigError, OutputError
from ndoki.tables.atomic import remove_leftovers

__all__ = ["BEAT_S", "DONE", "RUNNING", "STOPPED", "begin", "is_alive", "ledger_path", "opened", "set_aside"]

RUNNING, STOPPED, DONE = "running", "stopped", "done"
BEAT_S = 5.0
"""How often a run says that it lives."""

_DEAD_AFTER_S = 12 * BEAT_S
_LAYOUT = 2
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recording (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL UNIQUE, place INTEGER, identity TEXT NOT NULL,
    described TEXT NOT NULL, length_s REAL NOT NULL, failure TEXT
);
CREATE TABLE IF NOT EXISTS unit (
    recording INTEGER NOT NULL REFERENCES recording ON DELETE CASCADE,
    channel INTEGER NOT NULL, first_frame INTEGER NOT NULL, end_frame INTEGER NOT NULL,
    length_s REAL NOT NULL, n_events INTEGER NOT NULL, found BLOB NOT NULL,
    PRIMARY KEY (recording, channel, first_frame)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS session (
    id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, host TEXT NOT NULL, state TEXT NOT NULL,
    began_s REAL NOT NULL, beat_s REAL NOT NULL, n_files INTEGER NOT NULL, heard_s REAL NOT NULL
);
PRAGMA user_version = {_LAYOUT};
COMMIT;
"""


def ledger_path(out: Path) -> Path:
    """Where the ledger of an output folder lies."""
    return out / ".ndoki" / "ledger.sqlite"


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection whose errors say what to do about them.

    Raises
    ------
    OutputError
        The ledger cannot be written, or is damaged.
    """
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=30.0)
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            yield connection
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise OutputError(
            f"{path}: the ledger of the run cannot be read or written ({error}); what is in it is kept: make "
            "room or plug the disk in again, then run the same command again to go on; if the file is "
            "damaged, begin anew with --restart"
        ) from error


def is_alive(pid: int, host: str, beat_s: float) -> bool:
    """Whether a run that said so last at ``beat_s`` (seconds since 1970) is still at work."""
    if time.time() - beat_s > _DEAD_AFTER_S:
        return False
    # On Windows, signal 0 would be Ctrl-C; there, and for other machines, the beat has to do.
    if host != socket.gethostname() or sys.platform == "win32":
        return True
    with suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return pid != os.getpid()


def set_aside(out: Path) -> None:
    """Rename an output folder to the first of ``<out>.before-1``, ``-2`` … that is free; nothing is lost.

    Raises
    ------
    ConfigError
        A run is at work in it.
    OutputError
        The system does not allow it.
    """
    if not out.exists():
        return
    path = ledger_path(out)
    if path.exists():
        with suppress(OutputError), opened(path) as connection:
            _refuse_company(connection, out)
    number = 1
    while (aside := out.absolute().with_name(f"{out.absolute().name}.before-{number}")).exists():
        number += 1
    try:
        out.rename(aside)
    except OSError as error:
        raise OutputError(
            f"{out}: cannot be moved aside to {aside} ({error.strerror}); give another --out instead"
        ) from error


def begin(
    connection: sqlite3.Connection, out: Path, settings: Mapping[str, str], sources: Sequence[str] | None
) -> int:
    """Begin a session, making the tables if they are not there; returns its number.

    ``sources`` are the recordings of the run in order; None leaves them as they were.

    Raises
    ------
    ConfigError
        An unfinished run with other settings is in the ledger, or another process is at work on it.
    """
    layout = connection.execute("PRAGMA user_version").fetchone()[0]
    if layout not in (0, _LAYOUT):
        raise ConfigError(
            f"{out} holds a run of another version of Ndoki (ledger layout {layout} instead of {_LAYOUT}); "
            "finish it with that version, give another --out, or move it aside with --restart"
        )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.executescript(_SCHEMA)
    connection.execute("BEGIN IMMEDIATE")
    _refuse_company(connection, out)
    _compare(connection, out, settings)
    killed = connection.execute("UPDATE session SET state = ? WHERE state = ?", (STOPPED, RUNNING))
    if sources is not None:
        connection.execute("UPDATE recording SET place = NULL")
        connection.executemany("UPDATE recording SET place = ? WHERE source = ?", enumerate(sources))
    now_s = time.time()
    row = connection.execute(
        "INSERT INTO session (pid, host, state, began_s, beat_s, n_files, heard_s) "
        "VALUES (?, ?, ?, ?, ?, ?, 0)",
        (os.getpid(), socket.gethostname(), RUNNING, now_s, now_s, len(sources or ())),
    )
    if killed.rowcount:
        remove_leftovers(out)
    connection.execute("COMMIT")
    return int(row.lastrowid or 0)


def _refuse_company(connection: sqlite3.Connection, out: Path) -> None:
    """Two writers would hear everything twice."""
    for pid, host, beat_s in connection.execute(
        "SELECT pid, host, beat_s FROM session WHERE state = ?", (RUNNING,)
    ):
        if is_alive(pid, host, beat_s):
            raise ConfigError(
                f"process {pid} on {host} is writing to {out}; wait for it (`ndoki status {out}`), "
                "stop it with Ctrl-C, or give another --out"
            )


def _compare(connection: sqlite3.Connection, out: Path, settings: Mapping[str, str]) -> None:
    """Refuse to mix two runs. A run that is finished has its tables, and makes room."""
    before = dict(connection.execute("SELECT name, value FROM setting"))
    if before == dict(settings):
        return
    differing = [name for name in settings if name in before and settings[name] != before[name]]
    last = connection.execute("SELECT state FROM session ORDER BY id DESC LIMIT 1").fetchone()
    any_unit = connection.execute("SELECT 1 FROM unit LIMIT 1").fetchone()
    if any_unit and last and last[0] != DONE:
        said = "; ".join(f"{name} was {before[name]} and is now {settings[name]}" for name in differing)
        raise ConfigError(
            f"{out} holds a run that is not finished, with other settings: {said}; give the former settings "
            "to go on with it, give another --out, or move it aside and begin anew with --restart"
        )
    for table in ("unit", "recording", "session", "setting"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 -- the names stand in the line above
    connection.executemany("INSERT INTO setting VALUES (?, ?)", settings.items())
