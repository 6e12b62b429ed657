"""The price of a recall: false alarms per hour at equal recall, in resamples of whole groups."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ndoki.core.errors import ConfigError
from ndoki.evaluation.bootstrap import ScoredGroups
from ndoki.evaluation.columns import Doubles

__all__ = ["prices", "resampled_prices"]

_ROUNDING = 1e-9


def prices(groups: ScoredGroups, recalls: Sequence[float]) -> Doubles:
    """False alarms per hour at the highest threshold that reaches each recall, shape (n_recalls,).

    +inf where none does.

    Raises
    ------
    ConfigError
        If a recall does not lie in (0, 1].
    """
    n_found, n_false = groups.n_groups
    price = _prices(groups, np.ones((1, n_found)), np.ones((1, n_false)), recalls)[0]
    found = np.mean(groups.found_score > -np.inf)
    return np.where(np.asarray(recalls) > found + _ROUNDING, np.inf, price)


def resampled_prices(
    groups: ScoredGroups, recalls: Sequence[float], *, n_resamples: int, rng: np.random.Generator
) -> Doubles:
    """`prices` in every resample, shape (n_resamples, n_recalls); NaN in one without hours or shots.

    A resample that does not reach a recall counts with the rate of all its false alarms, the least that the
    recall could cost.

    Two detectors heard on the same recordings are compared by the difference of two such arrays, each
    drawn with a generator of the same seed: then both meet the same resamples.

    Raises
    ------
    ConfigError
        If a recall does not lie in (0, 1], or ``n_resamples`` is below 1.
    """
    if n_resamples < 1:
        raise ConfigError(f"{n_resamples} resamples: expected 1 or more")
    n_found, n_false = groups.n_groups
    found_weight = rng.multinomial(n_found, np.full(n_found, 1 / n_found), size=n_resamples)
    false_weight = rng.multinomial(n_false, np.full(n_false, 1 / n_false), size=n_resamples)
    return _prices(groups, found_weight, false_weight, recalls)


def _prices(
    groups: ScoredGroups,
    found_weight: npt.NDArray[Any],
    false_weight: npt.NDArray[Any],
    recalls: Sequence[float],
) -> Doubles:
    """One row for each row of weights: how often each group was drawn."""
    if not all(0 < recall <= 1 for recall in recalls):
        raise ConfigError(f"recalls of {list(recalls)}: expected shares above 0 and up to 1")
    order = np.argsort(-groups.found_score, kind="stable")
    scores = groups.found_score[order]
    n_found = np.cumsum(found_weight[:, groups.found_group[order]], axis=1)
    order = np.argsort(-groups.false_score, kind="stable")
    n_false = np.cumsum(false_weight[:, groups.false_group[order]], axis=1)
    n_false = np.concatenate([np.zeros((len(n_false), 1)), n_false], axis=1)
    # At the threshold of a shot's score all false alarms of at least that score are raised.
    n_raised = np.searchsorted(-groups.false_score[order], -scores, "right")
    hours, n_truths = false_weight @ groups.background_hours, n_found[:, -1]
    rows = np.flatnonzero((hours > 0) & (n_truths > 0))
    result = np.full((len(n_found), len(recalls)), np.nan)
    for column, recall in enumerate(recalls):
        needed = np.ceil(recall * n_truths - _ROUNDING)
        shot = np.count_nonzero(n_found < needed[:, None], axis=1)
        result[rows, column] = n_false[rows, n_raised[shot[rows]]] / hours[rows]
    return result
