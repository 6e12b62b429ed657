"""What ``ndoki detect`` writes, out of the ledger of its run."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Self

import click

from ndoki.audio.reader import open_samples
from ndoki.batch.ledger import Ledger
from ndoki.batch.run import Heard, Job, heard_so_far
from ndoki.cli.progress import show_tables
from ndoki.core.types import Event
from ndoki.events.bursts import with_bursts
from ndoki.events.weapon import WEAPONS
from ndoki.tables.atomic import folders_flushed_once
from ndoki.tables.bursts import write_bursts
from ndoki.tables.layout import mirrored_names
from ndoki.tables.registry import TableFormat
from ndoki.tables.summary import FailedFile, Summary, summarise, terminal_tables, write_summary

__all__ = ["Wanted", "write_results"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be written.

    ``limit`` is the score from which an event counts, ``weapons`` those that are carried there.
    """

    tables: tuple[TableFormat, ...]
    limit: float
    images: bool = False
    clips: bool = False
    weapons: frozenset[str] = frozenset(WEAPONS)

    def for_now(self) -> Self:
        """Of a run that is stopped: only tables that hold all recordings in one file.

        Thousands of files take too long for someone who stops a run, and their names, which mirror the
        folders of all recordings of a run, could differ from the final ones.
        """
        together = [replace(one, write=one.write_together) for one in self.tables if one.write_together]
        return replace(self, tables=tuple(together), images=False, clips=False)


def write_results(out: Path, ledger: Ledger, job: Job, wanted: Wanted, *, is_whole: bool) -> int:
    """Write tables and summary of all that the ledger holds; returns the number of files that failed.

    Parameters
    ----------
    is_whole
        Whether all is heard; then the closing tables are shown too.

    Raises
    ------
    OutputError
        Something cannot be written.
    """
    heard = list(heard_so_far(ledger, job))
    failed = [FailedFile(file=source, reason=reason) for source, reason in ledger.failures()]
    with folders_flushed_once():
        sure = _write_tables(out, heard, wanted)
        _write_sounds(out, heard, wanted)
    summary = _summary(sure, heard, failed, job, wanted.limit, ledger.taken_s())
    write_summary(out / "summary.json", summary)
    if is_whole:
        show_tables(terminal_tables(summary))
    click.echo(f"Results {'are' if is_whole else 'so far are'} in {out}")
    return len(failed)


def _write_tables(out: Path, heard: Sequence[Heard], wanted: Wanted) -> list[Event]:
    """Write the tables; returns the events that count."""
    recordings = [one.recording for one in heard]
    found = [event for one in heard for event in one.events]
    sure = with_bursts([event for event in found if event.score >= wanted.limit], weapons=wanted.weapons)
    # Events between --min-score and the threshold stand in the tables and count nowhere else.
    in_order = iter(sure)
    events = [next(in_order) if event.score >= wanted.limit else event for event in found]
    for table in wanted.tables:
        table.write(out, events, recordings)
        if table.name == "csv":
            write_bursts(out / "bursts.csv", sure)
    return sure


def _write_sounds(out: Path, heard: Sequence[Heard], wanted: Wanted) -> None:
    if not wanted.images and not wanted.clips:
        return
    from ndoki.tables.clips import write_clips
    from ndoki.tables.images import write_images

    names = mirrored_names([one.recording.source for one in heard])
    for one, name in zip(heard, names, strict=True):
        events = [event for event in one.events if event.score >= wanted.limit]
        if not events:
            continue
        with open_samples(one.recording.source) as samples:
            if wanted.images:
                write_images(out / "images", name, one.recording, events, samples.read)
            if wanted.clips:
                write_clips(out / "clips", name, one.recording, events, samples.read)


def _summary(
    events: Sequence[Event],
    heard: Sequence[Heard],
    failed: Sequence[FailedFile],
    job: Job,
    limit: float,
    wall_s: float,
) -> Summary:
    return summarise(
        events,
        [one.recording for one in heard],
        detector=job.detector.id,
        threshold=limit,
        wall_s=wall_s,
        failed=failed,
        versions={
            "ndoki": version("ndoki"),
            "onnxruntime": version("onnxruntime"),
            "python": sys.version.split()[0],
        },
    )
