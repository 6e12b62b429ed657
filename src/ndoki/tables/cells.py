"""Cells of text tables: bytes → text → numbers and times, with errors that name file, line and column."""

import codecs
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ndoki.core.errors import TableError

__all__ = ["Cells", "one_line", "paired", "read_lines", "read_text", "refusing", "unique_headers"]

_LINE_END = re.compile(r"\r\n|\n|\r")
_SEPARATORS = re.compile(r"[\t\r\n]+")
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")


def read_text(path: Path) -> str:
    """Whole text of a table, whichever of the usual encodings it has.

    UTF-8 with or without byte order mark; UTF-16 with one (a spreadsheet's "Unicode text"); otherwise
    Latin-1, in which older Windows tables are written closely enough.

    Raises
    ------
    TableError
        The file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise TableError(
            f"{path}: cannot be read ({problem.strerror or problem}); expected a table; check the path"
        ) from problem
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def read_lines(path: Path) -> list[str]:
    """Lines of a table without their ends (CRLF, LF or CR); raises what `read_text` raises."""
    lines = _LINE_END.split(read_text(path))
    return lines[:-1] if lines[-1] == "" else lines


def one_line(text: str) -> str:
    """Text with each run of tabs and line ends as one space, for formats that cannot quote them."""
    return _SEPARATORS.sub(" ", text)


def unique_headers(headers: Sequence[str]) -> list[str]:
    """Stripped headers; a repeated one gets `` (2)``, `` (3)`` …, so that no column is lost."""
    seen: dict[str, int] = {}
    unique = []
    for header in (raw.strip() for raw in headers):
        seen[header] = seen.get(header, 0) + 1
        unique.append(header if seen[header] == 1 else f"{header} ({seen[header]})")
    return unique


def paired(path: Path, line: int, headers: Sequence[str], values: Sequence[str]) -> dict[str, str]:
    """One line's cells by header; cells missing at the end are blank.

    Raises
    ------
    TableError
        More cells with text than there are headers.
    """
    if any(value.strip() for value in values[len(headers) :]):
        raise TableError(
            f"{path}: line {line} has {len(values)} cells, but the header has {len(headers)} columns; "
            "give every cell a header, or remove the surplus"
        )
    padded = [*values, *[""] * (len(headers) - len(values))]
    return dict(zip(headers, padded, strict=False))


@contextmanager
def refusing(refused: list[TableError] | None) -> Iterator[None]:
    """Let one bad row cost no other: what is wrong with it goes to ``refused``; with None it is raised."""
    try:
        yield
    except TableError as problem:
        if refused is None:
            raise
        refused.append(problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """One line of a table, by column name.

    Attributes
    ----------
    path, line
        Where it was read; lines count from 1, the header included.
    values
        Text by column.
    headers
        What a column is called in the file, where that differs from its name here.
    """

    path: Path
    line: int
    values: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)

    def error(self, column: str, expected: str) -> TableError:
        """An error that says where a cell stands, what it holds and what was expected."""
        header = self.headers.get(column, column)
        found = self.values.get(column, "")
        return TableError(
            f"{self.path}: line {self.line}, column '{header}': found {found!r}, expected {expected}; "
            "correct the cell"
        )

    def text(self, column: str, default: str = "") -> str:
        """A cell's text as it is; ``default`` if there is no such column."""
        return self.values.get(column, default)

    def number(self, column: str) -> float | None:
        """A cell's finite number, with a decimal point or a decimal comma; None if blank or missing.

        Raises
        ------
        TableError
            Neither blank nor a finite number.
        """
        text = self.values.get(column, "").strip()
        if not text:
            return None
        if _DECIMAL_COMMA.fullmatch(text):
            text = text.replace(",", ".")
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.error(column, "a number")
        return value

    def needed_number(self, column: str) -> float:
        """As `number`, but a blank cell is an error too."""
        value = self.number(column)
        if value is None:
            raise self.error(column, "a number")
        return value

    def moment(self, column: str) -> datetime | None:
        """A cell's time of day and date, aware; None if blank or missing.

        Raises
        ------
        TableError
            Not ISO 8601, or without ``Z`` or offset (a time without a zone is never guessed at).
        """
        text = self.values.get(column, "").strip()
        if not text:
            return None
        expected = "a time such as 2026-11-22T05:30:00.000Z or 2026-11-22T06:30:00.000+01:00"
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as problem:
            raise self.error(column, expected) from problem
        if moment.tzinfo is None:
            raise self.error(column, expected)
        return moment
