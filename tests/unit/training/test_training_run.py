"""From a recipe to an ONNX file, by the command."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import numpy_helper
from onnxruntime import InferenceSession

from ndoki.audio.recording import describe
from ndoki.cli.train import train
from ndoki.core.errors import ConfigError, LabelError, ModelError
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


def continued(recipe: Path, n_steps: int) -> Path:
    """A recipe that continues ``recipe``, next to it."""
    path = recipe.with_name("further.toml")
    further = RECIPE.replace("n_steps = 5", f"n_steps = {n_steps}")
    path.write_text(f'continues = "{recipe.name}"\nseed = 2\n{further}')
    return path


def test_a_files_network_is_gone_on_from_without_its_checkpoints(recipe, data_set, tmp_path):
    """Without a step it gives the answers of the file, and with some it gives others."""
    start, cache = tmp_path / "start.onnx", str(tmp_path / "cache")
    run(recipe, data_set, start, "--cache", str(tmp_path / "elsewhere"))
    run(continued(recipe, 0), data_set, tmp_path / "whole.onnx", "--cache", str(tmp_path / "whole"))
    assert len(list((tmp_path / "whole").glob("pool-*"))) == 2, "without the file it is"
    outputs = [tmp_path / f"after-{n_steps}.onnx" for n_steps in (0, 3)]
    for n_steps, out in zip((0, 3), outputs, strict=True):
        further = continued(recipe, n_steps)
        assert run(further, data_set, out, "--cache", cache, "--go-on", str(start)).exit_code == 0
    told = load_network(outputs[1]).card.provenance["recipe"]
    assert (told["loop"]["n_steps"], told["base"]["loop"]["n_steps"]) == (3, 5)
    assert len(list((tmp_path / "cache").glob("pool-*"))) == 1, "the base is not trained again"
    frames = np.random.default_rng(5).normal(0, 1, (1, 80, 40)).astype(np.float32)
    first, same, other = (
        InferenceSession(path).run(None, {"frames": frames})[0] for path in (start, *outputs)
    )
    np.testing.assert_allclose(same, first, atol=1e-4)
    assert np.abs(other - first).max() > 1e-4


def test_a_share_of_the_weights_gone_on_from_is_kept(recipe, data_set, tmp_path):
    """Out of a file or after its base, what comes out lies between the beginning and the end."""
    start, end, kept, chained = (tmp_path / f"{name}.onnx" for name in ("start", "end", "kept", "chained"))
    cache = str(tmp_path / "cache")
    run(recipe, data_set, start, "--cache", cache)
    further = continued(recipe, 3)
    run(further, data_set, end, "--cache", cache, "--go-on", str(start))
    further.write_text(further.read_text().replace("seed = 2", "seed = 2\nkept_share = 0.4"))
    run(further, data_set, kept, "--cache", cache, "--go-on", str(start))
    run(further, data_set, chained, "--cache", str(tmp_path / "other"))
    assert load_network(kept).card.provenance["recipe"]["kept_share"] == 0.4
    begun, ended, found, found_too = (
        onnx.load_model(path).graph.initializer for path in (start, end, kept, chained)
    )
    for before, behind, one, other in zip(begun, ended, found, found_too, strict=True):
        old, new = numpy_helper.to_array(before), numpy_helper.to_array(behind)
        np.testing.assert_allclose(numpy_helper.to_array(one), 0.4 * old + 0.6 * new, atol=1e-6)
        np.testing.assert_array_equal(numpy_helper.to_array(other), numpy_helper.to_array(one))


def test_of_a_wider_network_too_a_share_of_what_it_begins_with_is_kept(recipe, data_set, tmp_path):
    """What it begins with is as wide: it answers as the file gone on from."""
    start, begun, end, kept, chained = (
        tmp_path / f"{name}.onnx" for name in ("start", "begun", "end", "kept", "chained")
    )
    cache = str(tmp_path / "cache")
    run(recipe, data_set, start, "--cache", cache)
    frames = np.random.default_rng(5).normal(0, 1, (1, 80, 40)).astype(np.float32)
    for n_steps, out in ((0, begun), (3, end)):
        further = continued(recipe, n_steps)
        further.write_text(further.read_text().replace("width = 8", "width = 11"))
        run(further, data_set, out, "--cache", cache, "--go-on", str(start))
    first, same, other = (
        InferenceSession(path).run(None, {"frames": frames})[0] for path in (start, begun, end)
    )
    np.testing.assert_allclose(same, first, atol=1e-4)
    assert np.abs(other - first).max() > 1e-4
    further.write_text(further.read_text().replace("seed = 2", "seed = 2\nkept_share = 0.4"))
    run(further, data_set, kept, "--cache", cache, "--go-on", str(start))
    run(further, data_set, chained, "--cache", str(tmp_path / "other"))
    files = (onnx.load_model(path).graph.initializer for path in (begun, end, kept, chained))
    for before, behind, found, found_too in zip(*files, strict=True):
        old, new = numpy_helper.to_array(before), numpy_helper.to_array(behind)
        np.testing.assert_allclose(numpy_helper.to_array(found), 0.4 * old + 0.6 * new, atol=1e-6)
        np.testing.assert_array_equal(numpy_helper.to_array(found_too), numpy_helper.to_array(found))


def test_what_goes_on_from_kept_weights_begins_there(recipe, data_set, tmp_path):
    """Without a step it gives the answers of the network between, not those of the end of its training."""
    between, after, cache = tmp_path / "between.onnx", tmp_path / "after.onnx", str(tmp_path / "cache")
    further = continued(recipe, 3)
    further.write_text(further.read_text().replace("seed = 2", "seed = 2\nkept_share = 0.4"))
    run(further, data_set, between, "--cache", cache)
    last = recipe.with_name("last.toml")
    last.write_text(f'continues = "{further.name}"\n' + RECIPE.replace("n_steps = 5", "n_steps = 0"))
    run(last, data_set, after, "--cache", cache)
    frames = np.random.default_rng(5).normal(0, 1, (1, 80, 40)).astype(np.float32)
    kept, found = (InferenceSession(path).run(None, {"frames": frames})[0] for path in (between, after))
    np.testing.assert_allclose(found, kept, atol=1e-4)


@pytest.mark.parametrize(
    ("kept_share", "told"), [("0.5", "name their recipe by 'continues'"), ("1.0", "from 0 up to below 1")]
)
def test_a_share_of_nothing_cannot_be_kept(recipe, kept_share, told):
    recipe.write_text(f"kept_share = {kept_share}\n{RECIPE}")
    with pytest.raises(ConfigError, match=told):
        read_recipe(recipe)


def test_only_the_network_of_its_base_is_gone_on_from(recipe, data_set, tmp_path):
    start, out = tmp_path / "start.onnx", tmp_path / "after.onnx"
    run(recipe, data_set, start, "--cache", str(tmp_path / "cache"))
    further = continued(recipe, 5)
    recipe.write_text(RECIPE.replace("n_steps = 5", "n_steps = 6"))
    for unfit in (further, recipe):
        with pytest.raises(ConfigError, match="not of the recipe that this one continues"):
            run(unfit, data_set, out, "--cache", str(tmp_path / "cache"), "--go-on", str(start))
    assert len(list((tmp_path / "cache").glob("pool-*"))) == 1, "it is refused before examples are made"
    with pytest.raises(ModelError, match=r"nowhere\.onnx: the model cannot be read"):
        run(further, data_set, out, "--go-on", str(tmp_path / "nowhere.onnx"))
    assert not out.exists()


def test_a_base_that_is_gone_on_from_keeps_its_verifier(data_set, tmp_path, checkout, after_shipped):
    """The shipped network has one: it stays with the network that goes on, and so does its recipe's name."""
    shipped = checkout / "src/ndoki/models/gunshot.onnx"
    arguments = [str(after_shipped), "--data", str(data_set), "--go-on", str(shipped), "--jobs", "1"]
    out = tmp_path / "out.onnx"
    arguments += ["--cache", str(tmp_path / "cache"), "--out", str(out)]
    assert CliRunner().invoke(train, arguments, catch_exceptions=False).exit_code == 0
    went_on, start = load_network(out), load_network(shipped)
    assert went_on.verifier is not None
    assert start.verifier is not None
    assert went_on.verifier.content == start.verifier.content
    assert went_on.card.provenance["verifier"] == start.card.provenance["verifier"]
    assert went_on.gate is None


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
