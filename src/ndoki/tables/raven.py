"""Raven selection tables: one per recording, and one over all of them with cumulative times."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from ndoki.core.types import Event, Recording
from ndoki.tables.atomic import write_lines
from ndoki.tables.cells import one_line
from ndoki.tables.layout import events_by_recording, mirrored_names
from ndoki.tables.row import Row, cells_of

__all__ = ["COMBINED_NAME", "HEADERS", "TABLE_SUFFIX", "write_combined", "write_per_recording"]

TABLE_SUFFIX = ".Table.1.selections.txt"
COMBINED_NAME = "combined.selections.txt"

HEADERS = (
    "Selection",
    "View",
    "Channel",
    "Begin Time (s)",
    "End Time (s)",
    "Low Freq (Hz)",
    "High Freq (Hz)",
    "Begin File",
    "Begin Path",
    "File Offset (s)",
    "Peak Offset (s)",
    "Label",
    "Score",
    "Site",
    "Begin Date Time (UTC)",
    "Begin Date Time (local)",
    "Time Source",
    "Detector",
    "Detector Digest",
    "Burst",
    "Shots",
    "Weapon",
    "Verdict",
    "Notes",
)
"""Columns in the order written; ``Verdict`` and mostly ``Notes`` are left blank for the analyst."""

_VIEW = "Spectrogram 1"
_MICROSECONDS = 1_000_000


def write_per_recording(
    folder: Path,
    events: Sequence[Event],
    recordings: Sequence[Recording],
    *,
    notes: Mapping[Event, str] | None = None,
) -> list[Path]:
    """Write one selection table for each recording; times are from the start of its file.

    Tables mirror the folders of the recordings below their common root, so that recordings of the same
    name on different cards keep apart. A recording without events gets a table with the header alone.

    Parameters
    ----------
    folder
        Where the tables go.
    events
        Each in one of the recordings.
    recordings
        All recordings of the run.
    notes
        What ``Notes`` should say of an event.

    Returns
    -------
    list of Path
        The tables, one for each recording in the order given.

    Raises
    ------
    TableError
        An event belongs to a recording that is not listed.
    OutputError
        A table cannot be written.
    """
    groups = events_by_recording(events, recordings)
    names = mirrored_names([recording.source for recording in groups])
    paths = []
    for name, own_events in zip(names, groups.values(), strict=True):
        path = folder / f"{name}{TABLE_SUFFIX}"
        write_lines(path, _lines(((event, Fraction(0)) for event in own_events), notes or {}))
        paths.append(path)
    return paths


def write_combined(path: Path, events: Sequence[Event], recordings: Sequence[Recording]) -> None:
    """Write one selection table over all recordings, as if they were opened one behind the other.

    Begin and End Time count from the start of the first recording over the true durations, added up as
    exact fractions; ``File Offset (s)`` is within the file. Open the recordings in Raven in the order
    given here. Raven wants one sample rate for all files of such a sequence.

    Parameters
    ----------
    path
        The table.
    events
        Each in one of the recordings; written in the order of the recordings.
    recordings
        In the order opened; also those without events, whose duration counts.

    Raises
    ------
    TableError
        An event belongs to a recording that is not listed.
    OutputError
        The table cannot be written.
    """
    write_lines(path, _lines(_placed(events, recordings), {}))


def _placed(events: Sequence[Event], recordings: Sequence[Recording]) -> Iterator[tuple[Event, Fraction]]:
    """Each event with the exact time in seconds at which its recording begins in the sequence."""
    begin_s = Fraction(0)
    for recording, own_events in events_by_recording(events, recordings).items():
        yield from ((event, begin_s) for event in own_events)
        begin_s += Fraction(recording.n_samples, recording.rate_hz)


def _lines(placed: Iterable[tuple[Event, Fraction]], notes: Mapping[Event, str]) -> Iterator[str]:
    yield "\t".join(HEADERS)
    for selection, (event, file_begin_s) in enumerate(placed, 1):
        cells = _cells(selection, event, file_begin_s) | {"Notes": notes.get(event, "")}
        yield "\t".join(_unquoted(cells[header]) for header in HEADERS)


def _cells(selection: int, event: Event, file_begin_s: Fraction) -> dict[str, str]:
    row = Row.from_event(event)
    text = cells_of(row)
    begin_us = round((file_begin_s + Fraction(event.first_sample, event.recording.rate_hz)) * _MICROSECONDS)
    # The end keeps the rounded length, so that File Offset + (End - Begin) is the end within the file.
    end_us = begin_us + round((row.end_s - row.start_s) * _MICROSECONDS)
    return {
        "Selection": str(selection),
        "View": _VIEW,
        "Channel": text["channel"],
        "Begin Time (s)": _seconds(begin_us),
        "End Time (s)": _seconds(end_us),
        "Low Freq (Hz)": text["low_hz"],
        "High Freq (Hz)": text["high_hz"],
        "Begin File": row.file.rsplit("/", 1)[-1],
        "Begin Path": row.file,
        "File Offset (s)": text["start_s"],
        "Peak Offset (s)": text["peak_s"],
        "Label": row.label,
        "Score": text["score"],
        "Site": row.site,
        "Begin Date Time (UTC)": text["start_utc"],
        "Begin Date Time (local)": text["start_local"],
        "Time Source": row.time_source,
        "Detector": row.detector,
        "Detector Digest": row.detector_digest,
        "Burst": row.burst,
        "Shots": text["n_shots"],
        "Weapon": row.weapon,
        "Verdict": "",
    }


def _seconds(microseconds: int) -> str:
    return f"{microseconds // _MICROSECONDS}.{microseconds % _MICROSECONDS:06d}"


def _unquoted(text: str) -> str:
    """A cell without tabs and line ends; quoted only where a reader would else take it for quoted."""
    cell = one_line(text)
    return '"' + cell.replace('"', '""') + '"' if cell.startswith('"') else cell
