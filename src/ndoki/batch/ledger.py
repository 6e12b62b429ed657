"""The ledger of a run: which stretches are done and what was found in them. It survives the run's death.

SQLite in WAL mode, synchronous=NORMAL: a killed process loses nothing that was written; a power cut may lose
the last stretches, which are heard again, but leaves the file whole. Each stretch is one transaction.
"""

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ndoki.batch.session import BEAT_S, DONE, RUNNING, STOPPED, begin, ledger_path, opened
from ndoki.batch.wire import (
    bytes_from_thinned,
    recording_from_text,
    text_from_recording,
    thinned_from_bytes,
)
from ndoki.core.errors import OutputError
from ndoki.core.types import Recording
from ndoki.events.stitch import Thinned

__all__ = ["Entry", "Ledger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A recording in the ledger, and which of its stretches are done, as (channel, first frame)."""

    id: int
    done: frozenset[tuple[int, int]]


class Ledger:
    """The one writer of a ledger. Make it with `Ledger.begun`; to be used by the thread that made it."""

    def __init__(self, connection: sqlite3.Connection, session: int) -> None:
        self._connection, self._session = connection, session
        self._beaten_s = 0.0

    @classmethod
    @contextmanager
    def begun(cls, out: Path, settings: Mapping[str, str], sources: Sequence[str] | None) -> Iterator[Self]:
        """Open or make the ledger of an output folder, and begin a session in it.

        Parameters
        ----------
        settings
            Whatever changes what is found, by the name that a user knows it by.
        sources
            Recordings of this run, in the order of the tables; None where they are still being looked for:
            `place` says it then. What the ledger knows of others stays.

        Raises
        ------
        ConfigError
            An unfinished run with other settings is in it, or another process is at work on it.
        OutputError
            It cannot be written.
        """
        path = ledger_path(out)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path.parent}: the folder cannot be made ({error.strerror})") from error
        with opened(path) as connection:
            session = begin(connection, out, settings, sources)
            ledger = cls(connection, session)
            try:
                yield ledger
            finally:
                # A run that does not say that it is done has stopped, for whatever reason.
                with suppress(sqlite3.Error):
                    ledger._end(STOPPED)

    def recording(
        self, place: int, source: str, identity: str, recording: Recording, *, n_channels: int = 1
    ) -> Entry:
        """Enter a recording, forgetting what was found in it if it has changed since.

        Parameters
        ----------
        place
            Its number among the sources of the run.
        identity
            What `ndoki.audio.storage.content_identity` says of it.
        n_channels
            How many channels are to be heard.
        """
        described = text_from_recording(recording)
        with self._transaction():
            known = self._connection.execute(
                "SELECT id, identity FROM recording WHERE source = ?", (source,)
            ).fetchone()
            if known and known[1] != identity:
                self._connection.execute("DELETE FROM recording WHERE id = ?", (known[0],))
            row = self._connection.execute(
                "INSERT INTO recording (source, place, identity, described, length_s) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (source) DO UPDATE SET place = excluded.place, described = excluded.described, "
                "length_s = excluded.length_s, failure = NULL RETURNING id",
                (source, place, identity, described, recording.duration_s * n_channels),
            ).fetchone()
            done = self._connection.execute("SELECT channel, first_frame FROM unit WHERE recording = ?", row)
            return Entry(id=row[0], done=frozenset(done.fetchall()))

    def failed(self, place: int, source: str, reason: str) -> None:
        """Enter that a file could not be heard; what was found in it is kept for the next attempt."""
        with self._transaction():
            self._connection.execute(
                "INSERT INTO recording (source, place, identity, described, length_s, failure) "
                "VALUES (?, ?, '', '', 0, ?) "
                "ON CONFLICT (source) DO UPDATE SET place = excluded.place, failure = excluded.failure",
                (source, place, reason),
            )

    def heard(self, entry: Entry, channel: int, part: Thinned, length_s: float, n_events: int) -> None:
        """Enter a stretch and what was found in it, all or nothing."""
        found = bytes_from_thinned(part)
        with self._transaction():
            self._connection.execute(
                "INSERT OR REPLACE INTO unit VALUES (?, ?, ?, ?, ?, ?, ?)",
                (entry.id, channel, part.first_frame, part.end_frame, length_s, n_events, found),
            )
            self._connection.execute(
                "UPDATE session SET beat_s = ?, heard_s = heard_s + ? WHERE id = ?",
                (time.time(), length_s, self._session),
            )
        self._beaten_s = time.monotonic()

    def set(self, name: str, value: str) -> None:
        """Change a setting."""
        with self._transaction():
            self._connection.execute("UPDATE setting SET value = ? WHERE name = ?", (value, name))

    def forget(self) -> None:
        """Empty the ledger of all but its settings and this session."""
        with self._transaction():
            self._connection.execute("DELETE FROM recording")
            self._connection.execute("DELETE FROM session WHERE id <> ?", (self._session,))

    def take(self, other: Path) -> None:
        """Copy what the ledger of another run holds; their recordings must differ from those here."""
        self._connection.execute("ATTACH DATABASE ? AS other", (str(other),))
        try:
            with self._transaction():
                self._connection.execute(
                    "INSERT INTO recording (source, place, identity, described, length_s, failure) "
                    "SELECT source, place, identity, described, length_s, failure FROM other.recording "
                    "WHERE place IS NOT NULL"
                )
                self._connection.execute(
                    "INSERT INTO unit SELECT here.id, channel, first_frame, end_frame, unit.length_s, "
                    "n_events, found FROM other.unit AS unit "
                    "JOIN other.recording AS there ON there.id = unit.recording "
                    "JOIN recording AS here ON here.source = there.source WHERE there.place IS NOT NULL"
                )
                # Before this session, so that it stays the latest.
                self._connection.execute(
                    "INSERT INTO session (id, pid, host, state, began_s, beat_s, n_files, heard_s) "
                    "SELECT (SELECT min(id) FROM session) - other.id, pid, host, state, began_s, beat_s, "
                    "n_files, heard_s FROM other.session AS other"
                )
        finally:
            self._connection.execute("DETACH DATABASE other")

    def place(self, sources: Sequence[str]) -> None:
        """Say which recordings the run has, in the order of the tables."""
        with self._transaction():
            self._connection.execute("UPDATE recording SET place = NULL")
            self._connection.executemany(
                "UPDATE recording SET place = ? WHERE source = ?", enumerate(sources)
            )

    def sources(self) -> list[str]:
        """Recordings of the run that were looked into, in order."""
        rows = self._connection.execute("SELECT source FROM recording WHERE place IS NOT NULL ORDER BY place")
        return [source for (source,) in rows]

    def expect(self, n_files: int) -> None:
        """Say how many recordings the run has, as far as it is known."""
        with self._transaction():
            self._connection.execute("UPDATE session SET n_files = ? WHERE id = ?", (n_files, self._session))

    def beat(self) -> None:
        """Say that the run lives; cheap to call often."""
        if time.monotonic() - self._beaten_s >= BEAT_S:
            self._beaten_s = time.monotonic()
            with self._transaction():
                self._connection.execute(
                    "UPDATE session SET beat_s = ? WHERE id = ?", (time.time(), self._session)
                )

    def done(self) -> None:
        """Say that all is heard and written."""
        self._end(DONE)

    def stopped(self) -> None:
        """Say that the run was stopped."""
        self._end(STOPPED)

    def recordings(self) -> list[tuple[int, Recording]]:
        """Id and recording of all that were heard, at least in part, and did not fail; in order."""
        rows = self._connection.execute(
            "SELECT id, described FROM recording WHERE place IS NOT NULL AND failure IS NULL "
            "AND EXISTS (SELECT 1 FROM unit WHERE unit.recording = recording.id) ORDER BY place"
        )
        return [(row[0], recording_from_text(row[1])) for row in rows]

    def stretches(self, recording_id: int) -> dict[int, list[Thinned]]:
        """What was found in a recording, by channel; stretches in order."""
        parts: dict[int, list[Thinned]] = {}
        for channel, first, end, found in self._connection.execute(
            "SELECT channel, first_frame, end_frame, found FROM unit WHERE recording = ? "
            "ORDER BY channel, first_frame",
            (recording_id,),
        ):
            parts.setdefault(channel, []).append(thinned_from_bytes(found, first, end))
        return parts

    def failures(self) -> list[tuple[str, str]]:
        """Source and reason of each file that could not be heard, in order."""
        rows = self._connection.execute(
            "SELECT source, failure FROM recording WHERE place IS NOT NULL AND failure IS NOT NULL "
            "ORDER BY place"
        )
        return [(source, reason) for source, reason in rows]

    def taken_s(self) -> float:
        """Seconds that all sessions took together, up to now."""
        before = self._connection.execute(
            "SELECT sum(beat_s - began_s) FROM session WHERE id <> ?", (self._session,)
        )
        began = self._connection.execute("SELECT began_s FROM session WHERE id = ?", (self._session,))
        return float(before.fetchone()[0] or 0.0) + max(0.0, time.time() - float(began.fetchone()[0]))

    def heard_s(self) -> float:
        """Seconds of sound done, in all sessions; each channel counts."""
        row = self._connection.execute(
            "SELECT sum(unit.length_s) FROM unit JOIN recording ON recording.id = unit.recording "
            "WHERE place IS NOT NULL"
        ).fetchone()
        return float(row[0] or 0.0)

    def _end(self, state: str) -> None:
        with self._transaction():
            self._connection.execute(
                "UPDATE session SET state = ?, beat_s = ? WHERE id = ? AND state = ?",
                (state, time.time(), self._session, RUNNING),
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
        finally:
            # All of it or nothing, Ctrl-C in the middle included.
            if self._connection.in_transaction:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
