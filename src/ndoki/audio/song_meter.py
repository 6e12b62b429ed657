"""The binary block (``wamd``) that a Song Meter without GUANO writes into every file. Pure."""

from ndoki.audio.notes import RecorderNotes, decoded, timestamp
from ndoki.core.clock import WAMD

__all__ = ["read_wamd"]

_FIELDS = {1: "model", 2: "recorder", 3: "firmware", 4: "site", 5: "time"}
_ENTRY_HEADER_BYTES = 6


def read_wamd(raw: bytes) -> RecorderNotes:
    """Read a Wildlife Acoustics block: entries of a 16-bit number, a 32-bit length, and the value.

    Never raises: what cannot be read becomes a sentence in ``problems``.

    References
    ----------
    The layout is not published; field numbers as found by the authors of guano-py (``wamd2guano``).
    """
    values = dict.fromkeys(_FIELDS.values(), "")
    position = 0
    problems: tuple[str, ...] = ()
    while position + _ENTRY_HEADER_BYTES <= len(raw):
        kind = int.from_bytes(raw[position : position + 2], "little")
        end = position + _ENTRY_HEADER_BYTES + int.from_bytes(raw[position + 2 : position + 6], "little")
        if end > len(raw):
            problems = ("The Song Meter block is cut off.",)
            break
        if kind in _FIELDS:
            values[_FIELDS[kind]] = decoded(raw[position + _ENTRY_HEADER_BYTES : end])
        position = end
    sayings, time_problems = timestamp(WAMD, "Song Meter block", values.pop("time"))
    return RecorderNotes(
        sayings=sayings,
        model=values["model"],
        recorder=values["recorder"],
        firmware=values["firmware"],
        site=values["site"],
        problems=problems + time_problems,
    )
