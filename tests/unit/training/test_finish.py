"""Calibration and operating points, and what clips are scored by."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ndoki.core.errors import ModelError
from ndoki.core.types import DetectorId, Event, Recording
from ndoki.datasets.manifest import Clip, field_clips, fold_of, read_manifest
from ndoki.detectors.network.detector import load_network
from ndoki.evaluation.curves import curve_from_scores
from ndoki.training.finish import OPERATING_RATES, calibrated, operating_thresholds
from ndoki.training.heldout import Heldout, fold_path, heldout, heldout_once
from ndoki.training.network import GunshotNet
from ndoki.training.recipe import Recipe
from ndoki.training.run import Workplace, card_for, exported
from ndoki.training.validation import ScannedClip, background_detections, best_scores, hours_of, scan_clips

RECIPE = Recipe(name="tiny", n_folds=2)


@pytest.fixture
def networks(tiny, data_set, tmp_path) -> Path:
    """A folder with one network for each fold; what they say is chance, but each says something else."""
    recipe = replace(RECIPE, network=tiny)
    for fold in range(2):
        torch.manual_seed(fold)
        net = GunshotNet(tiny).eval()
        with torch.no_grad():
            net.head.bias[:7] = -1.0
            net.head.weight.mul_(3.0)
        content = exported(net, recipe, Workplace(manifest=data_set, cache=tmp_path))
        fold_path(tmp_path, "tiny", fold).write_bytes(content)
    return tmp_path


def scanned(kind: str, *scores: float, duration_s: float = 4.0) -> ScannedClip:
    clip = Clip(path=Path("a.flac"), kind=kind, label="x", group="g", split="train")
    recording = Recording(source="a.flac", rate_hz=8000, n_samples=round(8000 * duration_s))
    events = tuple(
        Event(
            recording=recording, channel=0, first_sample=12_000 * i, end_sample=12_000 * i + 99,
            peak_sample=12_000 * i, label="gunshot", score=score, low_hz=60.0, high_hz=900.0,
            detector=DetectorId(name="x", digest=""),
        )
        for i, score in enumerate(scores)
    )  # fmt: skip
    return ScannedClip(clip=clip, events=events, duration_s=duration_s)


def test_a_clip_counts_by_its_best_event():
    best = best_scores([scanned("gunshot", 0.2, 0.7), scanned("gunshot"), scanned("gunshot", 0.4)])
    assert best.tolist() == [0.7, -np.inf, 0.4]


def test_hours_and_false_alarms_are_those_of_the_backgrounds():
    backgrounds = [
        scanned("background", 0.3, 0.6, duration_s=1800.0),
        scanned("background", duration_s=1800.0),
    ]
    assert hours_of(backgrounds) == 1.0
    assert sorted(background_detections(backgrounds).score) == pytest.approx([0.3, 0.6])
    result = Heldout(shots=(scanned("gunshot", 0.5), scanned("gunshot", 0.1)), backgrounds=tuple(backgrounds))
    assert result.curve.at(0.4).recall == 0.5
    assert result.curve.at(0.4).false_alarms_per_hour == 1.0
    assert result.curve.at(0.2).false_alarms_per_hour == 2.0


def test_clips_are_scanned_as_files(data_set, networks):
    shots, _ = field_clips(read_manifest(data_set))
    detector = load_network(fold_path(networks, "tiny", 0))
    found = scan_clips(detector, shots[:3])
    assert [one.clip for one in found] == shots[:3]
    assert all(one.duration_s == 4.0 for one in found)
    assert all(event.recording.source == str(one.clip.path) for one in found for event in one.events)
    assert any(one.events for one in found)


def test_every_clip_is_scored_by_the_network_that_did_not_hear_it(data_set, networks):
    detectors = [load_network(fold_path(networks, "tiny", fold)) for fold in range(2)]
    result = heldout(detectors, data_set)
    assert len(result.shots) == len(result.backgrounds) == 8
    for one in (*result.shots, *result.backgrounds):
        own = detectors[fold_of(one.clip.group, 2)]
        assert {event.detector for event in one.events} <= {own.id}
        assert one.clip.kind == ("gunshot" if one in result.shots else "background")


def test_one_detector_can_score_any_clips(data_set, networks):
    shots, backgrounds = field_clips(read_manifest(data_set))
    result = heldout_once(load_network(fold_path(networks, "tiny", 1)), [*backgrounds[:3], *shots[:2]])
    assert [one.clip for one in result.shots] == shots[:2]
    assert [one.clip for one in result.backgrounds] == backgrounds[:3]


@pytest.fixture
def curve():
    """100 shots; in 10 h of backgrounds false alarms whose score falls by the same odds for each decade."""
    odds = 50.0 / np.arange(1, 201)
    return curve_from_scores(np.linspace(0.01, 0.99, 100), odds / (1 + odds), 10.0)


def test_operating_points_are_the_thresholds_of_their_rates(curve):
    thresholds = operating_thresholds(curve)
    assert list(thresholds) == list(OPERATING_RATES) == ["review", "balanced", "alert"]
    for name, rate in OPERATING_RATES.items():
        assert curve.at(thresholds[name]).false_alarms_per_hour <= rate
    assert thresholds["review"] < thresholds["balanced"] < thresholds["alert"]


def test_where_the_sound_is_too_short_for_a_rate_no_look_alike_of_it_is_reported():
    """1 h cannot show one false alarm in ten; the loudest look-alike has 0.9, the next shot above it 0.93."""
    curve = curve_from_scores(np.array([0.2, 0.93, 0.97]), np.array([0.5, 0.9]), 1.0)
    assert operating_thresholds(curve) == {"review": 0.2, "balanced": 0.9, "alert": 0.93}


def test_a_look_alike_above_every_shot_leaves_nothing_to_report():
    curve = curve_from_scores(np.array([0.2]), np.array([0.9]), 1.0)
    assert operating_thresholds(curve)["alert"] == 1.0


def test_calibration_goes_into_the_card_and_nowhere_else(data_set, networks, tiny):
    recipe = replace(RECIPE, network=tiny)
    place = Workplace(manifest=data_set, cache=networks)
    content = fold_path(networks, "tiny", 0).read_bytes()
    finished = networks / "finished.onnx"
    finished.write_bytes(calibrated(content, data_set, networks, 2, card_for(recipe, place)))
    before, after = load_network(fold_path(networks, "tiny", 0)), load_network(finished)
    raw, probability = np.array(after.card.calibration).T
    assert (np.diff(raw) > 0).all()
    assert (np.diff(probability) >= 0).all()
    assert ((probability >= 0) & (probability <= 1)).all()
    assert set(after.card.operating_points) == set(OPERATING_RATES)
    assert all(0 < threshold <= 1 for threshold in after.card.operating_points.values())
    changed = replace(after.card, calibration=before.card.calibration, operating_points={})
    assert changed == before.card
    frames = np.random.default_rng(1).normal(0, 1, (100, 40)).astype(np.float32)
    np.testing.assert_array_equal(before.run(frames), after.run(frames))


def test_a_missing_fold_is_named(data_set, networks, tiny):
    place = Workplace(manifest=data_set, cache=networks)
    fold_path(networks, "tiny", 1).unlink()
    with pytest.raises(ModelError, match=r"tiny-fold1\.onnx: the model cannot be read"):
        calibrated(b"", data_set, networks, 2, card_for(replace(RECIPE, network=tiny), place))
