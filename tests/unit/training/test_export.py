from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from ndoki.core.types import Block
from ndoki.detectors.network.card import Card
from ndoki.detectors.network.detector import load_network
from ndoki.features.floor import FloorSpec, above_floor
from ndoki.features.mel import MelSpec, log_mel
from ndoki.training.export import export, with_card
from ndoki.training.network import STEP_FRAMES
from ndoki.training.targets import LABELS


@pytest.fixture
def card(tiny):
    return Card(
        name="tiny", mel=MelSpec(), floor=FloorSpec(), labels=LABELS,
        before_frames=tiny.before_frames, after_frames=tiny.after_frames, step_frames=STEP_FRAMES,
    )  # fmt: skip


def above(n_frames, seed=0):
    return np.random.default_rng(seed).normal(0, 1, (n_frames, 40)).astype(np.float32)


def session(content):
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


@torch.no_grad()
@pytest.mark.parametrize("n_outputs", [2, 10, 300])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_file_says_what_torch_says(tiny_net, card, n_outputs, batch):
    n_frames = n_outputs + card.before_frames + card.after_frames
    given = np.stack([above(n_frames, seed) for seed in range(batch)])
    (found,) = session(export(tiny_net, card)).run(None, {"frames": given})
    expected = torch.sigmoid(tiny_net(torch.from_numpy(given))).numpy()
    assert found.shape == (batch, n_outputs, len(LABELS) + 3)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found.std() > 0.01


@pytest.mark.parametrize("n_frames", [1, 2, 500, 5000])
def test_the_detector_says_what_torch_says(tiny_net, card, tmp_path, n_frames, by_torch):
    """Also where the detector runs the network in pieces."""
    path = tmp_path / "tiny.onnx"
    path.write_bytes(export(tiny_net, card))
    detector = load_network(path)
    frames = above(n_frames)
    scores = detector.outputs_alone(frames)
    assert scores.shape == (n_frames, len(LABELS) + 3)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, by_torch(tiny_net, frames), atol=1e-5)


@pytest.mark.parametrize("first_frame", [0, 1, 150, 151])
@pytest.mark.parametrize("n_own", [1, 2, 75])
def test_a_block_may_begin_and_end_within_a_step(tiny_net, card, tmp_path, first_frame, n_own, by_torch):
    """The network answers for two frames at a time; whose they are is counted from the recording's first."""
    path = tmp_path / "tiny.onnx"
    path.write_bytes(export(tiny_net, replace(card, floor=FloorSpec(half_width_frames=40))))
    detector = load_network(path)
    samples = (0.01 * np.random.default_rng(5).standard_normal(20_000)).astype(np.float32)
    whole = by_torch(tiny_net, above_floor(log_mel(samples, detector.card.mel), detector.card.floor))
    begin = max(0, first_frame - detector.context_before_frames)
    end = min(len(whole), first_frame + n_own + detector.context_after_frames)
    block = Block(
        samples=samples[64 * begin : 64 * (end - 1) + 256],
        first_sample=64 * begin,
        first_frame=first_frame,
        end_frame=first_frame + n_own,
    )
    found = detector.outputs_of(detector.levels_of(block))
    np.testing.assert_allclose(found, whole[first_frame : first_frame + n_own], atol=1e-5)


def test_exported_twice_is_byte_equal(tiny_net, card):
    assert export(tiny_net, card) == export(tiny_net, card)


def test_export_leaves_the_network_as_it_is(tiny_net, card):
    before = {name: value.clone() for name, value in tiny_net.state_dict().items()}
    export(tiny_net, card)
    assert not tiny_net.training
    assert all(torch.equal(value, before[name]) for name, value in tiny_net.state_dict().items())


def test_the_file_is_small_and_says_nothing_of_the_machine(tiny_net, card, checkout):
    content = export(tiny_net, card)
    assert len(content) < 60_000
    for words in (str(checkout), "site-packages", "network.py"):
        assert words.encode() not in content
    model = onnx.load_model_from_string(content)
    assert [prop.key for prop in model.metadata_props] == ["ndoki"]
    assert not any(node.doc_string or node.metadata_props for node in model.graph.node)


def test_another_card_keeps_the_weights(tiny_net, card, tmp_path):
    first = export(tiny_net, card)
    other = replace(
        card, name="other", calibration=((0.0, 0.0), (0.5, 0.9), (1.0, 1.0)), operating_points={"review": 0.3}
    )
    second = with_card(first, other)
    for content, name in ((first, "a.onnx"), (second, "b.onnx")):
        (tmp_path / name).write_bytes(content)
    one, two = (load_network(tmp_path / name) for name in ("a.onnx", "b.onnx"))
    assert (one.card, two.card) == (card, other)
    assert one.id.digest != two.id.digest
    frames = above(100)
    np.testing.assert_array_equal(one.run(frames), two.run(frames))
    assert with_card(second, card) == first
