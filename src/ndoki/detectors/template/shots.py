"""What a user gives as examples → shots: where each lies, in which file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ndoki.audio.storage import find_recordings
from ndoki.core.errors import InputError, TableError
from ndoki.detectors.template.locate import locate
from ndoki.tables.raven_reader import read_raven
from ndoki.tables.row import Row

__all__ = ["FoundShots", "Shot", "Skipped", "find_shots"]

_TABLE_SUFFIXES = {".txt", ".tsv", ".csv"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A stretch of sound that holds one shot, as somebody says.

    Attributes
    ----------
    source
        Path or URL of the sound.
    name
        What a template of it is called.
    told_by
        Who says so, for messages: the file, or the table and its selection.
    channel
        Counts from 0.
    start_s, end_s
        The stretch; ``end_s`` is None where the whole file is meant.
    low_hz, high_hz
        Band that the analyst saw; None when not told.
    label
        What the table calls it.
    """

    source: str
    name: str
    told_by: str
    channel: int = 0
    start_s: float = 0.0
    end_s: float | None = None
    low_hz: float | None = None
    high_hz: float | None = None
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Something that cannot become a template, and why."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundShots:
    """Shots in the order given, and inputs that hold none."""

    shots: tuple[Shot, ...]
    skipped: tuple[Skipped, ...]


def find_shots(
    inputs: Sequence[str],
    *,
    audio: str | None = None,
    column: str | None = None,
    labels: Sequence[str] = (),
    channel: int = 0,
) -> FoundShots:
    """Find out what is meant as an example of a shot.

    Parameters
    ----------
    inputs
        Sound files and folders of them, where every file holds one shot; and Raven selection tables
        (``.txt``), where every selection holds one.
    audio
        Folder or file in which the tables' sounds lie. When None, they are looked for at their Begin Path
        and beside the table.
    column
        Column of the tables that ``labels`` refer to; ``Label`` when None.
    labels
        Selections with one of these in the column are taken, whatever their case; all when empty.
    channel
        Channel of the sound files, from 0; a table tells its own.

    Returns
    -------
    FoundShots
        A bad input costs no other: each is named with its reason.

    Raises
    ------
    InputError
        ``audio`` cannot be looked into or holds no recording.
    """
    sounds = None if audio is None else find_recordings([audio])
    shots: list[Shot] = []
    skipped: list[Skipped] = []
    for given in inputs:
        try:
            if Path(given).suffix.lower() in _TABLE_SUFFIXES:
                found = _in_table(Path(given), sounds, column, labels)
                shots += found.shots
                skipped += found.skipped
            else:
                shots += [_in_sound(source, channel) for source in find_recordings([given])]
        except InputError as error:
            skipped.append(Skipped(what=given, reason=str(error)))
    return FoundShots(shots=tuple(shots), skipped=tuple(skipped))


def _in_sound(source: str, channel: int) -> Shot:
    return Shot(source=source, name=_name(source), told_by=source, channel=channel)


def _in_table(
    table: Path, sounds: Sequence[str] | None, column: str | None, labels: Sequence[str]
) -> FoundShots:
    """Shots of one table; a sound that is not there costs its own selections only."""
    shots: list[Shot] = []
    missing: dict[str, int] = {}
    places: dict[str, str] = {}
    for number, row in _chosen(table, column, labels):
        try:
            if row.file not in places:
                places[row.file] = locate(row.file, table, sounds)
        except TableError as error:
            missing[str(error)] = missing.get(str(error), 0) + 1
            continue
        shots.append(_selected(row, places[row.file], f"{table}, selection {number}"))
    skipped = [Skipped(what=f"{table}, {n} selection(s)", reason=reason) for reason, n in missing.items()]
    return FoundShots(shots=tuple(shots), skipped=tuple(skipped))


def _selected(row: Row, source: str, told_by: str) -> Shot:
    return Shot(
        source=source,
        name=f"{_name(source)} at {row.start_s:g} s",
        told_by=told_by,
        channel=row.channel,
        start_s=row.start_s,
        end_s=row.end_s,
        low_hz=row.low_hz,
        high_hz=row.high_hz,
        label=row.label.strip(),
    )


def _chosen(table: Path, column: str | None, labels: Sequence[str]) -> list[tuple[str, Row]]:
    """Rows with a wanted label, each with the selection's number.

    Raises
    ------
    TableError
        The table cannot be read, lacks the column, or none of its selections is wanted.
    """
    wanted = {_folded(label) for label in labels}
    rows = read_raven(table, label_column=(column or "Label") if wanted else column)
    if not rows:
        raise TableError(f"{table}: has no selection; expected at least one around a shot")
    numbered = [(row.extra.get("Selection") or str(number), row) for number, row in enumerate(rows, 1)]
    chosen = [(number, row) for number, row in numbered if not wanted or _folded(row.label) in wanted]
    if not chosen:
        raise TableError(
            f"{table}: none of {len(rows)} selections has {' or '.join(map(repr, labels))} in the column "
            f"{column or 'Label'!r}; found {_counted(row.label for row in rows)}; choose one with --label"
        )
    return chosen


def _counted(labels: Iterable[str]) -> str:
    counts: dict[str, int] = {}
    for label in labels:
        shown = repr(label.strip()) if label.strip() else "blank"
        counts[shown] = counts.get(shown, 0) + 1
    return ", ".join(f"{shown} ({n})" for shown, n in counts.items())


def _folded(text: str) -> str:
    return text.strip().casefold()


def _name(source: str) -> str:
    return source.replace("\\", "/").rsplit("/", 1)[-1]
