"""How far recall at a false-alarm rate could be off: bootstrap over whole groups, never over clips.

Shots of one recording (or day, or site) are alike, so whole groups are drawn with replacement; those with
shots and those without are drawn apart. In every resample the threshold is found anew, because on new
sound it would be chosen anew. Intervals are percentiles [1]_.

References
----------
.. [1] B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ndoki.core.errors import ConfigError, LabelError
from ndoki.evaluation.columns import Column, Doubles, Integers
from ndoki.evaluation.curves import allowed_false_alarms
from ndoki.evaluation.false_alarms import FalseAlarms

__all__ = [
    "Interval",
    "ScoredGroups",
    "bootstrap_recall_at",
    "interval_of",
    "resampled_recalls",
    "scored_groups",
]

_CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A value and between which bounds it probably lies."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredGroups:
    """Scores with the group that each belongs to; all that a resample needs.

    Attributes
    ----------
    found_score, found_group
        float64 and int64, one row per shot: highest threshold at which it is found (−inf if never), and
        number of its group, counted from 0.
    false_score, false_group
        The same, one row per false alarm, groups of shot-free sound numbered apart.
    background_hours
        float64, one value ≥ 0 for each group of shot-free sound, those without false alarms included.
    """

    found_score: Doubles
    found_group: Integers
    false_score: Doubles
    false_group: Integers
    background_hours: Doubles

    @property
    def n_groups(self) -> tuple[int, int]:
        """Number of groups with shots, and of groups without."""
        return int(self.found_group.max()) + 1, len(self.background_hours)

    def __post_init__(self) -> None:
        """Refuse columns that do not fit together."""
        if (
            self.found_score.shape != self.found_group.shape
            or self.false_score.shape != self.false_group.shape
        ):
            raise LabelError("scores and groups differ in length; give one group for every score")
        if not len(self.found_score):
            raise LabelError(
                "no shots among the truths: recall is the share of shots found, so give at least one"
            )
        if not self.background_hours.sum() > 0:
            raise LabelError("no hours of shot-free sound; a rate of false alarms needs some")
        if len(self.false_group) and self.false_group.max() >= len(self.background_hours):
            raise LabelError("a false alarm lies in a group without hours; give the hours of every group")


def scored_groups(
    *,
    found_score: Doubles,
    truth_recording: Column,
    alarms: FalseAlarms,
    hours_by_recording: Mapping[Any, float],
    group_by_recording: Mapping[Any, Any] | None = None,
) -> ScoredGroups:
    """Number the groups of shots and of false alarms.

    Parameters
    ----------
    found_score, truth_recording
        From `match_best_first`, and the key of each shot's recording.
    alarms
        From `false_alarms`.
    hours_by_recording
        Length of every shot-free recording, those where nothing was reported included.
    group_by_recording
        What belongs together; a recording that is not named is a group of its own.

    Raises
    ------
    LabelError
        If a recording with false alarms has no hours, or there are no shots or no hours.
    """
    named = group_by_recording or {}

    def group_of(key: Any) -> tuple[bool, Any]:
        return (True, named[key]) if key in named else (False, key)

    number: dict[tuple[bool, Any], int] = {}
    found_group = [number.setdefault(group_of(key), len(number)) for key in truth_recording.tolist()]
    number = {}
    for key in hours_by_recording:
        number.setdefault(group_of(key), len(number))
    background_hours = np.zeros(len(number))
    for key, hours in hours_by_recording.items():
        background_hours[number[group_of(key)]] += hours
    unknown = [key for key in alarms.recording.tolist() if key not in hours_by_recording]
    if unknown:
        raise LabelError(
            f"{unknown[0]!r}: false alarms, but no hours; give the hours of every shot-free recording"
        )
    false_group = [number[group_of(key)] for key in alarms.recording.tolist()]
    return ScoredGroups(
        found_score=np.asarray(found_score, np.float64),
        found_group=np.array(found_group, np.int64),
        false_score=alarms.score,
        false_group=np.array(false_group, np.int64),
        background_hours=background_hours,
    )


def bootstrap_recall_at(
    groups: ScoredGroups,
    *,
    rates_per_hour: Sequence[float] = (60.0, 10.0, 2.0),
    n_resamples: int = 1000,
    rng: np.random.Generator,
    level: float = 0.95,
) -> dict[float, Interval]:
    """Recall at several false-alarm rates, each with its interval.

    Parameters
    ----------
    groups
        From `scored_groups`.
    rates_per_hour
        False alarms per hour of shot-free sound.
    n_resamples
        How many resamples.
    rng
        Source of all randomness.
    level
        Share of resamples that the interval covers, in (0, 1).

    Raises
    ------
    ConfigError
        If ``n_resamples`` is below 1 or ``level`` is not in (0, 1).
    """
    n_found, n_false = groups.n_groups
    values = _recalls(groups, np.ones((1, n_found)), np.ones((1, n_false)), rates_per_hour)[0]
    resampled = resampled_recalls(groups, rates_per_hour=rates_per_hour, n_resamples=n_resamples, rng=rng)
    return {
        rate: interval_of(float(value), column, level)
        for rate, value, column in zip(rates_per_hour, values, resampled.T, strict=True)
    }


def resampled_recalls(
    groups: ScoredGroups, *, rates_per_hour: Sequence[float], n_resamples: int, rng: np.random.Generator
) -> Doubles:
    """Recall in every resample, shape (n_resamples, n_rates).

    Two detectors heard on the same recordings are compared by the difference of two such arrays, each
    drawn with a generator of the same seed: then both meet the same resamples.

    Raises
    ------
    ConfigError
        If ``n_resamples`` is below 1.
    """
    if n_resamples < 1:
        raise ConfigError(f"{n_resamples} resamples: expected 1 or more")
    n_found, n_false = groups.n_groups
    # Drawn before anything is cut into parts, so that the result does not depend on the parts.
    found_weight = rng.multinomial(n_found, np.full(n_found, 1 / n_found), size=n_resamples)
    false_weight = rng.multinomial(n_false, np.full(n_false, 1 / n_false), size=n_resamples)
    rows = max(1, _CELLS_AT_ONCE // max(len(groups.found_score), len(groups.false_score), 1))
    parts = [
        _recalls(
            groups, found_weight[first : first + rows], false_weight[first : first + rows], rates_per_hour
        )
        for first in range(0, n_resamples, rows)
    ]
    return np.concatenate(parts)


def interval_of(value: float, resampled: Doubles, level: float = 0.95) -> Interval:
    """Percentile interval of a value from its resamples; those that are NaN are left out.

    Raises
    ------
    ConfigError
        If ``level`` does not lie in (0, 1).
    """
    if not 0 < level < 1:
        raise ConfigError(f"level of {level}: expected a share between 0 and 1, such as 0.95")
    low, high = np.nanquantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value=value, low=float(low), high=float(high))


def _recalls(
    groups: ScoredGroups,
    found_weight: npt.NDArray[Any],
    false_weight: npt.NDArray[Any],
    rates_per_hour: Sequence[float],
) -> Doubles:
    """Recall for each row of weights (how often a group was drawn) and rate; NaN without hours or shots."""
    order = np.argsort(-groups.false_score, kind="stable")
    false_score = groups.false_score[order]
    last_of_block = np.flatnonzero(np.diff(false_score, append=-np.inf) < 0)
    n_false = np.cumsum(false_weight[:, groups.false_group[order]], axis=1)[:, last_of_block]
    # Behind the last block nothing more is counted, so the threshold may fall without end.
    first_refused = np.append(false_score[last_of_block], -np.inf)

    order = np.argsort(-groups.found_score, kind="stable")
    n_found = np.cumsum(found_weight[:, groups.found_group[order]], axis=1)
    n_truths = n_found[:, -1]
    n_found = np.concatenate([np.zeros((len(n_found), 1)), n_found], axis=1)
    n_above = np.searchsorted(-groups.found_score[order], -first_refused, "left")

    hours = false_weight @ groups.background_hours
    recalls = np.full((len(n_found), len(rates_per_hour)), np.nan)
    usable = np.flatnonzero((hours > 0) & (n_truths > 0))
    for column, rate in enumerate(rates_per_hour):
        n_blocks = np.count_nonzero(n_false <= allowed_false_alarms(rate, hours)[:, None], axis=1)[usable]
        recalls[usable, column] = n_found[usable, n_above[n_blocks]] / n_truths[usable]
    return recalls
