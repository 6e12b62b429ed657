"""Scores and boxes → events. Pure."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ndoki.core.errors import ConfigError
from ndoki.core.grid import FrameGrid
from ndoki.core.sliding import highest_near
from ndoki.core.types import Analysis, DetectorId, Event, Floats, Proposals, Recording, ScoreTrack

__all__ = ["Picker", "box_iou", "peaks", "says_onsets"]

_WINDOW_S = 0.5
"""A grid with frames of this length or longer is that of a whole-window classifier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picker:
    """Rules by which scores become events.

    Parameters
    ----------
    threshold
        Lowest score of an event, in (0, 1].
    min_gap_s
        Onsets closer than this are one event. 0.055 s keeps 15 rounds per second apart.
    max_overlap
        Boxes of a box detector that overlap more than this (intersection over union) are one event.
    label
        Which of the detector's labels to pick; its first one when empty.
    completes_bursts
        Whether shots that the detector missed are added to its bursts (see `ndoki.firing.complete`). Not for
        whoever asks what the detector by itself scores.
    burst_threshold
        Lowest score of an event around which they are listened for; ``threshold`` where that is higher.
        Fainter events stay as they are, so they change nothing about those that count.
    """

    threshold: float = 0.5
    min_gap_s: float = 0.055
    max_overlap: float = 0.3
    label: str = field(default="")
    completes_bursts: bool = True
    burst_threshold: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 < self.threshold <= 1.0:
            raise ConfigError(f"threshold {self.threshold} is not a score; give a number above 0 and up to 1")

    @property
    def sure_score(self) -> float:
        """Lowest score of an event whose burst is completed."""
        return max(self.threshold, self.burst_threshold)

    def reach_frames(self, grid: FrameGrid) -> int:
        """Frames further apart than this have no say in each other's events (boxes of a box detector do)."""
        return max(1, int(self.min_gap_s * grid.rate_hz / grid.hop_samples))

    def column_of(self, labels: tuple[str, ...]) -> int:
        """Which of a detector's columns is picked."""
        return labels.index(self.label) if self.label else 0

    def pick(
        self, analysis: Analysis, recording: Recording, channel: int, detector: DetectorId
    ) -> list[Event]:
        """Events of one channel, in order of their onset.

        Parameters
        ----------
        analysis
            Of the whole channel, stitched.
        channel
            Counted from 0.
        """
        track = analysis.track
        column = self.column_of(track.labels)
        if len(track.scores) == 0:
            boxes = self._from_boxes(analysis.proposals, column, track.grid.hop_s)
        elif not says_onsets(track.grid):
            boxes = self._from_windows(track, column)
        else:
            boxes = self._from_peaks(track, column, analysis.proposals)
        return [
            _event(boxes, i, track, recording, channel, detector, track.labels[column])
            for i in range(len(boxes))
        ]

    def _from_peaks(self, track: ScoreTrack, column: int, proposals: Proposals) -> Proposals:
        reach = self.reach_frames(track.grid)
        scores = track.scores[:, column]
        frames = peaks(scores, self.threshold, reach)
        at = np.searchsorted(proposals.frame, frames + track.first_frame)
        found = np.zeros(len(frames), bool)
        inside = at < len(proposals)
        found[inside] = proposals.frame[at[inside]] == frames[inside] + track.first_frame
        at = np.where(found, at, 0)

        def shape(column_values: Floats, otherwise: float) -> Floats:
            if len(column_values) == 0:
                return np.full(len(frames), otherwise, np.float32)
            return np.where(found, column_values[at], np.float32(otherwise)).astype(np.float32)

        return Proposals(
            frame=frames + track.first_frame,
            duration_s=shape(proposals.duration_s, track.grid.frame_samples / track.grid.rate_hz),
            low_hz=shape(proposals.low_hz, 0.0),
            high_hz=shape(proposals.high_hz, track.grid.rate_hz / 2),
            score=scores[frames],
            label=np.full(len(frames), column, np.int16),
        )

    def _from_windows(self, track: ScoreTrack, column: int) -> Proposals:
        """One event per run of windows at or above the threshold, from the first start to the last end."""
        scores = track.scores[:, column]
        above = np.concatenate([[False], scores >= self.threshold, [False]])
        edges = np.flatnonzero(above[1:] != above[:-1])
        firsts, ends = edges[::2], edges[1::2]
        hops = (ends - 1 - firsts) * track.grid.hop_samples + track.grid.frame_samples
        n = len(firsts)
        return Proposals(
            frame=firsts + track.first_frame,
            duration_s=(hops / track.grid.rate_hz).astype(np.float32),
            low_hz=np.zeros(n, np.float32),
            high_hz=np.full(n, track.grid.rate_hz / 2, np.float32),
            score=np.array([scores[a:b].max() for a, b in zip(firsts, ends, strict=True)], np.float32),
            label=np.full(n, column, np.int16),
        )

    def _from_boxes(self, boxes: Proposals, column: int, hop_s: float) -> Proposals:
        """Greedy suppression: the best box stays, those that overlap it too much go."""
        rows = np.flatnonzero((boxes.label == column) & (boxes.score >= self.threshold))
        waiting = list(rows[np.argsort(-boxes.score[rows], kind="stable")])
        kept: list[int] = []
        while waiting:
            best = int(waiting.pop(0))
            kept.append(best)
            overlap = box_iou(boxes, hop_s, best, np.asarray(waiting, np.int64))
            waiting = [row for row, share in zip(waiting, overlap, strict=True) if share <= self.max_overlap]
        chosen = np.sort(np.asarray(kept, np.int64))
        columns = ("frame", "duration_s", "low_hz", "high_hz", "score", "label")
        return Proposals(**{name: getattr(boxes, name)[chosen] for name in columns})


def says_onsets(grid: FrameGrid) -> bool:
    """Whether a frame of this grid is about an onset; one of half a second or more is a whole window."""
    return grid.frame_samples < _WINDOW_S * grid.rate_hz


def peaks(scores: Floats, threshold: float, reach_frames: int) -> npt.NDArray[np.int64]:
    """Rows that are at or above a threshold and the highest within ± ``reach_frames``; of equals, the first.

    Parameters
    ----------
    scores
        float32, shape (n,).
    """
    if len(scores) == 0:
        return np.empty(0, np.int64)
    highest = highest_near(scores, reach_frames)
    candidates = np.flatnonzero((scores >= threshold) & (scores == highest))
    kept: list[int] = []
    for row in candidates:
        if not kept or row - kept[-1] > reach_frames:
            kept.append(int(row))
    return np.asarray(kept, np.int64)


def box_iou(boxes: Proposals, hop_s: float, one: int, others: npt.NDArray[np.int64]) -> Floats:
    """Intersection over union, in time and frequency, of one box with others of the same list.

    Parameters
    ----------
    hop_s
        Step of the grid on which the boxes' frames lie.
    one, others
        Row numbers.

    Returns
    -------
    float32, shape (len(others),), in [0, 1]
    """
    start_s = boxes.frame * hop_s
    end_s = start_s + boxes.duration_s
    common_s = np.minimum(end_s[one], end_s[others]) - np.maximum(start_s[one], start_s[others])
    common_hz = np.minimum(boxes.high_hz[one], boxes.high_hz[others]) - np.maximum(
        boxes.low_hz[one], boxes.low_hz[others]
    )
    common = np.maximum(common_s, 0.0) * np.maximum(common_hz, 0.0)
    area = boxes.duration_s * (boxes.high_hz - boxes.low_hz)
    return np.asarray(common / np.maximum(area[one] + area[others] - common, 1e-9), np.float32)


def _told(score: np.float32) -> float:
    """A score in four digits, rounded down: what tells 0.7 counts at a threshold of 0.7, and vice versa."""
    told = round(float(score), 4)
    return told if score >= np.float32(told) else round(told - 1e-4, 4)


def _event(
    boxes: Proposals,
    i: int,
    track: ScoreTrack,
    recording: Recording,
    channel: int,
    detector: DetectorId,
    label: str,
) -> Event:
    grid, frame = track.grid, int(boxes.frame[i])
    place = grid.centre_sample if says_onsets(grid) else grid.first_sample
    first = min(place(frame, recording.rate_hz), recording.n_samples - 1)
    end = first + max(1, round(float(boxes.duration_s[i]) * recording.rate_hz))
    return Event(
        recording=recording,
        channel=channel,
        first_sample=first,
        end_sample=min(end, recording.n_samples),
        peak_sample=first,
        label=label,
        score=_told(boxes.score[i]),
        low_hz=round(float(boxes.low_hz[i]), 1),
        high_hz=round(min(float(boxes.high_hz[i]), recording.rate_hz / 2), 1),
        detector=detector,
    )
