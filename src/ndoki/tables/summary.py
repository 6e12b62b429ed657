"""``summary.json``: what was heard, what was found, what failed; and the same as tables for a terminal."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC
from fractions import Fraction
from pathlib import Path

from ndoki.core.types import DetectorId, Event, Recording
from ndoki.tables.atomic import write_text
from ndoki.tables.row import source_in_files

__all__ = [
    "FailedFile",
    "FileWithProblems",
    "Summary",
    "TextTable",
    "summarise",
    "terminal_tables",
    "write_summary",
]

_HOUR_S = 3600
_UNKNOWN = "unknown"
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedFile:
    """A file that could not be heard, and why."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWithProblems:
    """A file that was heard although something was wrong with it."""

    file: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A run in numbers. The fields are the keys of ``summary.json``, in this order.

    Attributes
    ----------
    detector, detector_digest
        What listened.
    threshold
        Score from which an event counts, in [0, 1].
    hours_heard
        Length of the recordings that were heard; several channels count once.
    wall_s
        How long the run took.
    speed_x_realtime
        Hours heard per hour of running; None if no time was measured.
    n_files_ok, n_files_failed
        Recordings heard, files that could not be.
    n_events
        All events.
    events_per_label, events_per_site
        Largest first. A recording without a site counts under ``unknown``.
    events_per_hour
        By hour of day at the onset: ``05 local`` where the site's zone is known, ``05 UTC`` where only the
        instant is, ``unknown`` where neither is. In that order.
    bursts_per_weapon
        Bursts (single shots too) by what fired them, largest first.
    failed
        Files that could not be heard.
    with_problems
        Files that were heard in part, or whose header was wrong.
    versions
        Programs by name.
    """

    detector: str
    detector_digest: str
    threshold: float
    hours_heard: float
    wall_s: float
    speed_x_realtime: float | None
    n_files_ok: int
    n_files_failed: int
    n_events: int
    events_per_label: Mapping[str, int]
    events_per_site: Mapping[str, int]
    events_per_hour: Mapping[str, int]
    bursts_per_weapon: Mapping[str, int]
    failed: tuple[FailedFile, ...] = ()
    with_problems: tuple[FileWithProblems, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


def summarise(
    events: Sequence[Event],
    recordings: Sequence[Recording],
    *,
    detector: DetectorId,
    threshold: float,
    wall_s: float,
    failed: Sequence[FailedFile] = (),
    versions: Mapping[str, str] | None = None,
) -> Summary:
    """Count a run.

    Parameters
    ----------
    events
        All that were found.
    recordings
        All that were heard, also those without events.
    detector, threshold
        What listened, and from which score on an event counts.
    wall_s
        How long it took, in seconds.
    failed
        Files that could not be heard.
    versions
        Programs by name.
    """
    weapons = {event.burst.id: event.burst.weapon for event in events if event.burst}
    heard_s = sum((Fraction(one.n_samples, one.rate_hz) for one in recordings), Fraction(0))
    return Summary(
        detector=detector.name,
        detector_digest=detector.digest,
        threshold=threshold,
        hours_heard=round(float(heard_s / _HOUR_S), 6),
        wall_s=round(wall_s, 3),
        speed_x_realtime=round(float(heard_s) / wall_s, 1) if wall_s > 0 else None,
        n_files_ok=len(recordings),
        n_files_failed=len(failed),
        n_events=len(events),
        events_per_label=_largest_first(Counter(event.label for event in events)),
        events_per_site=_largest_first(Counter(event.recording.site or _UNKNOWN for event in events)),
        events_per_hour=dict(sorted(Counter(map(_hour_of_day, events)).items(), key=_hour_order)),
        bursts_per_weapon=_largest_first(Counter(weapons.values())),
        failed=tuple(failed),
        with_problems=tuple(
            FileWithProblems(file=source_in_files(one.source), problems=one.problems)
            for one in recordings
            if one.problems
        ),
        versions=dict(sorted((versions or {}).items())),
    )


def _largest_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _hour_of_day(event: Event) -> str:
    onset = event.recording.time_of(event.first_sample)
    if onset is None:
        return _UNKNOWN
    zone = event.recording.local_zone
    return f"{onset.astimezone(zone or UTC):%H} {'local' if zone else 'UTC'}"


def _hour_order(item: tuple[str, int]) -> tuple[bool, str, str]:
    hour, _, zone = item[0].partition(" ")
    return item[0] == _UNKNOWN, zone.casefold(), hour


def write_summary(path: Path, summary: Summary) -> None:
    """Write ``summary.json``, indented, keys in the order of `Summary`.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    write_text(path, json.dumps(asdict(summary), ensure_ascii=False, indent=2) + "\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTable:
    """A table as text, for whatever draws it. Every row has as many cells as there are columns."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def terminal_tables(summary: Summary) -> list[TextTable]:
    """The closing tables of a run: totals first, then counts, then files that failed or had problems.

    A table without rows is left out, except the totals.
    """
    counts = (
        ("Events per label", "label", "events", summary.events_per_label),
        ("Events per site", "site", "events", summary.events_per_site),
        ("Events per hour of day", "hour", "events", summary.events_per_hour),
        ("Bursts per weapon", "weapon", "bursts", summary.bursts_per_weapon),
    )
    tables = [TextTable(title="Summary", columns=("what", "value"), rows=_totals(summary))]
    for title, column, what, counted in counts:
        rows = tuple((name, f"{count}") for name, count in counted.items())
        tables.append(TextTable(title=title, columns=(column, what), rows=rows))
    failed = tuple((one.file, one.reason) for one in summary.failed)
    tables.append(TextTable(title="Files that failed", columns=("file", "reason"), rows=failed))
    tables.append(
        TextTable(
            title="Problems", columns=("files", "problem", "first"), rows=_problems(summary.with_problems)
        )
    )
    return [table for table in tables if table.rows]


def _problems(files: Sequence[FileWithProblems]) -> tuple[tuple[str, ...], ...]:
    """One row per kind of problem: a card of 2 000 files without a start time is one thing to know.

    Problems of a kind differ in their numbers alone; shown is that of the first file.
    """
    having: dict[str, list[tuple[str, str]]] = {}
    for one in files:
        for problem in one.problems:
            having.setdefault(_NUMBER.sub("0", problem), []).append((problem, one.file))
    ordered = sorted(having.values(), key=lambda found: (-len(found), found[0]))
    return tuple((f"{len(found)}", *found[0]) for found in ordered)


def _totals(summary: Summary) -> tuple[tuple[str, ...], ...]:
    speed = summary.speed_x_realtime
    return (
        ("hours heard", f"{summary.hours_heard:.2f}"),
        ("events", f"{summary.n_events}"),
        ("files heard", f"{summary.n_files_ok}"),
        ("files failed", f"{summary.n_files_failed}"),
        ("files with problems", f"{len(summary.with_problems)}"),
        ("speed", "not measured" if speed is None else f"{speed:.0f} × real time"),
        ("time taken", f"{summary.wall_s:.1f} s"),
        ("detector", f"{summary.detector} {summary.detector_digest[:12]}".rstrip()),
        ("threshold", f"{summary.threshold:.2f}"),
    )
