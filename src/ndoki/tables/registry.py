"""The table formats by name: how each is written and read."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType

from ndoki.core.errors import ConfigError
from ndoki.core.types import Event, Recording
from ndoki.tables.audacity import read_audacity, write_audacity
from ndoki.tables.detections import read_detections, write_detections
from ndoki.tables.jsonl import read_jsonl, write_jsonl
from ndoki.tables.raven import COMBINED_NAME, write_combined, write_per_recording
from ndoki.tables.raven_reader import read_raven
from ndoki.tables.row import Row

__all__ = ["FORMATS", "TableFormat", "table_format"]

Writer = Callable[[Path, Sequence[Event], Sequence[Recording]], list[Path]]
Reader = Callable[[Path], list[Row]]

_EVERY_FIELD = frozenset(field.name for field in fields(Row)) - {"extra"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFormat:
    """One format.

    Attributes
    ----------
    name
        As given to ``--format``.
    write
        ``write(folder, events, recordings)`` writes the format's files below the output folder and
        returns their paths. ``recordings`` are all of the run, in the order opened.
    write_together
        The part of ``write`` that puts all recordings into one file; None where there is none.
    read
        ``read(path)`` reads one of these files back.
    keeps
        Fields of `Row` that survive writing and reading.
    """

    name: str
    write: Writer
    read: Reader
    write_together: Writer | None = None
    keeps: frozenset[str] = _EVERY_FIELD


def _write_csv(folder: Path, events: Sequence[Event], recordings: Sequence[Recording]) -> list[Path]:  # noqa: ARG001
    path = folder / "detections.csv"
    write_detections(path, events)
    return [path]


def _write_jsonl(folder: Path, events: Sequence[Event], recordings: Sequence[Recording]) -> list[Path]:  # noqa: ARG001
    path = folder / "detections.jsonl"
    write_jsonl(path, events)
    return [path]


def _write_raven(folder: Path, events: Sequence[Event], recordings: Sequence[Recording]) -> list[Path]:
    combined = _write_raven_together(folder, events, recordings)
    return [*combined, *write_per_recording(folder / "raven", events, recordings)]


def _write_raven_together(
    folder: Path, events: Sequence[Event], recordings: Sequence[Recording]
) -> list[Path]:
    combined = folder / "raven" / COMBINED_NAME
    write_combined(combined, events, recordings)
    return [combined]


def _write_audacity(folder: Path, events: Sequence[Event], recordings: Sequence[Recording]) -> list[Path]:
    return write_audacity(folder / "audacity", events, recordings)


FORMATS: Mapping[str, TableFormat] = MappingProxyType(
    {
        table.name: table
        for table in (
            TableFormat(name="csv", write=_write_csv, write_together=_write_csv, read=read_detections),
            TableFormat(
                name="raven",
                write=_write_raven,
                write_together=_write_raven_together,
                read=read_raven,
                keeps=_EVERY_FIELD - {"shot_index", "rounds_per_minute", "weapon_score"},
            ),
            TableFormat(
                name="audacity",
                write=_write_audacity,
                read=read_audacity,
                keeps=frozenset({"label", "score", "offset_s", "start_s", "end_s", "low_hz", "high_hz"}),
            ),
            TableFormat(name="jsonl", write=_write_jsonl, write_together=_write_jsonl, read=read_jsonl),
        )
    }
)
"""Every format by its name."""


def table_format(name: str) -> TableFormat:
    """The format of that name.

    Raises
    ------
    ConfigError
        There is none; the message names the nearest one.
    """
    if name in FORMATS:
        return FORMATS[name]
    near = difflib.get_close_matches(name.casefold(), FORMATS, n=1)
    hint = f"did you mean '{near[0]}'?" if near else "choose one of them"
    raise ConfigError(f"--format: found '{name}', expected one of {', '.join(FORMATS)}; {hint}")
