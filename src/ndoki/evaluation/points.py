"""What one threshold gives: recall and false alarms per hour, each with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv

from ndoki.evaluation.columns import Column, Doubles, Truths
from ndoki.evaluation.false_alarms import FalseAlarms
from ndoki.evaluation.grouped import grouped_parts
from ndoki.evaluation.material import Material
from ndoki.evaluation.report import ReportTable

__all__ = ["AtThreshold", "at_threshold", "burst_groups", "points_table", "points_told", "poisson"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AtThreshold:
    """What one threshold gives.

    Attributes
    ----------
    name, threshold
        What it is called; events of score ≥ it are reported.
    n_truths, n_found, recall, recall_low, recall_high
        Shots, those found, their share with its 95 % interval (see `grouped_parts`).
    n_reported, n_second
        Events in the recordings with shots, and those of them that are a second report of a shot.
    n_false, false_alarms_per_hour, per_hour_low, per_hour_high
        False alarms, and their rate with its exact Poisson interval.
    """

    name: str
    threshold: float
    n_truths: int
    n_found: int
    recall: float
    recall_low: float
    recall_high: float
    n_reported: int
    n_second: int
    n_false: int
    false_alarms_per_hour: float
    per_hour_low: float
    per_hour_high: float


def poisson(n: int, hours: float) -> tuple[float, float]:
    """Exact 95 % interval of a rate per hour from a count [1]_.

    References
    ----------
    .. [1] F. Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28 (1936), 437-442.
    """
    low = float(gammaincinv(n, 0.025)) if n else 0.0
    return low / hours, float(gammaincinv(n + 1, 0.975)) / hours


def burst_groups(truths: Truths) -> Column:
    """What each shot stands or falls with: its burst, else nothing but itself; shape (m,)."""
    return truths.tags["burst"] if "burst" in truths.tags else np.arange(len(truths))


def at_threshold(
    material: Material,
    name: str,
    threshold: float,
    found_score: Doubles,
    alarms: FalseAlarms,
    near: Column,
    rng: np.random.Generator,
) -> AtThreshold:
    """Count at one threshold.

    Parameters
    ----------
    material
        What is counted.
    name, threshold
        What the threshold is called, and the lowest score that is reported.
    found_score
        Highest threshold at which each shot is found.
    alarms
        False alarms among ``material.background``.
    near
        Rows of the events within the collar of any shot.
    rng
        For intervals.
    """
    found = found_score >= threshold
    (whole,) = grouped_parts(found, ["all"] * len(found), ["all"], burst_groups(material.truths), rng)
    n_false = int(np.count_nonzero(alarms.score >= threshold))
    low, high = poisson(n_false, material.hours)
    n_near = int(np.count_nonzero(material.detections.score[near] >= threshold))
    return AtThreshold(
        name=name,
        threshold=threshold,
        n_truths=whole.n_truths,
        n_found=whole.n_found,
        recall=whole.recall,
        recall_low=whole.low,
        recall_high=whole.high,
        n_reported=int(np.count_nonzero(material.detections.score >= threshold)),
        n_second=n_near - whole.n_found,
        n_false=n_false,
        false_alarms_per_hour=n_false / material.hours,
        per_hour_low=low,
        per_hour_high=high,
    )


def points_table(points: Sequence[AtThreshold]) -> ReportTable:
    """One column per threshold."""
    lines = {
        "score ≥": [f"{point.threshold:.3g}" for point in points],
        "shots found": [f"{point.n_found} of {point.n_truths}" for point in points],
        "recall": [f"{point.recall:.1%}" for point in points],
        "  95 %": [f"{point.recall_low:.1%} to {point.recall_high:.1%}" for point in points],
        "second reports of a shot": [str(point.n_second) for point in points],
        "false alarms": [str(point.n_false) for point in points],
        "  per hour": [_rate(point.false_alarms_per_hour) for point in points],
        "  95 %, per hour": [f"{_rate(p.per_hour_low)} to {_rate(p.per_hour_high)}" for p in points],
    }
    return ReportTable(
        title="At the threshold",
        columns=("", *(point.name for point in points)),
        rows=tuple((name, *cells) for name, cells in lines.items()),
    )


def points_told(points: Sequence[AtThreshold]) -> dict[str, str]:
    """The same as facts for a report, by threshold."""
    return {
        f"{point.name} (score ≥ {point.threshold:.3g})": (
            f"recall {point.recall:.1%} ({point.recall_low:.1%} to {point.recall_high:.1%}); "
            f"{_rate(point.false_alarms_per_hour)} false alarms per hour "
            f"({_rate(point.per_hour_low)} to {_rate(point.per_hour_high)}); "
            f"{point.n_second} second reports of a shot"
        )
        for point in points
    }


def _rate(per_hour: float) -> str:
    """Format a rate with two digits or more, never with an exponent."""
    return (
        f"{per_hour:.0f}" if per_hour >= 100 else f"{per_hour:.2g}" if per_hour >= 10 else f"{per_hour:.2f}"
    )
