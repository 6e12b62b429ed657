"""Mined clips in training: how often they are drawn, on which side of every split, and what they change."""

import csv
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ndoki.core.errors import LabelError
from ndoki.datasets.manifest import MINED_LABEL, fold_of, read_manifest
from ndoki.training.loop import finished
from ndoki.training.material import build_materials
from ndoki.training.network import NetworkSpec
from ndoki.training.recipe import MinedSpec, Recipe
from ndoki.training.run import Workplace, card_for, checkpoint_of, make_pool, network_of

RECIPE = Recipe(name="tiny", n_folds=2)


@pytest.fixture
def mined_list(data_set, tmp_path) -> Callable[..., Path]:
    """``mined_list(group, …)``: a round's clips.csv with one clip for each group."""

    def make(*groups: str, split: str = "train", kind: str = "background", verdict: str = "") -> Path:
        folder = tmp_path / "round"
        folder.mkdir(exist_ok=True)
        sound = next(data_set.parent.glob("background_tropical*"))
        with (folder / "clips.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("path", "verdict", "kind", "label", "group", "split"))
            for i, group in enumerate(groups):
                shutil.copy(sound, folder / f"{i}.flac")
                writer.writerow((f"{i}.flac", verdict, kind, MINED_LABEL, group, split))
        return folder / "clips.csv"

    return make


def with_mined(path: Path, share: float = 0.5) -> Recipe:
    return replace(RECIPE, mined=MinedSpec(clips=(str(path),), share=share))


def own_groups(data_set: Path) -> list[str]:
    """Groups of the training backgrounds: two in each of 2 folds."""
    return [
        clip.group
        for clip in read_manifest(data_set)
        if (clip.kind, clip.label, clip.split) == ("background", "tropical_forest", "train")
    ]


def n_mined(material) -> int:
    return sum(sound.clip.label == MINED_LABEL for sound in material.backgrounds)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 3), (0.75, 9), (0.1, 2), (0.0, 0)])
def test_mined_clips_make_their_share_of_the_backgrounds(data_set, mined_list, share, expected):
    """Two mined clips and three other backgrounds in each cell of the training split."""
    groups = own_groups(data_set)
    materials = build_materials(with_mined(mined_list(*groups), share), data_set)
    assert [n_mined(one) for one in materials] == [expected, expected, 0, 0]
    assert [len(one.backgrounds) - n_mined(one) for one in materials] == [3, 3, 3, 3]


def test_a_mined_clip_lies_in_the_cell_of_its_group(data_set, mined_list):
    """So whoever leaves out a fold leaves out what was mined in it."""
    group = own_groups(data_set)[0]
    materials = build_materials(with_mined(mined_list(group)), data_set)
    assert [n_mined(one) > 0 for one in materials] == [fold_of(group, 2) == cell for cell in range(4)]


def test_a_clip_that_is_a_shot_after_all_is_never_drawn(data_set, mined_list):
    groups = own_groups(data_set)
    path = mined_list(*groups)
    text = path.read_text()
    path.write_text(text.replace("0.flac,,", "0.flac,shot,"))
    materials = build_materials(with_mined(path), data_set)
    drawn = {c.group for one in materials for s in one.backgrounds for c in s.clips if c.label == MINED_LABEL}
    assert drawn == set(groups[1:])


def test_what_is_tested_on_is_not_let_in(data_set, mined_list):
    tested = next(c.group for c in read_manifest(data_set) if c.split == "val" and c.kind == "background")
    with pytest.raises(LabelError, match="lies in two splits"):
        build_materials(with_mined(mined_list(tested)), data_set)
    with pytest.raises(LabelError, match="split 'val' among the mined clips; expected a background 'mined'"):
        build_materials(with_mined(mined_list("new", split="val")), data_set)
    with pytest.raises(LabelError, match="gunshot 'mined' of split 'train' among the mined clips"):
        build_materials(with_mined(mined_list("new", kind="gunshot")), data_set)


def small(recipe: Recipe, tiny: NetworkSpec) -> Recipe:
    return replace(
        recipe,
        network=tiny,
        pool=replace(recipe.pool, n_examples=8),
        examples=replace(recipe.examples, length_s=(1.0, 2.0)),
        loop=replace(recipe.loop, n_steps=100, batch_size=1, bfloat16=False),
    )


def test_another_verdict_makes_other_examples_and_another_network(data_set, mined_list, tiny, tmp_path):
    """The recipe is the same; a checkpoint of before must not be gone on from."""
    path = mined_list(*own_groups(data_set))
    place = Workplace(manifest=data_set, cache=tmp_path / "cache", n_processes=1)
    recipe = small(with_mined(path), tiny)
    make_pool(recipe, place)
    checkpoint, before = (
        checkpoint_of(recipe, None, place),
        card_for(recipe, place).provenance["mined_sha256"],
    )
    path.write_text(path.read_text().replace("0.flac,,", "0.flac,shot,"))
    make_pool(recipe, place)
    assert len(list(place.cache.glob("pool-*.npz"))) == 2
    assert checkpoint_of(recipe, None, place) != checkpoint
    later = replace(recipe, mined=MinedSpec(), base=recipe)
    checkpoint = checkpoint_of(later, None, place)
    path.write_text(path.read_text().replace("1.flac,,", "1.flac,unsure,"))
    assert checkpoint_of(later, None, place) != checkpoint, "what goes on from it changes, too"
    assert card_for(recipe, place).provenance["mined_sha256"] != before
    assert "mined_sha256" not in card_for(RECIPE, place).provenance


def test_a_finished_network_is_gone_on_from_without_its_examples(data_set, tiny, tmp_path):
    place = Workplace(manifest=data_set, cache=tmp_path / "cache", n_processes=1)
    recipe = small(RECIPE, tiny)
    trained = network_of(recipe, None, place)
    (pool,) = place.cache.glob("pool-*.npz")
    pool.unlink()
    again = network_of(recipe, None, place)
    assert not list(place.cache.glob("pool-*.npz"))
    for one, other in zip(trained.state_dict().values(), again.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    (checkpoint,) = place.cache.glob("net-*.pt")
    assert finished(checkpoint, tiny, replace(recipe.loop, n_steps=101)) is None
    assert finished(tmp_path / "none.pt", tiny, recipe.loop) is None
