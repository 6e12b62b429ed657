"""What ``ndoki evaluate`` was given → what is counted, and what a reader must know about how it was read."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ndoki.audio.header import read_header
from ndoki.core.errors import AudioError, ConfigError, LabelError, TableError
from ndoki.evaluation.columns import recording_key
from ndoki.evaluation.match import COLLAR_S
from ndoki.evaluation.material import Material, complete, counted, rows_of_label, with_shot_free
from ndoki.evaluation.pairing import Pairing, pair_recordings
from ndoki.tables.recognise import Table, read_table
from ndoki.tables.row import Row

__all__ = ["Given", "Understood", "understand"]

_SHOWN = 3
_SHOT_FREE = "shot-free sound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the command line says.

    Attributes
    ----------
    detections, truths
        Tables.
    shot_free
        Sounds without shots; None if the option was not used.
    background_hours
        Length of the shot-free sound that the detections cover beside that of the truth; None if not given.
    hours
        Length of the labelled sound, where it cannot be read; None if not given.
    labels
        Labels that stand for a gunshot.
    collar_s
        An event finds a shot within this.
    """

    detections: tuple[Path, ...]
    truths: tuple[Path, ...]
    shot_free: tuple[str, ...] | None = None
    background_hours: float | None = None
    hours: float | None = None
    labels: tuple[str, ...] = ("gunshot",)
    collar_s: float = COLLAR_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What is counted, what detected it, and what was decided on the way, one sentence each."""

    material: Material
    detector: str
    notes: tuple[str, ...]


def understand(given: Given) -> Understood:
    """Read all tables, find out which recording is which, and how long the sound is.

    Raises
    ------
    TableError
        A table cannot be read.
    LabelError
        There are no gunshots among the truth, a name fits several recordings, no event lies in any of the
        recordings, or some events have no score.
    ConfigError
        Options contradict each other, or the length of the sound cannot be told.
    AudioError
        A shot-free sound cannot be read.
    """
    if given.shot_free is not None and given.background_hours is not None:
        raise ConfigError(
            "give --shot-free or --background-hours, not both: one tells the hours of the other"
        )
    notes: list[str] = []
    tables = [_detections(read_table(path)) for path in given.detections]
    labelled = [read_table(path) for path in given.truths]
    events = _gunshots("events", [row for table in tables for row in table.rows], given.labels, notes)
    shots, others = _truth_rows(labelled, given.labels, notes)
    known = list(dict.fromkeys(_recordings(labelled)))
    shot_free = [] if given.shot_free is None else list(given.shot_free)
    events = _once(events, notes)
    pairing = _pair(events, known, shot_free, notes)
    _tell_scores(events, notes)
    inside, beside = _renamed(events, pairing)
    if given.shot_free is not None:
        _tell_left_out(beside, notes)
        material = _against_sounds(inside, shots, shot_free)
    elif given.background_hours is not None:
        material = _against_hours(inside, shots, beside, given.background_hours, notes)
    else:
        _tell_left_out(beside, notes)
        keys = {recording_key(row.file, row.channel): row.file for row in (*shots, *others)}
        keys |= {recording_key(one): one for one in known if one not in keys.values()}
        inside = _in_channels(inside, keys, notes)
        lengths = _hours(keys, pairing, given.hours)
        material = complete(inside, shots, others, hours_by_recording=lengths, collar_s=given.collar_s)
    _tell_silent(material, notes)
    return Understood(material=material, detector=_detector(events), notes=tuple(notes))


def _detections(table: Table) -> Table:
    if table.kind == "truth":
        raise TableError(
            f"{table.path}: is the truth of a simulation, not a table of detections; name it after --truth"
        )
    return table


def _recordings(tables: Iterable[Table]) -> Iterable[str]:
    """Recordings that tables are about; one without rows still says that there is nothing in its own."""
    for table in tables:
        yield from (row.file for row in table.rows)
        if not table.rows:
            yield table.recording


def _gunshots(what: str, rows: Sequence[Row], labels: Sequence[str], notes: list[str]) -> list[Row]:
    """Rows that are gunshots; the others are told, and are an error if nothing is left."""
    chosen, others = rows_of_label(rows, labels)
    if others:
        found = counted([row.label for row in others])
        if not chosen:
            raise LabelError(
                f"{what}: none of {len(rows)} is labelled {' or '.join(labels)}; found the labels {found}; "
                "say with --label which of them are gunshots"
            )
        notes.append(f"{what} of other labels do not count as gunshots: {found}")
    return chosen


def _truth_rows(
    tables: Sequence[Table], labels: Sequence[str], notes: list[str]
) -> tuple[list[Row], list[Row]]:
    """Labelled shots, and whatever else is labelled."""
    rows = [row for table in tables for row in table.rows]
    shots = _gunshots("truth rows", rows, labels, notes)
    if not shots:
        names = ", ".join(str(table.path) for table in tables)
        raise LabelError(
            f"{names}: no rows, so there is no shot to be found; give the table of the true shots"
        )
    return shots, rows_of_label(rows, labels)[1]


def _once(events: Sequence[Row], notes: list[str]) -> list[Row]:
    """Events without those that stand in several tables of one run."""
    kept = {(row.file, row.channel, row.start_s, row.end_s, row.score): row for row in events}
    if len(kept) < len(events):
        notes.append(f"{len(events) - len(kept)} events stand more than once in the tables and count once")
    return list(kept.values())


def _pair(events: Sequence[Row], known: Sequence[str], shot_free: Sequence[str], notes: list[str]) -> Pairing:
    found = list(dict.fromkeys(row.file for row in events))
    both = pair_recordings(shot_free, known)
    if both.known_as:
        one, other = next(iter(both.known_as.items()))
        raise ConfigError(
            f"{one}: given as shot-free, but the truth has {other} too; a recording is labelled or free of "
            "shots; leave it out of one of them"
        )
    pairing = pair_recordings(found, [*known, *shot_free])
    if found and not pairing.known_as:
        raise LabelError(
            f"no event lies in a recording of the truth: the events are in {_few(found)}; the truth is about "
            f"{_few(known)}; give tables of the same recordings, named alike"
        )
    if pairing.by_name:
        notes.append(
            f"{len(pairing.by_name)} recordings were recognised by their file's name, because the paths "
            f"differ: {_few(pairing.by_name)}"
        )
    return pairing


def _renamed(events: Sequence[Row], pairing: Pairing) -> tuple[list[Row], list[Row]]:
    """Events in known recordings under the names known, and the others."""
    inside = [replace(row, file=pairing.known_as[row.file]) for row in events if row.file in pairing.known_as]
    return inside, [row for row in events if row.file not in pairing.known_as]


def _against_sounds(inside: Sequence[Row], shots: Sequence[Row], shot_free: Sequence[str]) -> Material:
    lengths = {}
    for source in shot_free:
        header = read_header(source)
        for channel in range(header.n_channels):
            lengths[recording_key(source, channel)] = header.n_samples / header.rate_hz / 3600
    free = set(shot_free)
    return with_shot_free(
        [row for row in inside if row.file not in free],
        shots,
        [row for row in inside if row.file in free],
        hours_by_recording=lengths,
    )


def _against_hours(
    inside: Sequence[Row], shots: Sequence[Row], beside: Sequence[Row], hours: float, notes: list[str]
) -> Material:
    keys = list(dict.fromkeys(recording_key(row.file, row.channel) for row in beside)) or [_SHOT_FREE]
    if not beside:
        notes.append(
            "no event lies in a recording without truth, so there are no false alarms; if the recordings "
            "with shots are labelled to the end, leave --background-hours out"
        )
    elif len(keys) > 1:
        notes.append(f"the {hours:g} h of shot-free sound are taken as {len(keys)} recordings of one length")
    lengths = dict.fromkeys(keys, hours / len(keys))
    return with_shot_free(inside, shots, beside, hours_by_recording=lengths)


def _in_channels(inside: Sequence[Row], keys: Mapping[str, str], notes: list[str]) -> list[Row]:
    """Events in the channels that are labelled."""
    kept = [row for row in inside if recording_key(row.file, row.channel) in keys]
    if len(kept) < len(inside):
        notes.append(f"{len(inside) - len(kept)} events lie in channels without any label and are left out")
    return kept


def _hours(keys: Mapping[str, str], pairing: Pairing, hours: float | None) -> dict[str, float]:
    """Length of every labelled channel."""
    if hours is not None:
        return dict.fromkeys(keys, hours / len(keys))
    also = {known: found for found, known in pairing.known_as.items()}
    lengths = {one: _length_h([one, also.get(one, one)]) for one in dict.fromkeys(keys.values())}
    unknown = [one for one, length in lengths.items() if length is None]
    if unknown:
        raise ConfigError(
            f"the length of {_few(unknown)} cannot be told, because the sound is not there; false alarms per "
            "hour need it; put the sound where the tables say, or give --hours"
        )
    return {key: lengths[one] or 0.0 for key, one in keys.items()}


def _length_h(names: Iterable[str]) -> float | None:
    """Hours of the first of these sounds that can be read, else what its simulation's settings say."""
    for name in names:
        with suppress(AudioError):
            header = read_header(name)
            return header.n_samples / header.rate_hz / 3600
    for name in names:
        settings = Path(name).with_suffix(".settings.json")
        with suppress(OSError, ValueError, KeyError, TypeError):
            return float(json.loads(settings.read_text(encoding="utf-8"))["hours"])
    return None


def _tell_scores(events: Sequence[Row], notes: list[str]) -> None:
    if events and all(row.score is None for row in events):
        notes.append("the detections have no scores: every event counts alike, and curves have one point")


def _tell_left_out(beside: Sequence[Row], notes: list[str]) -> None:
    if beside:
        files = list(dict.fromkeys(row.file for row in beside))
        notes.append(
            f"{len(beside)} events in {len(files)} recordings that nothing is known about are left out: "
            f"{_few(files)}"
        )


def _tell_silent(material: Material, notes: list[str]) -> None:
    heard = set(material.detections.recording.tolist())
    silent = [key for key in dict.fromkeys(material.truths.recording.tolist()) if key not in heard]
    if silent:
        notes.append(
            f"{len(silent)} recordings with shots have no event; if they were not searched, their shots "
            f"should not count as missed: {_few(silent)}"
        )


def _detector(events: Sequence[Row]) -> str:
    """Names and digests of what detected."""
    found = dict.fromkeys((row.detector, row.detector_digest[:12]) for row in events if row.detector)
    return ", ".join(f"{name} {digest}".strip() for name, digest in found) or "not named in the tables"


def _few(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(PurePosixPath(name).name if len(names) > 1 else name for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
