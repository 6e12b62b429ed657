"""When a recording began: which of several sayings counts, and how sure it is. Pure.

Precedence: deployment table, GUANO (and Song Meter's own block), AudioMoth comment, name with offset,
name read in a given zone. A clock reading without a zone is never guessed: the start stays unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from ndoki.core.file_names import NameTime, start_from_name
from ndoki.core.zones import localise, parse_zone, zone_label

__all__ = [
    "AUDIOMOTH",
    "DEPLOYMENT",
    "GUANO",
    "NAME_OFFSET",
    "NAME_ZONE",
    "NO_TIME",
    "WAMD",
    "NameTime",
    "Saying",
    "Start",
    "choose_start",
    "doubt",
    "parse_timestamp",
    "parse_zone",
    "start_from_name",
    "zone_label",
]

DEPLOYMENT, GUANO, WAMD, AUDIOMOTH = "deployment", "guano", "wamd", "audiomoth-comment"
NAME_OFFSET, NAME_ZONE, NO_TIME = "filename-offset", "filename-zone", "none"

_FIRST_YEAR, _LAST_YEAR = 1990, 2100
# Outside these a "date" is a misread number; inside, it can be shifted between zones without overflow.
_READABLE = (1900, 2200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """One source's word on the start: an aware time, or a clock reading that needs a zone."""

    source: str
    when: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The decision: start in UTC or None, where it came from, and what is doubtful about it."""

    started_at: datetime | None
    time_source: str
    problems: tuple[str, ...] = ()


def parse_timestamp(text: str) -> datetime | None:
    """ISO 8601 date and time, with or without offset; None for anything else and outside 1900 to 2199."""
    try:
        when = datetime.fromisoformat(text.strip().replace("\N{MINUS SIGN}", "-"))
    except ValueError:
        return None
    return when if _READABLE[0] <= when.year < _READABLE[1] else None


def doubt(when: datetime) -> str:
    """Sentence on a date that a recorder with a wrong clock would write; empty when nothing is odd."""
    if not _FIRST_YEAR <= when.year <= _LAST_YEAR or (when.year, when.month) == (2000, 1):
        return (
            f"The start {when:%Y-%m-%d %H:%M:%S} is implausible: the recorder's clock was probably never set."
        )
    return ""


def choose_start(sayings: Sequence[Saying], clock_zone: tzinfo | None, *, clock_fast_s: float = 0.0) -> Start:
    """Take the first saying that is a moment in time, or becomes one in ``clock_zone``.

    Parameters
    ----------
    sayings
        In order of precedence.
    clock_zone
        Zone that the recorder's clock was set to, where one is given; None when nobody says.
    clock_fast_s
        How many seconds the recorder's clock was ahead of the true time; taken off, except from an explicit
        start in the deployment table.
    """
    notes: list[str] = []
    for saying in sayings:
        when, source = saying.when, saying.source
        if when.tzinfo is None:
            if clock_zone is None:
                continue
            when, note = localise(when, clock_zone)
            notes.append(note)
        notes += [doubt(when), *_contradictions(saying, when, sayings)]
        if source != DEPLOYMENT:
            when -= timedelta(seconds=clock_fast_s)
        return Start(started_at=when.astimezone(UTC), time_source=source, problems=tuple(filter(None, notes)))
    return Start(started_at=None, time_source=NO_TIME, problems=(_why_unknown(sayings),))


def _why_unknown(sayings: Sequence[Saying]) -> str:
    if not sayings:
        return "Nothing says when the recording began; the start stays unknown."
    first = sayings[0]
    return (
        f"The {_WORDS[first.source]} says {_shown(first)} without a time zone; the start stays unknown. "
        "Give --timezone or a deployment table."
    )


def _shown(saying: Saying) -> str:
    shown = f"{saying.when:%Y-%m-%d %H:%M:%S}"
    return shown if saying.when.tzinfo is None else f"{shown} {zone_label(saying.when)}"


_WORDS = {
    DEPLOYMENT: "deployment table",
    GUANO: "GUANO block",
    WAMD: "Song Meter block",
    AUDIOMOTH: "AudioMoth comment",
    NAME_OFFSET: "file name",
    NAME_ZONE: "file name",
}


def _contradictions(chosen: Saying, moment: datetime, sayings: Sequence[Saying]) -> list[str]:
    """Sentences for the other sayings that are more than a minute away.

    A reading without a zone is compared both as UTC and as local time, because recorders write either.
    """
    found = []
    for other in sayings:
        if other is chosen or chosen.source == DEPLOYMENT:
            continue
        if other.when.tzinfo is not None:
            apart = [other.when - moment]
        else:
            apart = [
                other.when - moment.replace(tzinfo=None),
                other.when - moment.astimezone(UTC).replace(tzinfo=None),
            ]
        if min(abs(gap) for gap in apart) > timedelta(minutes=1):
            one, two = (f"{_WORDS[saying.source]} says {_shown(saying)}" for saying in (chosen, other))
            found.append(f"The {one}, but the {two}: was the file split or renamed?")
    return found
