"""Runs of the command that are watched, stopped and compared."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = [
    "ENVIRONMENT",
    "NDOKI",
    "OPTIONS",
    "UNIT_S",
    "finished",
    "n_done",
    "running",
    "tables",
    "wait_for_progress",
]

NDOKI = Path(sys.executable).with_name("ndoki")
UNIT_S = 0.496
"""A whole number of the template detector's frames."""
OPTIONS = ("--threshold", "0.3", "--detector", "template", "--format", "csv,raven,audacity,jsonl")
ENVIRONMENT = {**os.environ, "COLUMNS": "200", "PYTHONUTF8": "1", "OPENBLAS_NUM_THREADS": "1"}


def finished(arguments: list[str | Path], **options: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        arguments, capture_output=True, text=True, env=ENVIRONMENT, timeout=120, check=False, **options
    )


def tables(out: Path) -> dict[str, bytes]:
    """Every file that a run leaves but the ledger, and summary.json without what the clock says."""
    found = {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and ".ndoki" not in path.parts
    }
    summary = json.loads(found["summary.json"])
    del summary["wall_s"], summary["speed_x_realtime"]
    return found | {"summary.json": json.dumps(summary).encode()}


def n_done(out: Path) -> int:
    """Stretches in the ledger; 0 while there is none."""
    path = out / ".ndoki" / "ledger.sqlite"
    if not path.is_file():
        return 0
    connection = sqlite3.connect(path, timeout=30.0)
    try:
        return int(connection.execute("SELECT count(*) FROM unit").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


@contextmanager
def running(arguments: list[str | Path]) -> "Iterator[subprocess.Popen[str]]":
    with subprocess.Popen(
        arguments, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_progress(process: "subprocess.Popen[str]", out: Path, n_before: int = 0) -> None:
    """Until a stretch more is done, or the process has ended."""
    deadline_s = time.monotonic() + 60.0
    while process.poll() is None and n_done(out) <= n_before:
        assert time.monotonic() < deadline_s, "nothing was heard"
        time.sleep(0.01)
