"""Precision and recall, against the threshold and against the overlap that a box must have."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ndoki.core.errors import LabelError
from ndoki.evaluation.columns import Detections, Doubles, Integers, Truths
from ndoki.evaluation.match import Pairs, match_best_first
from ndoki.evaluation.overlap import overlap_pairs

__all__ = ["OverlapCurve", "PrecisionCurve", "average_precision", "overlap_curve", "precision_curve"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PrecisionCurve:
    """One row for every distinct score, the threshold falling.

    Attributes
    ----------
    threshold
        float64, falling.
    n_found, n_reported
        int64: shots found, and events of score ≥ threshold. Each event counts; a second event on one shot is
        a wrong one.
    n_truths
        Number of shots, above 0.
    """

    threshold: Doubles
    n_found: Integers
    n_reported: Integers
    n_truths: int

    @property
    def precision(self) -> Doubles:
        """Share of reported events that found a shot, in [0, 1]."""
        return self.n_found / self.n_reported

    @property
    def recall(self) -> Doubles:
        """Share of shots found, in [0, 1]."""
        return self.n_found / self.n_truths

    @property
    def f1(self) -> Doubles:
        """Harmonic mean of precision and recall, in [0, 1]."""
        return 2 * self.n_found / (self.n_reported + self.n_truths)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OverlapCurve:
    """Precision and recall at one score threshold, for each overlap that a box must have.

    All columns have shape (n,). Precision is NaN where nothing is reported.
    """

    min_overlap: Doubles
    precision: Doubles
    recall: Doubles
    average_precision: Doubles


def precision_curve(pairs: Pairs, scores: npt.NDArray[np.floating[Any]]) -> PrecisionCurve:
    """Count right and reported events at every distinct score.

    Only meaningful for recordings that are labelled to the end: an unlabelled shot that is found counts as
    a wrong event.

    Parameters
    ----------
    pairs
        From `onset_pairs` or `overlap_pairs`.
    scores
        Shape (n_events,).

    Raises
    ------
    LabelError
        If there are no shots.
    """
    if not pairs.n_truths:
        raise LabelError(
            "no shots among the truths: recall is the share of shots found, so give at least one"
        )
    right = match_best_first(pairs, scores).truth_of_event >= 0
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    falling = np.asarray(scores, np.float64)[order]
    last_of_block = np.flatnonzero(np.diff(falling, append=-np.inf) < 0)
    return PrecisionCurve(
        threshold=falling[last_of_block],
        n_found=np.cumsum(right[order], dtype=np.int64)[last_of_block],
        n_reported=last_of_block.astype(np.int64) + 1,
        n_truths=pairs.n_truths,
    )


def average_precision(curve: PrecisionCurve) -> float:
    """Mean precision over the rise of recall: Σ (recallᵢ − recallᵢ₋₁) · precisionᵢ, in [0, 1].

    Nothing is interpolated; shots that are never found contribute 0.
    """
    gained = np.diff(curve.recall, prepend=0.0)
    return float(np.sum(gained * curve.precision))


def overlap_curve(
    detections: Detections,
    truths: Truths,
    *,
    threshold: float,
    min_overlaps: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
) -> OverlapCurve:
    """Precision, recall and average precision for several overlaps (see `overlap_pairs`).

    Average precision is over all thresholds, the others at ``threshold``.

    Raises
    ------
    LabelError
        If there are no shots, or an end is missing.
    ConfigError
        If an overlap does not lie in (0, 1].
    """
    rows = []
    for min_overlap in min_overlaps:
        curve = precision_curve(overlap_pairs(detections, truths, min_overlap), detections.score)
        n_reported = int(np.count_nonzero(detections.score >= threshold))
        n_found = int(curve.n_found[curve.n_reported == n_reported].sum())
        precision = n_found / n_reported if n_reported else np.nan
        rows.append((precision, n_found / curve.n_truths, average_precision(curve)))
    columns = np.array(rows, np.float64).reshape(-1, 3)
    return OverlapCurve(
        min_overlap=np.array(min_overlaps, np.float64),
        precision=columns[:, 0],
        recall=columns[:, 1],
        average_precision=columns[:, 2],
    )
