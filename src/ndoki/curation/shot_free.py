"""What may be mined: sound in which nobody has put a shot, and nothing that is tested on."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ndoki.audio.storage import find_recordings
from ndoki.core.errors import InputError, LabelError
from ndoki.core.types import Recording
from ndoki.datasets.manifest import Clip, read_manifest

__all__ = ["ShotFree", "group_of", "shot_free_sounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotFree:
    """A sound to be mined. ``clip`` is its row in the manifest, None for a recording of one's own."""

    source: str
    clip: Clip | None = None


def shot_free_sounds(inputs: Sequence[str], manifest: Path) -> list[ShotFree]:
    """Sounds to be mined, in order, each once.

    Parameters
    ----------
    inputs
        Sound files, folders of them, or manifests (``.csv``), which stand for their backgrounds of split
        ``train``.
    manifest
        The training data's own. What it lists as anything but a background of split ``train`` is refused,
        by whatever way it comes. A manifest that is not there lists nothing.

    Raises
    ------
    InputError
        An input is not there, or a folder holds no recording.
    LabelError
        A manifest cannot be read, or a sound is in the validation split or not shot-free.
    """
    listed = {_place(str(clip.path)): clip for clip in (read_manifest(manifest) if manifest.exists() else ())}
    chosen: dict[str, ShotFree] = {}
    for given in inputs:
        if given.lower().endswith(".csv"):
            clips = read_manifest(Path(given))
            listed = {_place(str(clip.path)): clip for clip in clips} | listed
            sources = [str(c.path) for c in clips if (c.kind, c.split) == ("background", "train")]
            if not sources:
                raise LabelError(f"{given} lists no background of split 'train'; nothing else may be mined")
        else:
            sources = find_recordings([given])
        for source in sources:
            place = _place(source)
            chosen.setdefault(place, ShotFree(source=_absolute(source), clip=listed.get(place)))
    if not chosen:
        raise InputError("no sound was given; name a file, a folder, or a manifest of clips")
    _refuse_others(chosen, manifest)
    return list(chosen.values())


def _place(source: str) -> str:
    return source if "://" in source else os.path.realpath(source)


def _absolute(source: str) -> str:
    """The provenance of a clip must not depend on the folder that the command was run in."""
    return source if "://" in source else os.path.abspath(source)  # noqa: PTH100


def _refuse_others(chosen: Mapping[str, ShotFree], manifest: Path) -> None:
    """Whoever mines what is tested on makes the test an exercise."""
    clips = [sound.clip for sound in chosen.values() if sound.clip is not None]
    tested = [clip for clip in clips if clip.split != "train"]
    if tested:
        raise LabelError(
            f"{tested[0].path}: one of {len(tested)} clip(s) of split {tested[0].split!r} in {manifest}, "
            "on which networks are compared, so they must not be learned from; mine the training split "
            f"alone, `ndoki mine {manifest}`, or recordings of your own"
        )
    other = [clip for clip in clips if clip.kind != "background"]
    if other:
        raise LabelError(
            f"{other[0].path}: one of {len(other)} clip(s) that {manifest} lists as {other[0].kind} "
            f"({other[0].label}); only backgrounds are taken for shot-free"
        )


def group_of(sound: ShotFree, recording: Recording) -> str:
    """What a clip cut from a sound must never be split from: its manifest group, its site's day, its file."""
    if sound.clip is not None:
        return sound.clip.group
    if recording.started_at is not None and recording.site:
        return f"{recording.site} {recording.started_at:%Y-%m-%d}"
    return sound.source
