"""The network behind the protocol: calibration, context, boxes, files that are no network."""

import hashlib
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch

from ndoki.core.errors import ModelError
from ndoki.core.types import Block
from ndoki.detectors.network.card import Card, to_metadata
from ndoki.detectors.network.detector import load_network, shipped_bytes
from ndoki.detectors.network.gate import Gate, GateSpec
from ndoki.detectors.registry import gated_for
from ndoki.features.floor import FloorSpec, above_floor
from ndoki.features.mel import MelSpec, log_mel
from ndoki.training.export import with_gate
from ndoki.training.gate_network import GateNet, exported_gate

BEFORE, AFTER = 2, 4
MEL = MelSpec()
CARD = Card(
    name="level", mel=MEL, floor=FloorSpec(half_width_frames=20), labels=("gunshot", "wind"),
    before_frames=BEFORE, after_frames=AFTER,
)  # fmt: skip


def level_network(card: Card = CARD) -> bytes:
    """An ONNX file whose every output is the sigmoid of the mean level of its frame and its context."""
    node, tensor = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    n_context = BEFORE + AFTER + 1
    kernel = np.full((5, MEL.n_mels, n_context), 1 / MEL.n_mels / n_context, np.float32)
    kernel[2:] = 0.0
    bias = np.array([0.0, 0.0, 0.5, -1.0, 1.0], np.float32)
    graph = onnx.helper.make_graph(
        [
            node("Transpose", ["frames"], ["turned"], perm=[0, 2, 1]),
            node("Conv", ["turned", "kernel", "bias"], ["mixed"]),
            node("Sigmoid", ["mixed"], ["scores"]),
            node("Transpose", ["scores"], ["outputs"], perm=[0, 2, 1]),
        ],
        "level",
        [tensor("frames", onnx.TensorProto.FLOAT, ["batch", "n", MEL.n_mels])],
        [tensor("outputs", onnx.TensorProto.FLOAT, ["batch", "m", 5])],
        [onnx.numpy_helper.from_array(kernel, "kernel"), onnx.numpy_helper.from_array(bias, "bias")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.helper.set_model_props(model, to_metadata(card))
    return bytes(model.SerializeToString())


@pytest.fixture
def opened(tmp_path):
    def make(**changes):
        path = tmp_path / "level.onnx"
        path.write_bytes(level_network(replace(CARD, **changes)))
        return load_network(path)

    return make


def block_of(samples, first_frame=0, end_frame=None):
    n_frames = MEL.grid.n_frames(len(samples))
    return Block(samples=samples, first_sample=0, first_frame=first_frame, end_frame=end_frame or n_frames)


@pytest.fixture
def samples(rng):
    sound = (0.01 * rng.standard_normal(40_000)).astype(np.float32)
    sound[20_000:22_000] *= 30
    return sound


def by_hand(samples):
    """Mean level of each frame's context above the floor; level 0 where the file has no frames."""
    above = above_floor(log_mel(samples, MEL), CARD.floor)
    padded = np.pad(above, ((BEFORE, AFTER), (0, 0)))
    means = np.array([padded[i : i + BEFORE + AFTER + 1].mean() for i in range(len(above))])
    return 1 / (1 + np.exp(-means))


def test_scores_are_those_of_the_network(opened, samples):
    track = opened().analyse(block_of(samples)).track
    np.testing.assert_allclose(track.scores[:, 0], by_hand(samples), atol=1e-5)
    np.testing.assert_allclose(track.scores[:, 1], by_hand(samples), atol=1e-5)


def test_a_block_answers_for_its_own_frames(opened, samples):
    analysis = opened().analyse(block_of(samples, 200, 350))
    assert analysis.track.first_frame == 200
    np.testing.assert_allclose(analysis.track.scores[:, 0], by_hand(samples)[200:350], atol=1e-5)
    assert analysis.proposals.frame.min() >= 200
    assert analysis.proposals.frame.max() < 350


def test_context_is_the_networks_and_the_floors(opened):
    detector = opened()
    reach = CARD.floor.reach_frames
    assert detector.context_before_frames == BEFORE + reach
    assert detector.context_after_frames == AFTER + reach


def test_the_first_score_is_calibrated_and_no_other(opened, samples):
    """In straight lines between the card's points."""
    raw = opened().analyse(block_of(samples)).track.scores
    calibration = ((0.0, 0.0), (0.5, 0.2), (0.6, 0.9), (1.0, 1.0))
    calibrated = opened(calibration=calibration).analyse(block_of(samples)).track.scores
    np.testing.assert_allclose(calibrated[:, 0], np.interp(raw[:, 0], *np.transpose(calibration)), atol=1e-6)
    np.testing.assert_array_equal(calibrated[:, 1], raw[:, 1])
    assert np.abs(calibrated[:, 0] - raw[:, 0]).max() > 0.1


def test_boxes_are_decoded_and_belong_to_their_frames(opened, samples):
    analysis = opened().analyse(block_of(samples))
    boxes = analysis.proposals
    np.testing.assert_array_equal(boxes.score, analysis.track.scores[boxes.frame, 0])
    sigmoid = 1 / (1 + np.exp(-np.array([0.5, -1.0, 1.0])))
    assert boxes.duration_s == pytest.approx(np.full(len(boxes), 0.05 * 100 ** sigmoid[0]), rel=1e-4)
    assert (boxes.low_hz < boxes.high_hz).all()
    assert (boxes.label == 0).all()


def test_frames_of_hardly_any_score_have_no_box(opened, samples):
    sharp = ((0.0, 0.0), (0.6, 0.0), (1.0, 1.0))
    analysis = opened(calibration=sharp).analyse(block_of(samples))
    np.testing.assert_array_equal(
        analysis.proposals.frame, np.flatnonzero(analysis.track.scores[:, 0] >= 0.01)
    )
    assert 0 < len(analysis.proposals) < len(analysis.track.scores)


@pytest.mark.parametrize("n_frames", [1, 2047, 2048, 2049, 5000])
def test_running_in_pieces_is_running_at_once(opened, rng, n_frames):
    detector = opened()
    frames = rng.normal(0, 1, (n_frames + BEFORE + AFTER, MEL.n_mels)).astype(np.float32)
    means = np.array([frames[i : i + BEFORE + AFTER + 1].mean() for i in range(n_frames)])
    np.testing.assert_allclose(detector.run(frames)[:, 0], 1 / (1 + np.exp(-means)), atol=1e-5)


def test_the_digest_is_that_of_the_file(opened, tmp_path):
    detector = opened()
    assert detector.id.name == "level"
    assert detector.id.digest == hashlib.sha256((tmp_path / "level.onnx").read_bytes()).hexdigest()
    assert opened(operating_points={"review": 0.2}).id.digest != detector.id.digest


def test_the_shipped_network_is_small_and_complete():
    content = shipped_bytes()
    assert len(content) <= 5_000_000
    detector = load_network()
    assert detector.id.digest == hashlib.sha256(content).hexdigest()
    assert detector.labels[0] == "gunshot"
    assert set(detector.card.operating_points) == {"review", "balanced", "alert"}
    assert {"recipe", "manifest_sha256", "weights_licence"} <= set(detector.card.provenance)
    raw, calibrated = np.transpose(detector.card.calibration)
    assert (np.diff(raw) > 0).all()
    assert (np.diff(calibrated) >= 0).all()


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ModelError, match=r"none\.onnx: the model cannot be read \(No such file"):
        load_network(tmp_path / "none.onnx")


@pytest.mark.parametrize("damage", [b"", b"text", bytes(3000), "half", "flipped"])
def test_a_file_that_is_no_network_is_said(tmp_path, damage):
    content = level_network()
    if damage == "half":
        damage = content[: len(content) // 2]
    if damage == "flipped":
        damage = bytes(255 - byte for byte in content)
    path = tmp_path / "bad.onnx"
    path.write_bytes(damage)
    with pytest.raises(ModelError, match=r"bad\.onnx"):
        load_network(path)


def test_another_programs_network_is_said(tmp_path):
    model = onnx.load_model_from_string(level_network())
    del model.metadata_props[:]
    (tmp_path / "other.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"other\.onnx: an ONNX file, but not one of Ndoki's"):
        load_network(tmp_path / "other.onnx")


NOTHING = 1.1
"""Least score of a gate behind which nothing is ever found."""
AROUND_FRAMES = 500
"""8 s."""


def gate_of(threshold, least_score=0.3):
    """Opens where the mean level of two cells rises above the threshold."""
    spec = GateSpec(n_mels=MEL.n_mels, width=1, cell_frames=4, dilations=(1,), before_cells=1)
    net = GateNet(spec, 0.0)
    with torch.no_grad():
        for weight in net.parameters():
            weight.zero_()
        net.first.weight += 1 / net.first.weight.numel()
        net.blocks[0].weight[..., 1] += 1.0
        net.last.weight += 0.5
    content = exported_gate(net)
    return Gate.opened(content, spec, threshold=threshold, spread_frames=5, least_score=least_score)


@pytest.fixture
def with_gate_of(tmp_path):
    def make(threshold, least_score=0.3):
        path = tmp_path / "gated.onnx"
        path.write_bytes(with_gate(level_network(), CARD, gate_of(threshold, least_score)))
        return load_network(path)

    return make


def test_behind_a_gate_scores_are_those_of_the_network_or_0(with_gate_of, samples):
    detector = with_gate_of(0.5, NOTHING)
    whole, behind = (one.analyse(block_of(samples)) for one in (detector, detector.gated()))
    heard = behind.track.scores[:, 0] > 0
    assert 20 < heard.sum() < 200
    np.testing.assert_allclose(behind.track.scores[heard], whole.track.scores[heard], atol=1e-6)
    assert not behind.track.scores[~heard].any()
    loud = np.flatnonzero(whole.track.scores[:, 0] > 0.75)
    assert heard[loud].all()
    assert set(behind.proposals.frame) == set(whole.proposals.frame) & set(np.flatnonzero(heard))


def test_frames_between_two_runs_that_were_joined_are_not_heard(with_gate_of, samples):
    """They are scored on the way. Whether runs are joined depends on the block, so that must not count."""
    behind, block = with_gate_of(0.015, NOTHING).gated(), block_of(samples)
    heard = behind.heard(behind.levels_of(block))
    runs = np.diff(np.flatnonzero(np.diff(heard.astype(int))))
    assert (runs < BEFORE + AFTER).any()
    np.testing.assert_array_equal(behind.analyse(block).track.scores[:, 0] > 0, heard)


def test_a_gate_that_nothing_passes_and_one_that_all_does(with_gate_of, samples):
    detector = with_gate_of(-np.inf)
    whole, behind = (one.analyse(block_of(samples)).track.scores for one in (detector, detector.gated()))
    np.testing.assert_allclose(behind, whole, atol=1e-6)
    closed = with_gate_of(1e9).gated().analyse(block_of(samples))
    assert not closed.track.scores.any()
    assert len(closed.proposals) == 0


def test_what_is_heard_behind_a_gate_does_not_depend_on_the_block(with_gate_of, samples):
    behind = with_gate_of(0.5).gated()
    whole = behind.analyse(block_of(samples)).track.scores
    for first in (290, 301, 318, 330, 345):
        part = behind.analyse(block_of(samples, first, first + 37)).track.scores
        np.testing.assert_allclose(part, whole[first : first + 37], atol=1e-6)


@pytest.fixture
def long_samples(rng):
    """40 s, with 0.5 s that are loud from 15 s on, and as much at a tenth of that from 33 s on."""
    sound = (0.01 * rng.standard_normal(160_000)).astype(np.float32)
    sound[60_000:62_000] *= 30
    sound[132_000:134_000] *= 3
    return sound


def test_around_what_is_found_behind_a_gate_everything_is_heard(with_gate_of, long_samples):
    """A burst is completed by what is faint beside it, of which no gate knows."""
    detector = with_gate_of(0.5, 0.75)
    whole, behind = (one.analyse(block_of(long_samples)) for one in (detector, detector.gated()))
    passes = detector.gated().heard(detector.levels_of(block_of(long_samples)))
    scores = behind.track.scores[:, 0]
    found = np.flatnonzero((whole.track.scores[:, 0] >= 0.75) & passes)
    assert 0 < len(found) < 60
    near = np.abs(np.arange(len(scores))[:, None] - found).min(axis=1) <= AROUND_FRAMES
    # The network takes two frames at a time.
    at_edge = np.abs(np.abs(np.arange(len(scores))[:, None] - found).min(axis=1) - AROUND_FRAMES) <= 2
    np.testing.assert_array_equal((scores > 0)[~at_edge], (near | passes)[~at_edge])
    assert 1000 < (scores > 0).sum() < len(scores) - 1000
    heard = scores > 0
    np.testing.assert_allclose(behind.track.scores[heard], whole.track.scores[heard], atol=1e-6)
    assert set(behind.proposals.frame) == set(np.flatnonzero(heard))


def test_what_is_found_beyond_a_block_counts_for_it(with_gate_of, long_samples):
    behind = with_gate_of(0.5, 0.75).gated()
    whole = behind.analyse(block_of(long_samples)).track.scores
    for first, end in (
        (0, 700),
        (440, 477),
        (701, 930),
        (931, 1011),
        (1400, 1475),
        (1476, 2000),
        (2001, 2497),
    ):
        part = behind.analyse(block_of(long_samples, first, end)).track.scores
        np.testing.assert_allclose(part, whole[first:end], atol=1e-6)
    assert whole[440:477, 0].all(), "nothing is found in there"


def test_a_detector_behind_its_gate_has_another_name_and_view(with_gate_of, opened):
    detector = with_gate_of(0.5)
    behind = detector.gated()
    assert behind.id.digest == f"{detector.id.digest}-gated"
    reach = CARD.floor.reach_frames + AROUND_FRAMES
    assert behind.context_before_frames == behind.gate.before_frames + reach > detector.context_before_frames
    assert behind.context_after_frames == behind.gate.after_frames + reach
    with pytest.raises(ModelError, match="holds no gate"):
        opened().gated()


@pytest.mark.parametrize(("least_score", "is_gated"), [(0.29, False), (0.3, True), (0.9, True)])
def test_the_gate_is_used_for_events_that_it_was_tuned_for(with_gate_of, least_score, is_gated):
    found = gated_for(with_gate_of(0.5), least_score)
    assert found.id.digest.endswith("-gated") == is_gated


def test_a_detector_without_a_gate_is_used_as_it_is(opened):
    detector = opened()
    assert gated_for(detector, 0.5) is detector
