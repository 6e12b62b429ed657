"""Which shots are missed, and what raises false alarms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ndoki.evaluation.false_alarms import FalseAlarms

__all__ = ["Cause", "Part", "false_alarms_by_cause", "wilson"]

_Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Recall on a part of the shots.

    Attributes
    ----------
    name
        Which part, e.g. ``[0, 6)`` or ``shotgun``; ``unknown`` where the tag is blank or NaN.
    n_truths, n_found
        Shots in this part, and how many of them are found.
    low, high
        95 % Wilson interval of recall. It takes shots as independent, so it is too narrow where many come
        from one recording; `bootstrap_recall_at` is not.
    """

    name: str
    n_truths: int
    n_found: int
    low: float
    high: float

    @property
    def recall(self) -> float:
        """Share of these shots that are found; NaN if there are none."""
        return self.n_found / self.n_truths if self.n_truths else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """False alarms in one kind of shot-free sound."""

    name: str
    n_false: int
    hours: float

    @property
    def per_hour(self) -> float:
        """False alarms per hour of this kind of sound; NaN without hours."""
        return self.n_false / self.hours if self.hours else float("nan")


def false_alarms_by_cause(
    alarms: FalseAlarms,
    *,
    threshold: float,
    cause_by_recording: Mapping[Any, str],
    hours_by_recording: Mapping[Any, float],
) -> tuple[Cause, ...]:
    """Count false alarms by the label of the shot-free recording they lie in, the most frequent first.

    Parameters
    ----------
    alarms
        From `false_alarms`.
    threshold
        False alarms of score ≥ this are counted.
    cause_by_recording
        What is heard in each recording; a recording that is not named is ``unknown``.
    hours_by_recording
        Length of every shot-free recording, those where nothing was reported included.
    """
    n_false: dict[str, int] = {}
    hours: dict[str, float] = {}
    for key, length in hours_by_recording.items():
        name = cause_by_recording.get(key, "unknown")
        hours[name] = hours.get(name, 0.0) + length
    for key in alarms.recording[alarms.score >= threshold].tolist():
        name = cause_by_recording.get(key, "unknown")
        n_false[name] = n_false.get(name, 0) + 1
    names = sorted(hours.keys() | n_false.keys(), key=lambda name: (-n_false.get(name, 0), name))
    return tuple(Cause(name=name, n_false=n_false.get(name, 0), hours=hours.get(name, 0.0)) for name in names)


def wilson(n_found: int, n_truths: int) -> tuple[float, float]:
    """95 % interval of a share [1]_; (0, 1) when nothing was counted.

    References
    ----------
    .. [1] E. B. Wilson, "Probable inference, the law of succession, and statistical inference", J. Am. Stat.
       Assoc. 22 (1927), 209-212.
    """
    if not n_truths:
        return 0.0, 1.0
    share, spread = n_found / n_truths, _Z_95**2 / n_truths
    centre = share + spread / 2
    half = float(np.sqrt(spread * (share * (1 - share) + spread / 4)))
    return max(0.0, (centre - half) / (1 + spread)), min(1.0, (centre + half) / (1 + spread))
