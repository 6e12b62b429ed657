from pathlib import Path

import pytest

from ndoki.core.errors import ConfigError
from ndoki.detectors.template.build import BuildSpec
from ndoki.detectors.template.recipe import read_recipe

RECIPE = Path(__file__).resolve().parents[4] / "recipes" / "template.toml"


def changed(tmp_path, old, new):
    text = RECIPE.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "r.toml").write_text(text.replace(old, new), encoding="utf-8")
    return tmp_path / "r.toml"


def test_the_recipe_says_what_the_shipped_templates_were_made_with():
    recipe = read_recipe(RECIPE)
    assert recipe.build == BuildSpec()
    assert recipe.manifest == "../shared/data/clips.csv"
    assert len(recipe.manifest_sha256) == 64


def test_every_value_arrives(tmp_path):
    assert read_recipe(changed(tmp_path, "n_templates = 7", "n_templates = 9")).build.n_templates == 9
    assert read_recipe(changed(tmp_path, "n_mels = 40", "n_mels = 20")).build.patch.mel.n_mels == 20
    assert read_recipe(changed(tmp_path, "after_s = 1.5", "after_s = 1")).build.patch.after_frames == 62
    assert read_recipe(changed(tmp_path, 'split = "train"', 'split = "val"')).build.split == "val"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("n_templates", "n_template", r"r\.toml build: unknown key 'n_template'; did you mean 'n_templates'"),
        ("[build.patch]", "[build.patches]", "unknown key 'patches'; did you mean 'patch'"),
        ("before_s = 0.3\n", "", r"build patch: the key 'before_s' is missing"),
        ("n_mels = 40", "", r"build patch mel: the key 'n_mels' is missing"),
        ("before_s = 0.3", "before_s = 0", "r.toml build patch: .*give at least 1 and 2 hops"),
        ("n_mels = 40", 'n_mels = "forty"', r"n_mels: expected int, found 'forty'"),
        ('manifest = "../shared/data/clips.csv"', "manifest = 3", r"manifest: expected str, found 3"),
        ("n_templates = 7", "n_templates = 7.5", "n_templates: expected int, found 7.5"),
        ("n_templates = 7", "n_templates = true", "n_templates: expected int, found True"),
        ('detector = "template"', 'detector = "network"', "r.toml: is not for this detector, but 'network'"),
        ('detector = "template"', "", "the key 'detector' is missing"),
        ("[build]", "[build", "not valid TOML"),
    ],
)
def test_a_wrong_recipe_is_refused(tmp_path, old, new, message):
    with pytest.raises(ConfigError, match=message):
        read_recipe(changed(tmp_path, old, new))


def test_a_recipe_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml: the file cannot be read"):
        read_recipe(tmp_path / "none.toml")
