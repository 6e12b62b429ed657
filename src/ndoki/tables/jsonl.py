"""``detections.jsonl``: one JSON object per line and event, with the exact sample positions."""

import json
from collections.abc import Sequence
from pathlib import Path

from ndoki.core.errors import TableError
from ndoki.core.types import Event
from ndoki.tables.atomic import write_lines
from ndoki.tables.cells import Cells, read_lines
from ndoki.tables.row import COLUMNS, Row, cells_of, row_from_cells

__all__ = ["SAMPLE_KEYS", "read_jsonl", "write_jsonl"]

SAMPLE_KEYS = ("rate_hz", "n_samples", "first_sample", "end_sample", "peak_sample")
"""Keys beside the columns of ``detections.csv``: positions that no rounding touches."""

_NUMBERS = frozenset(
    {"channel", "score", "offset_s", "start_s", "end_s", "peak_s", "low_hz", "high_hz"}
    | {"shot_index", "n_shots", "rounds_per_minute", "weapon_score"}
)
_MAYBE_UNKNOWN = _NUMBERS | {"start_utc", "start_local"}


def write_jsonl(path: Path, events: Sequence[Event]) -> None:
    """Write events as JSON Lines (UTF-8), in the order given; no events is an empty file.

    Keys are the columns of ``detections.csv``, then `SAMPLE_KEYS`. What is unknown is null.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    write_lines(path, (_line(event) for event in events))


def _line(event: Event) -> str:
    cells = cells_of(Row.from_event(event))
    fields: dict[str, object] = {name: _value(name, cells[name]) for name in COLUMNS}
    recording = event.recording
    positions = (
        recording.rate_hz,
        recording.n_samples,
        event.first_sample,
        event.end_sample,
        event.peak_sample,
    )
    return json.dumps(fields | dict(zip(SAMPLE_KEYS, map(int, positions), strict=True)), ensure_ascii=False)


def _value(name: str, text: str) -> object:
    """A cell as JSON holds it."""
    if not text and name in _MAYBE_UNKNOWN:
        return None
    if name in _NUMBERS:
        return int(text) if text.isdecimal() else float(text)
    return text


def read_jsonl(path: Path) -> list[Row]:
    """Read JSON Lines; keys that are not columns (the sample positions too) go to ``extra`` as text.

    Raises
    ------
    TableError
        The file cannot be read, a line is not a JSON object, or a value cannot be understood.
    """
    return [_row(path, number, line) for number, line in enumerate(read_lines(path), 1) if line.strip()]


def _row(path: Path, number: int, line: str) -> Row:
    try:
        fields = json.loads(line)
    except json.JSONDecodeError as problem:
        raise TableError(
            f"{path}: line {number} is not JSON ({problem}); expected one object per line; remove or mend it"
        ) from problem
    if not isinstance(fields, dict):
        raise TableError(
            f"{path}: line {number} holds {line[:40]!r}; expected a JSON object; remove or mend it"
        )
    return row_from_cells(
        Cells(path=path, line=number, values={name: _text(value) for name, value in fields.items()})
    )


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
