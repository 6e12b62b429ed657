"""Which shots are missed, and what raises false alarms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ndoki.core.errors import ConfigError, LabelError
from ndoki.evaluation.columns import Column, Doubles
from ndoki.evaluation.false_alarms import FalseAlarms

__all__ = ["Cause", "Part", "false_alarms_by_cause", "recall_by_bins", "recall_by_name", "wilson"]

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


def recall_by_bins(
    found_score: Doubles, tag: Column, *, threshold: float, edges: Sequence[float]
) -> tuple[Part, ...]:
    """Recall by bins of a number such as SNR or distance.

    Parameters
    ----------
    found_score
        From `match_best_first`, shape (n_truths,).
    tag
        The number for each shot, shape (n_truths,); NaN for unknown.
    threshold
        A shot is found when its score is ≥ this.
    edges
        Strictly rising; bins are half-open, ``[edges[i], edges[i + 1])``. What lies outside gets bins of its
        own.

    Returns
    -------
    parts
        One per bin in rising order, empty ones left out, ``unknown`` last. Together they hold every shot.

    Raises
    ------
    ConfigError
        If the edges do not rise.
    LabelError
        If the lengths differ.
    """
    border = np.asarray(edges, np.float64)
    if not len(border) or not (np.diff(border) > 0).all():
        raise ConfigError(f"bin edges {list(edges)}: expected one or more numbers that rise strictly")
    values = np.asarray(tag, np.float64)
    inner = [f"[{low:g}, {high:g})" for low, high in pairwise(edges)]
    names = [f"< {border[0]:g}", *inner, f"≥ {border[-1]:g}", "unknown"]
    bin_of = np.where(np.isnan(values), len(names) - 1, np.searchsorted(border, values, "right"))
    return _parts(found_score, bin_of, names, threshold)


def recall_by_name(found_score: Doubles, tag: Column, *, threshold: float) -> tuple[Part, ...]:
    """Recall by a name such as weapon or recorder, in alphabetical order; blank is ``unknown``.

    Raises
    ------
    LabelError
        If the lengths differ.
    """
    values = [str(value) if value is not None and str(value) else "unknown" for value in tag.tolist()]
    names = sorted(set(values))
    rank = {name: i for i, name in enumerate(names)}
    return _parts(found_score, np.array([rank[value] for value in values], np.int64), names, threshold)


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


def _parts(found_score: Doubles, bin_of: Column, names: Sequence[str], threshold: float) -> tuple[Part, ...]:
    """Count shots and found shots in each bin that is not empty."""
    if len(found_score) != len(bin_of):
        raise LabelError(f"{len(found_score)} shots but {len(bin_of)} tags: expected one tag for every shot")
    n_truths = np.bincount(bin_of, minlength=len(names))
    n_found = np.bincount(bin_of[found_score >= threshold], minlength=len(names))
    parts = []
    for name, of, found in zip(names, n_truths.tolist(), n_found.tolist(), strict=True):
        if of:
            low, high = wilson(found, of)
            parts.append(Part(name=name, n_truths=of, n_found=found, low=low, high=high))
    return tuple(parts)
