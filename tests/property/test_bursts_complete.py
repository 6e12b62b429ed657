"""Missed shots are added, and how the sound is cut, asked for or gated changes none of them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ndoki.audio.recording import describe
from ndoki.core.types import Event, Floats, Recording
from ndoki.detectors.network.detector import NetworkDetector, load_network
from ndoki.detectors.registry import load_detector
from ndoki.events.pick import Picker
from ndoki.scan import scan

RATE = 8000
BURST_S = tuple(20.0 + 0.1 * i for i in range(8))
AIMED_S = (40.0, 40.5, 41.0)
LENGTH_S = 60.0
LAW = settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def network() -> NetworkDetector:
    return load_network()


@pytest.fixture(scope="module")
def review(network: NetworkDetector) -> float:
    return network.card.operating_points["review"]


@pytest.fixture(scope="module")
def samples(forest: Callable[..., Floats]) -> Floats:
    return forest(LENGTH_S, (8.0, *BURST_S, *AIMED_S))


@pytest.fixture(scope="module")
def sound(samples: Floats, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    path = tmp_path_factory.mktemp("bursts") / "a.wav"
    soundfile.write(path, samples, RATE, subtype="PCM_16")
    return describe(str(path))


@pytest.fixture(scope="module")
def least(network: NetworkDetector, sound: Recording, review: float) -> float:
    """A score that the detector by itself reaches for some shots of the burst only."""
    scores = sorted(one.score for one in alone(network, sound, review) if near(one, BURST_S))
    return scores[len(scores) // 2] + 1e-4


def alone(network: NetworkDetector, sound: Recording, score: float) -> list[Event]:
    return scan(sound, network, Picker(threshold=score, completes_bursts=False))


def near(event: Event, onsets_s: Sequence[float]) -> bool:
    return min(abs(event.start_s - one) for one in onsets_s) <= 0.05


def places(events: Sequence[Event], least: float = 0.0) -> list[tuple[int, int]]:
    return [(one.first_sample, one.end_sample) for one in events if one.score >= least]


@pytest.fixture(scope="module")
def expected(network: NetworkDetector, sound: Recording, least: float) -> list[Event]:
    return scan(sound, network, Picker(threshold=least), block_s=600.0)


def test_shots_that_are_missed_are_added(
    network: NetworkDetector, sound: Recording, least: float, expected: list[Event]
) -> None:
    assert sum(near(one, BURST_S) for one in alone(network, sound, least)) < len(BURST_S)
    found = [one.start_s for one in expected if 19.0 < one.start_s < 22.0]
    assert found == pytest.approx(BURST_S, abs=0.03)
    assert all(one.score >= least for one in expected)


@LAW
@given(block_s=st.floats(1.5, 70.0), jobs=st.integers(1, 3))
def test_no_block_size_matters(
    network: NetworkDetector,
    sound: Recording,
    least: float,
    expected: list[Event],
    block_s: float,
    jobs: int,
) -> None:
    found = scan(sound, network, Picker(threshold=least), block_s=block_s, jobs=jobs)
    assert places(found) == places(expected)
    np.testing.assert_allclose(
        [one.score for one in found], [one.score for one in expected], atol=1.01e-4, rtol=0
    )


@pytest.mark.parametrize("seam_s", [19.5, 20.0, 20.06, 20.35, 20.7, 21.5])
def test_a_seam_through_or_beside_a_burst(
    network: NetworkDetector, sound: Recording, least: float, expected: list[Event], seam_s: float
) -> None:
    found = scan(sound, network, Picker(threshold=least), block_s=seam_s)
    assert places(found) == places(expected)


@pytest.mark.parametrize("n_hops", [2, 4, 6, 50])
def test_delayed_audio_gives_delayed_events(
    network: NetworkDetector,
    samples: Floats,
    least: float,
    expected: list[Event],
    tmp_path: Path,
    n_hops: int,
) -> None:
    """By whole steps of the detector: whole frames of the second hearing, though not whole cells."""
    cut = n_hops * network.grid.hop_samples * RATE // network.grid.rate_hz
    soundfile.write(tmp_path / "a.wav", samples[cut:], RATE, subtype="PCM_16")
    found = scan(describe(str(tmp_path / "a.wav")), network, Picker(threshold=least))
    assert [one.first_sample + cut for one in found] == [one.first_sample for one in expected]


@pytest.mark.parametrize("faint", [0.02, 0.1, 0.4])
def test_fainter_events_that_are_asked_for_change_none_that_counts(
    network: NetworkDetector, sound: Recording, least: float, expected: list[Event], faint: float
) -> None:
    found = scan(sound, network, Picker(threshold=faint, burst_threshold=least))
    assert len(found) >= len(expected)
    assert [one for one in found if one.score >= least] == expected


def test_behind_the_gate_bursts_are_the_same(
    network: NetworkDetector, sound: Recording, least: float, expected: list[Event]
) -> None:
    assert places(scan(sound, network.gated(), Picker(threshold=least))) == places(expected)


def test_a_single_shot_stays_where_the_detector_found_it(
    network: NetworkDetector, sound: Recording, review: float
) -> None:
    found = scan(sound, network, Picker(threshold=review))
    single = [one for one in found if one.start_s < 15]
    assert len(single) == 1
    assert single == [one for one in alone(network, sound, review) if one.start_s < 15]


def test_scores_that_are_no_chances_are_left_alone(sound: Recording) -> None:
    """The templates' scores say how alike, not how likely."""
    template = load_detector("template")
    picker = {"threshold": 0.3}
    found = scan(sound, template, Picker(**picker))
    assert found == scan(sound, template, Picker(**picker, completes_bursts=False))
