import numpy as np
import pytest
import torch

from ndoki.core.errors import ConfigError
from ndoki.training.network import SHAPE_OUTPUTS, GunshotNet, NetworkSpec

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
    for n_outputs in (1, 2, 17, 64):
        outputs = net(frames(net.spec, n_outputs, batch=2))
        assert outputs.shape == (2, n_outputs, net.spec.n_labels + SHAPE_OUTPUTS)
        assert torch.isfinite(outputs).all()


@torch.no_grad()
def test_its_receptive_field_is_exact(net):
    """Output o stands for frame o + before and depends on the frames o to o + before + after, all of them."""
    spec = net.spec
    n_outputs = 2 * (spec.before_frames + spec.after_frames) + 20
    given = frames(spec, n_outputs)
    before = net(given)[0]
    for changed in (0, spec.before_frames, n_outputs // 2, given.shape[1] - 1):
        other = given.clone()
        other[0, changed] += 5.0 * torch.sign(torch.randn(spec.n_mels, generator=torch.manual_seed(0)))
        moved = (net(other)[0] - before).abs().amax(dim=1) > 1e-7
        first = max(0, changed - spec.before_frames - spec.after_frames)
        end = min(n_outputs, changed + 1)
        touched = torch.nonzero(moved).flatten()
        assert touched.min() >= first
        assert touched.max() < end
        assert moved[first], "the farthest frame behind an onset has no influence: the field is smaller"
        assert moved[end - 1], "the farthest frame before an onset has no influence: the field is smaller"


@torch.no_grad()
def test_a_block_that_adds_nothing_passes_its_own_frame_on(net):
    """Without the blocks an output sees the 3 frames to either side of the frame that it stands for."""
    spec = net.spec
    for block in net.blocks:
        block.pointwise.weight.zero_()
        block.pointwise.bias.zero_()
    given = frames(spec, 12)
    before = net(given)[0]
    for k, seen in ((-4, False), (-3, True), (0, True), (3, True), (4, False)):
        other = given.clone()
        other[0, 5 + spec.before_frames + k] += 5.0
        assert ((net(other)[0, 5] - before[5]).abs().max() > 1e-6) == seen


@torch.no_grad()
def test_it_does_not_depend_on_the_rest_of_the_batch(net):
    given = frames(net.spec, 20, batch=3)
    np.testing.assert_allclose(net(given)[1].numpy(), net(given[1:2])[0].numpy(), atol=1e-5)


@torch.no_grad()
def test_a_delay_of_the_input_delays_the_output(net):
    given = frames(net.spec, 30)
    np.testing.assert_allclose(net(given)[0, 7:].numpy(), net(given[:, 7:])[0].numpy(), atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("spec", SPECS)
def test_it_starts_from_no(spec):
    torch.manual_seed(1)
    scores = torch.sigmoid(GunshotNet(spec).eval()(frames(spec, 50))[0, :, : spec.n_labels])
    assert scores.mean() < 0.05


def test_context_counts_the_front_and_the_dilations():
    """Two convolutions of 5 and 3 frames reach 3 frames to either side; blocks reach d back and 2·d ahead."""
    assert (TINY.before_frames, TINY.after_frames) == (3 + 3, 3 + 6)
    assert (NetworkSpec().before_frames, NetworkSpec().after_frames) == (3 + 63, 3 + 126)


@pytest.mark.parametrize("wrong", [{"dilations": ()}, {"dilations": (1, 0)}, {"n_mels": 8}])
def test_an_impossible_size_is_refused(wrong):
    with pytest.raises(ConfigError, match="at least one dilation"):
        NetworkSpec(**wrong)
