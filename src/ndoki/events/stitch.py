"""Blocks' answers → one answer for the whole channel."""

from collections.abc import Iterable

import numpy as np

from ndoki.core.types import Analysis, Proposals, ScoreTrack

__all__ = ["stitch"]


def stitch(parts: Iterable[Analysis]) -> Analysis:
    """Join the analyses of consecutive blocks.

    Raises
    ------
    ValueError
        No parts, or parts that leave a gap, overlap, or differ in grid or labels.
    """
    ordered = list(parts)
    if not ordered:
        raise ValueError("there is nothing to stitch: a channel has at least one block")
    first = ordered[0].track
    expected = first.first_frame
    for part in ordered:
        track = part.track
        if (track.grid, track.labels) != (first.grid, first.labels):
            raise ValueError("the parts come from different detectors")
        # A box detector has no rows: its parts cannot be checked, and need not be.
        if len(track.scores) and track.first_frame != expected:
            raise ValueError(f"a part begins at frame {track.first_frame} instead of {expected}")
        expected += len(track.scores)
    columns = ("frame", "duration_s", "low_hz", "high_hz", "score", "label")
    return Analysis(
        track=ScoreTrack(
            grid=first.grid,
            labels=first.labels,
            first_frame=first.first_frame,
            scores=np.concatenate([part.track.scores for part in ordered]),
        ),
        proposals=Proposals(
            **{name: np.concatenate([getattr(part.proposals, name) for part in ordered]) for name in columns}
        ),
    )
