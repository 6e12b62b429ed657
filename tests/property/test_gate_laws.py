"""Behind its gate the shipped network finds what it finds without, however the sound is cut."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ndoki.audio.recording import describe
from ndoki.core.types import Event, Floats, Recording
from ndoki.datasets.manifest import read_manifest
from ndoki.detectors.network.detector import NetworkDetector, load_network
from ndoki.events.pick import Picker
from ndoki.scan import scan

RATE = 8000
LENGTH_S = 99.165
ONSETS_S = (12.0, 25.0, 33.3, 40.0, 40.12, 59.7, 63.5, 71.0)
N_CLIPS = 12


@pytest.fixture(scope="module")
def whole() -> NetworkDetector:
    return load_network()


@pytest.fixture(scope="module")
def behind(whole: NetworkDetector) -> NetworkDetector:
    return whole.gated()


@pytest.fixture(scope="module")
def samples(forest: Callable[..., Floats]) -> Floats:
    return forest(LENGTH_S, ONSETS_S)


@pytest.fixture(scope="module")
def day(samples: Floats, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    path = tmp_path_factory.mktemp("gate") / "day.wav"
    soundfile.write(path, samples, RATE, subtype="PCM_16")
    return describe(str(path))


def found(detector: NetworkDetector, recording: Recording, score: float, **options: float) -> list[Event]:
    return scan(recording, detector, Picker(threshold=score), **options)  # type: ignore[arg-type]


def assert_same(events: Sequence[Event], expected: Sequence[Event], delay_samples: int = 0) -> None:
    assert [one.first_sample for one in events] == [one.first_sample + delay_samples for one in expected]
    np.testing.assert_allclose(
        [one.score for one in events], [one.score for one in expected], atol=1.01e-4, rtol=0
    )


def review(detector: NetworkDetector) -> float:
    return detector.card.operating_points["review"]


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(block_s=st.floats(1.5, 120.0), jobs=st.integers(1, 3))
def test_no_block_size_matters(behind: NetworkDetector, day: Recording, block_s: float, jobs: int) -> None:
    """At scores far below those that the gate was tuned for, too."""
    expected = found(behind, day, 0.02, block_s=600.0)
    assert len(expected) >= len(ONSETS_S)
    assert_same(found(behind, day, 0.02, block_s=block_s, jobs=jobs), expected)


def test_no_event_is_lost(whole: NetworkDetector, behind: NetworkDetector, day: Recording) -> None:
    assert whole.gate is not None
    least = whole.gate.least_score
    assert least < review(whole)
    expected = found(whole, day, least)
    assert len(expected) >= len(ONSETS_S) - 1
    assert_same(found(behind, day, least), expected)


@pytest.mark.parametrize("n_hops", [2, 4, 6, 8, 38])
def test_delayed_audio_gives_delayed_events(
    behind: NetworkDetector, samples: Floats, day: Recording, tmp_path: Path, n_hops: int
) -> None:
    """Cells of the gate lie on multiples of four frames, so faint estimates move; events do not."""
    cut = n_hops * behind.grid.hop_samples * RATE // behind.grid.rate_hz
    soundfile.write(tmp_path / "a.wav", samples[cut:], RATE, subtype="PCM_16")
    events = found(behind, describe(str(tmp_path / "a.wav")), review(behind))
    expected = found(behind, day, review(behind))
    assert len(expected) >= len(ONSETS_S) - 1
    assert_same(events, expected, -cut)


def test_most_of_a_quiet_forest_is_not_listened_to(
    whole: NetworkDetector, behind: NetworkDetector, forest: Callable[..., Floats], tmp_path: Path
) -> None:
    """But for 8 s around its one shot."""
    soundfile.write(tmp_path / "quiet.wav", forest(LENGTH_S, (40.0,)), RATE, subtype="PCM_16")
    quiet = describe(str(tmp_path / "quiet.wav"))
    assert found(behind, quiet, review(behind))
    scores = {one.first_sample for one in found(behind, quiet, 1e-6)}
    assert len(scores) < len(found(whole, quiet, 1e-6)) / 2


@pytest.mark.parametrize("kind", ["gunshot", "background", "confuser"])
def test_real_clips_lose_no_event(
    whole: NetworkDetector, behind: NetworkDetector, shared_data: Path, kind: str
) -> None:
    """Of the validation split; `make gate` takes all of them."""
    clips = [
        clip for clip in read_manifest(shared_data / "clips.csv") if (clip.kind, clip.split) == (kind, "val")
    ]
    for clip in clips[:: max(1, len(clips) // N_CLIPS)]:
        recording = describe(str(clip.path))
        expected = found(whole, recording, review(whole))
        assert_same(found(behind, recording, review(whole)), expected)
