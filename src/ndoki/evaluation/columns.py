"""What evaluation counts with: detections and truths as columns, one row per event or shot."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ndoki.core.errors import LabelError
from ndoki.core.types import Event

__all__ = [
    "Column",
    "Detections",
    "Doubles",
    "Integers",
    "RowLike",
    "Truths",
    "detections_from_events",
    "detections_from_rows",
    "joined",
    "recording_key",
    "rows_by_recording",
    "rows_of_recordings",
]

Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Column = npt.NDArray[Any]


class RowLike(Protocol):
    """One row of a table of detections: what evaluation needs of it."""

    @property
    def file(self) -> str:
        """Path of the recording."""

    @property
    def channel(self) -> int:
        """Channel, counted from 0."""

    @property
    def score(self) -> float | None:
        """Score in [0, 1]; None when the table has none."""

    @property
    def start_s(self) -> float:
        """Onset in seconds from the start of the file."""

    @property
    def end_s(self) -> float:
        """End in seconds from the start of the file."""

    @property
    def low_hz(self) -> float | None:
        """Lower frequency; None when unknown."""

    @property
    def high_hz(self) -> float | None:
        """Upper frequency; None when unknown."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Detections:
    """Reported events as columns of equal length n, in any order.

    Attributes
    ----------
    recording
        Key of the recording, integers or strings, shape (n,). A channel is a recording of its own.
    onset_s
        float64, seconds from the start of the recording, finite.
    score
        Finite, kept as float64; an event is reported at threshold t when its score is ≥ t.
    end_s, low_hz, high_hz
        float64 or None: the rest of the box, needed for overlap matching only.

    Raises
    ------
    LabelError
        If columns differ in length, or an onset or score is not finite.
    """

    recording: Column
    onset_s: Doubles
    score: npt.NDArray[np.floating[Any]]
    end_s: Doubles | None = None
    low_hz: Doubles | None = None
    high_hz: Doubles | None = None

    def __post_init__(self) -> None:
        """Refuse columns that do not fit together."""
        rest = {"score": self.score, "end_s": self.end_s, "low_hz": self.low_hz, "high_hz": self.high_hz}
        _check_columns("detections", self.recording, self.onset_s, rest)
        if not np.isfinite(self.score).all():
            raise LabelError("detections: a score is NaN or infinite; every score must be a finite number")
        # float32 is exact in float64, but a float64 threshold is not exact in float32.
        object.__setattr__(self, "score", np.asarray(self.score, np.float64))

    def __len__(self) -> int:
        """How many events."""
        return len(self.onset_s)

    def select(self, keep: npt.NDArray[np.bool_]) -> "Detections":
        """Return the rows where ``keep``, shape (n,), is true."""
        box = (None if column is None else column[keep] for column in (self.end_s, self.low_hz, self.high_hz))
        end_s, low_hz, high_hz = box
        return Detections(
            recording=self.recording[keep],
            onset_s=self.onset_s[keep],
            score=self.score[keep],
            end_s=end_s,
            low_hz=low_hz,
            high_hz=high_hz,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truths:
    """True shots as columns of equal length m, in any order.

    Attributes
    ----------
    recording, onset_s, end_s, low_hz, high_hz
        As in `Detections`.
    tags
        What else is known of each shot, by name, each of shape (m,): ``snr_db``, ``distance_m``,
        ``weapon``, ``recorder``, ``burst`` and so on.

    Raises
    ------
    LabelError
        If columns differ in length, or an onset is not finite.
    """

    recording: Column
    onset_s: Doubles
    end_s: Doubles | None = None
    low_hz: Doubles | None = None
    high_hz: Doubles | None = None
    tags: Mapping[str, Column] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse columns that do not fit together."""
        rest = {"end_s": self.end_s, "low_hz": self.low_hz, "high_hz": self.high_hz, **self.tags}
        _check_columns("truths", self.recording, self.onset_s, rest)

    def __len__(self) -> int:
        """How many shots."""
        return len(self.onset_s)


def recording_key(source: str, channel: int = 0) -> str:
    """Key of one channel of one recording, e.g. ``site/a.wav#0``."""
    return f"{source}#{channel}"


def detections_from_events(events: Iterable[Event]) -> Detections:
    """Columns of what `scan` returned, boxes included, keyed by `recording_key`."""
    rows = list(events)
    return Detections(
        recording=_keys(recording_key(row.recording.source, row.channel) for row in rows),
        onset_s=np.array([row.start_s for row in rows], np.float64),
        score=np.array([row.score for row in rows], np.float32),
        end_s=np.array([row.end_s for row in rows], np.float64),
        low_hz=np.array([row.low_hz for row in rows], np.float64),
        high_hz=np.array([row.high_hz for row in rows], np.float64),
    )


def detections_from_rows(rows: Iterable[RowLike]) -> Detections:
    """Columns of rows that were read from a table, keyed by `recording_key`.

    Raises
    ------
    LabelError
        If a row has no score: without scores there is no curve.
    """
    kept = list(rows)
    unscored = next((row for row in kept if row.score is None), None)
    if unscored is not None:
        raise LabelError(
            f"{unscored.file}: the event at {unscored.start_s:.3f} s has no score; evaluation needs one for "
            "every event. Use a table that was written with scores"
        )
    return Detections(
        recording=_keys(recording_key(row.file, row.channel) for row in kept),
        onset_s=np.array([row.start_s for row in kept], np.float64),
        score=np.array([row.score for row in kept], np.float64),
        end_s=np.array([row.end_s for row in kept], np.float64),
        low_hz=_known(row.low_hz for row in kept),
        high_hz=_known(row.high_hz for row in kept),
    )


def rows_by_recording(first: Column, second: Column) -> Iterator[tuple[Integers, Integers]]:
    """Rows of two columns of recording keys, for each recording that occurs in both.

    Raises
    ------
    LabelError
        If one column has integers and the other strings, so that no key could ever be equal.
    """
    if not (first.size and second.size):
        return
    if (first.dtype.kind in "iu") != (second.dtype.kind in "iu"):
        raise LabelError(
            f"recording keys of detections and truths are of two kinds ({first.dtype} and {second.dtype}); "
            "give both as integers or both as strings"
        )
    first_keys, first_rows = _grouped(first)
    second_keys, second_rows = _grouped(second)
    _, in_first, in_second = np.intersect1d(first_keys, second_keys, assume_unique=True, return_indices=True)
    for i, j in zip(in_first, in_second, strict=True):
        yield first_rows[i], second_rows[j]


def rows_of_recordings(recording: Column) -> list[Integers]:
    """Rows of each recording of a column of keys."""
    return _grouped(recording)[1] if recording.size else []


def joined(rows: list[Integers]) -> Integers:
    """Concatenate rows, of which there may be none."""
    return np.concatenate(rows) if rows else np.empty(0, np.int64)


def _grouped(keys: Column) -> tuple[Column, list[Integers]]:
    """Distinct keys in rising order, and the rows of each."""
    distinct, codes, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return distinct, np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1])


def _known(values: Iterable[float | None]) -> Doubles:
    """Numbers as a column, NaN where one is unknown."""
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _keys(keys: Iterable[str]) -> Column:
    """String keys as a column; an empty one is still a column of strings."""
    return np.array(list(keys), np.str_)


def _check_columns(what: str, recording: Column, onset_s: Doubles, rest: Mapping[str, Column | None]) -> None:
    """Raise LabelError unless all columns are one-dimensional, equally long, and onsets finite."""
    columns = {"onset_s": onset_s} | {name: column for name, column in rest.items() if column is not None}
    for name, column in columns.items():
        if column.shape != (len(recording),):
            raise LabelError(
                f"{what}: column {name} has shape {column.shape}, expected ({len(recording)},), "
                "one value for each row of the column recording"
            )
    if not np.isfinite(onset_s).all():
        raise LabelError(
            f"{what}: an onset is NaN or infinite; every onset must be a finite number of seconds"
        )
