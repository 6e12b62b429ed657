"""A gate is trained as it will run, tuned to lose nothing, and kept in the network's file."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from ndoki.core.errors import ConfigError
from ndoki.datasets.manifest import read_manifest
from ndoki.detectors.network.detector import NetworkDetector, load_network
from ndoki.detectors.network.gate import Gate, GateSpec
from ndoki.detectors.network.verifier import logit
from ndoki.features.floor import LEVEL_STEP
from ndoki.training.export import with_card, with_gate
from ndoki.training.gate_fit import GateFit, events_lost, fit_gate, least_score_for, spread_estimates
from ndoki.training.gate_network import GateNet, exported_gate
from ndoki.training.gate_sound import Listened, listened, training_sounds
from ndoki.training.network import GunshotNet
from ndoki.training.recipe import Recipe
from ndoki.training.run import Workplace, exported

SPEC = GateSpec(n_mels=40, width=4, cell_frames=4, dilations=(1,), before_cells=1)
FIT = GateFit(spec=SPEC, n_steps=150, batch_size=24, n_cells=16, least_score=0.5, spread_frames=4)


def gate_with(net, threshold=0.0):
    return Gate.opened(exported_gate(net), SPEC, threshold=threshold, spread_frames=4, least_score=0.5)


def clicks(n_frames=6000, seed=3):
    """Every two hundred frames a step in all bands, at which the network would be sure."""
    rng = np.random.default_rng(seed)
    frames = rng.normal(0, 0.1, (n_frames, 40))
    said = rng.normal(-5, 0.3, n_frames)
    for at in range(150, n_frames - 50, 200):
        frames[at : at + 8] += 2.0
        said[at] = 2.0
    score = np.where(said > 0, 0.9, 0.0)
    return Listened(
        rows=frames[::LEVEL_STEP].astype(np.float16),
        logit=said.astype(np.float32),
        score=score.astype(np.float32),
    )


def test_a_gate_runs_as_it_was_trained():
    torch.manual_seed(5)
    net = GateNet(SPEC, -1.0)
    frames = np.random.default_rng(1).normal(0, 1, (80, 40)).astype(np.float32)
    with torch.no_grad():
        expected = net(torch.from_numpy(frames)[None])[0].numpy()
    assert len(expected) == 80 // SPEC.cell_rows - SPEC.before_cells - SPEC.after_cells
    np.testing.assert_allclose(gate_with(net).estimates(frames), expected, atol=1e-5)


def test_a_gate_learns_where_its_network_scores_and_loses_nothing():
    gate = fit_gate(clicks(), clicks(seed=5), FIT)
    unheard = clicks(seed=4)
    assert events_lost(gate, unheard, 0.5) == (0, int((unheard.score > 0.5).sum()))
    passing = spread_estimates(gate, unheard.rows) >= gate.threshold
    assert 0.02 < passing.mean() < 0.2


def test_the_threshold_lies_a_margin_below_the_faintest_event_that_counts():
    """Of the sound that was held out."""
    sound = clicks(seed=5)
    gate = fit_gate(clicks(), sound, replace(FIT, n_steps=20, lost_share=0.0, margin=0.25))
    at_events = spread_estimates(gate, sound.rows)[sound.score > 0.5]
    assert gate.threshold == pytest.approx(at_events.min() - 0.25, abs=1e-5)
    some = fit_gate(clicks(), sound, replace(FIT, n_steps=20, lost_share=0.2, margin=0.0))
    lost, n_events = events_lost(some, sound, 0.5)
    assert lost == int(0.2 * n_events)


def test_sound_without_events_is_refused():
    sound = clicks()
    silent = replace(sound, score=np.zeros_like(sound.score))
    for learned, held_out in ((silent, sound), (sound, silent)):
        with pytest.raises(ConfigError, match=r"no event of score 0\.5"):
            fit_gate(learned, held_out, FIT)


@pytest.fixture
def network(tiny, data_set, tmp_path):
    torch.manual_seed(0)
    recipe = replace(Recipe(name="tiny", n_folds=2), network=tiny)
    path = tmp_path / "tiny.onnx"
    path.write_bytes(exported(GunshotNet(tiny).eval(), recipe, Workplace(manifest=data_set, cache=tmp_path)))
    return path


def test_a_file_keeps_its_network_beside_the_gate(network):
    torch.manual_seed(6)
    bare, gate = load_network(network), gate_with(GateNet(SPEC, -1.0), threshold=0.4)
    content = with_gate(network.read_bytes(), bare.card, gate)
    network.write_bytes(content)
    both = load_network(network)
    assert both.card == bare.card
    assert both.gate is not None
    assert both.gate.threshold == 0.4
    frames = np.random.default_rng(1).normal(0, 1, (100, 40)).astype(np.float32)
    np.testing.assert_array_equal(both.run(frames), bare.run(frames))
    network.write_bytes(with_card(content, bare.card))
    assert load_network(network).gate is None


def test_what_is_learned_from_and_what_is_held_out_are_the_training_split(data_set, tmp_path):
    """Each clip once, groups on one side, and beside them all of a side in one file."""
    clips = [clip for clip in read_manifest(data_set) if clip.split == "train" and clip.kind != "near_shot"]
    group_of = {clip.path: clip.group for clip in clips}
    *learned, joined = training_sounds(data_set, tmp_path / "work", 0.0)
    *held_out, _ = training_sounds(data_set, tmp_path / "work", 0.0, is_held_out=True)
    assert sorted(learned + held_out) == sorted(group_of)
    assert learned
    assert held_out
    assert not {group_of[path] for path in learned} & {group_of[path] for path in held_out}
    assert soundfile.info(joined).frames == sum(soundfile.info(path).frames for path in learned)


def test_the_network_is_asked_about_every_frame(network, data_set):
    detector = load_network(network)
    paths = [clip.path for clip in read_manifest(data_set)][:3]
    sound = listened(detector, paths, 4)
    lengths = [detector.grid.n_frames(-(-soundfile.info(path).frames // 2)) for path in paths]
    assert LEVEL_STEP * len(sound.rows) == len(sound.logit) == len(sound.score)
    assert len(sound.logit) >= sum(lengths) + 256 * 4
    spoken = np.flatnonzero(np.abs(sound.rows).sum(axis=1) > 0)
    assert spoken[0] == 256 // LEVEL_STEP
    assert len(spoken) <= sum(-(-n // LEVEL_STEP) for n in lengths)
    np.testing.assert_allclose(sound.score, detector.calibrate(1 / (1 + np.exp(-sound.logit))), atol=5e-4)


def test_what_the_verifier_refuses_need_not_be_foretold(data_set):
    """Scores and logits are those after its correction."""
    detector = load_network()
    assert detector.verifier is not None
    alone = NetworkDetector(detector._session, replace(detector.card), "without its verifier")
    paths = [clip.path for clip in read_manifest(data_set) if clip.kind == "gunshot"][:6]
    both, before = (listened(each, paths, 4) for each in (detector, alone))
    asked = before.logit >= logit(np.array([detector.verifier.spec.least_score], np.float32))
    assert asked.any()
    np.testing.assert_array_equal(both.logit[~asked], before.logit[~asked])
    assert (both.logit[asked] != before.logit[asked]).all()
    np.testing.assert_allclose(both.score, detector.calibrate(1 / (1 + np.exp(-both.logit))), atol=2e-3)


@pytest.mark.parametrize(
    ("points", "least"),
    [
        ({"review": 0.4771, "alert": 0.99}, 0.45),
        ({"balanced": 0.2}, 0.19),
        ({"review": 0.008}, 0.0076),
        ({}, 0.3),
    ],
)
def test_a_gate_is_tuned_for_what_the_lowest_operating_point_shows(points, least):
    assert least_score_for(points) == least
