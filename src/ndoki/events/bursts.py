"""Events → bursts: shots that follow each other closely. Pure."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import PurePosixPath

from ndoki.core.grid import seconds_to_samples
from ndoki.core.types import Burst, Event, Recording
from ndoki.events.cadence import cadence_of
from ndoki.events.weapon import WEAPONS, weapon_of
from ndoki.tables.layout import safe_name
from ndoki.tables.row import source_in_files

__all__ = ["BURST_GAP_S", "split_at_gaps", "with_bursts"]

BURST_GAP_S = 1.0
"""Longest gap within a burst.

Automatic fire comes every 0.06 to 0.15 s, so that even five missed shots in a row do not cut a burst in two,
and quick single shots (0.3 to 1 s) are counted together. Shots further apart are aimed anew. A hunt, minutes
of fire with pauses, is many bursts.
"""

_DIGEST_BYTES = 5
"""Enough for ten thousand recordings of one base name: they share a digest in one run of 20 000."""


def split_at_gaps(onsets: Sequence[int], most_gap: int) -> list[range]:
    """Runs of ascending onsets without a gap longer than ``most_gap``, as ranges of positions.

    Every position lies in exactly one range; ranges are in order, none is empty. Onsets and gap are in
    samples.
    """
    cuts = [i for i, (one, next_) in enumerate(pairwise(onsets), 1) if next_ - one > most_gap]
    edges = [0, *cuts, len(onsets)]
    return [range(first, end) for first, end in pairwise(edges) if first < end]


def with_bursts(
    events: Sequence[Event], *, gap_s: float = BURST_GAP_S, weapons: Collection[str] = WEAPONS
) -> list[Event]:
    """The same events in the same order, each with its burst and its place there.

    Events of one recording, channel and label belong to one burst as long as the gap between onsets is at
    most ``gap_s``. All are kept: a second arrival 0.2 to 0.35 s later is often an echo of the shot, but real
    pairs look the same. So ``n_shots`` may count echoes, and never counts shots that were not found.

    Ids read ``<name>-<digest of the recording's path>-ch<number>-<number>``. They depend on nothing but the
    recording's path and the channel's events, so runs that are resumed or split give the same ones.

    Parameters
    ----------
    events
        Of any number of recordings; of each, all events that were found. What they say about bursts is
        replaced.
    gap_s
        Longest gap within a burst, in seconds; rounded to whole samples.
    weapons
        Those that are carried there; see `ndoki.events.weapon.weapon_of`.

    Raises
    ------
    ConfigError
        ``weapons`` names none, or one that Ndoki does not know.
    """
    channels: dict[tuple[Recording, int], list[int]] = {}
    for place, event in enumerate(events):
        channels.setdefault((event.recording, event.channel), []).append(place)
    grouped = list(events)
    for (recording, channel), places in channels.items():
        stem = _stem(recording, channel)
        for number, burst in enumerate(_bursts(events, places, gap_s), 1):
            of = _described([events[place] for place in burst], f"{stem}-{number:05d}", weapons)
            for shot_index, place in enumerate(burst, 1):
                grouped[place] = replace(events[place], burst=of, shot_index=shot_index)
    return grouped


def _bursts(events: Sequence[Event], places: Sequence[int], gap_s: float) -> list[list[int]]:
    """Places of the events of each burst of one channel, bursts and events by onset."""

    def order(place: int) -> tuple[int, int, str]:
        return events[place].first_sample, events[place].end_sample, events[place].label

    labels: dict[str, list[int]] = {}
    for place in sorted(places, key=order):
        labels.setdefault(events[place].label, []).append(place)
    bursts = []
    for of_label in labels.values():
        onsets = [events[place].first_sample for place in of_label]
        most_gap = seconds_to_samples(gap_s, events[of_label[0]].recording.rate_hz)
        bursts += [[of_label[i] for i in run] for run in split_at_gaps(onsets, most_gap)]
    return sorted(bursts, key=lambda burst: order(burst[0]))


def _described(shots: Sequence[Event], burst_id: str, weapons: Collection[str]) -> Burst:
    # From the first onset on, so that the same rhythm gives the same figures anywhere in a file.
    first, rate_hz = shots[0].first_sample, shots[0].recording.rate_hz
    cadence = cadence_of([(shot.first_sample - first) / rate_hz for shot in shots])
    weapon, score = weapon_of(cadence, weapons=weapons)
    return Burst(
        id=burst_id,
        n_shots=len(shots),
        rounds_per_minute=cadence.rounds_per_minute if cadence else None,
        weapon=weapon,
        weapon_score=score,
    )


def _stem(recording: Recording, channel: int) -> str:
    """What the ids of a channel begin with; recordings of the same base name differ in the digest."""
    path = source_in_files(recording.source)
    data = path.encode("utf-8", errors="surrogatepass")
    digest = hashlib.blake2s(data, digest_size=_DIGEST_BYTES).hexdigest()
    return f"{safe_name(PurePosixPath(path).stem)}-{digest}-ch{channel + 1}"
