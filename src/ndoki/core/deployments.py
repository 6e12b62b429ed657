"""Reading a deployment table: CSV as people's spreadsheets write it, checked cell by cell."""

import csv
import io
import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from ndoki.core.clock import parse_timestamp
from ndoki.core.errors import ClockError, TableError
from ndoki.core.sites import Deployment, Deployments
from ndoki.core.zones import localise, parse_zone

__all__ = ["COLUMNS", "Deployment", "Deployments", "read_deployments"]

COLUMNS = MappingProxyType(
    {
        "site": (
            "site",
            "sitecode",
            "sitename",
            "station",
            "location",
            "locationid",
            "locationname",
            "deployment",
        ),
        "recorder": (
            "recorder",
            "recorderid",
            "serial",
            "serialnumber",
            "device",
            "deviceid",
            "deploymentid",
        ),
        "prefix": ("prefix", "fileprefix"),
        "folder": ("folder", "directory"),
        "file": ("file", "filename", "path", "filepath"),
        "latitude": ("latitude", "lat", "decimallatitude"),
        "longitude": ("longitude", "lon", "long", "lng", "decimallongitude"),
        "zone": ("timezone", "zone", "tz", "utcoffset"),
        "clock_zone": ("clocktimezone", "clockzone", "recordertimezone"),
        "start": ("start", "deploymentstart", "startdate", "from"),
        "end": ("end", "deploymentend", "enddate", "until", "to"),
        "clock_fast_s": ("clockoffsets", "clockoffset", "clockfasts"),
        "recording_start": ("recordingstart", "filestart", "recordedat"),
    }
)
"""Field of `Deployment` → headers, in lower case without spaces and punctuation."""

_FIELD_OF = MappingProxyType({header: name for name, headers in COLUMNS.items() for header in headers})
_NAMES = ("site", "recorder", "prefix", "folder", "file")
_T = TypeVar("_T")


def read_deployments(path: str | PathLike[str]) -> Deployments:
    """Read a deployment table.

    Comma, semicolon or tab between cells (with semicolons a decimal comma is understood); UTF-8 or, failing
    that, Windows-1252; headers in any case, with spaces or underscores. Unknown columns are kept, empty rows
    skipped.

    Raises
    ------
    TableError
        The file cannot be read, has no header that Ndoki knows, or has a cell that does not fit its column;
        the message names row and column.
    """
    text = _decoded(Path(path))
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        message = f"{path}: not a CSV table ({error}). Expected a header line and one row per deployment."
        raise TableError(message) from error
    headers = _checked_headers(path, lines[0] if lines else [])
    rows = []
    for number, cells in enumerate(lines[1:], start=2):
        if any(cell.strip() for cell in cells):
            if len(cells) > len(headers) and any(cell.strip() for cell in cells[len(headers) :]):
                message = f"{path}, row {number}: {len(cells)} cells under {len(headers)} headers."
                raise TableError(message)
            values = {header: cell.strip() for header, cell in zip(headers, cells, strict=False)}
            rows.append(_Row(str(path), number, values, delimiter == ";").deployment())
    return Deployments(path=str(path), rows=tuple(rows))


def _decoded(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        message = f"{path}: the deployment table cannot be read ({error.strerror or error})."
        raise TableError(message) from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _field(header: str) -> str | None:
    return _FIELD_OF.get(re.sub(r"[^a-z0-9]", "", header.lower()))


def _checked_headers(path: str | PathLike[str], headers: list[str]) -> list[str]:
    found = [name for name in map(_field, headers) if name]
    if not set(found) & set(_NAMES):
        message = (
            f"{path}: no column says which recordings a row is about. "
            f"Found {', '.join(headers)[:200] or 'nothing'}; expected at least one of {', '.join(_NAMES)}."
        )
        raise TableError(message)
    for name in found:
        if found.count(name) > 1:
            twice = [header for header in headers if _field(header) == name]
            message = f"{path}: the columns {' and '.join(twice)} mean the same; keep one."
            raise TableError(message)
    return headers


class _Row:
    """One line's cells, turned into values; a cell that does not fit is an error with its row and column."""

    def __init__(self, path: str, number: int, cells: dict[str, str], has_decimal_comma: bool) -> None:
        self._path, self._number, self._has_decimal_comma = path, number, has_decimal_comma
        self._cells = {name: (header, cell) for header, cell in cells.items() if (name := _field(header))}
        self._extra = tuple((header, cell) for header, cell in cells.items() if not _field(header))

    def deployment(self) -> Deployment:
        names: dict[str, Any] = {name: self._text(name) for name in _NAMES}
        if not any(names.values()):
            message = f"{self._path}, row {self._number}: it names no {', no '.join(_NAMES)}."
            raise TableError(message)
        zone = self._value("zone", parse_zone)
        row = Deployment(
            row=self._number,
            latitude=self._value("latitude", lambda text: self._degrees(text, 90)),
            longitude=self._value("longitude", lambda text: self._degrees(text, 180)),
            zone=zone,
            clock_zone=self._value("clock_zone", parse_zone) or zone,
            start=self._value("start", _moment),
            end=self._value("end", _end),
            clock_fast_s=self._value("clock_fast_s", self._number_of) or 0.0,
            recording_start=self._value("recording_start", lambda text: _start_of(text, zone)),
            extra=self._extra,
            **names,
        )
        return self._checked(row)

    def _checked(self, row: Deployment) -> Deployment:
        if row.start and row.end and not row.covers(row.start):
            message = f"{self._path}, row {self._number}: it ends ({row.end}) before it starts ({row.start})."
            raise TableError(message)
        if row.recording_start and not row.file:
            message = (
                f"{self._path}, row {self._number}: a recording_start needs a file that it is the start of."
            )
            raise TableError(message)
        return row

    def _text(self, name: str) -> str:
        return self._cells.get(name, ("", ""))[1]

    def _value(self, name: str, parse: Callable[[str], _T]) -> _T | None:
        header, cell = self._cells.get(name, ("", ""))
        if not cell:
            return None
        try:
            return parse(cell)
        except (ClockError, ValueError) as error:
            message = f"{self._path}, row {self._number}, column {header!r}: {error}"
            raise TableError(message) from error

    def _number_of(self, text: str) -> float:
        try:
            number = float(text.replace(",", ".") if self._has_decimal_comma else text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            # The cell itself stays out of the message: it may be a coordinate.
            message = "not a number."
            raise ValueError(message)
        return number

    def _degrees(self, text: str, limit: int) -> float:
        number = self._number_of(text)
        if abs(number) > limit:
            message = f"not between −{limit} and {limit}; expected decimal degrees, north and east positive."
            raise ValueError(message)
        return number


def _moment(text: str) -> datetime:
    when = parse_timestamp(text)
    if when is None:
        message = f"{text!r} is no date. Expected 2018-08-17, 2018-08-17 06:30 or 2018-08-17T06:30:00+01:00."
        raise ValueError(message)
    return when


def _end(text: str) -> datetime:
    """End of a period; a day alone counts to its last moment."""
    when = _moment(text)
    return when + timedelta(days=1) if re.fullmatch(r"\d{4}-?\d\d-?\d\d", text) else when


def _start_of(text: str, zone: tzinfo | None) -> datetime:
    when = _moment(text)
    if when.tzinfo is not None:
        return when
    if zone is None:
        message = f"{text!r} has no offset, and the row has no timezone. Write 2018-08-17T06:30:00+01:00."
        raise ValueError(message)
    return localise(when, zone)[0]
