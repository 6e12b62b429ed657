"""Recall on parts of the shots, with intervals for shots that stand or fall together, as in a burst."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ndoki.core.errors import ConfigError, LabelError
from ndoki.evaluation.breakdown import Part, wilson
from ndoki.evaluation.columns import Column, Doubles, Integers, Truths

__all__ = ["bias_interval", "bin_names", "first_of_bursts", "grouped_parts"]

_N_RESAMPLES = 1000
_UNKNOWN = "unknown"


def bin_names(values: Doubles, edges: Sequence[float]) -> tuple[list[str], tuple[str, ...]]:
    """Name the bin of each number: ``< −3``, ``−3 to 0``, …, ``≥ 15``; ``unknown`` for NaN.

    Parameters
    ----------
    values
        Shape (n,).
    edges
        Strictly rising; bins are half-open, ``[edges[i], edges[i + 1])``.

    Returns
    -------
    names
        One for each value.
    order
        All names in rising order, ``unknown`` last.

    Raises
    ------
    ConfigError
        If the edges do not rise.
    """
    border = np.asarray(edges, np.float64)
    if not len(border) or not (np.diff(border) > 0).all():
        raise ConfigError(f"bin edges {list(edges)}: expected one or more numbers that rise strictly")
    shown = [f"{edge:g}".replace("-", "−") for edge in edges]
    inner = [f"{low} to {high}" for low, high in pairwise(shown)]
    order = (f"< {shown[0]}", *inner, f"≥ {shown[-1]}", _UNKNOWN)
    values = np.asarray(values, np.float64)
    rank = np.where(np.isnan(values), len(order) - 1, np.searchsorted(border, values, "right"))
    return [order[i] for i in rank.tolist()], order


def grouped_parts(
    found: npt.NDArray[np.bool_],
    names: Sequence[str],
    order: Sequence[str],
    group: Column,
    rng: np.random.Generator,
) -> tuple[Part, ...]:
    """Recall on each part, with 95 % intervals that draw whole groups.

    Where every shot is a group of its own the interval is Wilson's. Otherwise groups are drawn with
    replacement 1000 times, and the percentiles of recall taken; where all or none are found, so that a
    resample cannot differ, it is Wilson's over the number of groups.

    Parameters
    ----------
    found
        Whether each shot is found, shape (n,).
    names
        The part that each shot belongs to.
    order
        Names in the order of the result; parts without shots are left out.
    group
        What each shot stands or falls with, e.g. its burst; shape (n,).
    rng
        Source of all randomness.

    Raises
    ------
    LabelError
        If the lengths differ.
    """
    if not len(found) == len(names) == len(group):
        raise LabelError(
            f"{len(found)} shots, {len(names)} parts and {len(group)} groups: expected one of each per shot"
        )
    part_of = np.array(names, np.str_)
    parts = []
    for name in order:
        here = part_of == name
        if here.any():
            n_truths, n_found = int(here.sum()), int(found[here].sum())
            low, high = _interval(found[here], group[here], rng)
            parts.append(Part(name=name, n_truths=n_truths, n_found=n_found, low=low, high=high))
    return tuple(parts)


def bias_interval(n_reported: Integers, n_true: Integers, rng: np.random.Generator) -> tuple[float, float]:
    """95 % interval of Σ n_reported / Σ n_true − 1, by drawing whole bursts 1000 times.

    Parameters
    ----------
    n_reported, n_true
        Events and shots of each burst, shape (n,), n ≥ 1.
    rng
        Source of all randomness.
    """
    n_bursts = len(n_true)
    weight = rng.multinomial(n_bursts, np.full(n_bursts, 1 / n_bursts), size=_N_RESAMPLES)
    low, high = np.quantile((weight @ n_reported) / (weight @ n_true) - 1, [0.025, 0.975])
    return float(low), float(high)


def first_of_bursts(truths: Truths) -> npt.NDArray[np.bool_]:
    """Whether each shot is the first of its burst, by the tag ``burst``; shape (m,)."""
    order = np.lexsort((truths.onset_s, truths.tags["burst"]))
    _, first = np.unique(truths.tags["burst"][order], return_index=True)
    opens = np.zeros(len(truths), np.bool_)
    opens[order[first]] = True
    return opens


def _interval(found: npt.NDArray[np.bool_], group: Column, rng: np.random.Generator) -> tuple[float, float]:
    """95 % interval of the share found."""
    distinct, code = np.unique(group, return_inverse=True)
    n_groups, n_found = len(distinct), int(found.sum())
    if n_groups == len(found):
        return wilson(n_found, len(found))
    if n_found in (0, len(found)):
        return wilson(n_groups if n_found else 0, n_groups)
    shots, hits = np.bincount(code), np.bincount(code, found)
    weight = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=_N_RESAMPLES)
    low, high = np.quantile((weight @ hits) / (weight @ shots), [0.025, 0.975])
    return float(low), float(high)
