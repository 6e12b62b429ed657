"""What a recorder wrote into a file's name: time, site prefix, serial number. Pure; opens nothing.

The conventions, with an example each, are in docs/reference/time-and-place.md.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

__all__ = ["NameTime", "start_from_name"]

# A date and a time of day, as one word of the name: no digit touches it on either side.
_MOMENT = re.compile(
    r"""(?<!\d)
    (?P<year>(?:19|20|21)\d\d) (?P<dash>-?) (?P<month>\d\d) (?P=dash) (?P<day>\d\d)
    (?:_T|T|_|\$|[ ]|-)                                       # $ is a Song Meter that was set by GPS
    (?P<hour>\d\d) (?P<colon>[-:.]?) (?P<minute>\d\d) (?P=colon) (?P<second>\d\d)
    (?: _(?P<micro>\d{6}) | \.?(?P<milli>\d{3}) )? (?!\d)
    (?: _?(?P<offset>[+-]\d\d:?\d\d|Z) (?=$|[_ \[(]) )?
    """,
    re.VERBOSE,
)
_UNIX = re.compile(r"[0-9A-F]{8}")
# AudioMoth has existed since 2016, and its firmware has written dates instead of Unix times since 2019.
# Digits that look like a date (0x19700101 … 0x21991231) all lie before 1988 and stay out.
_UNIX_FIRST_YEAR, _UNIX_END_YEAR = 2015, 2038
_SERIAL = re.compile(r"[0-9A-Fa-f]{16}")
_CHANNELS = re.compile(r"_(?:[01-]\+[01-]|-[01]-)$")
# Words that name a kind of recorder or of file, and no place. With a number behind it (REC3) a word stands.
_NO_SITE = frozenset(
    {"audio", "audiomoth", "file", "rec", "recorder", "recording", "sm2", "sm3", "sm4", "smm", "songmeter"}
    | {"sound", "swift", "swiftone", "track", "wav", "zoom"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NameTime:
    """What a name says.

    Attributes
    ----------
    when
        Start of the recording: aware when the name tells the offset, otherwise the recorder's clock reading.
    site
        Prefix that stands for a place; empty when there is none, or when it names only the kind of recorder.
    recorder
        Serial number, from an AudioMoth's 16-digit prefix; otherwise empty.
    bare
        The name is nothing but a time (with at most a serial number), as AudioMoth writes it.
    """

    when: datetime
    site: str = ""
    recorder: str = ""
    bare: bool = False


def start_from_name(name: str) -> NameTime | None:
    """Read the start time out of a file's name; the folder in front and the ending do not matter.

    Returns None when the name holds no date with a time of day, or one that the calendar does not have.
    The first one counts where there are several (Gabon's names end with the time of the last sample).
    """
    stem = re.split(r"[\\/]", name)[-1]
    stem = re.sub(r"\.[A-Za-z][A-Za-z0-9]{1,4}$", "", stem)
    if _UNIX.fullmatch(stem):
        return _from_unix(int(stem, 16))
    for found in _MOMENT.finditer(stem):
        when = _moment(found)
        if when is not None:
            before, behind = stem[: found.start()], stem[found.end() :]
            site, recorder = _prefix(before)
            is_bare = before.rstrip("_").upper() == recorder and behind in {"", "T"}
            return NameTime(when=when, site=site, recorder=recorder, bare=is_bare)
    return None


def _from_unix(seconds: int) -> NameTime | None:
    when = datetime.fromtimestamp(seconds, UTC)
    return NameTime(when=when, bare=True) if _UNIX_FIRST_YEAR <= when.year < _UNIX_END_YEAR else None


def _moment(found: re.Match[str]) -> datetime | None:
    year, month, day = int(found["year"]), int(found["month"]), int(found["day"])
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"])
    microsecond = int(found["micro"] or 0) + int(found["milli"] or 0) * 1000
    try:
        return datetime(year, month, day, hour, minute, second, microsecond, tzinfo=_offset(found["offset"]))
    except ValueError:
        return None


def _offset(text: str | None) -> timezone | None:
    """Offset of the name, or None where the text cannot be one (a counter such as ``-0012``)."""
    if not text:
        return None
    if text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    if int(text[-2:]) not in {0, 15, 30, 45} or minutes > 14 * 60:
        return None
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _prefix(before: str) -> tuple[str, str]:
    """Site and serial number in what stands in front of the time."""
    text = _CHANNELS.sub("", before.rstrip("_- "))
    if _SERIAL.fullmatch(text):
        return "", text.upper()
    is_gabon_start = before == "S"
    is_generic = re.sub(r"[-_ ]", "", text).lower() in _NO_SITE
    return ("", "") if is_gabon_start or is_generic else (text, "")
