"""A file's network learns on: its answers stay, its normalisations are as training needs them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ndoki.core.errors import ConfigError
from ndoki.training.loop import LoopSpec, some_frames
from ndoki.training.recipe import Recipe
from ndoki.training.reopen import reopened_network


def test_a_reopened_network_gives_the_answers_of_its_file(tiny_content, tiny_net):
    frames = torch.randn(30, 80, tiny_net.spec.n_mels, generator=torch.Generator().manual_seed(3))
    again = reopened_network(tiny_content, Recipe(name="tiny", network=tiny_net.spec), frames[:20])
    with torch.no_grad():
        torch.testing.assert_close(again(frames), tiny_net(frames), atol=1e-4, rtol=1e-4)


def test_a_reopened_network_is_normalised_in_training_as_in_use(tiny_content, tiny_net):
    """What its layers are given for the examples has the statistics that it keeps."""
    frames = torch.randn(64, 80, tiny_net.spec.n_mels, generator=torch.Generator().manual_seed(4))
    net = reopened_network(tiny_content, Recipe(name="tiny", network=tiny_net.spec), frames)
    with torch.no_grad():
        in_use = net(frames)
        torch.testing.assert_close(net.train()(frames), in_use, atol=0.02, rtol=0.02)


def test_a_network_of_another_size_is_refused(tiny_content, tiny):
    other = Recipe(name="tiny", network=replace(tiny, width=9))
    for recipe in (other, replace(other, base=other)):
        with pytest.raises(ConfigError, match="network to go on from has another shape"):
            reopened_network(tiny_content, recipe, torch.zeros(2, 80, tiny.n_mels))


def test_some_frames_are_those_of_the_usable_examples(pool, tiny):
    """As training is given them: tens of dB, examples that are not usable never among them."""
    made = pool(12)
    made.frames[made.first_frames[5] : made.first_frames[6]] = 120
    shown = some_frames(made, np.array([5]), tiny, LoopSpec(mask_share=0.0), n=4, seed=1)
    assert shown.shape[0] == 4
    assert float(shown.max()) == 6.0
    others = some_frames(made, np.array([1, 2, 3]), tiny, LoopSpec(), n=20, seed=1)
    assert float(others.max()) < 6.0
