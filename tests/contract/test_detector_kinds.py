"""Three kinds of detector fit one protocol: two that Ndoki does not ship yet go through `scan` as it is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ndoki.audio.recording import describe
from ndoki.core.grid import FrameGrid
from ndoki.core.types import Analysis, Block, DetectorId, Event, Floats, Proposals, ScoreTrack
from ndoki.detectors.protocol import Detector
from ndoki.events.pick import Picker
from ndoki.scan import scan

LOUD = 0.02


def noise(n: int, scale: float) -> Floats:
    return np.random.default_rng(1).normal(scale=scale, size=n).astype(np.float32)


class Windows:
    """Scores whole windows of 2 s, every 0.5 s, by how loud their loudest 64 ms are. No boxes."""

    id = DetectorId(name="windows", digest="0" * 64)
    grid = FrameGrid(rate_hz=4000, hop_samples=2000, frame_samples=8000)
    labels = ("gunshot", "quiet")
    context_before_frames = 0
    context_after_frames = 0

    def analyse(self, block: Block) -> Analysis:
        rows = []
        for frame in range(block.first_frame, block.end_frame):
            first = frame * self.grid.hop_samples - block.first_sample
            window = block.samples[first : first + self.grid.frame_samples]
            level = np.sqrt(np.square(window.reshape(-1, 250)).mean(axis=1).max())
            score = level / (level + LOUD)
            rows.append((score, 1 - score))
        track = ScoreTrack(
            grid=self.grid,
            labels=self.labels,
            first_frame=block.first_frame,
            scores=np.array(rows, np.float32),
        )
        return Analysis(track=track)


class Boxes:
    """Draws a box around every stretch that is louder than a limit, 1 s long at most. No score track."""

    id = DetectorId(name="boxes", digest="1" * 64)
    grid = FrameGrid(rate_hz=4000, hop_samples=64, frame_samples=256)
    labels = ("gunshot", "anything")
    context_before_frames = 1
    context_after_frames = 62

    def analyse(self, block: Block) -> Analysis:
        held = len(block.samples) // self.grid.hop_samples
        loud = np.array(
            [
                np.abs(block.samples[i * self.grid.hop_samples :][: self.grid.hop_samples]).max() > 0.1
                for i in range(held)
            ]
        )
        frames, lengths, peaks = [], [], []
        for frame in range(block.first_frame, block.end_frame):
            row = frame - block.first_sample // self.grid.hop_samples
            if not loud[row] or (row > 0 and loud[row - 1]):
                continue
            quiet = np.flatnonzero(~loud[row : row + self.context_after_frames])
            frames.append(frame)
            lengths.append(quiet[0] if len(quiet) else self.context_after_frames)
            peaks.append(float(np.abs(block.samples[row * 64 : row * 64 + 256]).max()))
        n = len(frames)
        track = ScoreTrack(
            grid=self.grid,
            labels=self.labels,
            first_frame=block.first_frame,
            scores=np.empty((0, len(self.labels)), np.float32),
        )
        boxes = Proposals(
            frame=np.array(frames, np.int64),
            duration_s=np.array(lengths, np.float32) * np.float32(self.grid.hop_s),
            low_hz=np.full(n, 60.0, np.float32),
            high_hz=np.full(n, 900.0, np.float32),
            score=np.array(peaks, np.float32),
            label=np.zeros(n, np.int16),
        )
        return Analysis(track=track, proposals=boxes)


BURSTS_S = (3.0, 11.3, 24.0, 38.5)


def bursts(tmp_path: Path, n_channels: int = 1) -> str:
    """40 s of near silence with bursts of 0.25 s of noise in it, at 8 kHz."""
    samples = noise(40 * 8000, 1e-3)
    for onset_s in BURSTS_S:
        samples[round(onset_s * 8000) :][:2000] += np.clip(noise(2000, 0.2), -0.9, 0.9)
    path = tmp_path / "bursts.wav"
    soundfile.write(path, np.stack([samples] * n_channels, axis=1), 8000, subtype="PCM_16")
    return str(path)


def places(events: list[Event]) -> list[tuple[int, int, int, float]]:
    return [(e.channel, e.first_sample, e.end_sample, e.score) for e in events]


@pytest.mark.parametrize("kind", [Windows(), Boxes()], ids=["windows", "boxes"])
@pytest.mark.parametrize("block_s", [0.05, 3.7, 60.0])
@pytest.mark.parametrize("jobs", [1, 2])
def test_other_kinds_go_through_scan_unchanged(
    tmp_path: Path, kind: Detector, block_s: float, jobs: int
) -> None:
    assert isinstance(kind, Detector)
    recording = describe(bursts(tmp_path, n_channels=2))
    expected = scan(recording, kind, Picker(threshold=0.3), block_s=600.0)
    assert len(expected) == 2 * len(BURSTS_S)
    events = scan(recording, kind, Picker(threshold=0.3), block_s=block_s, jobs=jobs)
    assert places(events) == places(expected)
    assert all((event.label, event.detector) == ("gunshot", kind.id) for event in events)


def test_a_window_classifiers_event_is_the_run_of_its_windows(tmp_path: Path) -> None:
    """Windows of 2 s every 0.5 s: all that touch the burst, from the first start to the last end."""
    events = scan(describe(bursts(tmp_path)), Windows(), Picker(threshold=0.5))
    for event, onset_s in zip(events, BURSTS_S, strict=True):
        assert onset_s - 2.0 <= event.start_s <= onset_s
        assert onset_s + 0.25 <= event.end_s <= onset_s + 2.5
        assert (event.low_hz, event.high_hz) == (0.0, 2000.0)


def test_another_label_can_be_picked(tmp_path: Path) -> None:
    events = scan(describe(bursts(tmp_path)), Windows(), Picker(threshold=0.5, label="quiet"))
    assert {event.label for event in events} == {"quiet"}
    assert len(events) == len(BURSTS_S) or len(events) == len(BURSTS_S) + 1


def test_a_box_detectors_event_is_its_box(tmp_path: Path) -> None:
    events = scan(describe(bursts(tmp_path)), Boxes(), Picker(threshold=0.3))
    for event, onset_s in zip(events, BURSTS_S, strict=True):
        assert event.start_s == pytest.approx(onset_s, abs=0.05)
        assert event.end_s - event.start_s == pytest.approx(0.25, abs=0.05)
        assert (event.low_hz, event.high_hz) == (60.0, 900.0)


def test_boxes_that_overlap_are_one_event(tmp_path: Path) -> None:
    class Twice(Boxes):
        def analyse(self, block: Block) -> Analysis:
            once = Boxes.analyse(self, block)
            boxes = once.proposals
            doubled = {
                column: np.repeat(getattr(boxes, column), 2)
                for column in ("frame", "duration_s", "low_hz", "high_hz", "score", "label")
            }
            doubled["score"][1::2] *= np.float32(0.9)
            return replace(once, proposals=Proposals(**doubled))

    recording = describe(bursts(tmp_path))
    once = scan(recording, Boxes(), Picker(threshold=0.3))
    assert places(scan(recording, Twice(), Picker(threshold=0.3))) == places(once)
