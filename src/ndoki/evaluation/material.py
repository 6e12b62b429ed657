"""Rows of tables → what is counted: shots, events, what may raise a false alarm, and hours."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ndoki.core.errors import LabelError
from ndoki.evaluation.columns import (
    Column,
    Detections,
    Doubles,
    Truths,
    detections_from_rows,
    recording_key,
)
from ndoki.evaluation.match import COLLAR_S, onset_pairs
from ndoki.tables.row import Row

__all__ = [
    "Material",
    "beside_shots",
    "complete",
    "counted",
    "rows_of_label",
    "truths_from_rows",
    "with_shot_free",
]

_TAGS = {
    "snr_db": "snr_db",
    "snr (db)": "snr_db",
    "distance_m": "distance_m",
    "distance(m)": "distance_m",
    "distance (m)": "distance_m",
    "weapon": "weapon",
    "gun type": "weapon",
    "type shot": "weapon",
    "burst": "burst",
}
"""Column as tables have it, in lower case → tag."""

_NUMBERS = ("snr_db", "distance_m")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Material:
    """All that an evaluation counts.

    Attributes
    ----------
    detections
        Events in the recordings with known shots.
    truths
        The shots. ``burst`` among their tags is unique over all recordings.
    background
        Events that are false alarms if they are reported.
    hours_by_recording
        Length of the sound in which ``background`` was looked for, by key of the recording.
    is_complete
        Whether every shot in ``detections``' recordings is known, so that any other event there is wrong.
    lookalikes
        What else is known to sound there; ``label`` is their only tag.
    """

    detections: Detections
    truths: Truths
    background: Detections
    hours_by_recording: Mapping[str, float]
    is_complete: bool
    lookalikes: Truths

    @property
    def hours(self) -> float:
        """Length of the sound in which false alarms were looked for."""
        return sum(self.hours_by_recording.values())


def rows_of_label(rows: Sequence[Row], labels: Collection[str]) -> tuple[list[Row], list[Row]]:
    """Rows whose label is one of ``labels`` (in any case) or blank, and the others."""
    wanted = {label.strip().casefold() for label in labels} | {""}
    chosen = [row.label.strip().casefold() in wanted for row in rows]
    return (
        [row for row, is_one in zip(rows, chosen, strict=True) if is_one],
        [row for row, is_one in zip(rows, chosen, strict=True) if not is_one],
    )


def truths_from_rows(rows: Sequence[Row]) -> Truths:
    """Columns of labelled rows, keyed by `recording_key`, with the tags that their tables know.

    Tags are ``snr_db`` and ``distance_m`` (NaN where blank), ``weapon`` and ``burst``; a tag that no row has
    is left out. A shot without a burst is a burst of its own.

    Raises
    ------
    LabelError
        If a level or a distance is no number.
    """
    keys = [recording_key(row.file, row.channel) for row in rows]
    texts = [_tags(row) for row in rows]
    tags: dict[str, Column] = {}
    for name in dict.fromkeys(_TAGS.values()):
        cells = [text.get(name, "") for text in texts]
        if any(cells):
            tags[name] = (
                np.array([_number(row, name, cell) for row, cell in zip(rows, cells, strict=True)])
                if name in _NUMBERS
                else np.array(cells, np.str_)
            )
    if "burst" in tags:
        bursts = enumerate(zip(keys, tags["burst"].tolist(), strict=True))
        tags["burst"] = np.array([f"{key} {burst}" if burst else f"row {i}" for i, (key, burst) in bursts])
    if len({row.site for row in rows}) > 1:
        tags["recorder"] = np.array([row.site for row in rows], np.str_)
    return Truths(
        recording=np.array(keys, np.str_),
        onset_s=np.array([row.start_s for row in rows], np.float64),
        end_s=np.array([row.end_s for row in rows], np.float64),
        low_hz=_known([row.low_hz for row in rows]),
        high_hz=_known([row.high_hz for row in rows]),
        tags=tags,
    )


def complete(
    events: Sequence[Row],
    shots: Sequence[Row],
    others: Sequence[Row],
    *,
    hours_by_recording: Mapping[str, float],
    collar_s: float = COLLAR_S,
) -> Material:
    """Fully labelled sound: every event within the collar of no shot is a false alarm.

    Parameters
    ----------
    events
        Reported events, in these recordings only.
    shots, others
        Labelled shots, and whatever else is labelled.
    hours_by_recording
        Length of every labelled channel by `recording_key`, those without shots included.
    collar_s
        A second event within it of a shot is no false alarm: it sends nobody to where nothing was.
    """
    detections, truths = _detections(events), truths_from_rows(shots)
    return Material(
        detections=detections,
        truths=truths,
        background=beside_shots(detections, truths, collar_s),
        hours_by_recording=hours_by_recording,
        is_complete=True,
        lookalikes=_lookalikes(others),
    )


def with_shot_free(
    events: Sequence[Row],
    shots: Sequence[Row],
    background: Sequence[Row],
    *,
    hours_by_recording: Mapping[str, float],
) -> Material:
    """Shots in some recordings, false alarms in shot-free ones.

    Parameters
    ----------
    events, shots
        Of the recordings with labelled shots; what is reported there beside them counts as nothing.
    background
        Events in shot-free sound.
    hours_by_recording
        Length of every shot-free channel by `recording_key`, the silent ones included.
    """
    return Material(
        detections=_detections(events),
        truths=truths_from_rows(shots),
        background=_detections(background),
        hours_by_recording=hours_by_recording,
        is_complete=False,
        lookalikes=_lookalikes(()),
    )


def beside_shots(detections: Detections, truths: Truths, collar_s: float = COLLAR_S) -> Detections:
    """Events within the collar of no shot. Which these are does not depend on any threshold."""
    near = np.zeros(len(detections), np.bool_)
    near[onset_pairs(detections, truths, collar_s).event] = True
    return detections.select(~near)


def _detections(rows: Sequence[Row]) -> Detections:
    """Columns of events; where no row at all has a score, every score is 1."""
    kept = list(rows)
    if kept and all(row.score is None for row in kept):
        kept = [replace(row, score=1.0) for row in kept]
    columns = detections_from_rows(kept)
    # Tables hold decimals, and so do thresholds: in float32 a score of 0.53 would lie below 0.53.
    return replace(columns, score=np.array([row.score for row in kept], np.float64))


def _lookalikes(rows: Sequence[Row]) -> Truths:
    return Truths(
        recording=np.array([recording_key(row.file, row.channel) for row in rows], np.str_),
        onset_s=np.array([row.start_s for row in rows], np.float64),
        end_s=np.array([row.end_s for row in rows], np.float64),
        tags={"label": np.array([row.label.strip() for row in rows], np.str_)},
    )


def _tags(row: Row) -> dict[str, str]:
    """What a row says of the shot, by tag; of several columns for one tag the first that is filled."""
    known = {"weapon": row.weapon, "burst": row.burst}
    found = {name: text for name, text in known.items() if text}
    for header, text in row.extra.items():
        name = _TAGS.get(header.strip().casefold())
        if name and text.strip():
            found.setdefault(name, text.strip())
    return found


def _number(row: Row, name: str, cell: str) -> float:
    if not cell:
        return float("nan")
    try:
        return float(cell.replace(",", "."))
    except ValueError as problem:
        raise LabelError(
            f"{row.file}: the shot at {row.start_s:.3f} s has {name} {cell!r}; expected a number; "
            "correct the cell, or leave it blank"
        ) from problem


def _known(values: Sequence[float | None]) -> Doubles:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def counted(labels: Collection[Any]) -> str:
    """Labels with how often each occurs, the most frequent first: ``thunder 8, rain 4``."""
    ranked = sorted(Counter(labels).items(), key=lambda item: (-item[1], str(item[0])))
    return ", ".join(f"{label} {n}" for label, n in ranked)
