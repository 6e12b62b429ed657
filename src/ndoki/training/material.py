"""Clips → what examples are made of, one `Material` per cell (a fold of a split)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ndoki.core.errors import LabelError
from ndoki.datasets.example_spec import Material, ShotSound
from ndoki.datasets.manifest import (
    FIELD_LABEL,
    MINED_LABEL,
    Clip,
    Sound,
    check_groups,
    field_clips,
    fold_of,
    load_sounds,
    read_manifest,
)
from ndoki.datasets.onsets import further_rises, strongest_rise
from ndoki.datasets.simulate.measured import load_near_shots
from ndoki.training.pool import frames_of
from ndoki.training.recipe import Recipe

__all__ = ["build_materials", "cell_of", "found_shot"]

SPLITS = ("train", "val")


def cell_of(clip: Clip, n_folds: int) -> int:
    """Cell of a clip: its fold, counted through once for each split."""
    if clip.split not in SPLITS:
        raise LabelError(f"{clip.path}: split {clip.split!r} is unknown; expected one of {', '.join(SPLITS)}")
    return SPLITS.index(clip.split) * n_folds + fold_of(clip.group, n_folds)


def found_shot(sound: Sound, recipe: Recipe) -> ShotSound:
    """A sound with its onset, the strongest rise between 80 and 1500 Hz, and where others may be."""
    centres_hz, grid = recipe.mel.centres_hz, recipe.mel.grid
    bands = slice(int(np.searchsorted(centres_hz, 80.0)), int(np.searchsorted(centres_hz, 1500.0)))
    above = frames_of(sound.samples, sound.rate_hz, recipe.mel, recipe.floor)
    onset = strongest_rise(above, bands)
    unsure = further_rises(above, bands, onset)
    return ShotSound(
        sound=sound,
        onset_sample=grid.centre_sample(onset, sound.rate_hz),
        unsure_samples=tuple(grid.centre_sample(frame, sound.rate_hz) for frame in unsure),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Common:
    """What every cell may use: it occurs in no test of recall or of false alarms."""

    backgrounds: list[Sound]
    confusers: list[Sound]


def _common(clips: Sequence[Clip], recipe: Recipe) -> _Common:
    used = [clip for clip in clips if clip.split == "train" and clip.label != MINED_LABEL]
    return _Common(
        backgrounds=load_sounds([c for c in used if c.kind == "background" and c.label != FIELD_LABEL]),
        confusers=load_sounds(
            [c for c in used if c.kind == "confuser" and c.label not in recipe.pool.confusers_left_out]
        ),
    )


def _mined(recipe: Recipe, clips: Sequence[Clip], manifest: Path) -> list[Clip]:
    """Mined clips. A group that is tested on may not come in by this door."""
    mined = [clip for path in recipe.mined.paths for clip in read_manifest(path)]
    for clip in mined:
        if (clip.kind, clip.label, clip.split) != ("background", MINED_LABEL, "train"):
            raise LabelError(
                f"{clip.path}: {clip.kind} {clip.label!r} of split {clip.split!r} among the mined clips; "
                f"expected a background {MINED_LABEL!r} of split 'train', as `ndoki mine` writes them"
            )
    check_groups(manifest, [*clips, *mined])
    return mined


def _repeated(mined: Sequence[Sound], n_others: int, share: float) -> list[Sound]:
    """As often as makes them the wanted share of a list with so many others; at least once each."""
    if not mined or not share:
        return []
    n_wanted = max(len(mined), round(n_others * share / (1 - share)))
    return [mined[i % len(mined)] for i in range(n_wanted)]


def build_materials(recipe: Recipe, manifest: Path) -> list[Material]:
    """One material per cell, ``2·n_folds`` in all; those of split ``val`` come last.

    A recipe without the field has one cell, of split ``train``.

    Raises
    ------
    LabelError
        The manifest or a clip cannot be used, or a cell has no shots or no backgrounds.
    """
    clips = read_manifest(manifest)
    mined = _mined(recipe, clips, manifest)
    common = _common(clips, recipe)
    near_shots = load_near_shots(manifest.parent, "train")
    if not recipe.pool.field:
        return [
            Material(
                shots=(),
                backgrounds=common.backgrounds,
                confusers=common.confusers,
                near_shots=near_shots,
                ranges=recipe.simulation,
                rate_hz=common.backgrounds[0].rate_hz,
            )
        ]
    shots, backgrounds = field_clips(clips)
    materials = []
    for cell in range(len(SPLITS) * recipe.n_folds):
        sounds = load_sounds([clip for clip in shots if cell_of(clip, recipe.n_folds) == cell])
        found = [found_shot(sound, recipe) for sound in sounds]
        own = load_sounds([clip for clip in backgrounds if cell_of(clip, recipe.n_folds) == cell])
        if not found or not own:
            raise LabelError(
                f"{manifest}: cell {cell} has {len(found)} shots and {len(own)} backgrounds; use fewer folds"
            )
        # Loops and ambience are few and long: as often as one field background in ten.
        usual = own + common.backgrounds[: max(1, len(own) // 10)]
        again = load_sounds([clip for clip in mined if cell_of(clip, recipe.n_folds) == cell])
        materials.append(
            Material(
                shots=found,
                backgrounds=usual + _repeated(again, len(usual), recipe.mined.share),
                confusers=common.confusers,
                near_shots=near_shots,
                ranges=recipe.simulation,
                rate_hz=found[0].sound.rate_hz,
            )
        )
    return materials
