"""From scores to shares: a score of 0.8 should be right 8 times of 10.

A map is fitted on validation data that the network was not trained on, and holds for what that data stands
for: where shots are rarer, or backgrounds harder, the same score is right less often. Every map is strictly
rising, so it changes no ranking and no curve, and it is two small arrays that can be stored with a network.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ndoki.core.errors import ConfigError, LabelError
from ndoki.evaluation.columns import Doubles, Integers

__all__ = [
    "Calibration",
    "Reliability",
    "calibration_error",
    "fit_isotonic",
    "isotonic",
    "reliability",
]

Right = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.floating[Any]]

_EDGE = 1e-6
_N_KNOTS = 65
_MAX_STEPS = 100


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """A rising, piecewise linear map of [0, 1] onto itself.

    Attributes
    ----------
    score, probability
        float64, equally long, both strictly rising from 0 to 1: the knots.

    Raises
    ------
    ConfigError
        If the knots are anything else.
    """

    score: Doubles
    probability: Doubles

    def __post_init__(self) -> None:
        """Refuse knots that are no such map."""
        for name, knots in (("score", self.score), ("probability", self.probability)):
            ends = len(knots) >= 2 and knots[0] == 0 and knots[-1] == 1
            if not ends or len(knots) != len(self.score) or not (np.diff(knots) > 0).all():
                raise ConfigError(
                    f"calibration: {name} has to rise strictly from 0 to 1, equally many in both columns"
                )

    def apply(self, scores: Scores) -> Doubles:
        """Map scores in [0, 1], any shape, to probabilities in [0, 1]."""
        return np.interp(scores, self.score, self.probability)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reliability:
    """What a reliability diagram shows; one row per bin that is not empty.

    Attributes
    ----------
    mean_score
        float64, mean score in the bin.
    share_right
        float64, share of its events that were right.
    n
        int64, number of its events.
    """

    mean_score: Doubles
    share_right: Doubles
    n: Integers


def isotonic(values: Doubles, weights: Doubles) -> Doubles:
    """Fit the closest never-falling sequence, in weighted least squares, by pooling adjacent violators [1]_.

    Parameters
    ----------
    values, weights
        float64, shape (n,); weights above 0.

    Returns
    -------
    fitted
        float64, shape (n,), never falling.

    References
    ----------
    .. [1] R. E. Barlow, D. J. Bartholomew, J. M. Bremner and H. D. Brunk, "Statistical Inference under Order
       Restrictions" (1972), section 1.2.
    """
    # One row per block: its weight, its weighted sum, how many values it holds.
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        total, weighted, size = weight, weight * value, 1
        while blocks and blocks[-1][1] * total >= weighted * blocks[-1][0]:
            before = blocks.pop()
            total, weighted, size = before[0] + total, before[1] + weighted, before[2] + size
        blocks.append((total, weighted, size))
    means = np.array([weighted / total for total, weighted, _ in blocks])
    return np.repeat(means, np.array([size for _, _, size in blocks], np.int64))


def fit_isotonic(scores: Scores, right: Right, *, max_knots: int = _N_KNOTS) -> Calibration:
    """Calibrate without assuming a shape.

    Events are pooled into blocks in which the share of right ones rises from block to block; the map runs
    straight between the blocks' centres. One made-up right event at the lowest score and one wrong event at
    the highest keep few events from making it sure.

    Parameters
    ----------
    scores, right
        Shape (n,): scores in [0, 1], and whether each event found a shot.
    max_knots
        Blocks are thinned evenly to at most so many knots, at least 2.

    Raises
    ------
    LabelError
        If there is no event, lengths differ, or a score is outside [0, 1].
    ConfigError
        If ``max_knots`` is below 2.
    """
    if max_knots < 2:
        raise ConfigError(f"{max_knots} knots: expected 2 or more")
    score, is_right = _checked(scores, right)
    score = np.concatenate([[score.min()], score, [score.max()]])
    is_right = np.concatenate([[1.0], is_right, [0.0]])
    distinct, code, n = np.unique(score, return_inverse=True, return_counts=True)
    share = np.bincount(code, is_right) / n
    fitted = isotonic(share, n.astype(np.float64))
    level, block = np.unique(fitted, return_inverse=True)
    centre = np.bincount(block, distinct * n) / np.bincount(block, n)
    inside = (centre > _EDGE) & (centre < 1 - _EDGE) & (level > 0) & (level < 1)
    knots = np.flatnonzero(inside)
    kept = knots[
        np.unique(np.linspace(0, len(knots) - 1, min(max_knots - 2, len(knots))).round().astype(np.int64))
    ]
    return Calibration(
        score=np.concatenate([[0.0], centre[kept], [1.0]]),
        probability=np.concatenate([[0.0], level[kept], [1.0]]),
    )


def reliability(probabilities: Scores, right: Right, *, n_bins: int = 10) -> Reliability:
    """Compare what scores say with how often they are right, in bins of equal width.

    Bin k covers [k/n_bins, (k+1)/n_bins), the last one also 1.

    Raises
    ------
    LabelError
        If there is no event, lengths differ, or a score is outside [0, 1].
    ConfigError
        If ``n_bins`` is below 1.
    """
    if n_bins < 1:
        raise ConfigError(f"{n_bins} bins: expected 1 or more")
    score, is_right = _checked(probabilities, right)
    edges = np.arange(1, n_bins) / n_bins
    bin_of = np.searchsorted(edges, score, "right")
    n = np.bincount(bin_of, minlength=n_bins)
    used = n > 0
    return Reliability(
        mean_score=np.bincount(bin_of, score, n_bins)[used] / n[used],
        share_right=np.bincount(bin_of, is_right, n_bins)[used] / n[used],
        n=n[used].astype(np.int64),
    )


def calibration_error(bins: Reliability) -> float:
    """Expected calibration error: distance between mean score and share right, averaged over events."""
    return float(np.average(np.abs(bins.mean_score - bins.share_right), weights=bins.n))


def _checked(scores: Scores, right: Right) -> tuple[Doubles, Doubles]:
    """Scores and rightness as float64; LabelError unless they fit together."""
    score, is_right = np.asarray(scores, np.float64), np.asarray(right, np.float64)
    if not score.size or score.ndim != 1 or score.shape != is_right.shape:
        raise LabelError(
            f"scores of shape {score.shape}, right of {is_right.shape}: expected two equal columns"
        )
    if not ((score >= 0) & (score <= 1)).all():
        raise LabelError(f"scores from {score.min()} to {score.max()}: expected numbers in [0, 1]")
    return score, is_right
