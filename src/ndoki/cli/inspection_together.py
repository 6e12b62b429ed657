"""What files tell of each other: whose clock was reset, whose microphone died, how much is missing."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from ndoki.audio.continuity import Seam, expected_s
from ndoki.audio.hours import Piece, hours_of, pieces_of
from ndoki.audio.levels import BANDS_HZ
from ndoki.audio.microphone import Spell, find_spells
from ndoki.audio.quality import Quality
from ndoki.cli.inspection import Inspection, recorder_of, resets_of, seams_of
from ndoki.core.types import Floats, Recording

__all__ = ["ChannelKey", "Microphone", "Together", "channels_of", "look_together"]

ChannelKey = tuple[str, int]
"""Source and channel, counted from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Microphone:
    """What was wrong with the microphone of one recorder, and which hours could not be judged."""

    spells: tuple[Spell, ...]
    unjudged: frozenset[datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """All that is known of files together.

    Attributes
    ----------
    resets
        Sentence on its clock, by source.
    seams
        Gaps and overlaps.
    expected_s
        How long a recording should be, by source.
    pieces
        Recordings cut at full hours; those without a usable start have none.
    microphones
        Each channel's.
    """

    resets: Mapping[str, str]
    seams: Sequence[Seam]
    expected_s: Mapping[str, float]
    pieces: Mapping[ChannelKey, Sequence[Piece]]
    microphones: Mapping[ChannelKey, Microphone]


def channels_of(one: Inspection) -> list[tuple[int, Quality | None, Floats]]:
    """Channels with what was measured; the first one with nothing if nobody listened."""
    nothing = np.empty((0, len(BANDS_HZ)), np.float32)
    if not one.qualities:
        return [(0, None, nothing)]
    levels = one.levels or [nothing] * len(one.qualities)
    return [(channel, quality, own) for (channel, quality), own in zip(one.qualities, levels, strict=True)]


def look_together(inspections: Sequence[Inspection]) -> Together:
    """Compare files with each other."""
    resets = resets_of(inspections)
    pieces: dict[ChannelKey, Sequence[Piece]] = {}
    groups: dict[tuple[object, ...], list[ChannelKey]] = defaultdict(list)
    for one, recording in _good(inspections):
        # Gain and rate change levels, so that only like is compared with like.
        setting = (recording.site, recorder_of(one), one.notes.gain if one.notes else "", recording.rate_hz)
        for channel, quality, levels in channels_of(one) if one.source not in resets else ():
            key = (one.source, channel)
            groups[*setting, channel].append(key)
            pieces[key] = list(pieces_of(recording, quality.silences if quality else (), levels))
    microphones: dict[ChannelKey, Microphone] = {}
    for keys in groups.values():
        microphones |= dict.fromkeys(keys, _judged([piece for key in keys for piece in pieces[key]]))
    return Together(
        resets=resets,
        seams=seams_of(inspections),
        expected_s=_expected_s(inspections),
        pieces=pieces,
        microphones=microphones,
    )


def _good(inspections: Sequence[Inspection]) -> Iterator[tuple[Inspection, Recording]]:
    for one in inspections:
        if one.recording is not None and not one.failure:
            yield one, one.recording


def _judged(pieces: Sequence[Piece]) -> Microphone:
    spells, unjudged = find_spells(hours_of(pieces))
    return Microphone(spells=tuple(spells), unjudged=frozenset(unjudged))


def _expected_s(inspections: Sequence[Inspection]) -> dict[str, float]:
    recorders: dict[tuple[str, str], list[Recording]] = defaultdict(list)
    claimed: dict[str, float] = {}
    for one, recording in _good(inspections):
        recorders[recording.site, recorder_of(one)].append(recording)
        if one.header is not None and one.header.n_samples_claimed:
            claimed[one.source] = one.header.n_samples_claimed / recording.rate_hz
    return {
        source: length_s
        for own in recorders.values()
        for source, length_s in expected_s(own, claimed).items()
    }
