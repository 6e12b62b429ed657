"""From a recipe to an ONNX file, by the command."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from ndoki.audio.recording import describe
from ndoki.cli.train import train
from ndoki.core.errors import ConfigError, LabelError
from ndoki.datasets.edition import EDITION
from ndoki.datasets.manifest import manifest_digest
from ndoki.detectors.network.detector import load_network
from ndoki.events.pick import Picker
from ndoki.scan import scan
from ndoki.training.recipe import read_recipe
from ndoki.training.run import Workplace, checkpoint_of, make_pool, train_fold, usable_examples

RECIPE = """
name = "tiny"
n_folds = 2
[network]
front_channels = [2, 4]
width = 8
dilations = [1, 2]
[pool]
n_examples = 16
[examples]
length_s = [1.0, 2.0]
[loop]
n_steps = 5
batch_size = 4
"""


@pytest.fixture
def recipe(tmp_path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    return path


def run(recipe: Path, data: Path, out: Path, *more: str):
    arguments = [str(recipe), "--data", str(data), "--out", str(out), "--jobs", "1", *more]
    return CliRunner().invoke(train, arguments, catch_exceptions=False)


def test_a_tiny_recipe_trained_twice_is_byte_equal(recipe, data_set, tmp_path):
    """Examples, network, export: everything anew, in caches of their own."""
    contents = []
    for name in ("one", "two"):
        out = tmp_path / name / "tiny.onnx"
        result = run(recipe, data_set, out, "--cache", str(tmp_path / f"cache-{name}"))
        assert result.exit_code == 0
        assert f"wrote {out}" in result.output
        contents.append(out.read_bytes())
    assert contents[0] == contents[1]


def test_what_it_writes_is_a_detector(recipe, data_set, tmp_path):
    out = tmp_path / "new folder" / "tiny.onnx"
    run(recipe, data_set, out, "--cache", str(tmp_path / "cache"))
    detector = load_network(out)
    assert detector.card.name == "tiny"
    assert detector.card.provenance["manifest_sha256"] == manifest_digest(data_set)
    assert detector.card.provenance["recipe"]["loop"]["n_steps"] == 5
    assert "CC BY 4.0" in detector.card.provenance["weights_licence"]
    recording = describe(str(next(data_set.parent.glob("gunshot*"))))
    assert isinstance(scan(recording, detector, Picker(threshold=0.01)), list)


def test_folds_make_networks_of_their_own_and_calibrate_the_last(recipe, data_set, tmp_path, monkeypatch):
    """Without --out a fold's network is named for it, where --folds-from looks for it."""
    monkeypatch.chdir(tmp_path)
    for fold in ("0", "1"):
        arguments = ["tiny.toml", "--data", str(data_set), "--cache", "cache", "--fold", fold, "--jobs", "1"]
        assert CliRunner().invoke(train, arguments, catch_exceptions=False).exit_code == 0
    one, two = (Path(f"tiny-fold{fold}.onnx").read_bytes() for fold in (0, 1))
    assert one != two
    assert len(list(Path("cache").glob("pool-*.npz"))) == 1, "one pool serves all folds"
    result = run(recipe, data_set, tmp_path / "all.onnx", "--cache", "cache", "--folds-from", ".")
    assert result.exit_code == 0
    assert set(load_network(tmp_path / "all.onnx").card.operating_points) == {"review", "balanced", "alert"}


def test_a_pool_is_made_once(recipe, data_set, tmp_path):
    place = Workplace(manifest=data_set, cache=tmp_path / "cache", n_processes=1)
    settings = read_recipe(recipe)
    first = make_pool(settings, place)
    (kept,) = (tmp_path / "cache").iterdir()
    stamp = kept.stat().st_mtime_ns
    again = make_pool(replace(settings, loop=replace(settings.loop, n_steps=9)), place)
    assert kept.stat().st_mtime_ns == stamp
    np.testing.assert_array_equal(first.frames, again.frames)
    make_pool(replace(settings, seed=2), place)
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_examples_of_the_left_out_fold_are_not_used(recipe, data_set, tmp_path):
    settings = read_recipe(recipe)
    pool = make_pool(settings, Workplace(manifest=data_set, cache=tmp_path, n_processes=1))
    assert set(np.unique(pool.cells)) == {0, 1, 2, 3}
    for fold in (0, 1):
        assert set(pool.cells[usable_examples(pool, settings, fold)]) == {1 - fold, 3 - fold}
    assert set(pool.cells[usable_examples(pool, settings, None)]) == {0, 1}


def test_a_checkpoint_is_named_for_its_fold_and_recipe(recipe, data_set, tmp_path):
    """So that a run never goes on from the state of another one."""
    place = Workplace(manifest=data_set, cache=tmp_path / "cache", n_processes=1)
    settings = read_recipe(recipe)
    settings = replace(settings, loop=replace(settings.loop, n_steps=100, batch_size=1, bfloat16=False))
    train_fold(settings, make_pool(settings, place), 0, place)
    assert (place.cache / f"net-0-{settings.digest[:12]}-e{EDITION}.pt").is_file()


def test_what_never_heard_the_field_is_trained_once_for_all_folds(recipe, data_set, tmp_path):
    """It has no folds: nothing that is tested on was ever in it."""
    place = Workplace(manifest=data_set, cache=tmp_path / "cache", n_processes=1)
    second = read_recipe(recipe)
    loop = replace(second.loop, n_steps=100, batch_size=1, bfloat16=False)
    examples = replace(second.examples, real=0.0, pushed=0.0)
    first = replace(second, pool=replace(second.pool, field=False), examples=examples, loop=loop)
    second = replace(second, base=first)
    pool = make_pool(second, place)
    for fold in (0, 1):
        train_fold(second, pool, fold, place)
    assert [path.name for path in place.cache.glob("net-*")] == [f"net-all-{first.digest[:12]}-e{EDITION}.pt"]


def test_examples_of_another_edition_are_made_anew(recipe, data_set, tmp_path, monkeypatch):
    """A changed simulator is not in the recipe, and must not be overlooked."""
    place = Workplace(manifest=data_set, cache=tmp_path / "cache", n_processes=1)
    settings = read_recipe(recipe)
    before = checkpoint_of(settings, 0, place)
    for edition in (EDITION, EDITION, EDITION + 1):
        monkeypatch.setattr("ndoki.training.run.EDITION", edition)
        make_pool(settings, place)
    assert len(list(place.cache.glob("pool-*"))) == 2
    assert checkpoint_of(settings, 0, place) != before


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (("name = ", "nam = "), ConfigError, "did you mean 'name'?"),
        (("n_folds = 2", "n_folds = 9"), LabelError, "use fewer folds"),
    ],
)
def test_a_bad_recipe_ends_before_anything_is_written(recipe, data_set, tmp_path, change, kind, message):
    recipe.write_text(RECIPE.replace(*change))
    with pytest.raises(kind) as caught:
        run(recipe, data_set, tmp_path / "tiny.onnx", "--cache", str(tmp_path / "cache"))
    assert message in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.toml"]


def test_data_that_are_not_there_are_said(recipe, tmp_path):
    with pytest.raises(LabelError, match=r"clips\.csv"):
        run(recipe, tmp_path / "clips.csv", tmp_path / "tiny.onnx", "--cache", str(tmp_path / "cache"))


def test_without_torch_the_extra_is_named(recipe, data_set, tmp_path, monkeypatch):
    assert find_spec("torch")
    monkeypatch.setattr(
        "ndoki.cli.train.find_spec", lambda name: None if name == "torch" else find_spec(name)
    )
    result = run(recipe, data_set, tmp_path / "tiny.onnx")
    assert result.exit_code == 1
    assert "training needs torch, not installed here; run: pip install 'ndoki[train]'" in result.output
    assert not (tmp_path / "tiny.onnx").exists()
