"""A row of a table: an event as files hold it, without the recording that it was found in."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from ndoki.core.types import Event
from ndoki.tables.cells import Cells

__all__ = ["COLUMNS", "SEGMENT_S", "Row", "cells_of", "row_from_cells", "source_in_files"]

SEGMENT_S = 12
"""Length in seconds of the segments that ``offset_s`` and the images refer to."""

COLUMNS = (
    "file",
    "site",
    "channel",
    "label",
    "score",
    "offset_s",
    "start_s",
    "end_s",
    "peak_s",
    "low_hz",
    "high_hz",
    "start_utc",
    "start_local",
    "time_source",
    "detector",
    "detector_digest",
    "burst",
    "shot_index",
    "n_shots",
    "rounds_per_minute",
    "weapon",
    "weapon_score",
)
"""Columns of ``detections.csv``, in order."""

_LEAST_BAND_HZ = 1.0
_MILLISECOND_US = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a table says of one event, rounded as tables round.

    Rounding happens here and nowhere else, so that reading a table gives exactly the rows that were
    written: seconds to 6 decimals (a sample at 48 kHz lasts 2.1e-5 s), scores to 4, hertz and rounds per
    minute to 1, times of day to 1 ms.

    Attributes
    ----------
    file
        Path or URL of the recording as given, with forward slashes.
    site
        Place; empty when unknown.
    channel
        Counts from 0, as everywhere in the program; files count from 1.
    label
        What it is; empty when a foreign table does not say.
    score
        In [0, 1]; None when a foreign table has none.
    offset_s
        Start of the 12 s segment that holds the onset, whole seconds from the start of the file.
    start_s, end_s, peak_s
        Onset, end, and where the detector was surest: seconds from the start of the file.
    low_hz, high_hz
        Band; None when unknown. Rows made from events have 0 ≤ low < high ≤ half the sample rate.
    start_utc, start_local
        The onset as an instant, in UTC and with the site's own offset; None when unknown.
    time_source
        Where the recording's start time came from.
    detector, detector_digest
        What found it.
    burst, shot_index, n_shots
        Id of the burst that it belongs to, its place there (from 1), and the burst's number of shots; empty
        and None when nobody grouped it.
    rounds_per_minute, weapon, weapon_score
        The burst's rate of fire, and what fired with which score in [0, 1]; None and empty when not told.
    extra
        Columns that are not listed here, as text, by their name in the file.
    """

    file: str
    site: str = ""
    channel: int = 0
    label: str = ""
    score: float | None = None
    offset_s: int
    start_s: float
    end_s: float
    peak_s: float
    low_hz: float | None = None
    high_hz: float | None = None
    start_utc: datetime | None = None
    start_local: datetime | None = None
    time_source: str = ""
    detector: str = ""
    detector_digest: str = ""
    burst: str = ""
    shot_index: int | None = None
    n_shots: int | None = None
    rounds_per_minute: float | None = None
    weapon: str = ""
    weapon_score: float | None = None
    extra: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def from_event(cls, event: Event) -> "Row":
        """Row of an event.

        Parameters
        ----------
        event
            The event; the recording that it holds gives file, site and time of day.

        Returns
        -------
        Row
            With an empty ``extra``. A box without height is widened to 1 Hz and one that leaves the band
            from 0 Hz to half the sample rate is cut, because viewers refuse such boxes.
        """
        recording, burst = event.recording, event.burst
        low_hz, high_hz = _sane_band_hz(event)
        start_utc, start_local = _instants(event)
        return cls(
            file=source_in_files(recording.source),
            site=recording.site,
            channel=int(event.channel),
            label=event.label,
            score=round(float(event.score), 4),
            offset_s=int(event.first_sample) // (SEGMENT_S * recording.rate_hz) * SEGMENT_S,
            start_s=round(float(event.start_s), 6),
            end_s=round(float(event.end_s), 6),
            peak_s=round(float(event.peak_s), 6),
            low_hz=low_hz,
            high_hz=high_hz,
            start_utc=start_utc,
            start_local=start_local,
            time_source=recording.time_source,
            detector=event.detector.name,
            detector_digest=event.detector.digest,
            burst=burst.id if burst else "",
            shot_index=event.shot_index,
            n_shots=burst.n_shots if burst else None,
            rounds_per_minute=_rounded(burst.rounds_per_minute, 1) if burst else None,
            weapon=burst.weapon if burst else "",
            weapon_score=round(burst.weapon_score, 4) if burst else None,
        )


def source_in_files(source: str, separator: str = os.sep) -> str:
    """A source as tables name it: forward slashes on a system that uses backslashes, else unchanged."""
    return source.replace("\\", "/") if separator == "\\" and "://" not in source else source


def _sane_band_hz(event: Event) -> tuple[float, float]:
    """Lower and upper frequency, 0 ≤ low < high ≤ half the sample rate, to 0.1 Hz."""
    top_hz = event.recording.rate_hz / 2
    low_hz = round(min(max(float(event.low_hz), 0.0), top_hz - _LEAST_BAND_HZ), 1)
    high_hz = round(min(max(float(event.high_hz), low_hz + _LEAST_BAND_HZ), top_hz), 1)
    return low_hz, high_hz


def _instants(event: Event) -> tuple[datetime | None, datetime | None]:
    """Onset in UTC and with the site's offset, to the nearest millisecond."""
    recording = event.recording
    onset = recording.time_of(event.first_sample)
    if onset is None:
        return None, None
    exact = onset.astimezone(UTC)
    rest_us = round(exact.microsecond / _MILLISECOND_US) * _MILLISECOND_US - exact.microsecond
    utc = exact + timedelta(microseconds=rest_us)
    if recording.local_zone is None:
        return utc, None
    local = utc.astimezone(recording.local_zone)
    # A fixed offset, which is all that a file can hold; it also keeps `==` plain in the repeated hour.
    return utc, local.replace(tzinfo=timezone(local.utcoffset() or timedelta(0)), fold=0)


def cells_of(row: Row) -> dict[str, str]:
    """Text of every column of `COLUMNS`; blank where the row knows nothing. ``extra`` is left out."""
    return {
        "file": row.file,
        "site": row.site,
        "channel": str(row.channel + 1),
        "label": row.label,
        "score": _fixed(row.score, 4),
        "offset_s": str(row.offset_s),
        "start_s": _fixed(row.start_s, 6),
        "end_s": _fixed(row.end_s, 6),
        "peak_s": _fixed(row.peak_s, 6),
        "low_hz": _fixed(row.low_hz, 1),
        "high_hz": _fixed(row.high_hz, 1),
        "start_utc": _iso(row.start_utc).replace("+00:00", "Z"),
        "start_local": _iso(row.start_local),
        "time_source": row.time_source,
        "detector": row.detector,
        "detector_digest": row.detector_digest,
        "burst": row.burst,
        "shot_index": _whole(row.shot_index),
        "n_shots": _whole(row.n_shots),
        "rounds_per_minute": _fixed(row.rounds_per_minute, 1),
        "weapon": row.weapon,
        "weapon_score": _fixed(row.weapon_score, 4),
    }


def _rounded(value: float | None, decimals: int) -> float | None:
    return None if value is None else round(value, decimals)


def _whole(value: int | None) -> str:
    return "" if value is None else str(value)


def _fixed(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"


def _iso(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="milliseconds")


def row_from_cells(cells: Cells) -> Row:
    """Row of a line's cells; what is not in `COLUMNS` goes to ``extra``.

    ``start_s`` and ``end_s`` are needed. Blank or missing: ``channel`` is the first, ``offset_s`` follows
    from ``start_s``, ``peak_s`` is the onset, all else is unknown.

    Raises
    ------
    TableError
        A cell that cannot be understood, an end before its start, or a channel or a count below 1.
    """
    start_s, end_s = cells.needed_number("start_s"), cells.needed_number("end_s")
    if end_s < start_s:
        raise cells.error("end_s", f"an end at or after the start, {start_s} s")
    peak_s, offset_s = cells.number("peak_s"), cells.number("offset_s")
    utc = cells.moment("start_utc")
    return Row(
        file=cells.text("file"),
        site=cells.text("site"),
        channel=(_count(cells, "channel") or 1) - 1,
        label=cells.text("label"),
        score=cells.number("score"),
        offset_s=int(start_s // SEGMENT_S) * SEGMENT_S if offset_s is None else int(offset_s),
        start_s=start_s,
        end_s=end_s,
        peak_s=start_s if peak_s is None else peak_s,
        low_hz=cells.number("low_hz"),
        high_hz=cells.number("high_hz"),
        start_utc=None if utc is None else utc.astimezone(UTC),
        start_local=cells.moment("start_local"),
        time_source=cells.text("time_source"),
        detector=cells.text("detector"),
        detector_digest=cells.text("detector_digest"),
        burst=cells.text("burst"),
        shot_index=_count(cells, "shot_index"),
        n_shots=_count(cells, "n_shots"),
        rounds_per_minute=cells.number("rounds_per_minute"),
        weapon=cells.text("weapon"),
        weapon_score=cells.number("weapon_score"),
        extra={name: text for name, text in cells.values.items() if name not in COLUMNS},
    )


def _count(cells: Cells, column: str) -> int | None:
    """A number that counts from 1; None if blank or missing."""
    number = cells.number(column)
    if number is None:
        return None
    if number < 1 or number != int(number):
        raise cells.error(column, "a whole number from 1 up")
    return int(number)
