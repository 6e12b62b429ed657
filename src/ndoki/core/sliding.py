"""The highest of neighbouring values."""

import numpy as np

from ndoki.core.types import Floats

__all__ = ["highest_near"]


def highest_near(values: Floats, reach: int) -> Floats:
    """For each row the highest of those up to ``reach`` rows away, column by column.

    Each pass looks twice as far as the one before. (``scipy.ndimage``, which has it too, is
    slow to import, in every process that hears.)

    Parameters
    ----------
    values
        Shape (n, ...), n ≥ 1. Beyond the ends there is nothing.

    Returns
    -------
    Same shape and type
    """
    highest = np.pad(values, ((reach, reach), *((0, 0),) * (values.ndim - 1)), mode="edge")
    width, seen = 2 * reach + 1, 1
    while seen < width:
        step = min(seen, width - seen)
        highest = np.maximum(highest[step:], highest[: len(highest) - step])
        seen += step
    return highest
