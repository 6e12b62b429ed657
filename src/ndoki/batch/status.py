"""How far a run is, read from its ledger by another process."""

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from ndoki.batch.session import DONE, RUNNING, STOPPED, is_alive, ledger_path, opened
from ndoki.core.errors import ConfigError

__all__ = ["Status", "read_status"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A run in numbers.

    Attributes
    ----------
    state
        ``running``, ``stopped`` (by Ctrl-C, by an error, or killed) or ``done``.
    pid, host
        The process of the latest session.
    n_files, n_opened, n_failed
        Files of the run, how many of them were looked into, how many could not be heard.
    heard_s, planned_s
        Seconds of sound heard and to be heard, each channel counted. Planned is judged by the files looked
        into as long as there are others; None before the first.
    n_events
        Events in the stretches that are done; one on the seam of two stretches may count twice.
    speed_x_realtime
        Of the latest session; None until something was heard.
    left_s
        Seconds until the end at that speed; None if it cannot be told, or nothing runs.
    failures
        Source and reason of each file that could not be heard.
    """

    state: str
    pid: int
    host: str
    n_files: int
    n_opened: int
    n_failed: int
    heard_s: float
    planned_s: float | None
    n_events: int
    speed_x_realtime: float | None
    left_s: float | None
    failures: tuple[tuple[str, str], ...]


def read_status(out: Path) -> Status:
    """Read how far the run in an output folder is, without disturbing it.

    Raises
    ------
    ConfigError
        No run was ever begun there.
    OutputError
        Its ledger cannot be read.
    """
    path = ledger_path(out)
    if not path.is_file():
        raise ConfigError(f"{out} holds no run; give the folder that `ndoki detect --out` was given")
    with opened(path) as connection:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        return _read(connection, out)


def _read(connection: sqlite3.Connection, out: Path) -> Status:
    row = connection.execute(
        "SELECT pid, host, state, began_s, beat_s, n_files, heard_s FROM session ORDER BY id DESC LIMIT 1"
    ).fetchone()
    if row is None:
        raise ConfigError(f"{out} holds no run; give the folder that `ndoki detect --out` was given")
    pid, host, state, began_s, beat_s, n_files, session_s = row
    if state == RUNNING and not is_alive(pid, host, beat_s):
        state = STOPPED
    n_opened, described_s = connection.execute(
        "SELECT count(*), sum(length_s) FROM recording WHERE place IS NOT NULL"
    ).fetchone()
    heard_s, n_events = connection.execute(
        "SELECT coalesce(sum(unit.length_s), 0.0), coalesce(sum(n_events), 0) FROM unit "
        "JOIN recording ON recording.id = unit.recording WHERE place IS NOT NULL"
    ).fetchone()
    failures = connection.execute(
        "SELECT source, failure FROM recording WHERE place IS NOT NULL AND failure IS NOT NULL ORDER BY place"
    ).fetchall()
    planned_s = described_s / n_opened * n_files if n_opened else None
    if state == DONE:
        planned_s = heard_s
    taken_s = (time.time() if state == RUNNING else beat_s) - began_s
    speed = session_s / taken_s if session_s and taken_s > 0 else None
    is_told = state == RUNNING and speed and planned_s is not None
    return Status(
        state=state,
        pid=pid,
        host=host,
        n_files=n_files,
        n_opened=n_opened,
        n_failed=len(failures),
        heard_s=heard_s,
        planned_s=planned_s,
        n_events=n_events,
        speed_x_realtime=speed,
        left_s=max(0.0, planned_s - heard_s) / speed if is_told else None,
        failures=tuple(failures),
    )
