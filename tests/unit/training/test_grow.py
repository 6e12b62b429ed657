"""What has more channels begins where the narrower one ended, and learns on with all of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ndoki.detectors.network.detector import load_network
from ndoki.detectors.network.verifier import Verifier
from ndoki.training.between import between
from ndoki.training.recipe import Recipe
from ndoki.training.reopen import reopened_network, reopened_verifier
from ndoki.training.verifier_fit import fit_verifier


def answers(verifier, views):
    return np.concatenate([verifier.session.run(None, {"view": view[None]})[0] for view in views])


@pytest.fixture
def wider(second):
    """A recipe with more channels in most layers that continues the file's."""
    narrow = second[1].base.channels
    return replace(
        second[1], channels=tuple(n + extra for n, extra in zip(narrow, (1, 0, 2, 3, 1), strict=True))
    )


def test_a_wider_verifier_begins_with_the_answers_of_its_file(fitted, second, wider):
    paths, _, place = fitted
    networks, start = [load_network(path) for path in paths], load_network(second[0])
    idle = fit_verifier(replace(wider, loop=replace(wider.loop, n_steps=0)), networks, 0, place, start=start)
    assert len(idle.content) > len(start.verifier.content)
    views = np.random.default_rng(0).normal(1, 1, (20, 64, 40)).astype(np.float32)
    np.testing.assert_allclose(answers(idle, views), answers(start.verifier, views), atol=1e-4)


def test_new_channels_learn(fitted, second, wider):
    """After one step the old channels listen to the new ones, so those are told what to hear."""
    start = load_network(second[0])
    views = np.random.default_rng(1).normal(20, 20, (64, 64, 40)).clip(-127, 127).astype(np.int8)
    net = reopened_verifier(start.verifier, wider, views)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        net(torch.from_numpy(views).float() * 0.05).square().sum().backward()
        optimiser.step()
    new = net.mix[0].weight.grad[second[1].base.channels[4] :]
    assert new.abs().sum() > 0
    assert net.front[0].weight.grad[-1].abs().sum() > 0


def test_of_a_wider_verifier_too_a_share_of_what_it_begins_with_is_kept(fitted, second, wider):
    paths, _, place = fitted
    networks, start = [load_network(path) for path in paths], load_network(second[0])
    keeping = replace(wider, kept_share=0.4)
    from_file = fit_verifier(keeping, networks, 0, place, start=start)
    assert fit_verifier(keeping, networks, 0, place).content == from_file.content
    begun = fit_verifier(replace(wider, loop=replace(wider.loop, n_steps=0)), networks, 0, place, start=start)
    end = fit_verifier(wider, networks, 0, place, start=start)
    expected = Verifier.opened(between(begun.content, end.content, 0.4), start.verifier.spec)
    views = np.random.default_rng(0).normal(1, 1, (20, 64, 40)).astype(np.float32)
    np.testing.assert_allclose(answers(from_file, views), answers(expected, views), atol=1e-4)


@pytest.fixture
def wider_network(tiny):
    """A recipe with more channels in each layer that continues one of the tiny network."""
    network = replace(tiny, front_channels=(3, 6), width=11)
    return Recipe(name="tiny", network=network, base=Recipe(name="tiny", network=tiny))


def test_a_wider_network_begins_with_the_answers_of_its_file(tiny_content, tiny_net, wider_network):
    frames = torch.randn(30, 80, tiny_net.spec.n_mels, generator=torch.Generator().manual_seed(3))
    wide = reopened_network(tiny_content, wider_network, frames[:20])
    assert wide.spec == wider_network.network
    with torch.no_grad():
        torch.testing.assert_close(wide(frames), tiny_net(frames), atol=1e-4, rtol=1e-4)


def test_new_channels_of_a_network_learn(tiny_content, tiny_net, wider_network):
    frames = torch.randn(30, 80, tiny_net.spec.n_mels, generator=torch.Generator().manual_seed(3))
    net = reopened_network(tiny_content, wider_network, frames).train()
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
    # After one step the head listens to the new channels.
    for _ in range(2):
        optimiser.zero_grad()
        net(frames).square().mean().backward()
        optimiser.step()
    old = tiny_net.spec
    for layer, n_old in (
        (net.front[0], old.front_channels[0]),
        (net.front[3], old.front_channels[1]),
        (net.squeeze[0], old.width),
        (net.blocks[0].depthwise, old.width),
        (net.blocks[0].pointwise, old.width),
    ):
        assert layer.weight.grad[n_old:].abs().sum() > 0
    assert net.head.weight.grad[:, old.width :].abs().sum() > 0
