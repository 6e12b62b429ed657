"""The list of labelled clips, and the rule that keeps related clips on one side of every split."""

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from ndoki.core.errors import LabelError
from ndoki.core.types import Floats

__all__ = [
    "FIELD_LABEL",
    "MINED_LABEL",
    "VERDICTS",
    "Clip",
    "Sound",
    "check_groups",
    "field_clips",
    "fold_of",
    "load_sounds",
    "manifest_digest",
    "read_manifest",
]

FIELD_LABEL = "tropical_forest"
"""Backgrounds of this label come from the recorders that the shots come from: the hard negatives."""

MINED_LABEL = "mined"
"""Backgrounds of this label were cut around false alarms: nothing is tested on them."""

VERDICTS = ("", "no shot", "shot", "unsure")
"""What a person may say of a clip in the column ``verdict``. The last two keep it out of all training."""

_STRUCK = VERDICTS[2:]
_COLUMNS = {"path", "kind", "label", "group", "split"}
_KINDS = {"gunshot", "near_shot", "background", "confuser"}
SHIFT_S = 2.0
"""Clips of one group were cut from one recording with this step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One row of a manifest. ``group`` names the clips that share audio: they are never split.

    ``licence`` and ``attribution`` go along with whatever is cut from a clip.
    """

    path: Path
    kind: str
    label: str
    group: str
    split: str
    source: str = ""
    licence: str = ""
    attribution: str = ""
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A stretch of labelled sound: one clip, or several clips of a group joined where they overlap.

    Attributes
    ----------
    samples
        float32, shape (n,), without offset (the mean is removed).
    clips
        The clips it was joined from.
    first_samples
        Where each clip begins in ``samples``.
    n_clip_samples
        Length of each clip.
    """

    samples: Floats
    rate_hz: int
    clips: tuple[Clip, ...]
    first_samples: tuple[int, ...]
    n_clip_samples: tuple[int, ...]

    @property
    def clip(self) -> Clip:
        """The first of its clips, which stands for kind, label, group and split."""
        return self.clips[0]


def read_manifest(path: Path) -> list[Clip]:
    """Read ``clips.csv``: columns path, kind, label, group, split; paths relative to its folder.

    Rows whose column ``verdict``, where there is one, says ``shot`` or ``unsure`` are left out.

    Raises
    ------
    LabelError
        A missing file or column, an unknown kind or verdict, no rows, or a group that lies in two splits.
    """
    try:
        # A spreadsheet that saved the table may have put a byte order mark in front.
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = _COLUMNS - set(reader.fieldnames or ())
            if missing:
                raise LabelError(f"{path}: the manifest lacks the column(s) {', '.join(sorted(missing))}")
            clips = [_clip(path, row) for row in reader if not _is_struck(path, row)]
    except OSError as error:
        raise _unreadable(path, error) from error
    if not clips:
        raise LabelError(f"{path}: the manifest has a header but no rows, or all of them are struck out")
    check_groups(path, clips)
    return clips


def _is_struck(manifest: Path, row: dict[str, str]) -> bool:
    verdict = " ".join((row.get("verdict") or "").lower().split())
    if verdict not in VERDICTS:
        known = ", ".join(one or "nothing" for one in VERDICTS)
        raise LabelError(f"{manifest}: {row['path']} has the verdict {verdict!r}; known are {known}")
    return verdict in _STRUCK


def _unreadable(path: Path, error: OSError) -> LabelError:
    return LabelError(f"{path}: the manifest cannot be read ({error.strerror}); give the path of a clips.csv")


def _clip(manifest: Path, row: dict[str, str]) -> Clip:
    if row["kind"] not in _KINDS:
        raise LabelError(
            f"{manifest}: {row['path']} is of kind {row['kind']!r}; known are {', '.join(sorted(_KINDS))}"
        )
    return Clip(
        path=manifest.parent / row["path"],
        kind=row["kind"],
        label=row["label"],
        group=row["group"],
        split=row["split"],
        source=row.get("source") or "",
        licence=row.get("licence") or "",
        attribution=row.get("attribution") or "",
        notes=row.get("notes") or "",
    )


def check_groups(manifest: Path, clips: Iterable[Clip]) -> None:
    """Refuse clips of one group in two splits.

    Parameters
    ----------
    manifest
        Named in the message.

    Raises
    ------
    LabelError
        If there are such clips.
    """
    split_of: dict[str, str] = {}
    for clip in clips:
        if split_of.setdefault(clip.group, clip.split) != clip.split:
            raise LabelError(
                f"{manifest}: group {clip.group!r} lies in two splits; "
                "clips that share audio must not be split"
            )


def manifest_digest(path: Path) -> str:
    """SHA-256 of the manifest's bytes (it lists the digest of every file).

    Raises
    ------
    LabelError
        The manifest cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def fold_of(group: str, n_folds: int) -> int:
    """Fold of a group, from its name alone: adding clips never moves the others."""
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:4], "big") % n_folds


def field_clips(clips: Sequence[Clip]) -> tuple[list[Clip], list[Clip]]:
    """Shots in the forest, and the shot-free clips from the same recorders."""
    shots = [clip for clip in clips if clip.kind == "gunshot"]
    return shots, [clip for clip in clips if clip.kind == "background" and clip.label == FIELD_LABEL]


def load_sounds(clips: Sequence[Clip]) -> list[Sound]:
    """Read clips, and join those of a group that overlap sample by sample.

    A joined sound is longer, so a shot at a clip's edge gets its surroundings back, and the same shot is
    not learned twice.

    Raises
    ------
    LabelError
        A clip that is missing or not mono.
    """
    members: dict[tuple[str, str], list[Clip]] = {}
    for clip in clips:
        members.setdefault((clip.group, clip.kind), []).append(clip)
    sounds: list[Sound] = []
    for same_group in members.values():
        sounds += _join([_load(clip) for clip in same_group])
    return [_without_offset(sound) for sound in sounds]


def _without_offset(sound: Sound) -> Sound:
    return replace(sound, samples=sound.samples - np.float32(sound.samples.mean()))


def _load(clip: Clip) -> Sound:
    try:
        samples, rate_hz = soundfile.read(clip.path, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise LabelError(f"{clip.path}: the clip cannot be read ({error})") from error
    if samples.shape[1] != 1:
        raise LabelError(f"{clip.path}: the clip has {samples.shape[1]} channels; training clips are mono")
    mono = np.ascontiguousarray(samples[:, 0])
    return Sound(
        samples=mono, rate_hz=rate_hz, clips=(clip,), first_samples=(0,), n_clip_samples=(len(mono),)
    )


def _join(sounds: list[Sound]) -> list[Sound]:
    """Append to each sound every other that continues it, until nothing fits any more."""
    remaining = list(sounds)
    joined: list[Sound] = []
    while remaining:
        current = remaining.pop(0)
        grown = True
        while grown:
            grown = False
            for i, other in enumerate(remaining):
                longer = _continued(current, other) or _continued(other, current)
                if longer is not None:
                    current, grown = longer, True
                    del remaining[i]
                    break
        joined.append(current)
    return joined


def _continued(early: Sound, late: Sound) -> Sound | None:
    """``early`` followed by what ``late`` adds to it, or None when they do not overlap exactly."""
    step = round(SHIFT_S * early.rate_hz)
    if early.rate_hz != late.rate_hz:
        return None
    for first in range(0, len(early.samples) - step + 1, step):
        overlap = min(len(early.samples) - first, len(late.samples))
        if np.array_equal(early.samples[first : first + overlap], late.samples[:overlap]):
            return Sound(
                samples=np.concatenate([early.samples, late.samples[overlap:]]),
                rate_hz=early.rate_hz,
                clips=early.clips + late.clips,
                first_samples=early.first_samples + tuple(first + other for other in late.first_samples),
                n_clip_samples=early.n_clip_samples + late.n_clip_samples,
            )
    return None
