"""Recall of real shots heard from further off than they were: `make far`.

Each shot of Belize is cut out, pushed away as training does it (a low-pass for air and foliage, a tail for
the forest) and mixed into look-alikes of its own fold, once per class: the higher the class, the lower the
low-pass and the fainter the shot. All are scored by the network of the fold, which heard neither shot nor
background, only the treatment. A shot counts as found by an event within 0.3 s. False alarms are those of the
cross-validation (`make accuracy`), so a column is to be read beside the same column there. Intervals come
from resampling groups.

The classes are no distances. A shot at 1 to 2 km is about as dull and faint as those of the last two.
"""

import argparse
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile

from accuracy import N_FOLDS, RATES, intervals
from ndoki.audio.recording import describe
from ndoki.core.types import Floats
from ndoki.datasets.augment import cut_with_fades, push_away
from ndoki.datasets.canvas import Canvas
from ndoki.datasets.example_spec import ShotSound
from ndoki.datasets.manifest import Clip, Sound, field_clips, fold_of, load_sounds, read_manifest
from ndoki.detectors.network.detector import NetworkDetector, load_network
from ndoki.evaluation.match import COLLAR_S
from ndoki.events.pick import Picker
from ndoki.scan import scan
from ndoki.training.heldout import Heldout, fold_path, heldout_once
from ndoki.training.material import found_shot
from ndoki.training.recipe import Recipe, read_recipe
from ndoki.training.validation import ScannedClip

HERE = Path(__file__).resolve().parent
RATE_HZ, LENGTH_S, ONSET_S = 8000, 12.0, (4.0, 8.0)
LEAD_S, KEPT_S = 0.02, (0.6, 2.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Class:
    """How dull and how faint: range of the low-pass's corner, and of the level over the background."""

    corner_hz: tuple[float, float]
    snr_db: tuple[float, float]

    def __str__(self) -> str:
        """Both ranges."""
        (low_hz, high_hz), (low_db, high_db) = self.corner_hz, self.snr_db
        return f"{low_hz:g} to {high_hz:g} Hz, {low_db:g} to {high_db:g} dB"


CLASSES = (
    Class(corner_hz=(900.0, 1800.0), snr_db=(6.0, 20.0)),
    Class(corner_hz=(600.0, 1200.0), snr_db=(2.0, 14.0)),
    Class(corner_hz=(350.0, 700.0), snr_db=(-1.0, 8.0)),
    Class(corner_hz=(250.0, 450.0), snr_db=(-2.0, 5.0)),
)


def pushed(
    shot: ShotSound, backgrounds: Sequence[Sound], kind: Class, rng: np.random.Generator
) -> tuple[Floats, float]:
    """12 s of look-alikes with the shot in them, float32 (n,), and when it begins in seconds."""
    ground = backgrounds[int(rng.integers(len(backgrounds)))].samples
    canvas = Canvas(np.resize(ground, round(LENGTH_S * RATE_HZ)), RATE_HZ)
    lead = min(round(LEAD_S * RATE_HZ), shot.onset_sample)
    end = shot.onset_sample + round(rng.uniform(*KEPT_S) * RATE_HZ)
    part = cut_with_fades(shot.sound.samples, RATE_HZ, shot.onset_sample - lead, end)
    onset_s = rng.uniform(*ONSET_S)
    far = push_away(part, RATE_HZ, rng, kind.corner_hz)
    canvas.add(far, round(onset_s * RATE_HZ), lead, rng.uniform(*kind.snr_db))
    return np.clip(canvas.samples, -1.0, 1.0), onset_s


def heard(
    clips: Sequence[Clip], network: NetworkDetector, recipe: Recipe, seed: int, work: Path
) -> list[list[ScannedClip]]:
    """All shots of a fold in each class, scored by its network."""
    shots = [found_shot(sound, recipe) for sound in load_sounds([c for c in clips if c.kind == "gunshot"])]
    backgrounds = load_sounds([c for c in clips if c.kind == "background"])
    found: list[list[ScannedClip]] = [[] for _ in CLASSES]
    for i, shot in enumerate(shots):
        for k, kind in enumerate(CLASSES):
            samples, onset_s = pushed(shot, backgrounds, kind, np.random.default_rng([seed, i, k]))
            path = work / "far.wav"
            soundfile.write(path, samples, RATE_HZ, subtype="PCM_16")
            recording = describe(str(path))
            events = scan(recording, network, Picker(threshold=0.01, completes_bursts=False))
            near = tuple(event for event in events if abs(event.start_s - onset_s) <= COLLAR_S)
            found[k].append(ScannedClip(clip=shot.sound.clip, events=near, duration_s=recording.duration_s))
    return found


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared/data/clips.csv")
    parser.add_argument("--folds", type=Path, default=HERE / "folds")
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    if not options.data.exists():
        sys.exit(f"{options.data} is not there: the figures need the labelled clips; give --data clips.csv")
    recipe = read_recipe(HERE.parent / "recipes" / "gunshot.toml")
    shots, backgrounds = field_clips(read_manifest(options.data))
    found: list[list[ScannedClip]] = [[] for _ in CLASSES]
    plain: list[ScannedClip] = []
    with TemporaryDirectory() as work:
        for fold in range(N_FOLDS):
            network = load_network(fold_path(options.folds, "gunshot", fold))
            clips = [clip for clip in shots + backgrounds if fold_of(clip.group, N_FOLDS) == fold]
            plain += heldout_once(network, [c for c in clips if c.kind == "background"]).backgrounds
            for kind, one in zip(
                found, heard(clips, network, recipe, options.seed + fold, Path(work)), strict=True
            ):
                kind += one
    print(f"machine: {platform.processor() or platform.machine()}, Python {platform.python_version()}")
    print(f"{'pushed away':<32}{'shots':>6}" + "".join(f"{f'recall at {r:g}/h':>24}" for r in RATES))
    for distance, clips_of in zip(CLASSES, found, strict=True):
        recall = intervals(Heldout(shots=tuple(clips_of), backgrounds=tuple(plain)))
        cells = "".join(f"{f'{i.value:.3f} [{i.low:.3f}, {i.high:.3f}]':>24}" for i in recall.values())
        print(f"{distance!s:<32}{len(clips_of):>6}{cells}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
