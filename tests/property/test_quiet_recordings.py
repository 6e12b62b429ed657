"""The shipped network hears a recording at any gain, and past digital silence.

Templates do not: they are cut at a level, and lose what lies far below.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ndoki.audio.recording import describe
from ndoki.core.types import Event, Floats
from ndoki.detectors.registry import load_detector, operating_points
from ndoki.events.pick import Picker
from ndoki.scan import scan

RATE = 8000
NEAR_S = 0.05
HOP_S = 0.016

Find = Callable[[Floats], list[Event]]


@pytest.fixture
def find(tmp_path: Path) -> Find:
    network = load_detector("gunshot")
    picker = Picker(threshold=operating_points(network)["review"])

    def found(samples: Floats) -> list[Event]:
        soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="PCM_16")
        return scan(describe(str(tmp_path / "a.wav")), network, picker)

    return found


@pytest.mark.parametrize("gain_db", [-40.0, -20.0, 12.0])
def test_a_quiet_recording_is_heard_like_a_loud_one(
    forest: Callable[..., Floats], find: Find, gain_db: float
) -> None:
    samples = forest(20.0, (4.0, 13.3))
    expected, events = find(samples), find(samples * np.float32(10 ** (gain_db / 20)))
    assert len(events) == len(expected) >= 2
    for event, other in zip(events, expected, strict=True):
        assert event.start_s == pytest.approx(other.start_s, abs=1.01 * HOP_S)
        assert event.score == pytest.approx(other.score, abs=0.05)


@pytest.mark.parametrize("first_s", [0.0, 3.5, 14.0, 16.0])
def test_a_gap_of_digital_silence_is_no_event_and_hides_none(
    forest: Callable[..., Floats], find: Find, first_s: float
) -> None:
    samples = forest(20.0, (6.0, 13.3))
    samples[round(first_s * RATE) : round((first_s + 2.0) * RATE)] = 0
    assert [event.start_s for event in find(samples)] == pytest.approx([6.0, 13.3], abs=NEAR_S)
