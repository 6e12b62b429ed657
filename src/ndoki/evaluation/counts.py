"""Does the number of reported shots per burst agree with the truth?"""

from dataclasses import dataclass

import numpy as np

from ndoki.core.errors import ConfigError, LabelError
from ndoki.evaluation.columns import Column, Detections, Doubles, Integers, Truths
from ndoki.evaluation.match import COLLAR_S, ROUNDING_S

__all__ = ["BurstCounts", "CountError", "count_bursts", "count_error"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BurstCounts:
    """One row per burst, in the order of its key.

    Attributes
    ----------
    burst
        Key of the burst.
    n_true, n_reported
        int64, shots in the burst, and events reported while it lasted.
    spacing_s
        float64, median time between its shots; NaN for a single shot.
    """

    burst: Column
    n_true: Integers
    n_reported: Integers
    spacing_s: Doubles


@dataclass(frozen=True, slots=True, kw_only=True)
class CountError:
    """How far counts are off.

    Attributes
    ----------
    n_bursts, n_true, n_reported
        Bursts, their shots, and the events reported while they lasted.
    bias
        (n_reported − n_true) / n_true over all bursts: 0.1 means 10 % too many.
    mean_error
        Mean over bursts of |n_reported − n_true| / n_true.
    """

    n_bursts: int
    n_true: int
    n_reported: int
    bias: float
    mean_error: float


def count_bursts(
    detections: Detections,
    truths: Truths,
    *,
    threshold: float,
    margin_s: float = COLLAR_S,
    tag: str = "burst",
) -> BurstCounts:
    """Count the events of score ≥ ``threshold`` within each burst and ``margin_s`` around it.

    Parameters
    ----------
    detections, truths
        What was reported, and the shots.
    threshold
        Events of score ≥ this count.
    margin_s
        How far outside its first and last shot an event still belongs to a burst. An event between two
        bursts that are closer than twice this counts for both.
    tag
        Name of the tag that tells which burst each shot belongs to; a burst lies in one recording.

    Raises
    ------
    LabelError
        If the tag is missing, or a burst lies in two recordings.
    ConfigError
        If the margin is negative.
    """
    if not margin_s >= 0:
        raise ConfigError(f"margin of {margin_s} s: expected 0 or more")
    if tag not in truths.tags:
        raise LabelError(
            f"truths have no tag {tag!r}, only {sorted(truths.tags)}; counting per burst needs it"
        )
    reported = detections.select(detections.score >= threshold)
    bursts, code = np.unique(truths.tags[tag], return_inverse=True)
    n_reported = np.zeros(len(bursts), np.int64)
    spacing_s = np.full(len(bursts), np.nan)
    for row, burst in enumerate(bursts):
        here = np.flatnonzero(code == row)
        key = truths.recording[here[0]]
        if (truths.recording[here] != key).any():
            raise LabelError(f"burst {burst!r} lies in two recordings; give every burst a key of its own")
        onsets_s = np.sort(truths.onset_s[here])
        reach_s = margin_s + ROUNDING_S
        inside = (reported.onset_s >= onsets_s[0] - reach_s) & (reported.onset_s <= onsets_s[-1] + reach_s)
        n_reported[row] = np.count_nonzero(inside & (reported.recording == key))
        if len(onsets_s) > 1:
            spacing_s[row] = np.median(np.diff(onsets_s))
    return BurstCounts(
        burst=bursts,
        n_true=np.bincount(code, minlength=len(bursts)).astype(np.int64),
        n_reported=n_reported,
        spacing_s=spacing_s,
    )


def count_error(
    counts: BurstCounts, *, min_spacing_s: float = 0.0, max_spacing_s: float = np.inf
) -> CountError:
    """Sum up how far counts are off, over bursts with a spacing in ``[min_spacing_s, max_spacing_s)``.

    Single shots, which have no spacing, are counted only with the limits left as they are. Errors are NaN
    where no burst is left.
    """
    everything = min_spacing_s <= 0 and max_spacing_s == np.inf
    in_range = (counts.spacing_s >= min_spacing_s) & (counts.spacing_s < max_spacing_s)
    keep = np.ones(len(counts.n_true), np.bool_) if everything else in_range
    n_true, n_reported = counts.n_true[keep], counts.n_reported[keep]
    total = int(n_true.sum())
    return CountError(
        n_bursts=len(n_true),
        n_true=total,
        n_reported=int(n_reported.sum()),
        bias=(int(n_reported.sum()) - total) / total if total else float("nan"),
        mean_error=float(np.mean(np.abs(n_reported - n_true) / n_true)) if total else float("nan"),
    )
