"""The sentence that an AudioMoth writes into every file (``LIST/INFO`` ``ICMT``). Pure.

Each field is looked for by itself, because the wording changed with the firmware: *by AudioMoth* or *during
deployment*, *gain setting 2* or *medium gain*, *battery state was* or *battery was*.
"""

import re
from datetime import datetime

from ndoki.audio.notes import RecorderNotes, decoded, gain_name, number, voltage
from ndoki.core.clock import AUDIOMOTH, Saying, parse_timestamp
from ndoki.core.errors import ClockError
from ndoki.core.zones import parse_zone

__all__ = ["read_artist", "read_comment"]

_RECORDED_AT = re.compile(
    r"Recorded at ([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{3}))? ([0-9]{2})/([0-9]{2})/([0-9]{4})"
)
_ZONE = re.compile(r"\s*\(UTC\s*([+-][0-9]{1,2}(?::[0-9]{2})?)?\)")
_RECORDER = re.compile(r"by AudioMoth ([0-9A-Fa-f]{8,16})\b")
_DEPLOYMENT = re.compile(r"during deployment ([0-9A-Fa-f]{8,16})\b")
_GAIN = re.compile(r"\bat (?:gain setting ([0-9])|(low-medium|medium-high|low|medium|high) gain)")
_BATTERY = re.compile(r"battery (?:state )?was ((?:less than |greater than |[<>] ?)?[0-9]+\.[0-9]+) ?V")
_TEMPERATURE = re.compile(r"temperature was (-?[0-9]+(?:\.[0-9]+)?) ?C")
_FILTER = re.compile(r"\b((?:Low|High|Band)-pass filter.*?)(?:\.\s|\.?$)")
_STOP = re.compile(r"Recording (?:stopped|cancelled before completion)(?: due to| by)? ([^.]+)")
# Reasons that say something about the data; a full file or a turned switch is ordinary.
_BAD_STOPS = ("voltage", "error")


def read_artist(raw: bytes) -> RecorderNotes:
    """Read ``IART``: ``AudioMoth <serial>``; nothing from any other artist."""
    found = re.match(r"AudioMoth(?:\s+([0-9A-Fa-f]{8,16})\b)?", decoded(raw))
    return RecorderNotes(model="AudioMoth", recorder=(found[1] or "").upper()) if found else RecorderNotes()


def read_comment(raw: bytes) -> RecorderNotes:
    """Read an AudioMoth's comment of any firmware; nothing from a comment that is not one.

    Never raises: what cannot be read becomes a sentence in ``problems``.
    """
    text = decoded(raw)
    if "AudioMoth" not in text and not text.startswith("Recorded at "):
        return RecorderNotes()
    sayings, problems = _time(text)
    stop = _first(_STOP, text).strip()
    if any(word in stop for word in _BAD_STOPS):
        problems += (f"The recorder stopped early: {stop}.",)
    return RecorderNotes(
        sayings=sayings,
        model="AudioMoth",
        recorder=_first(_RECORDER, text).upper(),
        deployment=_first(_DEPLOYMENT, text).upper(),
        gain=gain_name(_first(_GAIN, text)),
        battery=voltage(_first(_BATTERY, text)),
        temperature_c=number(_first(_TEMPERATURE, text)),
        filter=_first(_FILTER, text),
        stop_reason=stop,
        problems=problems,
    )


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return next((group for group in found.groups() if group), "") if found else ""


def _time(text: str) -> tuple[tuple[Saying, ...], tuple[str, ...]]:
    found = _RECORDED_AT.search(text)
    if found is None:
        return (), ("The AudioMoth comment tells no time; the next source is asked.",)
    behind = text[found.end() :]
    zone = _ZONE.match(behind)
    if zone is None and behind.lstrip().startswith("("):
        return (), (
            f"The AudioMoth comment's zone {behind[:16]!r} cannot be read; the next source is asked.",
        )
    # Firmware 1.0 wrote no zone at all; its clock could run in UTC only.
    offset = zone[1] or "" if zone else ""
    hour, minute, second, millisecond, day, month, year = (int(part or 0) for part in found.groups())
    try:
        when = datetime(
            year, month, day, hour, minute, second, millisecond * 1000, tzinfo=parse_zone(f"UTC{offset}")
        )
    except (ClockError, ValueError):
        return (), (f"The AudioMoth comment's time {found[0]!r} does not exist; the next source is asked.",)
    if parse_timestamp(when.isoformat()) is None:
        return (), (f"The AudioMoth comment's year {year} is no recorder's; the next source is asked.",)
    return (Saying(source=AUDIOMOTH, when=when),), ()
