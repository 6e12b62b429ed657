import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ndoki.training.loop import LoopSpec, _batch_at, _rate, onset_loss, train_network
from ndoki.training.pool import FRAME_STEP_DB

QUICK = LoopSpec(n_steps=8, batch_size=6, learning_rate=1e-2, bfloat16=False)


def weights(net):
    return {name: value.numpy().copy() for name, value in net.state_dict().items()}


def assert_bit_equal(one, other):
    for name, value in weights(one).items():
        np.testing.assert_array_equal(value, weights(other)[name], err_msg=name)


def everything(pool):
    return np.arange(len(pool))


def loss_by_hand(logits, target, weight):
    """Eq. 1 of Objects as Points with α = 2 and β = 4, frame by frame; at least 8 onsets are assumed."""
    total, n_onsets = 0.0, 0.0
    for row in zip(logits, target, weight, strict=True):
        for x, y, w in zip(*row, strict=True):
            p = 1 / (1 + math.exp(-x))
            if y > 0.999:
                total -= w * (1 - p) ** 2 * math.log(p)
                n_onsets += w
            else:
                total -= w * (1 - y) ** 4 * p**2 * math.log(1 - p)
    return total / max(n_onsets, 8.0)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), n_onsets=st.integers(0, 40))
def test_the_onset_loss_is_its_formula(seed, n_onsets):
    rng = np.random.default_rng(seed)
    logits, target = rng.normal(0, 3, (3, 20)), rng.uniform(0, 0.95, (3, 20))
    target.flat[rng.choice(60, n_onsets, replace=False)] = 1.0
    weight = rng.choice([0.0, 1.0], (3, 20), p=[0.2, 0.8])
    found = onset_loss(*(torch.from_numpy(array) for array in (logits, target, weight)))
    assert found.item() == pytest.approx(loss_by_hand(logits, target, weight), rel=1e-5)


def test_the_onset_loss_of_one_frame_by_numbers():
    """p = 0.5 at an onset costs 0.25·ln 2, beside one (target 0.36) 0.64⁴·0.25·ln 2; of at least 8 onsets."""
    zero, one = torch.zeros(1, 1), torch.ones(1, 1)
    assert onset_loss(zero, one, one).item() == pytest.approx(0.25 * math.log(2) / 8)
    assert onset_loss(zero, 0.36 * one, one).item() == pytest.approx(0.64**4 * 0.25 * math.log(2) / 8)
    assert onset_loss(zero, one, zero).item() == 0.0


def test_the_loss_stays_finite_where_the_network_is_sure():
    logits = torch.tensor([[-200.0, 200.0]], requires_grad=True)
    loss = onset_loss(logits, torch.tensor([[1.0, 0.0]]), torch.ones(1, 2))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


def test_the_rate_warms_up_and_falls_off():
    spec = LoopSpec(n_steps=200, learning_rate=2.0)
    rates = [_rate(step, spec) for step in range(200)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[9] == rates[10] == 2.0
    assert rates[105] == pytest.approx(1.0)
    assert 0 < rates[-1] < 0.001
    assert (np.diff(rates[:10]) > 0).all()
    assert (np.diff(rates[10:]) < 0).all()


def test_a_batch_is_cut_from_its_examples(pool, tiny):
    """Frames, targets and context belong together; beyond an example's edges the background is level."""
    examples = pool(30)
    spec = replace(QUICK, mask_share=0.0, batch_size=20)
    for step in range(6):
        batch = _batch_at(step, 1, examples, everything(examples), tiny, spec)
        context = tiny.before_frames + tiny.after_frames
        assert batch.frames.shape[1] == batch.onset.shape[1] + context
        assert batch.shape.shape == (*batch.onset.shape, 3)
        rows, columns = torch.nonzero(batch.onset == 1.0, as_tuple=True)
        assert len(rows)
        levels = batch.frames.mean(dim=2)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            assert levels[row, column + tiny.before_frames] > 1.5, "the step is at the onset"
            assert levels[row, column + tiny.before_frames - 1] < 0.5
        beyond = batch.weight == 0
        inner = batch.frames[:, tiny.before_frames : -tiny.after_frames]
        assert not inner[beyond].any()
        assert batch.frames.abs().max() <= 127 * FRAME_STEP_DB / 10


def test_a_batch_depends_on_seed_and_step_alone(pool, tiny):
    examples = pool()
    one, same, other_step, other_seed = (
        _batch_at(step, seed, examples, everything(examples), tiny, QUICK).frames
        for step, seed in ((3, 1), (3, 1), (4, 1), (3, 2))
    )
    assert torch.equal(one, same)
    assert one.shape != other_step.shape or not torch.equal(one, other_step)
    assert one.shape != other_seed.shape or not torch.equal(one, other_seed)


def test_only_usable_examples_are_drawn(pool, tiny):
    """Those of a left-out fold are not seen, not even as context."""
    examples = pool(12)
    marked = replace(examples, frames=examples.frames.copy())
    for i in (2, 5, 8):
        marked.frames[examples.first_frames[i] : examples.first_frames[i + 1]] = 127
    usable = np.setdiff1d(everything(examples), (2, 5, 8))
    for step in range(30):
        batch = _batch_at(step, 1, marked, usable, tiny, replace(QUICK, mask_share=0.0))
        assert batch.frames.max() < 127 * FRAME_STEP_DB / 10


def test_masking_hides_lowest_or_highest_bands(pool, tiny):
    examples = pool()
    whole = _batch_at(1, 1, examples, everything(examples), tiny, replace(QUICK, mask_share=0.0)).frames
    masked = _batch_at(1, 1, examples, everything(examples), tiny, replace(QUICK, mask_share=1.0)).frames
    assert whole.shape == masked.shape
    hidden = (masked == 0).all(dim=1)
    assert hidden.any(dim=1).float().mean() > 0.5
    assert hidden.sum(dim=1).max() < tiny.n_mels // 3
    assert not hidden[:, 10:20].any()


def test_it_learns_a_handful_by_heart(pool, tiny, by_torch):
    examples = pool(12)
    spec = LoopSpec(
        n_steps=120, batch_size=8, learning_rate=1e-2, average_decay=0.9, bfloat16=False, mask_share=0.0
    )
    net = train_network(examples, everything(examples), tiny, spec, seed=1)
    assert not net.training
    for i in range(12):
        rows = slice(examples.first_frames[i], examples.first_frames[i + 1])
        above = examples.frames[rows].astype(np.float32) * (FRAME_STEP_DB / 10)
        outputs = by_torch(net, above)
        scores, truth = outputs[:, 0], np.flatnonzero(examples.onset[rows] == 255)
        if len(truth):
            assert int(scores.argmax()) == truth[0]
            assert scores.max() > 0.5
            np.testing.assert_allclose(outputs[truth[0], -3:], np.array([100, 50, 200]) / 255, atol=0.1)
        else:
            assert scores.max() < 0.2


@pytest.mark.parametrize("bfloat16", [False, True])
def test_trained_twice_is_bit_equal(pool, tiny, bfloat16):
    spec = replace(QUICK, bfloat16=bfloat16)
    one, other = (train_network(pool(), everything(pool()), tiny, spec, seed=5) for _ in range(2))
    assert_bit_equal(one, other)
    third = train_network(pool(), everything(pool()), tiny, spec, seed=6)
    assert any((weights(one)[name] != value).any() for name, value in weights(third).items())


def test_a_resumed_run_equals_an_unbroken_one(pool, tiny, tmp_path):
    """The state is kept at step 100; a run that finds it does the last 25 steps again."""
    spec = replace(QUICK, n_steps=125)
    path = tmp_path / "net.pt"
    unbroken = train_network(pool(), everything(pool()), tiny, spec, seed=2)
    kept = train_network(pool(), everything(pool()), tiny, spec, seed=2, checkpoint=path)
    assert torch.load(path, weights_only=True)["step"] == 100
    resumed = train_network(pool(), everything(pool()), tiny, spec, seed=2, checkpoint=path)
    assert_bit_equal(unbroken, kept)
    assert_bit_equal(unbroken, resumed)
    assert [one.name for one in tmp_path.iterdir()] == ["net.pt"]


def test_a_resumed_run_does_not_start_over(pool, tiny, tmp_path):
    """A checkpoint at the last step is the whole answer: nothing is trained."""
    spec = replace(QUICK, n_steps=100)
    path = tmp_path / "net.pt"
    done = train_network(pool(), everything(pool()), tiny, spec, seed=2, checkpoint=path)
    other = train_network(pool(), everything(pool()), tiny, spec, seed=99, checkpoint=path)
    assert_bit_equal(done, other)


def test_training_can_start_from_a_network(pool, tiny, tiny_net):
    before = weights(tiny_net)
    none = replace(QUICK, n_steps=0)
    started = train_network(pool(), everything(pool()), tiny, none, seed=1, start_from=tiny_net)
    assert_bit_equal(started, tiny_net)
    train_network(pool(), everything(pool()), tiny, QUICK, seed=1, start_from=tiny_net)
    for name, value in weights(tiny_net).items():
        np.testing.assert_array_equal(value, before[name])
