"""Sounds with known shots, detectors that hear them as told, and shot-free sound for mining."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ndoki.core.grid import FrameGrid
from ndoki.core.types import Analysis, Block, DetectorId, Event, Proposals, Recording, ScoreTrack

ONSETS_S = (5.0, 14.0, 23.0, 32.0)


@pytest.fixture(scope="session")
def looks_shot_free(forest: Callable[..., np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 40 s recording with something at 5, 14, 23 and 32 s that the shipped network takes for shots."""
    path = tmp_path_factory.mktemp("card") / "nn03a_20180817_060000.wav"
    soundfile.write(path, forest(40.0, ONSETS_S, snr_db=20.0), 8000, subtype="PCM_16")
    return path


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


@pytest.fixture
def events_at() -> Callable[..., list[Event]]:
    """``events_at(recording, onsets_s, scores)``: what a detector would report, 0.5 s each; scores of 0.5."""

    def events(
        recording: Recording, onsets_s: Sequence[float], scores: Sequence[float] | None = None
    ) -> list[Event]:
        rate_hz = recording.rate_hz
        return [
            Event(
                recording=recording, channel=0, label="gunshot", score=score, low_hz=50.0, high_hz=900.0,
                first_sample=round(at * rate_hz), peak_sample=round(at * rate_hz),
                end_sample=round((at + 0.5) * rate_hz), detector=DetectorId(name="hand", digest="1"),
            )
            for at, score in zip(onsets_s, scores or [0.5] * len(onsets_s), strict=True)
        ]  # fmt: skip

    return events
