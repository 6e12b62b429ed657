"""Choose a few patches that stand for many."""

import numpy as np
import numpy.typing as npt

from ndoki.core.errors import ConfigError

__all__ = ["choose_templates", "distances", "k_medoids"]


def distances(patches: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """One minus the normalised cross-correlation of every pair of patches, onset on onset.

    Parameters
    ----------
    patches
        Shape (n, n_frames, n_mels), log power in dB.

    Returns
    -------
    float64, shape (n, n)
        In [0, 2]; 0 on the diagonal. A patch without any movement has distance 1 to all others.
    """
    rows = patches.astype(np.float64)
    rows -= rows.mean(axis=1, keepdims=True)
    flat = rows.reshape(len(rows), rows.shape[1] * rows.shape[2])
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    flat = np.divide(flat, length, out=flat, where=length > 0)
    apart: npt.NDArray[np.float64] = np.clip(1.0 - flat @ flat.T, 0.0, 2.0)
    np.fill_diagonal(apart, 0.0)
    return apart


def k_medoids(apart: npt.NDArray[np.float64], n: int) -> list[int]:
    """Items such that the sum of distances from every item to the nearest of them is small.

    Greedy start, then swaps until none helps (PAM: L. Kaufman and P. J. Rousseeuw, Finding Groups in
    Data, 1990, chapter 2). No chance is involved: equal input gives equal output.

    Parameters
    ----------
    apart
        Shape (n_items, n_items), symmetric, not negative.
    n
        How many to choose.

    Returns
    -------
    list of int
        n different indices, ascending.

    Raises
    ------
    ConfigError
        n is below 1 or above the number of items.
    """
    if not 1 <= n <= len(apart):
        raise ConfigError(f"cannot choose {n} templates from {len(apart)} shots; give 1 ≤ n ≤ {len(apart)}")
    chosen: list[int] = []
    nearest = np.full(len(apart), np.inf)
    for _ in range(n):
        chosen.append(_best(apart, nearest, chosen))
        nearest = np.minimum(nearest, apart[chosen[-1]])
    improved = True
    while improved:
        improved = False
        for place in range(n):
            others = chosen[:place] + chosen[place + 1 :]
            without = apart[others].min(axis=0, initial=np.inf)
            candidate = _best(apart, without, others)
            # Strictly and visibly smaller, or rounding could swap to and fro for ever.
            before = np.minimum(without, apart[chosen[place]]).sum()
            if np.minimum(without, apart[candidate]).sum() < before - 1e-9:
                chosen[place] = candidate
                improved = True
    return sorted(chosen)


def _best(apart: npt.NDArray[np.float64], nearest: npt.NDArray[np.float64], taken: list[int]) -> int:
    """The item, not yet taken, that lowers the sum of nearest distances most."""
    total = np.minimum(nearest, apart).sum(axis=1)
    total[taken] = np.inf
    return int(total.argmin())


def choose_templates(patches: npt.NDArray[np.floating], n: int = 7) -> list[int]:
    """Indices of the n patches that stand best for all: real shots, the medoids of n clusters.

    Parameters
    ----------
    patches
        Shape (n_shots, n_frames, n_mels), log power in dB, onset in the same row of each.

    Raises
    ------
    ConfigError
        n is below 1 or above the number of shots.
    """
    apart = distances(patches)
    if len(apart) > 1:
        # To stand for itself counts only as much as to stand for the nearest other shot; otherwise an odd
        # sound, far from all others, would be worth a template of its own.
        others = apart + np.where(np.eye(len(apart), dtype=bool), np.inf, 0.0)
        np.fill_diagonal(apart, others.min(axis=1))
    return k_medoids(apart, n)
