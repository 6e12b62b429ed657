"""One site: its row of ``sites.csv`` and its picture."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from ndoki.audio.continuity import Seam
from ndoki.audio.hours import Hour, hours_of
from ndoki.audio.levels import SHOT
from ndoki.audio.microphone import WET
from ndoki.cli.inspection import Inspection, recorder_of
from ndoki.cli.inspection_together import Together, channels_of
from ndoki.core.types import Recording
from ndoki.core.zones import zone_label
from ndoki.tables.coverage import CoverageCell, coverage_image, write_coverage
from ndoki.tables.quality import SiteRow

__all__ = ["write_site"]

_HOUR_S = 3600
_DEAD_MARK, _WET_MARK = "dead", "wet"
_Span = tuple[datetime, datetime]


def write_site(picture: Path, site: str, inspections: Sequence[Inspection], together: Together) -> SiteRow:
    """Draw a site's hours and days, if any recording of it has a start; returns its row.

    Raises
    ------
    OutputError
        The picture cannot be written.
    """
    good = [(one, one.recording) for one in inspections if one.recording is not None and not one.failure]
    placed = [
        (one, recording)
        for one, recording in good
        if recording.started_at is not None and one.source not in together.resets
    ]
    sources = {one.source for one, _ in placed}
    lost = [seam for seam in together.seams if seam.after in sources and not seam.is_regular]
    due = _united(_due(placed, together.seams))
    hours, marks = _hours([one for one, _ in placed], together)
    row = SiteRow(
        site=site,
        n_recordings=len(good),
        n_failed=len(inspections) - len(good),
        first_utc=due[0][0] if due else None,
        end_utc=due[-1][1] if due else None,
        expected_hours=sum((end - first).total_seconds() for first, end in due) / _HOUR_S,
        present_hours=sum(hour.present_s for hour in hours) / _HOUR_S,
        silent_hours=sum(hour.silent_s for hour in hours) / _HOUR_S,
        dead_hours=_marked_hours(hours, marks, _DEAD_MARK),
        wet_hours=_marked_hours(hours, marks, _WET_MARK),
        n_gaps=sum(seam.gap_s > 0 for seam in lost),
        n_overlaps=sum(seam.gap_s < 0 for seam in lost),
        n_clock_resets=sum(one.source in together.resets for one, _ in good),
        n_low_battery=sum("voltage" in one.notes.stop_reason for one, _ in good if one.notes),
        n_without_start=sum(recording.started_at is None for _, recording in good),
        coverage=picture.name if hours else "",
    )
    if hours:
        write_coverage(picture, _picture(row, hours, marks))
    return row


def _due(placed: Sequence[tuple[Inspection, Recording]], seams: Sequence[Seam]) -> list[_Span]:
    """When each recorder of a site should have been recording: from first to last, schedule's gaps aside."""
    by_recorder: dict[str, list[Recording]] = defaultdict(list)
    for one, recording in placed:
        by_recorder[recorder_of(one)].append(recording)
    spans: list[_Span] = []
    for own in by_recorder.values():
        sources = {one.source for one in own}
        starts = [one.started_at for one in own if one.started_at is not None]
        ends = [end for one in own if (end := one.time_of(one.n_samples)) is not None]
        idle = sorted(
            (seam.begins_at, seam.begins_at + timedelta(seconds=seam.gap_s))
            for seam in seams
            if seam.is_regular and seam.after in sources
        )
        firsts = [min(starts), *(until for _, until in idle)]
        spans += zip(firsts, [*(since for since, _ in idle), max(ends)], strict=True)
    return spans


def _united(spans: Iterable[_Span]) -> list[_Span]:
    """The same time as spans in order that do not overlap."""
    united: list[_Span] = []
    for first, end in sorted(spans):
        if united and first <= united[-1][1]:
            united[-1] = (united[-1][0], max(end, united[-1][1]))
        else:
            united.append((first, end))
    return united


def _hours(placed: Sequence[Inspection], together: Together) -> tuple[list[Hour], dict[datetime, str]]:
    """Hours of a site by the first channel, all recorders together, and which of them are marked."""
    keys = [(one.source, channels_of(one)[0][0]) for one in placed]
    marks: dict[datetime, str] = {}
    for microphone in {id(together.microphones[key]): together.microphones[key] for key in keys}.values():
        for spell in microphone.spells:
            marks |= dict.fromkeys(spell.hours, _WET_MARK if spell.kind == WET else _DEAD_MARK)
    return hours_of(piece for key in keys for piece in together.pieces[key]), marks


def _marked_hours(hours: Sequence[Hour], marks: Mapping[datetime, str], mark: str) -> float:
    return sum(hour.present_s for hour in hours if marks.get(hour.began_at) == mark) / _HOUR_S


def _picture(row: SiteRow, hours: Sequence[Hour], marks: Mapping[datetime, str]) -> Image.Image:
    cells: dict[tuple[date, int], CoverageCell] = {}
    # Of a recorder that is on for a minute in ten, an hour with six minutes is a full one.
    full_s = median(hour.present_s for hour in hours)
    for hour in hours:
        level_db = hour.levels_db[SHOT]
        cell = CoverageCell(
            day=hour.began_at.date(),
            hour=hour.began_at.hour,
            present_share=min(1.0, hour.present_s / full_s),
            silent_share=min(1.0, hour.silent_s / full_s),
            level_db=float(level_db) if np.isfinite(level_db) else None,
            mark=marks.get(hour.began_at, ""),
        )
        # Of the hour that clocks repeat once a year, the first is shown.
        cells.setdefault((cell.day, cell.hour), cell)
    days = [day for day, _ in cells]
    n_unplaced = row.n_clock_resets + row.n_without_start
    gaps = f"{row.n_gaps} gap" + ("" if row.n_gaps == 1 else "s")
    scale = f"; a full cell is {full_s / 60:.3g} min" if full_s < _HOUR_S else ""
    hidden = f"; without a usable start and not shown: {n_unplaced}" if n_unplaced else ""
    return coverage_image(
        list(cells.values()),
        title=f"{row.site or 'site unknown'}  ·  {min(days)} to {max(days)}",
        subtitle=f"{row.present_hours:.1f} of {row.expected_hours:.1f} hours recorded; {gaps}{scale}{hidden}",
        clock=zone_label(hours[0].began_at),
    )
