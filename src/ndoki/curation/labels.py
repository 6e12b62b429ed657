"""Tables of loose labels, as people keep them: which recording, and between which times there is a shot."""

import csv
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ndoki.core.errors import LabelError, TableError
from ndoki.curation.windows import LooseLabel
from ndoki.evaluation.material import rows_of_label
from ndoki.evaluation.pairing import pair_recordings
from ndoki.tables.cells import Cells, paired, read_lines, read_text, refusing, unique_headers
from ndoki.tables.recognise import read_table
from ndoki.tables.row import SEGMENT_S, Row

__all__ = ["LabelTable", "located", "read_labels"]

_DELIMITERS = ",;\t"
_FILES = ("file", "path")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelTable:
    """What a table says.

    Attributes
    ----------
    labels
        In the order of the table.
    n_others
        Rows that label something else than a shot.
    refused
        Rows that cannot be used, each with its reason.
    """

    labels: tuple[LooseLabel, ...]
    n_others: int = 0
    refused: tuple[TableError, ...] = field(default=())


def read_labels(
    path: Path, *, window_s: float | None = None, names: Sequence[str] = ("gunshot",)
) -> LabelTable:
    """Read loose labels.

    Parameters
    ----------
    path
        One of these tables, told apart by their headers:

        * CSV with ``file`` and ``offset_s``: a shot within ``window_s`` (12 s) from there on;
        * CSV with ``file`` or ``path`` but no time: a shot somewhere in that file; of a data set's
          ``clips.csv``, only rows of ``kind`` gunshot count;
        * any other that `ndoki.tables.recognise.read_table` reads: a shot that begins within the box, or
          within 12 s from a label without length.
    window_s
        Length of every window from its label's beginning on, whatever the table says of its end.
    names
        What a gunshot is called, in any case; a blank label is one too.

    Raises
    ------
    TableError
        The table cannot be read at all.
    """
    text = read_text(path)
    first_line = next((line for line in read_lines(path) if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first_line.count)
    headers = [cell.strip().strip('"').casefold() for cell in first_line.split(delimiter)]
    refused: list[TableError] = []
    has_file = any(name in headers for name in _FILES)
    if has_file and "start_s" not in headers and not first_line.startswith("{"):
        return _plain(path, text, delimiter, window_s, names, refused)
    table = read_table(path, refused=refused)
    chosen, others = rows_of_label(table.rows, names)
    return LabelTable(
        labels=tuple(_of_row(path, row, window_s) for row in chosen),
        n_others=len(others),
        refused=tuple(refused),
    )


def _of_row(path: Path, row: Row, window_s: float | None) -> LooseLabel:
    length_s = window_s or (row.end_s - row.start_s) or float(SEGMENT_S)
    return LooseLabel(
        file=row.file,
        channel=row.channel,
        first_s=row.start_s,
        end_s=row.start_s + length_s,
        origin=f"{path.name}, {row.start_s:g} s",
    )


def _plain(
    path: Path,
    text: str,
    delimiter: str,
    window_s: float | None,
    names: Sequence[str],
    refused: list[TableError],
) -> LabelTable:
    """A table with a file in each row, and perhaps an offset."""
    wanted = {name.strip().casefold() for name in names} | {""}
    labels, n_others = [], 0
    for cells in _cells(path, text, delimiter, refused):
        with refusing(refused):
            what = (cells.text("kind") or cells.text("label")).strip().casefold()
            if what in wanted:
                labels.append(_of_cells(cells, window_s))
            else:
                n_others += 1
    return LabelTable(labels=tuple(labels), n_others=n_others, refused=tuple(refused))


def _cells(path: Path, text: str, delimiter: str, refused: list[TableError]) -> Iterator[Cells]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        headers = unique_headers([cell.casefold() for cell in next(filter(any, reader), [])])
        for line in filter(any, reader):
            with refusing(refused):
                values = paired(path, reader.line_num, headers, line)
                yield Cells(path=path, line=reader.line_num, values=values)
    except csv.Error as problem:
        raise TableError(
            f"{path}: line {reader.line_num} is not CSV ({problem}); "
            "expected text in pairs of quotes; save the table again"
        ) from problem


def _of_cells(cells: Cells, window_s: float | None) -> LooseLabel:
    name = next((cells.text(column).strip() for column in _FILES if cells.text(column).strip()), "")
    if not name:
        raise cells.error("file" if "file" in cells.values else "path", "the name of a recording")
    channel = cells.number("channel")
    if channel is not None and (channel < 1 or channel != int(channel)):
        raise cells.error("channel", "a whole number from 1 up")
    first_s: float | None = None
    if "offset_s" in cells.values:
        first_s = cells.needed_number("offset_s")
        if first_s < 0:
            raise cells.error("offset_s", "a time from the start of the file, 0 or more")
    return LooseLabel(
        file=name,
        channel=0 if channel is None else int(channel) - 1,
        first_s=first_s,
        end_s=None if first_s is None else first_s + (window_s or float(SEGMENT_S)),
        origin=f"{cells.path.name}, line {cells.line}",
    )


def located(
    labels: Sequence[LooseLabel], folder: Path, recordings: Sequence[str]
) -> tuple[list[LooseLabel], list[LabelError]]:
    """Labels with the recordings where they really lie, and what is wrong with the others.

    Parameters
    ----------
    labels
        Of one table.
    folder
        Where the table lies; names that are not found as they stand are looked for from there.
    recordings
        Sounds that the names mean, whatever their folders; where empty, the names have to be paths.
    """
    known: dict[str, str | LabelError] = {}
    found: list[LooseLabel] = []
    refused = []
    for label in labels:
        if label.file not in known:
            known[label.file] = _place(label.file, folder, recordings)
        place = known[label.file]
        if isinstance(place, LabelError):
            refused.append(LabelError(f"{label.origin}: {place}"))
        else:
            found.append(replace(label, file=place))
    return found, refused


def _place(name: str, folder: Path, recordings: Sequence[str]) -> str | LabelError:
    if recordings:
        try:
            known_as = pair_recordings([name], recordings).known_as
        except LabelError as problem:
            return problem
        if name not in known_as:
            return LabelError(
                f"{name} is none of the {len(recordings)} recordings given; give the folder that holds it"
            )
        return known_as[name]
    if "://" in name:
        return name
    plain = name.replace("\\", "/")
    for place in (Path(plain), folder / plain):
        if place.exists():
            return os.path.abspath(place)  # noqa: PTH100
    return LabelError(
        f"{name} is not there, neither as it stands nor beside the table; "
        "give the folder of the sounds with --recordings"
    )
