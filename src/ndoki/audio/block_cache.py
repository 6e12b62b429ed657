"""Blocks of files on servers, kept on disk within a bound; what was not asked for longest goes first.

One SQLite file holds them all. SQLite itself refuses to let it grow beyond its bound, several threads and
processes may share it, and a killed process leaves it whole.
"""

import logging
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from zlib import crc32

from ndoki.core.errors import ConfigError, OutputError

__all__ = ["BLOCK_BYTES", "SMALLEST_BYTES", "BlockCache"]

BLOCK_BYTES = 1 << 21
"""The longest block."""

SMALLEST_BYTES = 16 << 20
"""Less would not hold the blocks of one file that is being decoded."""

_PAGE_BYTES = 1 << 16
_JOURNAL_BYTES = BLOCK_BYTES + (1 << 20)
_FILLED = 0.9
_SCHEMA = """
CREATE TABLE IF NOT EXISTS block (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, used INTEGER NOT NULL, n_bytes INTEGER NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS by_use ON block (used);
CREATE TABLE IF NOT EXISTS content (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TRIGGER IF NOT EXISTS go_together AFTER DELETE ON block
BEGIN DELETE FROM content WHERE id = old.id; END;
"""
_log = logging.getLogger(__name__)


class BlockCache:
    """Bytes by name. What goes wrong with it is logged once and costs speed only.

    Parameters
    ----------
    folder
        Holds one file, ``ndoki-blocks.sqlite``, and its journal while something is written.
    max_bytes
        Both together never take more.

    Raises
    ------
    ConfigError
        The bound is below `SMALLEST_BYTES`.
    OutputError
        The folder cannot be written to.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        if max_bytes < SMALLEST_BYTES:
            raise ConfigError(f"a cache of {max_bytes} bytes is too small; give it at least {SMALLEST_BYTES}")
        self._path, self._lock, self._is_broken = folder / "ndoki-blocks.sqlite", threading.Lock(), False
        # Room for what SQLite writes aside while it changes the file.
        self._file_bytes = max_bytes - _JOURNAL_BYTES
        self._content_bytes = int(_FILLED * self._file_bytes)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self._path.exists() and self._path.stat().st_size > self._file_bytes:
                self._path.unlink()
            self._connection = sqlite3.connect(
                self._path, isolation_level=None, timeout=30.0, check_same_thread=False
            )
            self._set_up()
        except (OSError, sqlite3.Error) as error:
            raise OutputError(f"{folder}: cannot hold the cache ({error}); give another --cache") from error

    def _set_up(self) -> None:
        run = self._connection.execute
        run(f"PRAGMA page_size = {_PAGE_BYTES}")
        run("PRAGMA journal_mode = DELETE")
        run("PRAGMA synchronous = OFF")  # a power cut may cost the cache, which is only a copy
        run("PRAGMA cache_size = -4096")
        self._connection.executescript(_SCHEMA)
        page_bytes = run("PRAGMA page_size").fetchone()[0]
        run(f"PRAGMA max_page_count = {self._file_bytes // page_bytes}")

    def get(self, name: str) -> bytes | None:
        """What was kept under a name, or None."""
        with self._lock, suppress(sqlite3.Error):
            if self._is_broken:
                return None
            row = self._connection.execute(
                "SELECT id, bytes, checksum FROM block JOIN content USING (id) WHERE name = ?", (name,)
            ).fetchone()
            # After a power cut a whole-looking file may hold anything.
            if row and crc32(row[1]) == row[2]:
                self._connection.execute(
                    "UPDATE block SET used = (SELECT max(used) FROM block) + 1 WHERE id = ?", row[:1]
                )
                return bytes(row[1])
        return None

    def put(self, name: str, content: bytes) -> None:
        """Keep bytes, making room first. What is larger than a block is not kept."""
        with self._lock:
            if self._is_broken or len(content) > BLOCK_BYTES:
                return
            try:
                self._make_room(len(content))
                self._connection.execute("BEGIN IMMEDIATE")
                row = self._connection.execute(
                    "INSERT OR IGNORE INTO block (name, used, n_bytes, checksum) "
                    "SELECT ?, coalesce(max(used), 0) + 1, ?, ? FROM block RETURNING id",
                    (name, len(content), crc32(content)),
                ).fetchone()
                if row:
                    self._connection.execute("INSERT INTO content VALUES (?, ?)", (*row, content))
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                # Full disk, locked for long, damaged: from now on the bytes come from the server alone.
                self._is_broken = True
                _log.warning("%s: the cache is given up (%s)", self._path, error)
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")

    def _make_room(self, n_bytes: int) -> None:
        """Delete the oldest until content takes no more than nine tenths; the rest is SQLite's own.

        Each in a transaction of its own, which keeps SQLite's journal small.
        """
        run = self._connection.execute
        while (
            run("SELECT coalesce(sum(n_bytes), 0) FROM block").fetchone()[0] > self._content_bytes - n_bytes
        ):
            run("DELETE FROM block WHERE id = (SELECT id FROM block ORDER BY used LIMIT 1)")

    def close(self) -> None:
        """Close the file. Closing twice is harmless."""
        with self._lock:
            self._is_broken = True
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
