"""Which false alarms to learn from: sure ones that are unlike each other.

Chosen one by one: next is the one whose score times its novelty is highest, where novelty is the distance to
the nearest of those chosen before (maximal marginal relevance [1]_ in its product form). A thousand
raindrops then count as one raindrop and whatever else there is.

References
----------
.. [1] J. Carbonell and J. Goldstein, "The use of MMR, diversity-based reranking for reordering documents and
   producing summaries", SIGIR 1998.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ndoki.core.types import Floats
from ndoki.features.mel import MelSpec

__all__ = ["KEPT", "Candidate", "Choice", "ChoiceRules", "choose", "patch_vector"]

BEFORE_S, AFTER_S = 0.3, 1.3
_POOL_FRAMES, _POOL_BANDS = 5, 2
_LOWEST, _HIGHEST = -0.5, 4.0

KEPT = "kept"
_NEAR, _SAME, _FULL, _LESS = "near duplicate", "in a kept clip", "its hour is full", "others tell more"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """A false alarm that may be kept.

    Attributes
    ----------
    score
        In (0, 1].
    vector
        What it looks like, from `patch_vector`.
    hour
        Name of the hour, or of the group of a manifest, of which only so many are kept.
    channel_key
        Name of its channel of its recording.
    first_sample, end_sample, onset_sample
        What would be cut out of the recording, half-open, and the onset in it.
    """

    score: float
    vector: Floats
    hour: str
    channel_key: str
    first_sample: int
    end_sample: int
    onset_sample: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRules:
    """How many are kept, and of what.

    Parameters
    ----------
    n_keep
        At most so many.
    n_per_hour
        At most so many of one hour of one recording; clips of one group of a manifest count as one hour.
    max_likeness
        Those that are more alike than this (cosine of two patches) to one that is kept are its duplicates.
    """

    n_keep: int = 200
    n_per_hour: int = 20
    max_likeness: float = 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What became of a candidate.

    Attributes
    ----------
    row
        Its row among the candidates.
    rank
        From 1 in the order in which they were chosen; 0 for those that were not.
    novelty
        1 − the highest likeness to any that was chosen before it; [0, 1].
    why
        ``kept``, or the reason why not.
    """

    row: int
    rank: int
    novelty: float
    why: str


def patch_vector(above: Floats, onset_frame: int, spec: MelSpec) -> Floats:
    """What a false alarm looks like: float32 of length 1, from 0.3 s before its onset to 1.3 s behind.

    Means over 5 frames and 2 bands forgive a shift of a few frames, a common length forgives loudness.

    Parameters
    ----------
    above
        float32, shape (n_frames, n_mels), level above the floor in units of 10 dB.
    onset_frame
        May lie near an edge: beyond it the background is level.
    """
    first = onset_frame - round(BEFORE_S / spec.grid.hop_s)
    n_rows = round((BEFORE_S + AFTER_S) / spec.grid.hop_s) // _POOL_FRAMES
    patch = np.zeros((n_rows * _POOL_FRAMES, spec.n_mels), np.float32)
    seen_first, seen_end = max(0, first), min(len(above), first + len(patch))
    if seen_end > seen_first:
        patch[seen_first - first : seen_end - first] = above[seen_first:seen_end]
    patch = np.clip(patch, _LOWEST, _HIGHEST)
    n_bands = spec.n_mels // _POOL_BANDS
    pooled = (
        patch[:, : n_bands * _POOL_BANDS].reshape(n_rows, _POOL_FRAMES, n_bands, _POOL_BANDS).mean((1, 3))
    )
    length = float(np.linalg.norm(pooled))
    return np.asarray(pooled.ravel() / max(length, 1e-6), np.float32)


def choose(candidates: Sequence[Candidate], rules: ChoiceRules, known: Sequence[Floats] = ()) -> list[Choice]:
    """Choose among candidates.

    Parameters
    ----------
    known
        Vectors of what was mined in earlier rounds: that is not new any more.

    Returns
    -------
    One for each candidate: the chosen ones by rank, then the others in their order.
    """
    scores = np.array([one.score for one in candidates], np.float64)
    vectors = np.array([one.vector for one in candidates], np.float32)
    likeness = np.zeros(len(candidates))
    if len(known) and len(candidates):
        likeness = np.maximum(likeness, (vectors @ np.array(known, np.float32).T).max(axis=1))
    novelty = 1 - likeness
    why = ["" if like <= rules.max_likeness else _NEAR for like in likeness]
    taken: Counter[str] = Counter()
    kept: list[int] = []
    while len(kept) < rules.n_keep and "" in why:
        left = np.array([row for row, reason in enumerate(why) if not reason])
        best = int(left[np.argmax(scores[left] * (1 - likeness[left]))])
        novelty[best] = 1 - likeness[best]
        kept.append(best)
        why[best] = KEPT
        taken[candidates[best].hour] += 1
        likeness = np.maximum(likeness, vectors @ vectors[best])
        is_full = taken[candidates[best].hour] >= rules.n_per_hour
        for row in left:
            why[row] = why[row] or _obstacle(candidates[row], candidates[best], likeness[row], rules, is_full)
    rank = {row: i + 1 for i, row in enumerate(kept)}
    novelty = np.where([row in rank for row in range(len(candidates))], novelty, 1 - likeness)
    return [
        Choice(row=row, rank=rank.get(row, 0), novelty=_share(novelty[row]), why=why[row] or _LESS)
        for row in (*kept, *(row for row in range(len(candidates)) if row not in rank))
    ]


def _obstacle(one: Candidate, chosen: Candidate, likeness: float, rules: ChoiceRules, is_full: bool) -> str:
    """Why a candidate cannot be chosen any more, now that another one is; empty if it can."""
    if one.channel_key == chosen.channel_key and chosen.first_sample <= one.onset_sample < chosen.end_sample:
        return _SAME
    if likeness > rules.max_likeness:
        return _NEAR
    return _FULL if is_full and one.hour == chosen.hour else ""


def _share(value: float) -> float:
    return round(min(max(float(value), 0.0), 1.0), 4)
