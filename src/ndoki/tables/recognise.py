"""Any table of events or labels, whoever wrote it: its format is told by its content."""

import csv
import io
import re
from dataclasses import dataclass, replace
from pathlib import Path

from ndoki.core.errors import TableError
from ndoki.tables.audacity import LABELS_SUFFIX, read_audacity
from ndoki.tables.cells import Cells, paired, read_lines, read_text, unique_headers
from ndoki.tables.detections import read_detections
from ndoki.tables.jsonl import read_jsonl
from ndoki.tables.raven_reader import read_raven
from ndoki.tables.row import Row, row_from_cells

__all__ = ["TRUTH_SUFFIX", "Table", "read_table", "read_truth_table", "recording_of"]

TRUTH_SUFFIX = ".truth.csv"
"""Ending of the tables that ``ndoki simulate`` writes beside its sounds."""

_ENDINGS = re.compile(
    rf"({re.escape(TRUTH_SUFFIX)}|{re.escape(LABELS_SUFFIX)}"
    r"|(\.table\.\d+)?\.selections\.txt|\.(txt|csv|jsonl|ndjson))$",
    re.IGNORECASE,
)
_BEGIN_TIME = re.compile(r"begin[\s_]*time", re.IGNORECASE)
_SEPARATOR = re.compile(r"[\t,;]")
_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table that was read.

    Attributes
    ----------
    path
        Where it lies.
    kind
        ``truth`` (of a simulation), ``csv``, ``jsonl``, ``raven`` or ``audacity``.
    recording
        The recording that the table's own name stands for, ending and all if the sound lies beside it.
        Rows that name no recording belong to this one.
    rows
        In the order of the table.
    """

    path: Path
    kind: str
    recording: str
    rows: tuple[Row, ...]


def read_table(path: Path, *, refused: list[TableError] | None = None) -> Table:
    """Read events or labels from a file of any format that Ndoki knows.

    Parameters
    ----------
    path
        Raven selection table, ``detections.csv``, JSON Lines, Audacity labels, or a simulation's truth.
    refused
        Where given, rows of Raven tables and CSV that cannot be understood are left out, and their errors
        added here.

    Raises
    ------
    TableError
        The file cannot be read, is none of these, or lacks a column.
    """
    lines = read_lines(path)
    first = next((line for line in lines if line.strip()), "")
    kind = _kind(path, first)
    recording = recording_of(path)
    if kind == "raven":
        rows = read_raven(path, source=recording, refused=refused)
    elif kind == "audacity":
        rows = read_audacity(path, source=recording)
    elif kind == "truth":
        rows = read_truth_table(path, source=recording)
    else:
        found = read_jsonl(path) if kind == "jsonl" else read_detections(path, refused=refused)
        rows = [row if row.file else replace(row, file=recording) for row in found]
    return Table(path=path, kind=kind, recording=recording, rows=tuple(rows))


def read_truth_table(path: Path, *, source: str) -> list[Row]:
    """Read what ``ndoki simulate`` wrote: one row per shot and per look-alike.

    Onsets and ends come from the table's whole samples. Every column stays in ``extra``, as text.

    Parameters
    ----------
    path
        The table.
    source
        The recording that it is about.

    Raises
    ------
    TableError
        The file cannot be read, a column is missing, or a cell cannot be understood.
    """
    reader = csv.reader(io.StringIO(read_text(path), newline=""))
    headers = unique_headers(next(reader, []))
    missing = [name for name in ("onset_sample", "onset_s", "end_sample", "label") if name not in headers]
    if missing:
        raise TableError(
            f"{path}: no column {', '.join(missing)}; found {', '.join(headers)}; "
            "expected a truth table as ndoki simulate writes it"
        )
    lines = [
        Cells(path=path, line=reader.line_num, values=paired(path, reader.line_num, headers, line))
        for line in reader
        if any(line)
    ]
    rate_hz = _rate_hz(lines)
    return [_truth_row(line, source, rate_hz) for line in lines]


def _truth_row(line: Cells, source: str, rate_hz: int) -> Row:
    onset_s, end_s = line.needed_number("onset_s"), line.needed_number("onset_s")
    if rate_hz:
        onset_s = line.needed_number("onset_sample") / rate_hz
        end_s = max(onset_s, line.needed_number("end_sample") / rate_hz)
    known = {name: line.text(name) for name in ("label", "low_hz", "high_hz")}
    times = {"file": source, "start_s": repr(onset_s), "end_s": repr(end_s)}
    row = row_from_cells(Cells(path=line.path, line=line.line, values=known | times))
    return replace(row, extra=dict(line.values))


def _rate_hz(lines: list[Cells]) -> int:
    """Sample rate, from the latest onset, which stands both in samples and in seconds; 0 without one."""
    latest = max(lines, key=lambda line: line.needed_number("onset_s"), default=None)
    if latest is None or latest.needed_number("onset_s") <= 0:
        return 0
    return round(latest.needed_number("onset_sample") / latest.needed_number("onset_s"))


def _kind(path: Path, first_line: str) -> str:
    """Format of a table, by its first line that is not blank, or by its name if there is none."""
    headers = [cell.strip().strip('"') for cell in _SEPARATOR.split(first_line)]
    suffix = path.suffix.lower()
    if suffix in (".jsonl", ".ndjson") or first_line.startswith("{"):
        return "jsonl"
    if "\t" in first_line and any(_BEGIN_TIME.match(header) for header in headers):
        return "raven"
    if "onset_s" in headers and "start_s" not in headers:
        return "truth"
    if _is_label(first_line) or (not first_line and path.name.lower().endswith(LABELS_SUFFIX)):
        return "audacity"
    if "start_s" in headers or suffix == ".csv":
        return "csv"
    raise TableError(
        f"{path}: not a table of events or labels; its first line is {first_line[:_SHOWN]!r}; expected "
        "detections.csv or .jsonl, a Raven selection table, Audacity labels, or a simulation's .truth.csv; "
        "give one of these"
    )


def _is_label(line: str) -> bool:
    """Whether a line begins with two times, as a label track does."""
    try:
        begin_s, end_s = (float(cell) for cell in line.split("\t")[:2])
    except ValueError:
        return False
    return end_s >= begin_s


def recording_of(path: Path) -> str:
    """The recording that a table's name stands for; with its ending if it lies beside the table."""
    stem = _ENDINGS.sub("", path.name)
    beside = sorted(path.parent.glob(f"{_literal(stem)}.*"))
    sounds = [other for other in beside if other.stem == stem and not _ENDINGS.search(other.name)]
    sounds = [other for other in sounds if other.suffix.lower() not in (".json", ".html", ".png")]
    return str(sounds[0] if len(sounds) == 1 else path.with_name(stem))


def _literal(text: str) -> str:
    """Text in which no character means anything to `glob`."""
    return re.sub(r"([*?\[])", r"[\1]", text)
