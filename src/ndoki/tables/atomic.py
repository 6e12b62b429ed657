"""A file is either whole or not there: write beside it, flush to disk, rename."""

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import BinaryIO

from ndoki.core.errors import OutputError

__all__ = [
    "folders_flushed_once",
    "is_leftover",
    "open_atomic",
    "remove_leftovers",
    "write_bytes",
    "write_lines",
    "write_text",
]

_PREFIX, _SUFFIX = ".ndoki-", ".part"
_unflushed: ContextVar[set[Path] | None] = ContextVar("_unflushed", default=None)
"""Folders whose flush was put off; None where each file flushes its own."""


@contextlib.contextmanager
def open_atomic(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that takes its name only when everything was written.

    The bytes go to a temporary name in the same folder (so that the rename stays within one file
    system), are flushed to disk, and then replace ``path`` in one step. If anything goes wrong, Ctrl-C
    included, the temporary file is removed and what was at ``path`` before stays. Missing folders are
    made.

    Parameters
    ----------
    path
        The file to make or to replace.

    Yields
    ------
    BinaryIO
        Where the bytes go.

    Raises
    ------
    OutputError
        The folder cannot be made or written to, or the disk is full.
    """
    temporary = path.with_name(f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as handle:
                yield handle
                handle.flush()
                os.fsync(handle.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        put_off = _unflushed.get()
        if put_off is None:
            _flush_folder(path.parent)
        else:
            put_off.add(path.parent)
    except OutputError:
        raise
    except OSError as problem:
        raise _not_written(path, problem) from problem


@contextlib.contextmanager
def folders_flushed_once() -> Iterator[None]:
    """Within it, `open_atomic` puts off the flush of folders, which comes at the end, once for each.

    To flush a folder makes a file system write its journal, tens of milliseconds each time: for one table per
    recording and 10 000 recordings, minutes. What each file holds is flushed before it takes its name, as
    ever; a power cut may only take back the last files as a whole.

    Raises
    ------
    OutputError
        A folder cannot be flushed.
    """
    put_off: set[Path] = set()
    token = _unflushed.set(put_off)
    try:
        yield
    finally:
        _unflushed.reset(token)
        for folder in sorted(put_off):
            try:
                _flush_folder(folder)
            except OSError as problem:
                raise _not_written(folder, problem) from problem


def _not_written(path: Path, problem: OSError) -> OutputError:
    return OutputError(
        f"{path}: cannot be written ({problem.strerror or problem}); "
        "expected a folder with room that may be written to; free some space or choose another --out"
    )


def _flush_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut, where the system can do so."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        # Some network file systems refuse this; the file itself is on disk by now.
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def is_leftover(path: Path) -> bool:
    """Whether a file is one that is being written, or that a killed process left."""
    return path.name.startswith(_PREFIX) and path.name.endswith(_SUFFIX)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that a killed process left below a folder.

    Only to be called when no other process writes there.

    Raises
    ------
    OutputError
        One cannot be removed.
    """
    try:
        for path in folder.rglob(_PREFIX + "*" + _SUFFIX):
            path.unlink(missing_ok=True)
    except OSError as problem:
        raise OutputError(
            f"{folder}: what a killed run left cannot be removed ({problem.strerror or problem}); "
            "expected a folder that may be written to; choose another --out"
        ) from problem


def write_bytes(path: Path, data: bytes) -> None:
    """Write bytes atomically; raises what `open_atomic` raises."""
    with open_atomic(path) as handle:
        handle.write(data)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    r"""Write lines atomically as UTF-8, each followed by a line feed.

    File names that are not valid UTF-8 reach Python with lone surrogates; they are written as ``\udcXX``,
    so that the table stays valid UTF-8 for every other program.

    Raises
    ------
    OutputError
        As `open_atomic`.
    """
    with open_atomic(path) as handle:
        for line in lines:
            handle.write(line.encode("utf-8", errors="backslashreplace") + b"\n")


def write_text(path: Path, text: str) -> None:
    """Write one text atomically as UTF-8, as it is; raises what `open_atomic` raises."""
    write_bytes(path, text.encode("utf-8", errors="backslashreplace"))
