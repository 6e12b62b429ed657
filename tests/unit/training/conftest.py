"""A network small enough to train in a test, and examples that it can learn."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from ndoki.core.types import Floats
from ndoki.training.network import STEP_FRAMES, GunshotNet, NetworkSpec
from ndoki.training.pool import Pool

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
