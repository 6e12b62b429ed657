"""Recall against false alarms per hour, exactly, over all thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ndoki.core.errors import ConfigError, LabelError
from ndoki.evaluation.columns import Detections, Doubles, Integers, Truths
from ndoki.evaluation.false_alarms import MERGE_S, false_alarms
from ndoki.evaluation.match import COLLAR_S, match_best_first, onset_pairs

__all__ = [
    "Curve",
    "OperatingPoint",
    "allowed_false_alarms",
    "clip_curve",
    "curve_from_scores",
    "false_alarms_at",
    "operating_curve",
    "recall_at",
    "recalls_at",
]

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """What one threshold gives.

    Attributes
    ----------
    threshold
        Events of score ≥ this are reported; +inf reports nothing.
    recall
        Share of shots (or clips) that are found, in [0, 1].
    false_alarms_per_hour
        Of shot-free sound.
    """

    threshold: float
    recall: float
    false_alarms_per_hour: float

    @property
    def false_alarms_per_day(self) -> float:
        """False alarms per 24 h of shot-free sound."""
        return 24 * self.false_alarms_per_hour


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """A step function of the threshold: one row for every score at which something changes.

    Attributes
    ----------
    threshold
        float64, falling; the first is +inf, where nothing is reported.
    n_found, n_false
        int64, never falling: shots found and false alarms when events of score ≥ threshold are reported.
    n_truths
        Number of shots (or of clips with shots), above 0.
    background_hours
        Length of the shot-free sound, above 0.
    """

    threshold: Doubles
    n_found: Integers
    n_false: Integers
    n_truths: int
    background_hours: float

    @property
    def recall(self) -> Doubles:
        """Share of shots found, in [0, 1], for each row."""
        return self.n_found / self.n_truths

    @property
    def false_alarms_per_hour(self) -> Doubles:
        """False alarms per hour of shot-free sound, for each row."""
        return self.n_false / self.background_hours

    def point(self, row: int) -> OperatingPoint:
        """One row."""
        return OperatingPoint(
            threshold=float(self.threshold[row]),
            recall=float(self.recall[row]),
            false_alarms_per_hour=float(self.false_alarms_per_hour[row]),
        )

    def at(self, threshold: float) -> OperatingPoint:
        """What any threshold gives, whether or not it is one of the rows."""
        row = int(np.searchsorted(-self.threshold, -threshold, "right")) - 1
        found = self.point(row)
        return OperatingPoint(
            threshold=threshold, recall=found.recall, false_alarms_per_hour=found.false_alarms_per_hour
        )


def operating_curve(
    detections: Detections,
    truths: Truths,
    *,
    background: Detections,
    background_hours: float,
    collar_s: float = COLLAR_S,
    merge_s: float = MERGE_S,
) -> Curve:
    """Recall on recordings with known onsets against false alarms on shot-free ones.

    Parameters
    ----------
    detections, truths
        What was reported in the recordings with shots, and the shots. What is reported there beside the
        shots does not count as a false alarm: such recordings are rarely labelled to the end.
    background, background_hours
        What was reported in shot-free recordings, and how long these are together, silent ones included.
    collar_s
        An event finds a shot when its onset lies within this of the true one; one event for one shot.
    merge_s
        Reports in shot-free sound closer than this count once.

    Raises
    ------
    LabelError
        If there are no shots, or keys are of two kinds.
    ConfigError
        If hours, collar or merging time are impossible.
    """
    matches = match_best_first(onset_pairs(detections, truths, collar_s), detections.score)
    return curve_from_scores(matches.found_score, false_alarms(background, merge_s).score, background_hours)


def clip_curve(
    best_scores: npt.NDArray[np.floating[Any]],
    *,
    background: Detections,
    background_hours: float,
    merge_s: float = MERGE_S,
) -> Curve:
    """Recall over clips of which only the label is known: any event in a clip finds it.

    Parameters
    ----------
    best_scores
        Highest score of an event in each clip that holds a shot, −inf where nothing was reported.
    background, background_hours, merge_s
        As in `operating_curve`.

    Raises
    ------
    LabelError
        If there are no clips.
    ConfigError
        If hours or merging time are impossible.
    """
    return curve_from_scores(best_scores, false_alarms(background, merge_s).score, background_hours)


def curve_from_scores(
    found_score: npt.NDArray[np.floating[Any]],
    false_score: npt.NDArray[np.floating[Any]],
    background_hours: float,
) -> Curve:
    """Build a curve from the highest threshold at which each shot is found and each false alarm counted.

    Raises
    ------
    LabelError
        If there are no shots.
    ConfigError
        If ``background_hours`` is not above 0.
    """
    if not len(found_score):
        raise LabelError(
            "no shots among the truths: recall is the share of shots found, so give at least one"
        )
    if not 0 < background_hours < np.inf:
        raise ConfigError(f"{background_hours} h of shot-free sound: expected a finite number above 0")
    found = np.asarray(found_score, np.float64)
    false = np.asarray(false_score, np.float64)
    steps = np.unique(np.concatenate([found[found > -np.inf], false]))[::-1]
    threshold = np.concatenate([[np.inf], steps])
    return Curve(
        threshold=threshold,
        n_found=_n_at_least(found, threshold),
        n_false=_n_at_least(false, threshold),
        n_truths=len(found),
        background_hours=background_hours,
    )


def allowed_false_alarms(per_hour: float, hours: float | Doubles) -> Integers:
    """Whole number of false alarms that a rate allows in some hours; rounding never costs one."""
    return np.floor(per_hour * np.asarray(hours, np.float64) + _ROUNDING).astype(np.int64)


def recall_at(curve: Curve, false_alarms_per_hour: float) -> OperatingPoint:
    """Recall at the lowest threshold with at most so many false alarms per hour.

    Events of equal score come together or not at all, so the rate that is reached may be lower than the
    one asked for. If even the highest score would exceed it, nothing is reported: threshold +inf, recall 0.

    Raises
    ------
    ConfigError
        If the rate is negative.
    """
    if not false_alarms_per_hour >= 0:
        raise ConfigError(f"{false_alarms_per_hour} false alarms per hour: expected 0 or more")
    allowed = allowed_false_alarms(false_alarms_per_hour, curve.background_hours)
    return curve.point(int(np.searchsorted(curve.n_false, allowed, "right")) - 1)


def recalls_at(curve: Curve, rates_per_hour: Sequence[float]) -> dict[float, OperatingPoint]:
    """`recall_at` for several rates."""
    return {rate: recall_at(curve, rate) for rate in rates_per_hour}


def false_alarms_at(curve: Curve, recall: float) -> OperatingPoint | None:
    """Price of a recall: the highest threshold that reaches it; None where no threshold does.

    Raises
    ------
    ConfigError
        If ``recall`` does not lie in [0, 1].
    """
    if not 0 <= recall <= 1:
        raise ConfigError(f"recall of {recall}: expected a share in [0, 1]")
    needed = np.ceil(recall * curve.n_truths - _ROUNDING)
    row = int(np.searchsorted(curve.n_found, needed, "left"))
    return curve.point(row) if row < len(curve.n_found) else None


def _n_at_least(scores: Doubles, threshold: Doubles) -> Integers:
    """How many scores are ≥ each threshold."""
    return len(scores) - np.searchsorted(np.sort(scores), threshold, "left")
