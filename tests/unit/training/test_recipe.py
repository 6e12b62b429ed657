import hashlib
import json
import tomllib
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from ndoki.core.config import from_table
from ndoki.core.errors import ConfigError
from ndoki.detectors.network.detector import load_network
from ndoki.training.network import NetworkSpec
from ndoki.training.recipe import PoolSpec, Recipe, read_recipe

TINY = """
name = "tiny"
seed = 4
[network]
front_channels = [2, 4]
width = 8
dilations = [1, 2]
[pool]
n_examples = 10
confusers_left_out = ["wind"]
[simulation]
distance_m = [50.0, 900.0]
"""


def read(tmp_path, text):
    path = tmp_path / "tiny.toml"
    path.write_text(text, encoding="utf-8")
    return read_recipe(path)


def test_a_recipe_is_read_and_the_rest_is_default(tmp_path):
    recipe = read(tmp_path, TINY)
    assert (recipe.name, recipe.seed, recipe.n_folds) == ("tiny", 4, 5)
    assert recipe.network == NetworkSpec(front_channels=(2, 4), width=8, dilations=(1, 2))
    assert recipe.pool == PoolSpec(n_examples=10, confusers_left_out=("wind",))
    assert recipe.simulation.distance_m == (50.0, 900.0)
    assert recipe.loop == Recipe(name="x").loop


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "x"\nsead = 1', "unknown key 'sead'; did you mean 'seed'?"),
        ('name = "x"\n[loop]\nn_stepps = 5', "unknown key 'n_stepps'; did you mean 'n_steps'?"),
        ('name = "x"\n[network]\nwidht = 5', "unknown key 'widht'; did you mean 'width'?"),
        ("seed = 1", "the key 'name' is missing"),
        ('name = "x"\nseed = "one"', "expected int, found 'one'"),
        ('name = "x"\n[mel]\nn_mels = 64', "the network takes 40 bands but the frames have 64"),
        ('name = "x"\n[network]\nn_labels = 3', "n_labels = 7"),
        ('name = "x"\n[network]\ndilations = []', "at least one dilation"),
        ('name = "x"\n[network]\ndilations = [0, 1]', "at least one dilation"),
        ('name = "x"\n[mel]\nhigh_hz = 3000.0', "does not fit below 2000.0 Hz"),
        ("name = ", "not valid TOML"),
    ],
)
def test_a_mistake_is_named(tmp_path, text, message):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)


def test_a_recipe_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml: the file cannot be read"):
        read_recipe(tmp_path / "none.toml")


def test_the_digest_covers_every_value(tmp_path):
    recipe = read(tmp_path, TINY)
    assert recipe.digest == read(tmp_path, TINY + "\n# a comment\n").digest
    others = [
        replace(recipe, seed=5),
        replace(recipe, name="other"),
        replace(recipe, loop=replace(recipe.loop, n_steps=3)),
        replace(recipe, network=replace(recipe.network, width=16)),
        replace(recipe, examples=replace(recipe.examples, snr_db=(0.0, 20.0))),
    ]
    assert len({one.digest for one in (recipe, *others)}) == 1 + len(others)


def test_a_recipe_may_continue_one_with_another_power_floor_but_not_with_other_frames(tmp_path):
    recipe = read(tmp_path, TINY)
    louder = replace(recipe.mel, power_floor=1e-9)
    assert replace(recipe, base=replace(recipe, mel=louder)).mel == recipe.mel
    for base in (
        replace(recipe, mel=replace(louder, low_hz=60.0)),
        replace(recipe, floor=replace(recipe.floor, tolerance_db=4.0)),
    ):
        with pytest.raises(ConfigError, match="needs the same frames and floor"):
            replace(recipe, base=base)


def test_a_recipe_may_have_more_channels_than_the_one_that_it_continues_and_not_fewer(tmp_path):
    recipe = read(tmp_path, TINY)
    first, second = recipe.network.front_channels
    wider = replace(recipe.network, width=recipe.network.width + 1, front_channels=(first, second + 2))
    assert replace(recipe, network=wider, base=recipe).network == wider
    for network in (
        replace(recipe.network, width=recipe.network.width - 1),
        replace(wider, front_channels=(first - 1, second + 2)),
        replace(wider, dilations=(1, 2, 4)),
    ):
        with pytest.raises(ConfigError, match="needs its network, or one with more channels"):
            replace(recipe, network=network, base=recipe)


def test_the_pools_digest_covers_what_examples_depend_on_and_no_more(tmp_path):
    """Else a longer training would make all examples anew, or another mixture would reuse the old ones."""
    recipe = read(tmp_path, TINY)
    same = [
        replace(recipe, loop=replace(recipe.loop, n_steps=3)),
        replace(recipe, network=replace(recipe.network, width=16)),
        replace(recipe, name="other"),
    ]
    assert {one.pool_digest for one in same} == {recipe.pool_digest}
    others = [
        replace(recipe, seed=5),
        replace(recipe, n_folds=3),
        replace(recipe, examples=replace(recipe.examples, snr_db=(0.0, 20.0))),
        replace(recipe, pool=replace(recipe.pool, n_examples=11)),
        replace(recipe, mel=replace(recipe.mel, low_hz=60.0)),
        replace(recipe, floor=replace(recipe.floor, tolerance_db=4.0)),
        replace(recipe, simulation=replace(recipe.simulation, distance_m=(60.0, 900.0))),
    ]
    assert len({one.pool_digest for one in (recipe, *others)}) == 1 + len(others)


def changes(then, now, where=""):
    """Values of a card's recipe that are others today; what was added since does not count."""
    if isinstance(then, dict):
        return [one for key in then for one in changes(then[key], now.get(key), f"{where}.{key}")]
    return [] if then == now else [f"{where[1:]}: {then} then, {now} now"]


def test_the_shipped_network_is_that_of_its_recipe(checkout):
    """What lies in the package can be trained again from what lies in recipes/."""
    card = load_network().card
    recipe = read_recipe(checkout / "recipes" / f"{card.name}.toml")
    assert not changes(card.provenance["recipe"], json.loads(json.dumps(asdict(recipe))))
    assert (card.mel, card.floor) == (recipe.mel, recipe.floor)
    context = (recipe.network.before_frames, recipe.network.after_frames)
    assert (card.before_frames, card.after_frames) == context


def test_every_key_of_the_shipped_recipe_is_read(checkout):
    table = tomllib.loads((checkout / "recipes" / "gunshot.toml").read_text(encoding="utf-8"))
    recipe = read_recipe(checkout / "recipes" / "gunshot.toml")
    for section, values in table.items():
        for key, value in values.items() if isinstance(values, dict) else ():
            found = getattr(getattr(recipe, section), key)
            assert found == (tuple(value) if isinstance(value, list) else value)


def test_what_is_off_leaves_digests_as_they_were_before_there_was_any_of_it(tmp_path):
    """Else every network and pool in every cache would be made anew."""
    recipe = read(tmp_path, TINY)
    values = asdict(recipe)
    del values["mined"], values["kept_share"]
    for name in ("low_cut_share", "low_cut_hz", "low_cut_db_per_octave"):
        del values["simulation"][name]
    for name in ("regular_series_share", "hollow_share", "struck_audible_m"):
        del values["simulation"][name]
    assert recipe.digest == hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
    second = replace(recipe, base=recipe)
    values["base"] = dict(values)
    assert second.digest == hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


@pytest.mark.parametrize(
    "line", ["hollow_share = 0.1", "low_cut_share = 0.5", "struck_audible_m = [60.0, 800.0]"]
)
def test_what_is_on_makes_another_pool(tmp_path, line):
    changed = read(tmp_path, TINY.replace("[simulation]\n", f"[simulation]\n{line}\n"))
    assert changed.pool_digest != read(tmp_path, TINY).pool_digest


def test_mined_clips_make_another_pool_and_another_network(tmp_path):
    recipe = read(tmp_path, TINY)
    mined = read(tmp_path, TINY + '\n[mined]\nclips = ["a/clips.csv"]\nshare = 0.5\n')
    assert mined.mined.paths == (Path("a/clips.csv"),)
    less = replace(mined, mined=replace(mined.mined, share=0.1))
    assert len({one.digest for one in (recipe, mined, less)}) == 3
    assert len({one.pool_digest for one in (recipe, mined, less)}) == 3


@pytest.mark.parametrize("share", ["1.0", "-0.1"])
def test_a_share_of_mined_clips_is_below_one(tmp_path, share):
    with pytest.raises(ConfigError, match="expected a number from 0 up to below 1"):
        read(tmp_path, TINY + f"\n[mined]\nshare = {share}\n")


def test_a_card_of_before_there_was_a_key_still_names_its_recipe(tmp_path):
    """What is not in it is off; a recipe that has it on is another one."""
    recipe = read(tmp_path, TINY)
    second = replace(recipe, base=replace(recipe, seed=5))
    told = json.loads(json.dumps(asdict(second)))
    assert from_table(Recipe, told, "card") == second
    del told["simulation"]["hollow_share"], told["base"]["simulation"]["hollow_share"]
    assert from_table(Recipe, told, "card") == second
    hollow = replace(recipe.simulation, hollow_share=0.1)
    assert from_table(Recipe, told, "card") != replace(
        second, base=replace(recipe, simulation=hollow, seed=5)
    )
