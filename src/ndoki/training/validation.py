"""A detector on labelled clips, through `scan`: each clip is a file, as a user's would be."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ndoki.audio.recording import describe
from ndoki.core.types import Event
from ndoki.datasets.manifest import Clip
from ndoki.detectors.protocol import Detector
from ndoki.evaluation.columns import Detections, detections_from_events
from ndoki.events.pick import Picker
from ndoki.scan import scan

__all__ = ["ScannedClip", "background_detections", "best_scores", "hours_of", "scan_clips"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedClip:
    """A clip and the events found in it."""

    clip: Clip
    events: tuple[Event, ...]
    duration_s: float


def scan_clips(detector: Detector, clips: Iterable[Clip], *, min_score: float = 0.01) -> list[ScannedClip]:
    """What the detector by itself scores: each clip as a file, at a threshold low enough for whole curves."""
    picker = Picker(threshold=min_score, completes_bursts=False)
    scanned = []
    for clip in clips:
        recording = describe(str(clip.path))
        events = tuple(scan(recording, detector, picker))
        scanned.append(ScannedClip(clip=clip, events=events, duration_s=recording.duration_s))
    return scanned


def best_scores(shots: Sequence[ScannedClip]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Highest score in each clip, −inf where there is no event."""
    return np.array(
        [max((event.score for event in clip.events), default=-np.inf) for clip in shots], np.float64
    )


def background_detections(backgrounds: Iterable[ScannedClip]) -> Detections:
    """All events in shot-free clips, as columns."""
    return detections_from_events([event for clip in backgrounds for event in clip.events])


def hours_of(scanned: Iterable[ScannedClip]) -> float:
    """Hours of sound."""
    return sum(clip.duration_s for clip in scanned) / 3600
