"""Sounds with known shots, and a detector that hears them as told."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from ndoki.core.grid import FrameGrid
from ndoki.core.types import Analysis, Block, DetectorId, Proposals, ScoreTrack


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A detector whose scores are given: (time in seconds, score) pairs; 0 elsewhere."""

    scores: Sequence[tuple[float, float]]
    id: DetectorId = field(default_factory=lambda: DetectorId(name="told", digest="0"))
    grid: FrameGrid = field(
        default_factory=lambda: FrameGrid(rate_hz=4000, hop_samples=64, frame_samples=256)
    )
    labels: tuple[str, ...] = ("gunshot",)
    context_before_frames: int = 0
    context_after_frames: int = 0

    def analyse(self, block: Block) -> Analysis:
        scores = np.zeros((block.end_frame - block.first_frame, 1), np.float32)
        for time_s, score in self.scores:
            frame = self.grid.frame_at(round(time_s * 4000), 4000) - block.first_frame
            if 0 <= frame < len(scores):
                scores[frame] = score
        track = ScoreTrack(grid=self.grid, labels=self.labels, first_frame=block.first_frame, scores=scores)
        return Analysis(track=track, proposals=Proposals())


@pytest.fixture
def told() -> type[Told]:
    return Told
