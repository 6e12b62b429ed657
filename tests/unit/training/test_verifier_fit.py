"""A verifier is fitted to networks from a recipe: views once, folds left out, bases first, one file."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from ndoki.audio.blocks import read_blocks
from ndoki.audio.reader import open_samples
from ndoki.cli.verifier import verifier
from ndoki.core.errors import ConfigError
from ndoki.datasets.manifest import field_clips, read_manifest
from ndoki.detectors.network.detector import load_network
from ndoki.detectors.network.gate import Gate, GateSpec
from ndoki.detectors.network.verifier import Verifier
from ndoki.training.between import between
from ndoki.training.export import with_card, with_gate
from ndoki.training.gate_network import GateNet, exported_gate
from ndoki.training.loop import LoopSpec
from ndoki.training.recipe import PoolSpec
from ndoki.training.reopen import reopened_verifier
from ndoki.training.verifier_fit import card_with, fit_verifier
from ndoki.training.verifier_loop import train_verifier
from ndoki.training.verifier_recipe import VerifierLoop
from ndoki.training.views import Views

LOOP = VerifierLoop(n_steps=5, batch_size=16, dropout=0.1)


def test_views_do_not_depend_on_the_number_of_processes(fitted):
    from ndoki.training.material import build_materials
    from ndoki.training.views import build_views

    paths, recipe, place = fitted
    networks = [load_network(path) for path in paths]
    materials = build_materials(recipe.examples_of, place.manifest)
    one, two = (build_views(materials, networks, recipe, n_processes=n, part=7) for n in (1, 2))
    assert len(one) > 30
    assert set(one.cell.tolist()) == {0, 1, 2, 3}
    for name in Views.__slots__:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)


def raw_scores(detector, path):
    """Blocks of a recording and the network's own scores."""
    with open_samples(str(path)) as samples:
        blocks = read_blocks(
            samples, 0, grid=detector.grid, before_frames=detector.context_before_frames,
            after_frames=detector.context_after_frames, block_s=60.0,
        )  # fmt: skip
        return [(block, detector.outputs_of(detector.levels_of(block))[:, 0]) for block in blocks]


def test_a_file_keeps_its_verifier_and_its_scores_change(fitted):
    paths, recipe, place = fitted
    bare = load_network(paths[0])
    clip = field_clips(read_manifest(place.manifest))[0][0]
    (before,) = raw_scores(bare, clip.path)
    least_score = float(np.median(before[1]))
    recipe = replace(recipe, spec=replace(recipe.spec, least_score=least_score))
    verifier = fit_verifier(recipe, [load_network(path) for path in paths], 0, place)
    card = card_with(bare.card, recipe)
    content = with_card(paths[0].read_bytes(), card, verifier)
    path = paths[0].with_name("both.onnx")
    path.write_bytes(content)
    both = load_network(path)
    assert both.verifier is not None
    assert both.verifier.spec == recipe.spec
    assert both.card.provenance["verifier"]["seed"] == recipe.seed
    for block, raw in raw_scores(both, clip.path):
        asked = raw >= least_score
        assert 0 < asked.sum() < len(asked)
        corrected = both.verified(raw, block)
        np.testing.assert_array_equal(corrected[~asked], raw[~asked])
        assert (corrected[asked] != raw[asked]).mean() > 0.9
        # Each step of two frames by what begins at the middle of the higher: frames of 256 samples, 64 apart.
        expected = {}
        for row in np.flatnonzero(asked):
            pair = [other for other in (row - row % 2, row - row % 2 + 1) if asked[other : other + 1].any()]
            place = 64 * (block.first_frame + int(max(pair, key=lambda other: raw[other]))) + 128
            expected[row] = both.verifier.logits(block.samples, block.first_sample, [place])[0]
        joined = both.verifier.joined(raw[asked], np.array(list(expected.values()), np.float32))
        np.testing.assert_allclose(corrected[asked], joined, atol=1e-6)
        assert len(set(expected.values())) > 0.9 * len({row // 2 for row in expected})
        np.testing.assert_allclose(both.analyse(block).track.scores[:, 0], corrected, atol=1e-6)
    gate_content = exported_gate(GateNet(GateSpec(), -1.0))
    gate = Gate.opened(gate_content, GateSpec(), threshold=0.0, spread_frames=4, least_score=0.5)
    path.write_bytes(with_gate(content, both.card, gate, both.verifier))
    again = load_network(path)
    assert again.gate is not None
    assert again.verifier is not None
    assert again.verifier.content == verifier.content
    assert again.gated().verifier is again.verifier


def test_views_are_made_once_and_folds_left_out(fitted, monkeypatch):
    from ndoki.training import verifier_fit

    paths, recipe, place = fitted
    networks = [load_network(path) for path in paths]
    seen = []

    def spied(views, usable, *arguments, **options):
        seen.append((views.cell, usable))
        return train_verifier(views, usable, *arguments, **options)

    monkeypatch.setattr(verifier_fit, "train_verifier", spied)
    first = fit_verifier(recipe, networks, 1, place)
    monkeypatch.setattr(verifier_fit, "build_views", None)
    second = fit_verifier(recipe, networks, None, place)
    assert first.content != second.content
    (cell, left_out), (_, train) = seen
    assert set(cell[left_out].tolist()) == {0, 2}
    assert set(cell[train].tolist()) == {0, 1}


def test_a_base_that_never_heard_the_field_serves_all_folds(fitted, monkeypatch):
    """It learns once, from what a network says that never heard the field either."""
    from ndoki.training import verifier_fit

    paths, recipe, place = fitted
    networks = [load_network(path) for path in paths]
    unheard = replace(
        recipe.examples_of,
        pool=PoolSpec(n_examples=20, field=False),
        examples=replace(recipe.examples_of.examples, real=0.0, pushed=0.0),
        loop=LoopSpec(n_steps=100, batch_size=2),
    )
    base = replace(
        recipe,
        examples_of=unheard,
        # So short a training may score all that is no shot low, and peak anywhere: all of it is learned from.
        views=replace(recipe.views, easy_score=0.0, most=1000),
        loop=replace(LOOP, n_steps=100, batch_size=3),
    )
    usable = []

    def spied(views, chosen, *arguments, **options):
        usable.append((len(views), len(chosen), set(views.cell.tolist())))
        return train_verifier(views, chosen, *arguments, **options)

    monkeypatch.setattr(verifier_fit, "train_verifier", spied)
    idle = replace(recipe, base=base, loop=replace(LOOP, n_steps=0))
    first, other = (fit_verifier(idle, networks, fold, place) for fold in (0, 1))
    assert first.content == other.content
    (n_views, n_learned, cells), *others = usable
    assert (n_learned, cells) == (n_views, {0}), "all that there is, in no folds"
    assert all(n_chosen < n for n, n_chosen, _ in others)
    assert len(others) == 2, "the base was trained once"


def answers(verifier, views):
    return np.concatenate([verifier.session.run(None, {"view": view[None]})[0] for view in views])


def test_a_files_verifier_is_gone_on_from(fitted, second):
    """Without a step it gives the answers of the file, and with some it gives others."""
    paths, _, place = fitted
    networks = [load_network(path) for path in paths]
    start, continued = load_network(second[0]), second[1]
    idle = replace(continued, loop=replace(LOOP, n_steps=0))
    same = fit_verifier(idle, networks, 0, place, start=start)
    views = np.random.default_rng(0).normal(1, 1, (20, 64, 40)).astype(np.float32)
    np.testing.assert_allclose(answers(same, views), answers(start.verifier, views), atol=1e-4)
    learned = fit_verifier(continued, networks, 0, place, start=start)
    assert np.abs(answers(learned, views) - answers(start.verifier, views)).max() > 1e-3
    again = fit_verifier(continued, networks, 0, place, start=start)
    assert again.content == learned.content


def test_a_reopened_verifier_is_normalised_in_training_as_in_use(second):
    """What its layers are given for the views has the statistics that it keeps."""
    start, continued = load_network(second[0]), second[1]
    views = np.random.default_rng(1).normal(20, 20, (64, 64, 40)).clip(-127, 127).astype(np.int8)
    net = reopened_verifier(start.verifier, continued, views)
    shown = torch.from_numpy(views).float() * 0.05
    with torch.no_grad():
        in_use = net(shown)
        net.train()
        net.head[0].eval()  # dropout
        np.testing.assert_allclose(net(shown).numpy(), in_use.numpy(), atol=0.02)
    np.testing.assert_allclose(in_use.numpy(), answers(start.verifier, shown.numpy()), atol=1e-4)


def test_only_the_verifier_of_its_base_is_gone_on_from(fitted, second):
    paths, _, place = fitted
    networks = [load_network(path) for path in paths]
    start, continued = load_network(second[0]), second[1]
    other = replace(continued, base=replace(continued.base, seed=77))
    for unfit, begun in ((other, start), (replace(continued, base=None), start), (continued, networks[0])):
        with pytest.raises(ConfigError, match="not of the recipe that this one continues"):
            fit_verifier(unfit, networks, 0, place, start=begun)


def test_a_verifier_of_another_shape_is_refused(second):
    start, continued = load_network(second[0]), second[1]
    wider = replace(continued, base=None, channels=(2, 3, 4, 5, 6))
    with pytest.raises(ConfigError, match="another shape"):
        reopened_verifier(start.verifier, wider, np.zeros((2, 64, 40), np.int8))


def test_too_few_networks_are_refused(fitted):
    paths, recipe, place = fitted
    with pytest.raises(ConfigError, match=r"1 network\(s\) for 2 folds"):
        fit_verifier(recipe, [load_network(paths[0])], None, place)


def test_a_training_at_its_end_is_only_read(fitted, monkeypatch):
    from ndoki.training import verifier_fit

    paths, recipe, place = fitted
    networks = [load_network(path) for path in paths]
    recipe = replace(recipe, base=recipe, loop=replace(LOOP, n_steps=100, batch_size=3))
    first = fit_verifier(recipe, networks, 0, place)
    for views in place.cache.glob("views-*"):
        views.rename(views.with_name("moved-" + views.name))
    monkeypatch.setattr(verifier_fit, "build_views", None)
    assert fit_verifier(recipe, networks, 0, place).content == first.content


def test_a_recipe_goes_on_from_where_its_base_ended(fitted, tmp_path):
    paths, recipe, place = fitted
    networks = [load_network(path) for path in paths]
    first = fit_verifier(recipe, networks, 0, place)
    idle, busy = (replace(recipe, base=recipe, loop=replace(LOOP, n_steps=n)) for n in (0, 1))
    assert fit_verifier(idle, networks, 0, place).content == first.content
    assert fit_verifier(busy, networks, 0, place).content != first.content
    with pytest.raises(ConfigError, match="as many channels as that, or more"):
        replace(recipe, base=replace(recipe, channels=(2, 3, 4, 5, 7)), channels=(2, 3, 4, 5, 6))


def test_a_share_of_the_weights_gone_on_from_is_kept(fitted, second):
    """Out of a file or after its base, what comes out lies between the ends; what goes on begins there."""
    paths, _, place = fitted
    networks, (path, recipe) = [load_network(path) for path in paths], second
    start, keeping = load_network(path), replace(recipe, kept_share=0.4)
    end = fit_verifier(recipe, networks, 0, place, start=start)
    expected = between(start.verifier.content, end.content, 0.4)
    assert fit_verifier(keeping, networks, 0, place, start=start).content == expected
    assert fit_verifier(keeping, networks, 0, place).content == expected
    further = replace(keeping, base=keeping, kept_share=0.0, loop=replace(keeping.loop, n_steps=0))
    views = Views.load(next(place.cache.glob("views-*"))).view[:20].astype(np.float32) / 20
    found, kept = fit_verifier(further, networks, 0, place), Verifier.opened(expected, recipe.spec)
    np.testing.assert_allclose(answers(found, views), answers(kept, views), atol=1e-3)


def fit(*arguments):
    return CliRunner().invoke(verifier, [str(one) for one in arguments])


def test_the_command_writes_a_network_with_its_verifier_and_calibrates_it(fitted, tmp_path):
    paths, _, place = fitted
    (tmp_path / "net.toml").write_text(
        'name = "tiny"\nn_folds = 2\n[network]\nfront_channels = [2, 4]\nwidth = 8\ndilations = [1, 2]\n'
    )
    recipe = tmp_path / "verifier.toml"
    recipe.write_text(
        'examples_of = "net.toml"\nchannels = [2, 3, 4, 4, 6]\n[spec.view]\nbefore_frames = 20\n'
        "after_frames = 44\n[views]\nn_examples = 30\nleast_score = 0.0\neasy_share = 1.0\n"
        "easy_score = 0.0\n[loop]\nn_steps = 3\nbatch_size = 8\n"
    )
    common = ["--recipe", str(recipe), "--data", str(place.manifest), "--cache", str(place.cache)]
    common += ["--heard-by", str(tmp_path), "--jobs", "1"]
    second = tmp_path / "second"
    for fold, path in enumerate(paths):
        out = second / path.name
        done = fit(path, *common, "--fold", fold, "--out", out)
        assert done.exit_code == 0, done.output
        assert load_network(out).verifier is not None
    out = tmp_path / "whole.onnx"
    done = fit(paths[0], *common, "--folds-from", second, "--out", out)
    assert done.exit_code == 0, done.output
    whole = load_network(out)
    assert whole.verifier is not None
    assert set(whole.card.operating_points) == {"review", "balanced", "alert"}
    assert len(whole.card.calibration) > 2
    further = tmp_path / "further.toml"
    shorter = recipe.read_text().replace("n_steps = 3", "n_steps = 2")
    further.write_text(f'continues = "{recipe.name}"\n{shorter}')
    common[1], went_on = further, tmp_path / "went_on.onnx"
    done = fit(second / paths[0].name, *common, "--go-on", "--fold", 0, "--out", went_on)
    assert done.exit_code == 0, done.output
    told = load_network(went_on).card.provenance["verifier"]
    assert (told["loop"]["n_steps"], told["base"]["loop"]["n_steps"]) == (2, 3)
    refused = fit(paths[0], *common, "--go-on", "--out", went_on)
    assert "not of the recipe that this one continues" in str(refused.exception or refused.output)


def test_one_network_may_say_where_the_verifier_of_another_looks(fitted, tmp_path):
    paths, _, place = fitted
    (tmp_path / "net.toml").write_text(
        'name = "tiny"\n[network]\nfront_channels = [2, 4]\nwidth = 8\ndilations = [1, 2]\n'
        "[pool]\nfield = false\n[examples]\nreal = 0.0\npushed = 0.0\n"
    )
    recipe = tmp_path / "verifier.toml"
    recipe.write_text(
        'examples_of = "net.toml"\nchannels = [2, 3, 4, 4, 6]\n[spec.view]\nbefore_frames = 20\n'
        "after_frames = 44\n[views]\nn_examples = 30\nleast_score = 0.0\neasy_share = 1.0\n"
        "easy_score = 0.0\n[loop]\nn_steps = 2\nbatch_size = 8\n"
    )
    options = ["--recipe", str(recipe), "--data", str(place.manifest), "--jobs", "1"]
    for heard_by, expected in ((None, paths[0]), (paths[1], paths[1])):
        cache, out = tmp_path / f"cache-{expected.stem}", tmp_path / "out.onnx"
        more = [] if heard_by is None else ["--heard-by", str(heard_by)]
        done = fit(paths[0], *options, *more, "--cache", cache, "--out", out)
        assert done.exit_code == 0, done.output
        (views,) = cache.glob("views-*")
        assert views.name.endswith(load_network(expected).id.digest[:4])
