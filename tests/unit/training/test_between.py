"""Weights between those of two files: the ends are the files, the middle is their mean."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from ndoki.core.errors import ConfigError
from ndoki.detectors.network.verifier import Verifier, VerifierSpec
from ndoki.features.close_up import CloseUpSpec
from ndoki.training.between import between
from ndoki.training.reopen import stored_weights
from ndoki.training.verifier_network import VerifierNet, exported_verifier
from ndoki.training.verifier_recipe import VerifierRecipe, read_verifier_recipe

RECIPE = VerifierRecipe(
    channels=(2, 3, 4, 4, 6),
    spec=VerifierSpec(view=CloseUpSpec(before_frames=20, after_frames=44)),
)


def content(seed, recipe=RECIPE):
    torch.manual_seed(seed)
    net = VerifierNet(recipe)
    # So that normalisations have something to fold: a file holds none that are as they were made.
    net.train()(3 * torch.randn(8, 64, 40) + 1)
    return exported_verifier(net.eval(), recipe)


def weights(raw):
    return [numpy_helper.to_array(one) for one in stored_weights(onnx.load_model_from_string(raw))]


def test_every_weight_lies_between_those_of_the_files():
    before, behind = content(1), content(2)
    mixed = weights(between(before, behind, 0.25))
    assert len(mixed) == 14
    for one, old, new in zip(mixed, weights(before), weights(behind), strict=True):
        np.testing.assert_allclose(one, 0.25 * old + 0.75 * new, atol=1e-6)
        assert not np.array_equal(one, new)


@pytest.mark.parametrize(("kept_share", "which"), [(0.0, 1), (1.0, 0)])
def test_the_ends_give_the_answers_of_the_files(kept_share, which):
    files = content(1), content(2)
    view = np.random.default_rng(3).normal(0, 1, (1, 64, 40)).astype(np.float32)
    answers = [
        Verifier.opened(raw, RECIPE.spec).session.run(None, {"view": view})[0][0]
        for raw in (between(*files, kept_share), files[which], files[1 - which])
    ]
    assert answers[0] == answers[1] != answers[2]


def test_files_of_different_shapes_are_refused():
    wider = replace(RECIPE, channels=(2, 3, 4, 5, 6))
    with pytest.raises(ConfigError, match="different shapes"):
        between(content(1), content(1, wider), 0.5)


@pytest.mark.parametrize(
    ("kept_share", "told"), [("0.5", "name their recipe by 'continues'"), ("1.0", "from 0 up to below 1")]
)
def test_a_share_of_nothing_cannot_be_kept(tmp_path, kept_share, told):
    recipe = tmp_path / "verifier.toml"
    recipe.write_text(f'examples_of = "net.toml"\nkept_share = {kept_share}\n')
    with pytest.raises(ConfigError, match=told):
        read_verifier_recipe(recipe)
