"""A verifier learns from places that networks take for shots, and travels in the network's file."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from ndoki.core.errors import ConfigError, ModelError
from ndoki.detectors.network.verifier import (
    Verifier,
    VerifierSpec,
    verifier_from_metadata,
    verifier_to_metadata,
)
from ndoki.features.close_up import CloseUpSpec
from ndoki.training.targets import Targets
from ndoki.training.verifier_loop import train_verifier
from ndoki.training.verifier_network import VerifierNet, exported_verifier
from ndoki.training.verifier_recipe import VerifierLoop, VerifierRecipe, ViewsSpec, read_verifier_recipe
from ndoki.training.views import Views, chosen_places

VIEW = CloseUpSpec(before_frames=20, after_frames=44)
LOOP = VerifierLoop(n_steps=40, batch_size=16, dropout=0.1)
RECIPE = VerifierRecipe(channels=(2, 3, 4, 4, 6), spec=VerifierSpec(view=VIEW, least_score=0.2), loop=LOOP)


@pytest.fixture(scope="module")
def views():
    """Shots rise by 20 dB at their place; of the others half are noise, half rise 0.3 s late."""
    rng = np.random.default_rng(2)
    view = rng.normal(0, 4, (200, 64, 40))
    is_shot = np.arange(200) % 2 == 0
    view[is_shot, 20:40] += 40
    view[1::4, 60:] += 40
    return Views(
        view=view.round().astype(np.int8),
        is_shot=is_shot,
        score=np.where(np.arange(200) % 4 == 1, 0.6, 0.1).astype(np.float32),
        cell=(np.arange(200) % 4).astype(np.int16),
    )


def logits(net, views):
    with torch.no_grad():
        return net(torch.from_numpy(views.view).float() * 0.05).numpy()


def test_it_learns_what_tells_shots_from_others(views):
    net = train_verifier(views, np.arange(160), replace(RECIPE, loop=replace(LOOP, n_steps=120)))
    assert ((logits(net, views)[160:] > 0) == views.is_shot[160:]).mean() > 0.95


def test_a_stopped_training_goes_on_to_the_bit(views, tmp_path, monkeypatch):
    recipe = replace(RECIPE, loop=replace(LOOP, n_steps=230, batch_size=4))
    unbroken = train_verifier(views, np.arange(200), recipe)

    from ndoki.training import verifier_loop

    def killed(*arguments, **options):
        keep(*arguments, **options)
        raise KeyboardInterrupt

    keep = verifier_loop.keep
    monkeypatch.setattr(verifier_loop, "keep", killed)
    with pytest.raises(KeyboardInterrupt):
        train_verifier(views, np.arange(200), recipe, checkpoint=tmp_path / "a.pt")
    monkeypatch.setattr(verifier_loop, "keep", keep)
    resumed = train_verifier(views, np.arange(200), recipe, checkpoint=tmp_path / "a.pt")
    for name, value in unbroken.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), resumed.state_dict()[name].numpy(), err_msg=name)


def test_nothing_to_learn_from_is_said(views):
    with pytest.raises(ConfigError, match="0 shots and"):
        train_verifier(views, np.arange(1, 200, 2), RECIPE)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(7)
    made = VerifierNet(RECIPE)
    with torch.no_grad():
        for _ in range(3):
            made(torch.randn(8, 64, 40))
    return made.eval()


def test_the_file_says_what_torch_says(net, views):
    verifier = Verifier.opened(exported_verifier(net, RECIPE), RECIPE.spec)
    given = (views.view[:5] * np.float32(0.05)).astype(np.float32)
    (found,) = verifier.session.run(None, {"view": given})
    np.testing.assert_allclose(found, logits(net, views)[:5], atol=1e-4)


def test_logits_are_averaged(net):
    verifier = Verifier.opened(exported_verifier(net, RECIPE), RECIPE.spec)
    score = np.array([0.5, 0.9, 0.9, 0.2], np.float32)
    given = np.array([0.0, 0.0, np.log(1 / 9), 20.0], np.float32)
    joined = verifier.joined(score, given)
    assert joined[:3] == pytest.approx([0.5, 0.75, 0.5], abs=1e-6)
    assert joined[3] > 0.99
    other = Verifier.opened(verifier.content, replace(RECIPE.spec, weight=0.0))
    np.testing.assert_allclose(other.joined(score, given), score, atol=1e-6)


def targets(n, shots=(), unsure=()):
    onset, weight = np.zeros(n, np.float32), np.ones(n, np.float32)
    onset[list(shots)] = 1.0
    weight[list(unsure)] = 0.0
    return Targets(onset=onset, weight=weight, shape=np.zeros((n, 3), np.float32))


def test_places_are_the_networks_peaks_and_missed_shots():
    score = np.zeros(300, np.float32)
    score[[50, 100, 106, 150, 200]] = 0.9, 0.8, 0.7, 0.6, 0.5
    truth = targets(300, shots=(52, 101, 250), unsure=(150,))
    places, is_shot = chosen_places(score, truth, ViewsSpec(), np.random.default_rng(0))
    # 106 is too close to a shot to be called none, 150 may be one.
    assert dict(zip(places.tolist(), is_shot.tolist(), strict=True)) == {
        50: True,
        100: True,
        200: False,
        250: True,
    }


def test_faint_false_alarms_are_thinned_out_and_places_limited():
    score = np.zeros(30_000, np.float32)
    score[::20], score[10::20] = 0.1, 0.01
    spec = ViewsSpec(most=10_000)
    places, is_shot = chosen_places(score, targets(30_000), spec, np.random.default_rng(0))
    assert not is_shot.any()
    assert not (places % 20).any()
    assert 0.25 < len(places) / 1500 < 0.35
    few, _ = chosen_places(score, targets(30_000), ViewsSpec(most=5), np.random.default_rng(0))
    assert len(few) == 5


@pytest.mark.parametrize(
    "change", [{"format": 2}, {"network": "AAAA"}, {"network": "no base64!"}, {"spec": {"view": {}}}]
)
def test_a_damaged_verifier_is_named(net, change):
    verifier = Verifier.opened(exported_verifier(net, RECIPE), RECIPE.spec)
    (key,) = metadata = verifier_to_metadata(verifier)
    again = verifier_from_metadata(metadata, "a.onnx")
    assert again is not None
    assert again.spec == verifier.spec
    assert verifier_to_metadata(None) == {}
    assert verifier_from_metadata({}, "a.onnx") is None
    values = json.loads(metadata[key]) | change
    with pytest.raises(ModelError, match=r"a\.onnx: its "):
        verifier_from_metadata({key: json.dumps(values)}, "a.onnx")


def test_a_recipe_names_the_networks_recipe(tmp_path):
    (tmp_path / "net.toml").write_text('name = "x"\nseed = 9\n')
    path = tmp_path / "verifier.toml"
    path.write_text('examples_of = "net.toml"\n[views]\nn_examples = 7\n[spec]\nweight = 0.4\n')
    recipe = read_verifier_recipe(path)
    assert (recipe.examples_of.seed, recipe.views.n_examples, recipe.spec.weight) == (9, 7, 0.4)
    (tmp_path / "second.toml").write_text('continues = "verifier.toml"\nexamples_of = "net.toml"\nseed = 5\n')
    second = read_verifier_recipe(tmp_path / "second.toml")
    assert (second.base, second.seed) == (recipe, 5)
    (tmp_path / "wide.toml").write_text('examples_of = "net.toml"\nchannels = [20, 40, 60, 80, 100]\n')
    for said, channels in (
        ("", (20, 40, 60, 80, 100)),
        ("channels = [21, 40, 60, 80, 100]\n", (21, 40, 60, 80, 100)),
    ):
        path.write_text(f'examples_of = "net.toml"\ncontinues = "wide.toml"\n{said}')
        assert read_verifier_recipe(path).channels == channels
    path.write_text("[views]\nn_examples = 7\n")
    with pytest.raises(ConfigError, match="'examples_of' is missing"):
        read_verifier_recipe(path)
    path.write_text('examples_of = "net.toml"\n[loop]\nn_step = 7\n')
    with pytest.raises(ConfigError, match="did you mean 'n_steps'"):
        read_verifier_recipe(path)


def test_digests_follow_what_they_stand_for():
    assert replace(RECIPE, loop=replace(LOOP, n_steps=7)).views_digest == RECIPE.views_digest
    assert replace(RECIPE, loop=replace(LOOP, n_steps=7)).digest != RECIPE.digest
    assert replace(RECIPE, views=ViewsSpec(n_examples=7)).views_digest != RECIPE.views_digest
    # What it is asked about, and how far it is believed, is settled after the training.
    assert replace(RECIPE, spec=replace(RECIPE.spec, weight=0.4)).digest == RECIPE.digest
    second = replace(RECIPE, base=RECIPE)
    assert (second.views_digest, second.digest != RECIPE.digest) == (RECIPE.views_digest, True)
    assert replace(second, base=replace(RECIPE, seed=77)).digest != second.digest


def test_a_recipe_may_continue_one_with_another_power_floor_but_not_with_other_views():
    recipe = VerifierRecipe()
    view = recipe.spec.view

    def continuing(**changes):
        other = replace(view, mel=replace(view.mel, **changes))
        return replace(recipe, base=replace(recipe, spec=replace(recipe.spec, view=other)))

    assert continuing(power_floor=1e-9).spec.view == view
    with pytest.raises(ConfigError, match="needs the same views"):
        continuing(hop_samples=64)
