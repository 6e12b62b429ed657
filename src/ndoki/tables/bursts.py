"""``bursts.csv``: one row per burst, for those who ask how often was fired and with what."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ndoki.core.types import Event
from ndoki.tables.atomic import write_lines
from ndoki.tables.detections import csv_line
from ndoki.tables.row import Row, cells_of

__all__ = ["BURST_COLUMNS", "write_bursts"]

BURST_COLUMNS = (
    "file",
    "site",
    "channel",
    "label",
    "burst",
    "start_utc",
    "start_local",
    "start_s",
    "end_s",
    "n_shots",
    "rounds_per_minute",
    "weapon",
    "weapon_score",
    "max_score",
)
"""Columns in order; ``start_…`` is the first onset, ``end_s`` the latest end, ``max_score`` the best."""


def write_bursts(path: Path, events: Sequence[Event]) -> None:
    """Write the bursts of events as CSV, as `ndoki.tables.detections.write_detections` writes the events.

    Bursts are in the order in which their first shots are given. Events without a burst are left out;
    without bursts the file holds the header alone.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    write_lines(path, _lines([Row.from_event(event) for event in events if event.burst]))


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    shots: dict[tuple[str, int, str], list[Row]] = {}
    for row in rows:
        shots.setdefault((row.file, row.channel, row.burst), []).append(row)
    yield csv_line(BURST_COLUMNS)
    for burst in shots.values():
        first = cells_of(min(burst, key=lambda row: row.start_s))
        last = cells_of(max(burst, key=lambda row: row.end_s))
        best = cells_of(max(burst, key=lambda row: row.score or 0.0))
        cells = first | {"end_s": last["end_s"], "max_score": best["score"]}
        yield csv_line(cells[name] for name in BURST_COLUMNS)
