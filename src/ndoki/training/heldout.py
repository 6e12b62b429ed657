"""Clips scored by detectors that did not hear them.

The networks of a cross-validation stand for the final one: together they score every clip once, each a
clip of the fold that it was trained without.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ndoki.datasets.manifest import Clip, field_clips, fold_of, read_manifest
from ndoki.detectors.protocol import Detector
from ndoki.evaluation.bootstrap import ScoredGroups, scored_groups
from ndoki.evaluation.columns import recording_key
from ndoki.evaluation.curves import Curve, clip_curve
from ndoki.evaluation.false_alarms import false_alarms
from ndoki.training.validation import ScannedClip, background_detections, best_scores, hours_of, scan_clips

__all__ = ["Heldout", "fold_path", "heldout", "heldout_once"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heldout:
    """Clips scored by detectors that did not hear them."""

    shots: tuple[ScannedClip, ...]
    backgrounds: tuple[ScannedClip, ...]

    @property
    def curve(self) -> Curve:
        """Recall over clips against false alarms per hour."""
        return clip_curve(
            best_scores(self.shots),
            background=background_detections(self.backgrounds),
            background_hours=hours_of(self.backgrounds),
        )

    def groups(self) -> ScoredGroups:
        """Scores by group, for resampling; a shot clip is found by its best event."""
        group_of_clip = {str(one.clip.path): one.clip.group for one in self.shots}
        group_of_sound = {recording_key(str(one.clip.path)): one.clip.group for one in self.backgrounds}
        return scored_groups(
            found_score=best_scores(self.shots),
            truth_recording=np.array([str(one.clip.path) for one in self.shots]),
            alarms=false_alarms(background_detections(self.backgrounds)),
            hours_by_recording={
                recording_key(str(one.clip.path)): one.duration_s / 3600 for one in self.backgrounds
            },
            group_by_recording=group_of_clip | group_of_sound,
        )


def fold_path(folder: Path, name: str, fold: int) -> Path:
    """Where the network that left out a fold is kept."""
    return folder / f"{name}-fold{fold}.onnx"


def heldout_once(detector: Detector, clips: Iterable[Clip]) -> Heldout:
    """Score clips by one detector."""
    found = scan_clips(detector, clips)
    return Heldout(
        shots=tuple(one for one in found if one.clip.kind == "gunshot"),
        backgrounds=tuple(one for one in found if one.clip.kind == "background"),
    )


def heldout(detectors: Sequence[Detector], manifest: Path) -> Heldout:
    """Score every clip of the field by the detector of its own fold."""
    shots, backgrounds = field_clips(read_manifest(manifest))
    n_folds = len(detectors)
    parts = [
        heldout_once(detector, [clip for clip in shots + backgrounds if fold_of(clip.group, n_folds) == fold])
        for fold, detector in enumerate(detectors)
    ]
    return Heldout(
        shots=tuple(one for part in parts for one in part.shots),
        backgrounds=tuple(one for part in parts for one in part.backgrounds),
    )
