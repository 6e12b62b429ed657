"""``detections.csv``: one row per event, for spreadsheets and programs."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ndoki.core.errors import TableError
from ndoki.core.types import Event
from ndoki.tables.atomic import write_lines
from ndoki.tables.cells import Cells, paired, read_text, refusing, unique_headers
from ndoki.tables.row import COLUMNS, Row, cells_of, row_from_cells

__all__ = ["csv_line", "read_detections", "write_detections", "write_rows"]

_NEEDED = ("file", "start_s", "end_s")
_DELIMITERS = ",;\t"
_TO_QUOTE = ',"\r\n'


def write_detections(path: Path, events: Sequence[Event]) -> None:
    """Write events as CSV (RFC 4180 quoting, UTF-8, line feeds), in the order given.

    Without events the file holds the header alone. Cells are written as they are: a file or a site whose
    name begins with ``=``, ``+``, ``-`` or ``@`` would be taken for a formula by a spreadsheet that opens
    the table by double click, but a changed name would no longer find its file.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    write_rows(path, [Row.from_event(event) for event in events])


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as `write_detections` does; columns of their ``extra`` follow the known ones.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    extra = tuple(dict.fromkeys(name for row in rows for name in row.extra))
    write_lines(path, _lines(rows, extra))


def _lines(rows: Sequence[Row], extra: tuple[str, ...]) -> Iterator[str]:
    yield csv_line((*COLUMNS, *extra))
    for row in rows:
        cells = cells_of(row)
        yield csv_line((*(cells[name] for name in COLUMNS), *(row.extra.get(name, "") for name in extra)))


def csv_line(values: Iterable[str]) -> str:
    """One line of a CSV table, without its line feed; quotes where RFC 4180 wants them."""
    return ",".join(map(_quoted, values))


def _quoted(text: str) -> str:
    """A CSV field. By hand, because csv.writer leaves a lone carriage return bare before Python 3.13."""
    if any(mark in text for mark in _TO_QUOTE):
        return '"' + text.replace('"', '""') + '"'
    return text


def read_detections(path: Path, *, refused: list[TableError] | None = None) -> list[Row]:
    """Read ``detections.csv``, also after a spreadsheet has saved it again.

    Columns may stand in any order; ``file``, ``start_s`` and ``end_s`` are needed; unknown ones are kept
    in ``extra``. Semicolons or tabs as separators, decimal commas and a byte order mark are understood.

    Parameters
    ----------
    path
        The table.
    refused
        Where given, rows that cannot be understood are left out, and their errors added here.

    Raises
    ------
    TableError
        The file cannot be read, a needed column is missing, or a cell cannot be understood.
    """
    text = read_text(path)
    first_line = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        headers = unique_headers(next(reader, []))
        _check_headers(path, headers)
        rows = []
        for line in filter(any, reader):
            with refusing(refused):
                values = paired(path, reader.line_num, headers, line)
                rows.append(row_from_cells(Cells(path=path, line=reader.line_num, values=values)))
        return rows
    except csv.Error as problem:
        raise TableError(
            f"{path}: line {reader.line_num} is not CSV ({problem}); "
            "expected text in pairs of quotes; save the table again"
        ) from problem


def _check_headers(path: Path, headers: Sequence[str]) -> None:
    missing = [name for name in _NEEDED if name not in headers]
    if missing:
        raise TableError(
            f"{path}: no column {', '.join(missing)}; found {', '.join(headers) or 'an empty file'}; "
            f"expected a header with at least {', '.join(_NEEDED)}; give a table that ndoki detect wrote"
        )
