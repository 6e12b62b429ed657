"""Inspections as tables for a person."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo

from rich.table import Table
from rich.text import Text

from ndoki.audio.continuity import Seam
from ndoki.audio.quality import Quality
from ndoki.cli.inspection import Inspection
from ndoki.cli.inspection_json import NOTE_NAMES
from ndoki.core.types import Recording
from ndoki.core.zones import zone_label

__all__ = ["tables"]

_N_DETAILED = 3  # up to so many files are shown one by one, more in one table
_N_SEAMS = 20
_N_SILENCES = 5


def tables(inspections: Sequence[Inspection], seams: Sequence[Seam]) -> Iterator[Table | Text]:
    """What a person sees: each file, or one table of many; problems; gaps and overlaps; a closing line."""
    if len(inspections) <= _N_DETAILED:
        for inspection in inspections:
            yield _detail(inspection)
    else:
        yield _overview(inspections)
        problems = _problems(inspections)
        if problems.row_count:
            yield problems
    notable = [seam for seam in seams if not seam.is_regular]
    if notable:
        yield _seam_table(notable)
    yield _closing(inspections, seams)


def _duration(seconds: float) -> str:
    """``24:00:00``; tenths where the whole is shorter than a minute."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, second = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{second:02d}"


def _clock(moment: datetime | None, zone: tzinfo | None) -> str:
    if moment is None or zone is None:
        return "unknown"
    there = moment.astimezone(zone)
    return f"{there:%Y-%m-%d %H:%M:%S} {zone_label(there)}"


def _sound(recording: Recording) -> str:
    return f"{recording.rate_hz / 1000:g} kHz, {recording.n_channels} ch, {_duration(recording.duration_s)}"


def _percent(share: float) -> str:
    if share == 0:
        return "none"
    return f"{share:.2%}" if share >= 1e-4 else "< 0.01%"


def _level(quality: Quality) -> str:
    return "silence" if quality.level_dbfs is None else f"{quality.level_dbfs:.1f} dBFS"


def _two_columns(title: str) -> Table:
    table = Table(title=Text(title, overflow="fold"), title_justify="left", show_header=False, box=None)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _detail(inspection: Inspection) -> Table:
    table = _two_columns(inspection.source)
    rows: list[tuple[str, str]] = []
    header, recording, notes = inspection.header, inspection.recording, inspection.notes
    if inspection.failure:
        rows.append(("failed", inspection.failure))
    if header is not None and recording is not None:
        claimed = header.n_samples_claimed
        rows += [
            (
                "header",
                f"{header.container} {header.encoding}, claims {'?' if claimed is None else claimed} samples",
            ),
            ("there", f"{_sound(recording)} ({recording.n_samples} samples, {header.size_bytes} bytes)"),
            ("start", f"{_clock(recording.started_at, UTC)} ({recording.time_source})"),
            ("local", _clock(recording.started_at, recording.local_zone)),
            ("site", recording.site or "unknown"),
        ]
    if notes is not None:
        told = [(name, getattr(notes, name)) for name in NOTE_NAMES]
        rows += [
            (name.removesuffix("_c").replace("_", " "), str(value))
            for name, value in told
            if value not in ("", None)
        ]
    for channel, quality in inspection.qualities:
        rows += _quality_rows(channel, quality, recording)
    for label, value in rows + [
        ("problem", problem) for problem in (recording.problems if recording else ())
    ]:
        table.add_row(label, Text(value))
    return table


def _quality_rows(channel: int, quality: Quality, recording: Recording | None) -> list[tuple[str, str]]:
    rate_hz = recording.rate_hz if recording else 1
    rows = [
        (
            f"channel {channel + 1}",
            f"{_level(quality)}, peak {quality.peak:.4f}, offset {quality.dc_offset:+.5f}",
        ),
        ("clipped", f"{_percent(quality.clipped_share)}, longest {quality.longest_clip_samples} samples"),
    ]
    shown = [
        f"{_duration(stretch.first_sample / rate_hz)} to {_duration(stretch.end_sample / rate_hz)}"
        for stretch in quality.silences[:_N_SILENCES]
    ]
    n_more = len(quality.silences) - len(shown)
    return [
        *rows,
        ("silent", "; ".join(shown) + (f" and {n_more} more" if n_more else "") if shown else "nowhere"),
    ]


def _overview(inspections: Sequence[Inspection]) -> Table:
    table = Table(title=f"{len(inspections)} files", title_justify="left")
    for name in (
        "file",
        "sound",
        "start (UTC)",
        "start (local)",
        "from",
        "site",
        "level",
        "clipped",
        "silent",
    ):
        table.add_column(name, overflow="fold")
    for inspection in inspections:
        recording = inspection.recording
        if recording is None or inspection.failure:
            table.add_row(Text(inspection.source), Text("failed", style="red"))
            continue
        qualities = [quality for _, quality in inspection.qualities]
        table.add_row(
            Text(inspection.source),
            _sound(recording),
            _clock(recording.started_at, UTC).removesuffix(" UTC"),
            _clock(recording.started_at, recording.local_zone),
            recording.time_source,
            Text(recording.site),
            ", ".join(map(_level, qualities)),
            ", ".join(_percent(quality.clipped_share) for quality in qualities),
            ", ".join(_duration(quality.silent_s) if quality.silences else "none" for quality in qualities),
        )
    return table


def _problems(inspections: Sequence[Inspection]) -> Table:
    table = _two_columns("Problems")
    table.columns[0].no_wrap = False
    for inspection in inspections:
        recording = inspection.recording
        sentences = [inspection.failure] if inspection.failure else recording.problems if recording else ()
        for sentence in sentences:
            table.add_row(Text(inspection.source), Text(sentence))
    return table


def _seam_table(seams: Sequence[Seam]) -> Table:
    """The longest gaps and overlaps, in order of time."""
    table = Table(title="Gaps and overlaps", title_justify="left")
    for name in ("", "from (UTC)", "length", "between", "and"):
        table.add_column(name, overflow="fold")
    longest = sorted(seams, key=lambda seam: -abs(seam.gap_s))[:_N_SEAMS]
    for seam in sorted(longest, key=lambda seam: seam.begins_at):
        kind = "gap" if seam.gap_s > 0 else "overlap"
        begins = _clock(seam.begins_at, UTC).removesuffix(" UTC")
        table.add_row(kind, begins, _duration(abs(seam.gap_s)), Text(seam.before), Text(seam.after))
    if len(seams) > _N_SEAMS:
        table.caption = f"and {len(seams) - _N_SEAMS} shorter ones"
    return table


def _closing(inspections: Sequence[Inspection], seams: Sequence[Seam]) -> Text:
    recordings = [item.recording for item in inspections if item.recording is not None and not item.failure]
    n_failed = len(inspections) - len(recordings)
    total_s = sum(recording.duration_s for recording in recordings)
    parts = [f"{len(recordings)} file(s), {_duration(total_s)} of sound"]
    n_timeless = sum(recording.started_at is None for recording in recordings)
    n_regular = sum(seam.is_regular for seam in seams)
    parts += [f"{n_timeless} without a start time"] if n_timeless else []
    parts += [f"{n_regular} gaps of a regular schedule"] if n_regular else []
    parts += [f"{n_failed} failed"] if n_failed else []
    return Text("; ".join(parts) + ".")
