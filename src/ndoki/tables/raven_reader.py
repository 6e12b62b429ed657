"""Reads Raven selection tables as people have them: many hands, many versions, many extra columns."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ndoki.core.errors import TableError
from ndoki.tables.cells import Cells, paired, read_lines, refusing, unique_headers
from ndoki.tables.row import Row, row_from_cells

__all__ = ["read_raven"]

_NOISE = re.compile(r"\((s|hz)\)|[\s_]+")
_COLUMNS = {
    "begintime": "begin_s",
    "endtime": "end_s",
    "fileoffset": "file_offset_s",
    "beginfile": "begin_file",
    "beginpath": "begin_path",
    "selection": "selection",
    "view": "view",
    "channel": "channel",
    "lowfreq": "low_hz",
    "lowfrequency": "low_hz",
    "highfreq": "high_hz",
    "highfrequency": "high_hz",
    "peakoffset": "peak_s",
    "label": "label",
    "score": "score",
    "site": "site",
    "begindatetime(utc)": "start_utc",
    "begindatetime(local)": "start_local",
    "timesource": "time_source",
    "detector": "detector",
    "detectordigest": "detector_digest",
    "burst": "burst",
    "shots": "n_shots",
    "weapon": "weapon",
}
_KEPT = {"selection": "Selection", "view": "View"}
_WINDOWS_PATH = re.compile(r"([A-Za-z]:|\\)\\")


def read_raven(
    path: Path,
    *,
    source: str = "",
    label_column: str | None = None,
    score_column: str | None = None,
    refused: list[TableError] | None = None,
) -> list[Row]:
    """Read a Raven selection table.

    Headers match whatever their case, spaces and underscores, with or without ``(s)`` and ``(Hz)``;
    ``Frequency`` may be spelt out. Begin Time and End Time are needed. Columns that are not known, the
    analyst's ``Verdict`` and ``Notes`` among them, are kept in ``extra`` under their name in the file, and
    so are ``Selection`` and ``View``. Where a selection stands once as waveform and once as spectrogram,
    the waveform's row is dropped.

    In a table over several files Begin Time counts through all of them; with ``File Offset (s)`` the
    times become times within the file. Without it Begin Time is taken as being within the file.

    Parameters
    ----------
    path
        The table.
    source
        The recording, for a table with neither Begin Path nor Begin File.
    label_column, score_column
        Columns that hold label and score, e.g. ``Tag 1`` or ``score-guns``. When None, ``Label`` and
        ``Score``, where the table has them.
    refused
        Where given, rows that cannot be understood are left out, and their errors added here.

    Returns
    -------
    list of Row
        In the order of the table.

    Raises
    ------
    TableError
        The file cannot be read, a column that is needed or named is missing, or a cell cannot be understood.
    """
    lines = read_lines(path)
    headers = unique_headers([_unquoted(cell) for cell in lines[0].split("\t")] if lines else [])
    names = _names(path, headers, label_column, score_column)
    table = []
    for number, text in enumerate(lines[1:], 2):
        with refusing(refused):
            if text.strip():
                cells = [_unquoted(cell) for cell in text.split("\t")]
                table.append(_line(path, number, names, paired(path, number, headers, cells)))
    rows = []
    for line in _without_waveforms(table):
        with refusing(refused):
            rows.append(_row(line, source))
    return rows


def _key(header: str) -> str:
    return _NOISE.sub("", header.casefold())


def _names(
    path: Path, headers: Sequence[str], label_column: str | None, score_column: str | None
) -> dict[str, str]:
    """Our name for each header that we know; the first wins where two mean the same."""
    columns = {key: name for key, name in _COLUMNS.items() if name not in ("label", "score")}
    columns |= {_key(label_column or "Label"): "label", _key(score_column or "Score"): "score"}
    names: dict[str, str] = {}
    for header in headers:
        name = columns.get(_key(header))
        if name is not None and name not in names.values():
            names[header] = name
    if "burst" not in names.values():
        # In other people's tables shots are counted otherwise ("2 or 3").
        names = {header: name for header, name in names.items() if name != "n_shots"}
    missing = [
        wanted
        for wanted, name in (("Begin Time (s)", "begin_s"), ("End Time (s)", "end_s"))
        if name not in names.values()
    ]
    present = {_key(header) for header in headers}
    absent = [one for one in (label_column, score_column) if one and _key(one) not in present]
    if absent and not missing:
        raise TableError(
            f"{path}: no column {' and no column '.join(map(repr, absent))}; found {', '.join(headers)}; "
            "name one of these"
        )
    if missing:
        raise TableError(
            f"{path}: no column {' and no column '.join(missing)}; "
            f"found {', '.join(headers) or 'an empty file'}; "
            "expected a Raven selection table: tab-separated text with one header line"
        )
    return names


class _Line(NamedTuple):
    """What a line says under names that we know, and the rest under the file's own."""

    known: Cells
    rest: dict[str, str]


def _line(path: Path, number: int, names: Mapping[str, str], values: Mapping[str, str]) -> _Line:
    known = {names[header]: text for header, text in values.items() if header in names}
    rest = {header: text for header, text in values.items() if header not in names}
    shown = {name: header for header, name in names.items()}
    return _Line(Cells(path=path, line=number, values=known, headers=shown), rest)


def _unquoted(cell: str) -> str:
    """A cell without the quotes that spreadsheets put around it."""
    if len(cell) > 1 and cell.startswith('"') and cell.endswith('"'):
        return cell[1:-1].replace('""', '"')
    return cell


def _without_waveforms(table: Sequence[_Line]) -> list[_Line]:
    """Lines, less those of a waveform view whose selection has a line of a spectrogram view too."""

    def selection(line: _Line) -> tuple[str, ...]:
        # Selections are numbered anew in each table, and tables get appended to each other.
        return tuple(line.known.text(name) for name in ("selection", "begin_path", "begin_file", "begin_s"))

    def is_view(line: _Line, kind: str) -> bool:
        return line.known.text("view").strip().casefold().startswith(kind)

    drawn = {selection(line) for line in table if is_view(line, "spectrogram")}
    return [
        line
        for line in table
        if not (is_view(line, "waveform") and line.known.text("selection") and selection(line) in drawn)
    ]


def _row(line: _Line, source: str) -> Row:
    known = line.known
    begin_s, end_s = known.needed_number("begin_s"), known.needed_number("end_s")
    if end_s < begin_s:
        raise known.error("end_s", f"an end at or after the begin, {begin_s} s")
    offset_s = known.number("file_offset_s")
    if offset_s is None:
        offset_s = begin_s
    # Decimal, as a sum of binary fractions would not be the number that the file says.
    within_s = Decimal(repr(offset_s)) + Decimal(repr(end_s)) - Decimal(repr(begin_s))
    place = {"file": _file(known) or source, "start_s": repr(offset_s), "end_s": str(within_s)}
    row = row_from_cells(
        Cells(path=known.path, line=known.line, values={**known.values, **place}, headers=known.headers)
    )
    kept = {header: known.values[name] for name, header in _KEPT.items() if name in known.values}
    return replace(row, extra=kept | line.rest)


def _file(cells: Cells) -> str:
    """Path of the recording: Begin Path, completed by Begin File where it names a folder only."""
    path, name = cells.text("begin_path"), cells.text("begin_file")
    if _WINDOWS_PATH.match(path):
        path = path.replace("\\", "/")
    if not path or not name:
        return path or name
    names_a_file = PurePosixPath(path).suffix.casefold() == PurePosixPath(name).suffix.casefold()
    return path if names_a_file and not path.endswith("/") else f"{path.rstrip('/')}/{name}"
