"""Time zones: from text, and from a local clock reading to a moment in time.

A moment is an aware datetime. A local reading becomes one only when a zone says so; the two hours of a
year in which clocks change are named instead of being passed over in silence.
"""

import difflib
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from ndoki.core.errors import ClockError

__all__ = ["fixed_zone", "localise", "parse_zone", "zone_label"]

_OFFSET = re.compile(
    r"(?:UTC|GMT)?\s*(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?", re.IGNORECASE
)
_WEST_MINUTES, _EAST_MINUTES = -12 * 60, 14 * 60


def fixed_zone(minutes: int) -> timezone:
    """Zone that is always ``minutes`` ahead of UTC.

    Raises
    ------
    ClockError
        Outside −12:00 … +14:00, where no place on Earth is.
    """
    if not _WEST_MINUTES <= minutes <= _EAST_MINUTES:
        message = (
            f"A zone of {minutes / 60:+.2f} h was given; zones lie between 12 h behind and 14 h ahead of UTC."
        )
        raise ClockError(message)
    return timezone(timedelta(minutes=minutes)) if minutes else UTC


def parse_zone(text: str) -> tzinfo:
    """Zone from ``UTC``, ``UTC+1``, ``+01:00``, ``+0100`` or a name such as ``Africa/Libreville``.

    Letter case does not matter. Raises `ClockError`, naming the nearest zones, for anything else.
    """
    wanted = text.strip().replace("\N{MINUS SIGN}", "-")
    if wanted.upper() in {"UTC", "GMT", "Z"}:
        return UTC
    offset = _OFFSET.fullmatch(wanted)
    if offset is None:
        return _named_zone(wanted)
    minutes = int(offset["minutes"] or 0)
    if minutes >= 60:
        message = f"Zone {text!r} has {minutes} minutes; write it like +01:00 or Africa/Libreville."
        raise ClockError(message)
    total = int(offset["hours"]) * 60 + minutes
    return fixed_zone(-total if offset["sign"] == "-" else total)


def _named_zone(wanted: str) -> tzinfo:
    try:
        return ZoneInfo(wanted)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = {name.casefold(): name for name in sorted(available_timezones())}
    if wanted.casefold() in known:
        return ZoneInfo(known[wanted.casefold()])
    near = _nearest(wanted.casefold(), known)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    message = (
        f"Zone {wanted!r} is not known.{hint} Write a name like Africa/Libreville or an offset like +01:00."
    )
    raise ClockError(message)


def _nearest(wanted: str, known: dict[str, str]) -> list[str]:
    """Names most like ``wanted``; the city alone counts as much as the whole name."""
    city_first = {name.rpartition("/")[2]: full for name, full in known.items()}
    by_spelling = city_first | known
    close = difflib.get_close_matches(wanted.replace(" ", "_"), by_spelling, n=3, cutoff=0.75)
    return list(dict.fromkeys(by_spelling[name] for name in close))[:2]


def localise(naive: datetime, zone: tzinfo) -> tuple[datetime, str]:
    """Aware time of a clock reading in ``zone``, and a sentence when a change of clocks makes it doubtful.

    A reading that occurs twice (clocks put back) is taken as the first; one that never occurs (clocks
    put forward) as if they had not been put forward yet (PEP 495, ``fold=0``).
    """
    first, second = naive.replace(tzinfo=zone, fold=0), naive.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first, ""
    real = first.astimezone(UTC).astimezone(zone)
    shown = f"{naive:%Y-%m-%d %H:%M:%S}"
    if real.replace(tzinfo=None, fold=0) == naive:
        return first, f"{shown} occurs twice in {zone} (clocks were put back); the first is taken."
    return real, f"{shown} never occurs in {zone} (clocks were put forward); {real:%H:%M:%S} is taken."


def zone_label(moment: datetime) -> str:
    """Offset of an aware time as people read it: ``UTC``, ``UTC+1``, ``UTC-4:30``."""
    offset = moment.utcoffset() or timedelta(0)
    minutes = round(offset.total_seconds() / 60)
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '-'}{hours}" + (f":{rest:02d}" if rest else "")
