"""Recordings cut at the full hours of the clock: what was heard in each hour, and how loud it was. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from ndoki.audio.levels import BANDS_HZ
from ndoki.audio.quality import Stretch
from ndoki.core.types import Floats, Recording

__all__ = ["Hour", "Piece", "hours_of", "pieces_of"]

_HOUR_S = 3600.0
_MINUTE_S = 60
# Spread is told between these shares of the minutes, so that one gust does not hide a still hour.
_SPREAD_SHARES = (10, 90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What one recording holds of one hour of the clock.

    Attributes
    ----------
    source
        The recording's.
    began_at
        Full hour, aware, in the zone in which people at the site read times (UTC where that is unknown).
    first_s, end_s
        Seconds of that hour that the recording covers.
    silent_s
        Seconds of digital silence in it.
    levels
        float32, shape (n_minutes, 4), dB: the minutes that begin in it, as `MinuteLevels.levels` tells them;
        empty if nobody listened.
    """

    source: str
    began_at: datetime
    first_s: float
    end_s: float
    silent_s: float
    levels: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """One hour of the clock as one microphone heard it.

    Attributes
    ----------
    began_at
        As in `Piece`.
    present_s, silent_s
        Seconds of sound, overlaps counted once, and of digital silence among them.
    levels_db
        float64, shape (4,): median over the minutes, by band; NaN where unknown.
    spread_db
        float64, shape (4,): from the 10th to the 90th percentile of the minutes; NaN below ten minutes.
    """

    began_at: datetime
    present_s: float
    silent_s: float
    levels_db: np.ndarray[tuple[int], np.dtype[np.float64]]
    spread_db: np.ndarray[tuple[int], np.dtype[np.float64]]


def pieces_of(recording: Recording, silences: Sequence[Stretch], levels: Floats) -> Iterator[Piece]:
    """Cut one channel of a recording at full hours; nothing where its start is unknown.

    Parameters
    ----------
    silences
        Digital silence, from `Quality`.
    levels
        Of all its minutes, from `MinuteLevels`; of shape (0, 4) if nobody listened.
    """
    if recording.started_at is None:
        return
    position, end = recording.started_at, recording.time_of(recording.n_samples)
    zone, passed_s = recording.local_zone or UTC, 0.0
    while end is not None and position < end:
        local = position.astimezone(zone)
        into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        length = min(timedelta(hours=1) - into, end - position)
        until_s = passed_s + length.total_seconds()
        first_minute, end_minute = (-int(-edge_s // _MINUTE_S) for edge_s in (passed_s, until_s))
        yield Piece(
            source=recording.source,
            began_at=local - into,
            first_s=into.total_seconds(),
            end_s=(into + length).total_seconds(),
            silent_s=_silent_s(silences, recording.rate_hz, passed_s, until_s),
            levels=levels[first_minute:end_minute],
        )
        position, passed_s = position + length, until_s


def _silent_s(silences: Sequence[Stretch], rate_hz: int, first_s: float, end_s: float) -> float:
    shares = (
        min(end_s, one.end_sample / rate_hz) - max(first_s, one.first_sample / rate_hz) for one in silences
    )
    return sum(share for share in shares if share > 0)


def hours_of(pieces: Iterable[Piece]) -> list[Hour]:
    """Join the pieces of one microphone, in order of time."""
    by_hour: dict[datetime, list[Piece]] = defaultdict(list)
    for piece in pieces:
        by_hour[piece.began_at].append(piece)
    return [_joined(began_at, by_hour[began_at]) for began_at in sorted(by_hour)]


def _joined(began_at: datetime, pieces: Sequence[Piece]) -> Hour:
    minutes = np.concatenate([piece.levels for piece in pieces]).astype(np.float64)
    levels_db, spread_db = np.full((2, len(BANDS_HZ)), np.nan)
    for band in range(len(BANDS_HZ)):
        heard = minutes[np.isfinite(minutes[:, band]), band]
        if len(heard):
            levels_db[band] = np.median(heard)
        if len(heard) >= 10:
            low, high = np.percentile(heard, _SPREAD_SHARES)
            spread_db[band] = high - low
    present_s = _union_s((piece.first_s, piece.end_s) for piece in pieces)
    return Hour(
        began_at=began_at,
        present_s=present_s,
        silent_s=min(present_s, sum(piece.silent_s for piece in pieces)),
        levels_db=levels_db,
        spread_db=spread_db,
    )


def _union_s(spans: Iterable[tuple[float, float]]) -> float:
    total_s, reached_s = 0.0, 0.0
    for first_s, end_s in sorted(spans):
        total_s += max(0.0, end_s - max(first_s, reached_s))
        reached_s = max(reached_s, end_s)
    return min(total_s, _HOUR_S)
