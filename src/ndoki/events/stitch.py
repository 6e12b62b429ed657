"""Stretches' answers → one answer for the whole channel. Pure.

Of a stretch only that is kept which can become an event: frames and boxes at or above the lowest score.
Frames below it decide nothing: no event begins there, and they are never the higher neighbour of one that
counts. So a day's answer takes kilobytes, and picking it gives the events of the full track.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ndoki.core.grid import FrameGrid
from ndoki.core.types import Analysis, Evidence, Floats, Proposals, ScoreTrack

__all__ = ["COLUMNS", "Thinned", "islands", "joined_evidence", "stitch", "thin"]

COLUMNS = ("frame", "duration_s", "low_hz", "high_hz", "score", "label")
"""Of `Proposals`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Thinned:
    """What of a stretch of one channel can become an event.

    Attributes
    ----------
    first_frame, end_frame
        The stretch.
    has_track
        False for a box detector, whose track has no rows.
    frame
        int64, shape (n,), ascending: frames at or above the lowest score.
    score
        float32, shape (n,): their scores in the column that is picked.
    proposals
        Boxes at these frames; of a box detector, all boxes at or above the lowest score.
    evidence
        What the sound around these frames or boxes says of single shots, also beyond the stretch.
    lost
        Spans of the file's samples in the stretch that could not be decoded: first, and behind the last.
    """

    first_frame: int
    end_frame: int
    has_track: bool = True
    frame: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    score: Floats = field(default_factory=lambda: np.empty(0, np.float32))
    proposals: Proposals = field(default_factory=Proposals)
    evidence: Evidence = field(default_factory=Evidence)
    lost: tuple[tuple[int, int], ...] = ()


def thin(analysis: Analysis, first_frame: int, end_frame: int, *, column: int, least_score: float) -> Thinned:
    """Keep what can become an event.

    Parameters
    ----------
    analysis
        Of the frames ``[first_frame, end_frame)``.
    column
        Label that is picked, as a column of the track.
    least_score
        Lowest score of an event, in (0, 1].

    Raises
    ------
    ValueError
        The track's rows are not those frames.
    """
    track, boxes = analysis.track, analysis.proposals
    has_track = len(track.scores) > 0
    if not has_track:
        chosen = (boxes.label == column) & (boxes.score >= least_score)
        return Thinned(
            first_frame=first_frame, end_frame=end_frame, has_track=False, proposals=_rows(boxes, chosen)
        )
    if (track.first_frame, len(track.scores)) != (first_frame, end_frame - first_frame):
        raise ValueError(
            f"the track has {len(track.scores)} rows from frame {track.first_frame} on; "
            f"expected frames {first_frame} to {end_frame}"
        )
    rows = np.flatnonzero(track.scores[:, column] >= least_score)
    return Thinned(
        first_frame=first_frame,
        end_frame=end_frame,
        frame=rows + first_frame,
        score=track.scores[rows, column].astype(np.float32),
        proposals=_rows(boxes, np.isin(boxes.frame, rows + first_frame)),
    )


def _rows(boxes: Proposals, chosen: npt.NDArray[np.bool_]) -> Proposals:
    return Proposals(**{name: getattr(boxes, name)[chosen] for name in COLUMNS})


def islands(parts: Iterable[Thinned], reach_frames: int) -> Iterator[list[Thinned]]:
    """Groups of parts that can be stitched and picked by themselves: then memory does not grow with a file.

    Parameters
    ----------
    parts
        In order.
    reach_frames
        Kept frames further apart than this have no say in each other's events.

    Yields
    ------
    Parts in order; those that hold nothing are left out. All parts of a box detector are one group: its
    boxes may be of any length.
    """
    group: list[Thinned] = []
    for part in parts:
        if not len(part.frame) and not len(part.proposals):
            continue
        if group and part.has_track and part.frame[0] - group[-1].frame[-1] > reach_frames:
            yield group
            group = []
        group.append(part)
    if group:
        yield group


def stitch(parts: Iterable[Thinned], *, grid: FrameGrid, labels: tuple[str, ...], column: int) -> Analysis:
    """Join thinned stretches to one analysis. Scores that were not kept, or not heard, are 0.

    Parameters
    ----------
    parts
        In order. There may be gaps between them, which hold no event.
    grid, labels, column
        The detector's, and what `thin` was told.

    Raises
    ------
    ValueError
        Parts that overlap, are not in order, or come from detectors of different kinds.
    """
    ordered = list(parts)
    first_frame = end_frame = ordered[0].first_frame if ordered else 0
    for part in ordered:
        if part.first_frame < end_frame:
            raise ValueError(f"a part begins at frame {part.first_frame}, before {end_frame}")
        if part.has_track != ordered[0].has_track:
            raise ValueError("the parts come from different detectors")
        end_frame = part.end_frame
    has_track = bool(ordered) and ordered[0].has_track
    scores = np.zeros((end_frame - first_frame if has_track else 0, len(labels)), np.float32)
    for part in ordered:
        scores[part.frame - first_frame, column] = part.score
    found = [part.proposals for part in ordered if len(part.proposals)]
    boxes = {name: np.concatenate([getattr(one, name) for one in found]) for name in COLUMNS if found}
    track = ScoreTrack(grid=grid, labels=labels, first_frame=first_frame, scores=scores)
    return Analysis(track=track, proposals=Proposals(**boxes))


def joined_evidence(parts: Iterable[Thinned]) -> Evidence:
    """Evidence of all parts. Where parts tell of the same frame they say the same, so each is kept once."""
    found = [part.evidence for part in parts if len(part.evidence)]
    if not found:
        return Evidence()
    frames, first = np.unique(np.concatenate([one.frame for one in found]), return_index=True)
    return Evidence(frame=frames, log_odds=np.concatenate([one.log_odds for one in found])[first])
