"""A network small enough to train in a test, and examples that it can learn."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ndoki.core.types import Floats
from ndoki.detectors.network.detector import load_network
from ndoki.detectors.network.verifier import VerifierSpec
from ndoki.features.close_up import CloseUpSpec
from ndoki.training.export import traced, with_card, without_names
from ndoki.training.network import STEP_FRAMES, GunshotNet, NetworkSpec
from ndoki.training.pool import Pool
from ndoki.training.recipe import Recipe
from ndoki.training.run import Workplace, exported
from ndoki.training.verifier_fit import card_with, fit_verifier
from ndoki.training.verifier_recipe import VerifierLoop, VerifierRecipe, ViewsSpec

TINY = NetworkSpec(front_channels=(2, 4), width=8, dilations=(1, 2))


@pytest.fixture
def tiny() -> NetworkSpec:
    return TINY


@pytest.fixture
def tiny_net() -> GunshotNet:
    """Random weights, the same in every test; its norms have seen some input."""
    torch.manual_seed(11)
    net = GunshotNet(TINY)
    with torch.no_grad():
        for _ in range(3):
            net(torch.randn(4, 60, TINY.n_mels))
        for name, weight in net.named_parameters():
            if name.endswith("bias"):
                weight.add_(0.2 * torch.randn(weight.shape))
    return net.eval()


@pytest.fixture
def tiny_content(tiny_net: GunshotNet) -> bytes:
    """The network's ONNX file, without a card."""
    sizes = {"frames": {0: "batch", 1: "n"}, "outputs": {0: "batch", 1: "n"}}
    return without_names(traced(tiny_net, torch.zeros(1, 60, tiny_net.spec.n_mels), sizes))


@pytest.fixture
def by_torch() -> Callable[[GunshotNet, Floats], Floats]:
    """``by_torch(net, above)``: torch outputs for a short sound, shape (n_frames, n_labels + 3)."""

    def outputs(net: GunshotNet, above: Floats) -> Floats:
        behind = net.spec.after_frames + len(above) % STEP_FRAMES
        padded = np.pad(above, ((net.spec.before_frames, behind), (0, 0)))
        with torch.no_grad():
            return np.asarray(torch.sigmoid(net(torch.from_numpy(padded)[None]))[0])[: len(above)]

    return outputs


@pytest.fixture
def pool() -> Callable[..., Pool]:
    """``pool(n)``: examples of 90 to 300 frames with a step of 20 dB in all bands where the onset is."""

    def make(n_examples: int = 12, seed: int = 1) -> Pool:
        rng = np.random.default_rng(seed)
        frames, onset, first_frames = [], [], [0]
        for i in range(n_examples):
            n = int(rng.integers(90, 300))
            part, target = rng.normal(0, 2, (n, TINY.n_mels)), np.zeros(n)
            if i % 3:
                at = int(rng.integers(20, n - 30))
                part[at : at + 25] += 40 * np.exp(-np.arange(25) / 10)[:, None]
                target[at - 1 : at + 2] = (0.36, 1.0, 0.36)
            frames.append(part.round().astype(np.int8))
            onset.append((255 * target).round().astype(np.uint8))
            first_frames.append(first_frames[-1] + n)
        total = first_frames[-1]
        shape = np.tile(np.array([100, 50, 200], np.uint8), (total, 1))
        labels = np.full((n_examples, TINY.n_labels), -1, np.int8)
        labels[::2, 1:] = rng.integers(0, 2, (len(labels[::2]), TINY.n_labels - 1))
        return Pool(
            frames=np.concatenate(frames),
            onset=np.concatenate(onset),
            weight=np.full(total, 255, np.uint8),
            shape=shape,
            first_frames=np.array(first_frames),
            labels=labels,
            cells=(np.arange(n_examples) % 4).astype(np.int16),
        )

    return make


LOOP = VerifierLoop(n_steps=5, batch_size=16, dropout=0.1)
RECIPE = VerifierRecipe(
    channels=(2, 3, 4, 4, 6),
    spec=VerifierSpec(view=CloseUpSpec(before_frames=20, after_frames=44), least_score=0.2),
    loop=LOOP,
)


@pytest.fixture
def fitted(tiny: NetworkSpec, data_set: Path, tmp_path: Path) -> tuple[list[Path], VerifierRecipe, Workplace]:
    """Networks of two folds, their recipe and a workplace."""
    base = replace(Recipe(name="tiny", n_folds=2), network=tiny)
    recipe = replace(
        RECIPE, examples_of=base, views=ViewsSpec(n_examples=30, least_score=0.0, easy_share=1.0)
    )
    place = Workplace(manifest=data_set, cache=tmp_path / "cache", n_processes=1)
    paths = [tmp_path / f"tiny-fold{fold}.onnx" for fold in range(2)]
    for fold, path in enumerate(paths):
        torch.manual_seed(fold)
        made = GunshotNet(tiny).eval()
        with torch.no_grad():
            made.head.bias[0] = -1.0
            made.head.weight.mul_(6.0)
        path.write_bytes(exported(made, base, place))
    return paths, recipe, place


@pytest.fixture
def second(fitted: tuple[list[Path], VerifierRecipe, Workplace]) -> tuple[Path, VerifierRecipe]:
    """A file with the verifier of a recipe, and a recipe that continues that."""
    paths, recipe, place = fitted
    networks = [load_network(path) for path in paths]
    verifier = fit_verifier(recipe, networks, 0, place)
    path = paths[0].with_name("first.onnx")
    path.write_bytes(with_card(paths[0].read_bytes(), card_with(networks[0].card, recipe), verifier))
    return path, replace(recipe, seed=5, base=recipe, loop=replace(LOOP, n_steps=100, batch_size=3))
