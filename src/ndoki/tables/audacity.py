r"""Audacity label tracks: one file per recording, with frequency ranges.

Two lines per event, separated by tabs::

    24.500000   25.100000   gunshot 0.8713
    \   60.0    900.0

The label's text is the label, a space and the score.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ndoki.core.types import Event, Recording
from ndoki.tables.atomic import write_lines
from ndoki.tables.cells import Cells, one_line, read_lines
from ndoki.tables.layout import events_by_recording, mirrored_names
from ndoki.tables.row import Row, cells_of, row_from_cells

__all__ = ["LABELS_SUFFIX", "read_audacity", "write_audacity"]

LABELS_SUFFIX = ".labels.txt"

_SCORED = re.compile(r"(?P<label>.*) (?P<score>[01]\.\d+)", re.DOTALL)
_COLUMNS = ("start_s", "end_s", "text")


def write_audacity(folder: Path, events: Sequence[Event], recordings: Sequence[Recording]) -> list[Path]:
    """Write one label file for each recording, in folders that mirror theirs.

    A label track knows neither channels nor sites nor detectors; only time, band, label and score are
    kept. A recording without events gets an empty file.

    Parameters
    ----------
    folder
        Where the files go.
    events
        Each in one of the recordings.
    recordings
        All recordings of the run.

    Returns
    -------
    list of Path
        One for each recording in the order given.

    Raises
    ------
    TableError
        An event belongs to a recording that is not listed.
    OutputError
        A file cannot be written.
    """
    groups = events_by_recording(events, recordings)
    names = mirrored_names([recording.source for recording in groups])
    paths = [folder / f"{name}{LABELS_SUFFIX}" for name in names]
    for path, own_events in zip(paths, groups.values(), strict=True):
        write_lines(path, _lines(own_events))
    return paths


def _lines(events: Sequence[Event]) -> Iterator[str]:
    for event in events:
        cells = cells_of(Row.from_event(event))
        yield f"{cells['start_s']}\t{cells['end_s']}\t{one_line(cells['label'])} {cells['score']}"
        yield f"\\\t{cells['low_hz']}\t{cells['high_hz']}"


def read_audacity(path: Path, *, source: str = "") -> list[Row]:
    """Read a label file, with or without the lines that hold frequency ranges.

    A frequency of -1 is Audacity's way to say that there is none. A text that ends in a space and a number
    such as ``0.87`` gives label and score, any other text is all label.

    Parameters
    ----------
    path
        The label file.
    source
        The recording that it belongs to; label files do not say.

    Raises
    ------
    TableError
        The file cannot be read, or a line is neither a label nor a frequency range.
    """
    table: list[tuple[int, dict[str, str]]] = []
    for number, line in enumerate(read_lines(path), 1):
        values = line.split("\t")
        if values[0] == "\\":
            _add_band(path, number, values, table)
        elif line.strip():
            table.append((number, dict(zip(_COLUMNS, values, strict=False))))
    return [
        row_from_cells(Cells(path=path, line=number, values=_named(values, source)))
        for number, values in table
    ]


def _add_band(
    path: Path, number: int, values: Sequence[str], table: list[tuple[int, dict[str, str]]]
) -> None:
    """Give the label above its frequencies."""
    cells = Cells(
        path=path, line=number, values=dict(zip(("mark", "low_hz", "high_hz"), values, strict=False))
    )
    if not table or "low_hz" in table[-1][1]:
        raise cells.error("mark", "a label's line before its frequency range")
    for name in ("low_hz", "high_hz"):
        known = cells.needed_number(name) >= 0
        table[-1][1][name] = cells.text(name) if known else ""


def _named(values: dict[str, str], source: str) -> dict[str, str]:
    text = values.pop("text", "")
    scored = _SCORED.fullmatch(text)
    found = scored.groupdict() if scored else {"label": text}
    return values | found | {"file": source}
