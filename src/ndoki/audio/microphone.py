"""Whether a microphone died or got wet, told by its site's own levels at the same time of day. Pure.

Nothing here is an absolute level: recorders differ by 20 dB and more. What counts is the fall below the
median of all days at that hour of the day, in bands, over hours. docs/reference/quality.md says where each
figure comes from.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import numpy as np
import numpy.typing as npt

from ndoki.audio.hours import Hour
from ndoki.audio.levels import BANDS_HZ, HIGH, MIDDLE, SHOT, WIND

__all__ = ["DEAD", "OK", "STILL", "UNJUDGED", "WET", "Spell", "find_spells"]

OK, UNJUDGED, DEAD, WET, STILL = "ok", "unjudged", "dead", "wet", "still"
"""What is said of an hour: all well; nothing to compare with; dead; wet; only its own noise all along."""

_N_DAYS = 3
_DEAD_FALL_DB = 12.0
_DEAD_STILL_FALL_DB = 6.0
_DEAD_FEW_DAYS_FALL_DB = 20.0
_STILL_SPREAD_DB = 1.0
_WET_FALL_DB = 10.0
_WET_MIDDLE_FALL_DB = 4.0
_WET_LOW_FALL_DB = 5.0
_LEAST_HOURS = {DEAD: 3, STILL: 3, WET: 4}

_Array = npt.NDArray[np.float64]
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """Consecutive hours with the same thing wrong.

    Attributes
    ----------
    kind
        `DEAD`, `WET` or `STILL`.
    began_at, end_at
        Half-open, aware; from the first full hour to the end of the last.
    hours
        The hours of the clock that belong to it, as `Hour.began_at`.
    falls_db
        How far each of `BANDS_HZ` lay below what the site has at these hours (median; negative: above); None
        where unknown.
    """

    kind: str
    began_at: datetime
    end_at: datetime
    hours: frozenset[datetime]
    falls_db: tuple[float | None, ...]

    def sentence(self) -> str:
        """What an analyst reads."""
        return f"From {_clock(self.began_at)} to {_clock(self.end_at)} {_WORDS[self.kind]} {self._levels()}"

    def _levels(self) -> str:
        if self.kind == STILL:
            return (
                "stay the same to within 1 dB for hours, and there is nothing livelier to compare them with."
            )
        told = [
            f"{low:.0f} to {high:.0f} Hz: {-fall:+.0f} dB"
            for (low, high), fall in zip(BANDS_HZ, self.falls_db, strict=True)
            if fall is not None
        ]
        return f"({'; '.join(told)} against this site's median at these hours)."


_WORDS = {
    DEAD: "the microphone seems dead: little is left but the recorder's own noise",
    WET: "the microphone seems wet: high frequencies are muffled and low ones are not",
    STILL: "the microphone may be dead: its levels",
}


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def find_spells(hours: Sequence[Hour]) -> tuple[list[Spell], set[datetime]]:
    """Judge the hours of one microphone: one site, recorder, gain, sample rate and channel.

    Parameters
    ----------
    hours
        In order of time.

    Returns
    -------
    Spells in order of time, and the hours (by `Hour.began_at`) that could not be judged: too few days, or no
    sound.
    """
    if not hours:
        return [], set()
    levels = np.stack([hour.levels_db for hour in hours])
    is_still = _still(np.stack([hour.spread_db for hour in hours]))
    usual, n_days = _usual(hours, levels, is_still)
    falls = usual - levels
    kinds = _kinds(falls, n_days, is_still)
    unjudged = {hours[i].began_at for i, kind in enumerate(kinds) if kind == UNJUDGED}
    return _joined(hours, kinds, falls), unjudged


def _still(spread_db: _Array) -> _Flags:
    """Hours in which no band from 60 Hz up moves by 1 dB: no wind, no leaf, no animal near or far."""
    spread = spread_db[:, SHOT:]
    return np.asarray(
        np.isfinite(spread).any(axis=1) & (np.nan_to_num(spread) < _STILL_SPREAD_DB).all(axis=1)
    )


def _usual(hours: Sequence[Hour], levels: _Array, is_still: _Flags) -> tuple[_Array, npt.NDArray[np.int64]]:
    """For each hour what is usual then, shape (n, 4), and how many days say so, shape (n,).

    A still hour says nothing of the site, so that a microphone that was dead for most of the time is not
    compared with itself. With less than three days, the median over all hours has to do.
    """
    lively = np.where(is_still[:, None], np.nan, levels)
    by_time: dict[int, list[int]] = defaultdict(list)
    for i, hour in enumerate(hours):
        by_time[hour.began_at.hour].append(i)
    usual = np.tile(_medians(lively), (len(hours), 1))
    n_days = np.zeros(len(hours), np.int64)
    for rows in by_time.values():
        known = int(np.isfinite(lively[rows, SHOT]).sum())
        n_days[rows] = known
        if known >= _N_DAYS:
            usual[rows] = _medians(lively[rows])
    return usual, n_days


def _medians(levels: _Array) -> _Array:
    """Median of each column's finite values; NaN where there are none."""
    columns = (column[np.isfinite(column)] for column in levels.T)
    return np.array([np.median(column) if len(column) else np.nan for column in columns])


def _kinds(falls: _Array, n_days: npt.NDArray[np.int64], is_still: _Flags) -> list[str]:
    """One word per hour, before the least length is asked for."""
    is_usual_known = n_days >= _N_DAYS
    is_dead = _down(falls, _DEAD_FALL_DB) & is_usual_known
    is_dead |= _down(falls, _DEAD_FEW_DAYS_FALL_DB) | (_down(falls, _DEAD_STILL_FALL_DB) & is_still)
    is_wet = _muffled(falls) & is_usual_known
    has_reference = np.isfinite(falls[:, SHOT])
    words = np.select(
        [is_dead, is_wet, is_still & ~has_reference, ~has_reference | ~is_usual_known],
        [DEAD, WET, STILL, UNJUDGED],
        OK,
    )
    return [str(word) for word in words]


def _down(falls: _Array, least_db: float) -> _Flags:
    """Hours in which every known band from 60 Hz up fell that far; wind may still shake a dead one."""
    known = np.isfinite(falls[:, SHOT:])
    return np.asarray(known[:, 0] & (~known | (np.nan_to_num(falls[:, SHOT:]) >= least_db)).all(axis=1))


def _muffled(falls: _Array) -> _Flags:
    """Hours in which the highest band fell, the one below it with it, and the lowest two did not."""
    has_high = np.isfinite(falls[:, HIGH])
    top = np.where(has_high, falls[:, HIGH], falls[:, MIDDLE])
    middle_fell = ~has_high | (np.nan_to_num(falls[:, MIDDLE]) >= _WET_MIDDLE_FALL_DB)
    low_stayed = (np.nan_to_num(falls[:, [WIND, SHOT]]) <= _WET_LOW_FALL_DB).all(axis=1)
    return np.asarray((np.nan_to_num(top) >= _WET_FALL_DB) & middle_fell & low_stayed)


def _joined(hours: Sequence[Hour], kinds: Sequence[str], falls: _Array) -> list[Spell]:
    spells = []
    for kind, group in groupby(range(len(hours)), key=lambda i: kinds[i]):
        rows = list(group)
        if len(rows) >= _LEAST_HOURS.get(kind, len(rows) + 1):
            found = _medians(falls[rows])
            spells.append(
                Spell(
                    kind=kind,
                    began_at=hours[rows[0]].began_at,
                    end_at=hours[rows[-1]].began_at + timedelta(hours=1),
                    hours=frozenset(hours[i].began_at for i in rows),
                    falls_db=tuple(None if np.isnan(fall) else float(fall) for fall in found),
                )
            )
    return spells
