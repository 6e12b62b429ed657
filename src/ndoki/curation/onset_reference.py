"""The local onset estimate by its definition, a bin and a band at a time: slow, obvious, for tests."""

import math
from collections.abc import Sequence

from ndoki.curation.onset_estimate import AFTER_BINS, BEFORE_BINS

__all__ = ["evidence_at"]


def evidence_at(
    energy: Sequence[Sequence[float]], values_per_bin: Sequence[float], column: int, first: int, end: int
) -> float:
    """Log-likelihood ratio of a rise at a column, as `change_evidence` says it.

    The log likelihood of n independent Gaussian values with powers x₁ … xₙ under the power m is
    −½·Σ(ln m + xᵢ/m), up to a constant; each bin of a band stands for ``values_per_bin`` values. The ratio
    compares the best m on either side of the column with the best m for both.

    Parameters
    ----------
    energy
        Mean power by band and bin, > 0.
    values_per_bin
        Independent values in a bin, by band.
    column, first, end
        Split, and the bins that may be looked at, first < column < end.
    """
    total = 0.0
    for span in AFTER_BINS:
        for band, per_bin in zip(energy, values_per_bin, strict=True):
            before = list(band[max(first, column - BEFORE_BINS) : column])
            after = list(band[column : min(end, column + span)])
            if sum(after) / len(after) <= sum(before) / len(before):
                continue
            total += _best(before, per_bin) + _best(after, per_bin) - _best(before + after, per_bin)
    return max(total / len(AFTER_BINS), 0.0)


def _best(powers: Sequence[float], per_bin: float) -> float:
    """Log likelihood of bins under the one power that suits them best, which is their mean."""
    mean = sum(powers) / len(powers)
    return sum(-0.5 * per_bin * (math.log(mean) + power / mean) for power in powers)
