"""``quality.csv`` and ``sites.csv``: what is wrong with recordings, for those who decide what to trust."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ndoki.tables.atomic import write_lines
from ndoki.tables.detections import csv_line

__all__ = ["QualityRow", "SiteRow", "write_quality"]

# Hours to a second's tenth, shares to a sample of a short file, levels to what they are good for.
_DECIMALS = {"hours": 4, "share": 6, "db": 1, "dbfs": 1, "s": 3, "c": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityRow:
    """One channel of one recording; the fields are the columns of ``quality.csv``, in this order.

    Attributes
    ----------
    file, site, recorder, channel
        Recording as given, place, serial number, channel counted from 1; channel is None if nobody listened.
    start_utc, start_local, time_source
        When it began, and who says so.
    clock
        ``ok``, ``reset`` or ``unknown``.
    rate_hz
        Sample rate.
    expected_hours, present_hours
        How long it should be and how long it is.
    gap_before_s, overlap_before_s
        Time since the recorder's previous recording ended, schedule aside, and time that both cover.
    stop_reason, battery, temperature_c
        What the recorder says.
    level_dbfs
        Median over minutes of the RMS, relative to full scale.
    wind_db, shot_db, middle_db, high_db
        Median level of each band of docs/reference/quality.md.
    clipped_share
        Share of samples at full scale.
    longest_clip_s, silent_s
        Most samples at full scale in a row; digital silence.
    dead_hours, wet_hours
        Hours of it in which the microphone seems dead or wet; None where that could not be judged.
    verdict
        ``ok``, ``doubtful`` or ``failed``.
    reasons
        Why, in sentences.
    """

    file: str
    site: str = ""
    recorder: str = ""
    channel: int | None = None
    start_utc: datetime | None = None
    start_local: datetime | None = None
    time_source: str = ""
    clock: str = "unknown"
    rate_hz: int | None = None
    expected_hours: float | None = None
    present_hours: float | None = None
    gap_before_s: float | None = None
    overlap_before_s: float | None = None
    stop_reason: str = ""
    battery: str = ""
    temperature_c: float | None = None
    level_dbfs: float | None = None
    wind_db: float | None = None
    shot_db: float | None = None
    middle_db: float | None = None
    high_db: float | None = None
    clipped_share: float | None = None
    longest_clip_s: float | None = None
    silent_s: float | None = None
    dead_hours: float | None = None
    wet_hours: float | None = None
    verdict: str = "ok"
    reasons: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRow:
    """One site; the fields are the columns of ``sites.csv``, in this order.

    Attributes
    ----------
    site, n_recordings, n_failed
        Place, files, files that could not be read.
    first_utc, end_utc
        From the first start to the last end; recordings with a reset clock left out.
    expected_hours, present_hours
        The time in which a recorder of the site should have been recording, a schedule's gaps left out, and
        what of it was recorded; several recorders at a time count once.
    silent_hours, dead_hours, wet_hours
        Of the first channel that was listened to.
    n_gaps, n_overlaps, n_clock_resets, n_low_battery, n_without_start
        Counts; gaps of a schedule do not count.
    coverage
        The picture's name; empty where no recording has a start.
    """

    site: str
    n_recordings: int
    n_failed: int
    first_utc: datetime | None
    end_utc: datetime | None
    expected_hours: float
    present_hours: float
    silent_hours: float
    dead_hours: float
    wet_hours: float
    n_gaps: int
    n_overlaps: int
    n_clock_resets: int
    n_low_battery: int
    n_without_start: int
    coverage: str


def write_quality(
    path: Path, kind: type[QualityRow] | type[SiteRow], rows: Sequence[QualityRow | SiteRow]
) -> None:
    """Write rows of one kind as CSV; quotes, encoding and blanks as in ``detections.csv``.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    write_lines(path, _lines(tuple(one.name for one in fields(kind)), rows))


def _lines(columns: Sequence[str], rows: Sequence[QualityRow | SiteRow]) -> Iterator[str]:
    yield csv_line(columns)
    for row in rows:
        yield csv_line(_text(name, getattr(row, name)) for name in columns)


def _text(name: str, value: str | float | datetime | None) -> str:
    if isinstance(value, datetime):
        return _iso(value)
    if isinstance(value, float):
        return f"{value:.{_DECIMALS[name.rpartition('_')[2]]}f}"
    return "" if value is None else str(value)


def _iso(moment: datetime) -> str:
    """ISO 8601 to the second, with ``Z`` or offset."""
    whole = moment.replace(microsecond=0, tzinfo=timezone(moment.utcoffset() or timedelta(0)))
    return whole.isoformat().replace("+00:00", "Z")
