"""GUANO: lines of ``Key:Value`` in a WAV chunk, written by AudioMoth, Song Meter and others. Pure."""

import re
from collections.abc import Callable, Mapping

from ndoki.audio.notes import RecorderNotes, decoded, gain_name, number, timestamp, voltage
from ndoki.core.clock import GUANO

__all__ = ["read_guano"]


def read_guano(raw: bytes) -> RecorderNotes:
    """Read a ``guan`` chunk: UTF-8 lines ``Key:Value``, some keys with a namespace (``OAD|Battery Voltage``).

    Never raises: what cannot be read becomes a sentence in ``problems``. A time without offset is legal in
    GUANO and stays a clock reading. Of a key that occurs twice the first value counts.

    References
    ----------
    GUANO metadata specification 1.0.
    """
    text = decoded(raw)
    lines = [line for line in re.split(r"[\r\n]+", text) if line.strip()]
    pairs = [line.partition(":") for line in lines]
    values = {key.strip().casefold(): value.strip() for key, colon, value in reversed(pairs) if colon}
    first = _getter(values)
    sayings, time_problems = timestamp(GUANO, "GUANO block", first("timestamp"))
    return RecorderNotes(
        sayings=sayings,
        model=first("model", "make"),
        recorder=first("serial"),
        deployment=first("oad|deployment id"),
        firmware=first("firmware version"),
        site=first("wa|song meter|prefix"),
        gain=_gain(first("oad|recording settings"), first("wa|song meter|audio settings")),
        battery=voltage(first("oad|battery voltage")),
        temperature_c=number(first("temperature int", "temperature ext")),
        problems=(*_damage(text, sum(not colon for _, colon, _ in pairs)), *time_problems),
    )


def _getter(values: Mapping[str, str]) -> Callable[..., str]:
    def first(*keys: str) -> str:
        return next((values[key] for key in keys if values.get(key)), "")

    return first


def _gain(audiomoth_settings: str, song_meter_settings: str) -> str:
    """Gain from ``48000 GAIN 2 …`` or from ``[{"rate":24000,"gain":18}]``."""
    step = re.search(r"\bGAIN ([0-4])\b", audiomoth_settings)
    if step:
        return gain_name(step[1])
    decibels = re.findall(r'"gain"\s*:\s*(-?[0-9.]+)', song_meter_settings)
    return f"{' and '.join(decibels)} dB" if decibels else ""


def _damage(text: str, n_lines_without_colon: int) -> list[str]:
    problems = []
    if "\N{REPLACEMENT CHARACTER}" in text:
        problems.append("The GUANO block holds bytes that are not UTF-8.")
    if n_lines_without_colon:
        problems.append(
            f"The GUANO block has {n_lines_without_colon} line(s) without a colon; they were passed over."
        )
    return problems
