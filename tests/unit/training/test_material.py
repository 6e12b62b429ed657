"""Cells keep what a network is tested on out of what it was trained on."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from ndoki.core.errors import LabelError
from ndoki.datasets.manifest import Clip, field_clips, fold_of, load_sounds, read_manifest
from ndoki.training.material import build_materials, cell_of, found_shot
from ndoki.training.pool import Pool
from ndoki.training.recipe import PoolSpec, Recipe
from ndoki.training.run import usable_examples

RECIPE = Recipe(name="tiny", n_folds=2)


def pool_of_cells(cells) -> Pool:
    n = len(cells)
    return Pool(
        frames=np.zeros((n, 40), np.int8),
        onset=np.zeros(n, np.uint8),
        weight=np.zeros(n, np.uint8),
        shape=np.zeros((n, 3), np.uint8),
        first_frames=np.arange(n + 1),
        labels=np.zeros((n, 7), np.int8),
        cells=np.asarray(cells, np.int16),
    )


def groups_of(material) -> set[str]:
    """Groups of the field: those that are tested on."""
    sounds = [shot.sound for shot in material.shots] + list(material.backgrounds)
    return {
        clip.group
        for sound in sounds
        for clip in sound.clips
        if clip.kind == "gunshot" or clip.label == "tropical_forest"
    }


def assert_folds_are_kept_apart(materials, clips, n_folds):
    field = [clip for part in field_clips(clips) for clip in part]
    every = pool_of_cells(range(2 * n_folds))
    recipe = replace(RECIPE, n_folds=n_folds)
    for fold in range(n_folds):
        trained_on = set().union(*(groups_of(materials[c]) for c in usable_examples(every, recipe, fold)))
        tested_on = {clip.group for clip in field if fold_of(clip.group, n_folds) == fold}
        assert tested_on
        assert not trained_on & tested_on
        assert trained_on == {clip.group for clip in field} - tested_on
    trained_on = set().union(*(groups_of(materials[c]) for c in usable_examples(every, recipe, None)))
    assert trained_on == {clip.group for clip in field if clip.split == "train"}


def test_without_the_field_nothing_of_it_is_heard(data_set):
    (material,) = build_materials(replace(RECIPE, pool=PoolSpec(field=False)), data_set)
    assert not material.shots
    assert material.backgrounds
    assert not groups_of(material)
    assert all(clip.split == "train" for sound in material.backgrounds for clip in sound.clips)


def test_no_group_is_trained_and_tested_on(data_set):
    assert_folds_are_kept_apart(build_materials(RECIPE, data_set), read_manifest(data_set), 2)


def test_no_group_of_the_real_data_is_trained_and_tested_on(shared_data):
    """By the rows alone: the sounds need not be read for it."""
    clips = read_manifest(shared_data / "clips.csv")
    shots, backgrounds = field_clips(clips)
    for fold in range(5):
        cells = set(usable_examples(pool_of_cells(range(10)), replace(RECIPE, n_folds=5), fold).tolist())
        trained = {clip.group for clip in shots + backgrounds if cell_of(clip, 5) in cells}
        tested = {clip.group for clip in shots + backgrounds if fold_of(clip.group, 5) == fold}
        common = {clip.group for clip in clips if clip.kind == "confuser" or clip.kind == "near_shot"}
        assert not trained & tested
        assert not common & tested


def test_what_all_cells_share_is_of_the_training_split(data_set):
    clips = read_manifest(data_set)
    for material in build_materials(RECIPE, data_set):
        shared = [
            c
            for s in (*material.backgrounds, *material.confusers)
            for c in s.clips
            if c.label != "tropical_forest"
        ]
        assert {clip.label for clip in shared} == {"river", "thunder"}
        assert {clip.split for clip in shared} == {"train"}
        assert material.rate_hz == 8000
        assert material.near_shots is not None
    assert len(clips) == 2 * 8 + 3


def test_look_alikes_can_be_left_out(data_set):
    recipe = replace(RECIPE, pool=replace(RECIPE.pool, confusers_left_out=("thunder",)))
    assert not build_materials(recipe, data_set)[0].confusers


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_cell_is_a_fold_of_a_split(split, tmp_path):
    cells = {
        cell_of(Clip(path=tmp_path, kind="gunshot", label="x", group=f"g{i}", split=split), 3)
        for i in range(100)
    }
    assert cells == ({0, 1, 2} if split == "train" else {3, 4, 5})


def test_an_unknown_split_is_refused(tmp_path):
    with pytest.raises(LabelError, match="split 'test' is unknown; expected one of train, val"):
        cell_of(Clip(path=tmp_path, kind="gunshot", label="x", group="g", split="test"), 3)


def test_too_many_folds_are_refused(data_set):
    with pytest.raises(LabelError, match=r"cell \d+ has \d+ shots and \d+ backgrounds; use fewer folds"):
        build_materials(replace(RECIPE, n_folds=7), data_set)


def test_a_clip_that_is_gone_is_named(data_set, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(data_set.parent, copy)
    next(copy.glob("background_tropical*")).unlink()
    with pytest.raises(LabelError, match=r"background_tropical.*cannot be read"):
        build_materials(RECIPE, copy / "clips.csv")


def test_the_onset_of_a_clip_is_found(forest, data_set, tmp_path):
    """Within 20 ms of where the shot was put."""
    shots, _ = field_clips(read_manifest(data_set))
    for sound in load_sounds(shots):
        i = int(sound.clip.group.removeprefix("gunshot").split("_")[0])
        expected = round((1.0 + 0.2 * i) * 8000) + 200 * i
        assert abs(found_shot(sound, RECIPE).onset_sample - expected) <= 160


def test_two_shots_in_a_clip_leave_a_doubtful_place(forest, data_set):
    (first, *_), _ = field_clips(read_manifest(data_set))
    sound = replace(load_sounds([first])[0], samples=forest(6.0, [1.5, 4.0]))
    shot = found_shot(sound, RECIPE)
    seconds = sorted([shot.onset_sample / 8000, *(sample / 8000 for sample in shot.unsure_samples)])
    assert np.abs(np.array(seconds) - 1.5).min() < 0.03
    assert np.abs(np.array(seconds) - 4.0).min() < 0.03
