import numpy as np
import pytest
import torch

from ndoki.core.errors import ConfigError
from ndoki.training.network import SHAPE_OUTPUTS, STEP_FRAMES, GunshotNet, NetworkSpec

TINY = NetworkSpec(front_channels=(2, 4), width=8, dilations=(1, 2))
SPECS = (TINY, NetworkSpec(n_mels=24, front_channels=(3, 5), width=16, dilations=(1, 3, 5)), NetworkSpec())


@pytest.fixture(params=SPECS, ids=["tiny", "odd", "default"])
def net(request) -> GunshotNet:
    torch.manual_seed(3)
    made = GunshotNet(request.param).eval()
    with torch.no_grad():
        # Biases away from 0 keep every path alive through the rectifiers.
        for name, weight in made.named_parameters():
            if name.endswith("bias"):
                weight.add_(0.3)
    return made


def frames(spec: NetworkSpec, n_outputs: int, batch: int = 1) -> torch.Tensor:
    n_frames = n_outputs + spec.before_frames + spec.after_frames
    noise = np.random.default_rng(1).normal(0.3, 1.0, (batch, n_frames, spec.n_mels))
    return torch.from_numpy(noise.astype(np.float32))


@torch.no_grad()
def test_it_answers_for_all_frames_but_its_context(net):
    for n_outputs in (2, 4, 18, 64):
        outputs = net(frames(net.spec, n_outputs, batch=2))
        assert outputs.shape == (2, n_outputs, net.spec.n_labels + SHAPE_OUTPUTS)
        assert torch.isfinite(outputs).all()


@torch.no_grad()
def test_its_receptive_field_is_exact(net):
    """A step that begins with output o depends on the frames o to o + before + after + 1, all of them."""
    spec = net.spec
    n_outputs = 2 * (spec.before_frames + spec.after_frames) + 20
    given = frames(spec, n_outputs)
    before = net(given)[0]
    for changed in (0, spec.before_frames, n_outputs // 2, n_outputs // 2 + 1, given.shape[1] - 1):
        other = given.clone()
        other[0, changed] += 5.0 * torch.sign(torch.randn(spec.n_mels, generator=torch.manual_seed(0)))
        moved = (net(other)[0] - before).abs().amax(dim=1) > 1e-7
        farthest = changed - spec.before_frames - spec.after_frames
        first = max(0, farthest // STEP_FRAMES)
        end = min(n_outputs // STEP_FRAMES, changed // STEP_FRAMES + 1)
        touched = torch.nonzero(moved.view(-1, STEP_FRAMES).any(dim=1)).flatten()
        assert touched.min() == first, "the farthest frame behind an onset has no influence, or one too far"
        assert touched.max() == end - 1, "the farthest frame before an onset has no influence, or one too far"


@torch.no_grad()
def test_a_block_that_adds_nothing_passes_its_own_step_on(net):
    """Without the blocks a step sees the 4 frames to either side of the two that it stands for."""
    spec = net.spec
    for block in net.blocks:
        block.pointwise.weight.zero_()
        block.pointwise.bias.zero_()
    given = frames(spec, 12)
    before = net(given)[0]
    for k, seen in ((-5, False), (-4, True), (0, True), (1, True), (5, True), (6, False)):
        other = given.clone()
        other[0, 4 + spec.before_frames + k] += 5.0
        assert ((net(other)[0, 4:6] - before[4:6]).abs().max() > 1e-6) == seen


def test_training_filters_as_inference_does(net):
    """Four products in training, one convolution in the file: the same values and the same gradients."""
    (block, *_) = net.blocks
    given = torch.randn(3, net.spec.width, 1, 20 + 3 * block.dilation, generator=torch.manual_seed(4))
    results = []
    for is_training in (True, False):
        block.train(is_training)
        block.zero_grad()
        filtered = block._filtered(given)
        filtered.square().sum().backward()
        results.append((filtered.detach().numpy(), block.depthwise.weight.grad.numpy().copy()))
    for by_products, by_convolution in zip(*results, strict=True):
        np.testing.assert_allclose(by_products, by_convolution, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_block_adds_to_the_same_in_training_and_in_use(net):
    for block in net.blocks:
        given = torch.randn(2, net.spec.width, 1, 7 + 3 * block.dilation, generator=torch.manual_seed(5))
        kept = [block.train(is_training)._kept(given) for is_training in (True, False)]
        assert torch.equal(*kept)
        assert torch.equal(kept[0], given[..., block.dilation : block.dilation + 7])


@torch.no_grad()
def test_it_does_not_depend_on_the_rest_of_the_batch(net):
    given = frames(net.spec, 20, batch=3)
    np.testing.assert_allclose(net(given)[1].numpy(), net(given[1:2])[0].numpy(), atol=1e-5)


@torch.no_grad()
def test_a_delay_of_the_input_delays_the_output(net):
    given = frames(net.spec, 30)
    np.testing.assert_allclose(net(given)[0, 8:].numpy(), net(given[:, 8:])[0].numpy(), atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("spec", SPECS)
def test_it_starts_from_no(spec):
    torch.manual_seed(1)
    scores = torch.sigmoid(GunshotNet(spec).eval()(frames(spec, 50))[0, :, : spec.n_labels])
    assert scores.mean() < 0.05


def test_context_counts_the_front_and_the_dilations():
    """Convolutions over 6 frames and 3 steps reach 4 frames to either side; blocks d steps back, 2·d on."""
    assert (TINY.before_frames, TINY.after_frames) == (4 + 2 * 3, 4 + 2 * 6)
    assert (NetworkSpec().before_frames, NetworkSpec().after_frames) == (4 + 2 * 23, 4 + 2 * 46)


@pytest.mark.parametrize("wrong", [{"dilations": ()}, {"dilations": (1, 0)}, {"n_mels": 8}])
def test_an_impossible_size_is_refused(wrong):
    with pytest.raises(ConfigError, match="at least one dilation"):
        NetworkSpec(**wrong)
