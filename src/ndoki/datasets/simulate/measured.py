"""Near-field recordings of known weapons as sources."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ndoki.core.errors import LabelError
from ndoki.core.types import Floats

__all__ = ["NearShots", "load_near_shots", "trimmed_to_onset", "weapon_of_notes"]

_DECAY_S = 0.035
_LONGEST_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class NearShots:
    """Dry recordings of single shots.

    Attributes
    ----------
    rate_hz
        Sample rate of all of them.
    samples
        One float32 array per shot, largest magnitude 1, beginning at the onset.
    weapons
        The weapon of each, one of `ndoki.datasets.simulate.specs.WEAPONS`.
    names
        Path of each within the data folder, for provenance.
    """

    rate_hz: int
    samples: tuple[Floats, ...]
    weapons: tuple[str, ...]
    names: tuple[str, ...]

    def __len__(self) -> int:
        """How many shots."""
        return len(self.samples)

    def indices_of(self, weapon: str) -> tuple[int, ...]:
        """Which shots can stand for a weapon. Single shots of rifles stand for automatic ones too."""
        wanted = {"automatic": ("automatic", "rifle")}.get(weapon, (weapon,))
        return tuple(i for i, found in enumerate(self.weapons) if found in wanted)


def weapon_of_notes(notes: str) -> str:
    """Weapon class that stands in a clip's notes ("weapon: …"), empty where there is none.

    Recordings that hold a whole burst ("…_auto") give an empty answer too, for they are no single source.
    """
    head = notes.split(";")[0].lower()
    if "weapon:" not in head or "_auto" in head:
        return ""
    classes = {"shotgun": "shotgun", "pistol": "pistol", "revolver": "pistol", "smg": "automatic"}
    automatic = ("ak-47", "ar-15", "assault", "mcx")
    if any(name in head for name in automatic):
        return "automatic"
    return next(
        (found for word, found in classes.items() if word in head), "rifle" if "rifle" in head else ""
    )


def trimmed_to_onset(samples: Floats, rate_hz: int) -> Floats:
    """From the first sample above a tenth of the peak, at most 0.2 s under a falling exponential, peak 1.

    What comes later in such a recording is the range it was made on, not the gun. The result is free of
    offset, as a pulse far from its source is (∫ p dt = 0).
    """
    level = np.abs(samples - np.float32(np.median(samples)))
    first = int(np.argmax(level > 0.1 * level.max()))
    kept = samples[first : first + int(_LONGEST_S * rate_hz)].astype(np.float64)
    falling = np.exp(-np.arange(len(kept)) / (_DECAY_S * rate_hz))
    kept = (kept - np.median(samples)) * falling
    kept -= falling * (kept.sum() / falling.sum())
    return np.asarray(kept / np.max(np.abs(kept)), np.float32)


def load_near_shots(data_dir: Path, split: str) -> NearShots:
    """Read the near shots of a data folder.

    Parameters
    ----------
    data_dir
        Folder that holds ``clips.csv``.
    split
        ``train`` or ``val``.

    Raises
    ------
    LabelError
        If ``clips.csv`` is missing, or names no usable near shot of this split.
    """
    import soundfile

    table = data_dir / "clips.csv"
    if not table.is_file():
        raise LabelError(f"{table}: not found; expected the training data's table of clips in this folder")
    with table.open(encoding="utf-8", newline="") as rows:
        wanted = [row for row in csv.DictReader(rows) if row["kind"] == "near_shot" and row["split"] == split]
    usable = [(row["path"], weapon_of_notes(row["notes"])) for row in wanted]
    usable = [(path, weapon) for path, weapon in usable if weapon]
    if not usable:
        raise LabelError(
            f"{table}: no near_shot of split {split!r} with a weapon in its notes; use train or val"
        )
    read = [soundfile.read(data_dir / path, dtype="float32") for path, _ in usable]
    return NearShots(
        rate_hz=read[0][1],
        samples=tuple(trimmed_to_onset(samples, rate) for samples, rate in read),
        weapons=tuple(weapon for _, weapon in usable),
        names=tuple(path for path, _ in usable),
    )
