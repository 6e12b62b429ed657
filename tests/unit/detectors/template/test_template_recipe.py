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
    assert recipe.manifest == Path("../shared/data/clips.csv")
    assert len(recipe.manifest_sha256) == 64


def test_every_value_arrives(tmp_path):
    assert read_recipe(changed(tmp_path, "n_templates = 7", "n_templates = 9")).build.n_templates == 9
    assert read_recipe(changed(tmp_path, "n_mels = 40", "n_mels = 20")).build.patch.mel.n_mels == 20
    assert read_recipe(changed(tmp_path, "after_s = 1.5", "after_s = 1")).build.patch.after_frames == 62
    assert read_recipe(changed(tmp_path, 'split = "train"', 'split = "val"')).build.split == "val"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "n_templates",
            "n_template",
            r"\[choice\] has an unknown key 'n_template'; the nearest known one is 'n_templates'",
        ),
        ("[patch]", "[patches]", "the recipe has an unknown key 'patches'; the nearest known one is 'patch'"),
        ("before_s = 0.3\n", "", r"\[patch\] lacks before_s"),
        ("n_mels = 40", "", r"\[mel\] lacks n_mels"),
        ("before_s = 0.3", "before_s = 0", "give at least 1 and 2 hops"),
        ("n_mels = 40", 'n_mels = "forty"', r"\[mel\] n_mels is 'forty'; expected int"),
        ('manifest = "../shared/data/clips.csv"', "manifest = 3", r"\[data\] manifest is 3; expected str"),
        ("n_templates = 7", "n_templates = 7.5", "n_templates is 7.5; expected int"),
        ("n_templates = 7", "n_templates = true", "n_templates is True; expected int"),
        ('detector = "template"', 'detector = "network"', "is not for this detector"),
        ('detector = "template"', "", "is not for this detector"),
        ("[data]", "[data", "is no TOML"),
    ],
)
def test_a_wrong_recipe_is_refused(tmp_path, old, new, message):
    with pytest.raises(ConfigError, match=message):
        read_recipe(changed(tmp_path, old, new))


def test_a_section_that_is_a_value(tmp_path):
    (tmp_path / "r.toml").write_text('detector = "template"\ndata = 1\nchoice = 2\npatch = 3\nmel = 4\n')
    with pytest.raises(ConfigError, match=r"\[data\] is 1; expected a section"):
        read_recipe(tmp_path / "r.toml")


def test_a_recipe_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        read_recipe(tmp_path / "none.toml")


def test_the_digest_may_be_left_out(tmp_path):
    text = RECIPE.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("manifest_sha256")]
    (tmp_path / "r.toml").write_text("\n".join(lines), encoding="utf-8")
    assert read_recipe(tmp_path / "r.toml").manifest_sha256 == ""
