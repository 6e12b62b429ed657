"""What a recorder said about itself: the noun, and how its small fields are read. Pure."""

import re
from dataclasses import dataclass, fields

from ndoki.core.clock import Saying, parse_timestamp

__all__ = ["RecorderNotes", "decoded", "gain_name", "merged", "number", "timestamp", "voltage"]

# AudioMoth's five steps, which it writes as a number (0 to 4) or in words.
_GAINS = ("low", "low-medium", "medium", "medium-high", "high")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderNotes:
    """What the recorder said about itself and the recording; empty or None where it said nothing.

    Attributes
    ----------
    sayings
        Its word on the start, in order of precedence.
    model, recorder, deployment, firmware
        Kind of recorder, serial number, number of the deployment, firmware version.
    site
        Name that was programmed into the recorder (Song Meter prefix).
    gain, battery, filter, stop_reason
        As written, without the words around it, e.g. ``medium``, ``< 2.5 V``, ``High-pass filter …``,
        ``low voltage``.
    temperature_c
        Degrees Celsius in the recorder at the start.
    problems
        What could not be read, and stops that harm the data; one sentence each.
    """

    sayings: tuple[Saying, ...] = ()
    model: str = ""
    recorder: str = ""
    deployment: str = ""
    firmware: str = ""
    site: str = ""
    gain: str = ""
    battery: str = ""
    temperature_c: float | None = None
    filter: str = ""
    stop_reason: str = ""
    problems: tuple[str, ...] = ()


def merged(first: RecorderNotes, second: RecorderNotes) -> RecorderNotes:
    """Fields of ``first``, and where it says nothing those of ``second``; sayings and problems are joined."""
    values = {}
    for name in (item.name for item in fields(RecorderNotes)):
        one, other = getattr(first, name), getattr(second, name)
        if name in {"sayings", "problems"}:
            values[name] = one + other
        else:
            values[name] = other if one in ("", None) else one
    return RecorderNotes(**values)


def decoded(raw: bytes) -> str:
    """UTF-8 text without padding; bytes that are not UTF-8 become U+FFFD."""
    return raw.decode("utf-8", "replace").replace("\0", "").lstrip("\ufeff").strip()


def timestamp(source: str, where: str, text: str) -> tuple[tuple[Saying, ...], tuple[str, ...]]:
    """Saying from an ISO 8601 text, or else a problem; neither where there is no text."""
    if not text:
        return (), ()
    when = parse_timestamp(text)
    if when is None:
        return (), (
            f"The {where}'s time {text[:40]!r} is no ISO 8601 date and time; the next source is asked.",
        )
    return (Saying(source=source, when=when),), ()


def number(text: str) -> float | None:
    """Number at the beginning of a text, None where there is none."""
    found = re.match(r"\s*(-?[0-9]{1,4}(?:\.[0-9]{1,6})?)", text)
    return float(found[1]) if found else None


def voltage(text: str) -> str:
    """``4.2 V``, ``< 2.5 V`` or ``> 4.9 V``; empty when the text holds no voltage."""
    found = re.search(
        r"(less than|greater than|[<>])?\s*([0-9]{1,2}(?:\.[0-9]{1,3})?)\s*V?\b", text, re.IGNORECASE
    )
    if not found:
        return ""
    bound = {"less than": "< ", "<": "< ", "greater than": "> ", ">": "> "}.get((found[1] or "").lower(), "")
    return f"{bound}{found[2]} V"


def gain_name(text: str) -> str:
    """AudioMoth's word for a step 0 to 4; any other text as it is."""
    return _GAINS[int(text)] if text in {"0", "1", "2", "3", "4"} else text
