"""The laws of THE path: how a file is cut, delayed or worked on changes nothing that a user sees."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from ndoki.audio import reader
from ndoki.audio.recording import describe
from ndoki.core.errors import AudioError, ConfigError
from ndoki.core.types import Event, Floats, Recording
from ndoki.detectors.protocol import Detector
from ndoki.detectors.registry import DETECTORS, load_detector, operating_points
from ndoki.events.pick import Picker
from ndoki.scan import scan

RATE = 8000
ONSETS_S = (12.0, 25.0, 33.3, 40.0, 40.12, 59.7, 63.5, 71.0, 98.765)
LONG_S = 99.165
"""The last shot lies in the last 0.4 s, and blocks of 7 and of 60 s end inside."""
NEAR_S = 0.05
STEP_HOPS = 2
"""The network hears two frames at a time, and the background is measured on every second one."""
EVIDENCE_REACH_S = 13.0
"""A burst is completed from at most 8 s around an event, each frame of which knows 4.2 s of background."""

Write = Callable[..., Recording]
LAW = settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module", params=list(DETECTORS))
def detector(request: pytest.FixtureRequest) -> Detector:
    return load_detector(request.param)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(samples: Floats, rate_hz: int = RATE, name: str = "a.wav") -> Recording:
        soundfile.write(tmp_path / name, samples, rate_hz, subtype="PCM_16")
        return describe(str(tmp_path / name))

    return written


@pytest.fixture(scope="module")
def day_samples(forest: Callable[..., Floats]) -> Floats:
    return forest(LONG_S, ONSETS_S)


@pytest.fixture(scope="module")
def day(day_samples: Floats, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    path = tmp_path_factory.mktemp("day") / "day.wav"
    soundfile.write(path, day_samples, RATE, subtype="PCM_16")
    return describe(str(path))


def found(
    detector: Detector, recording: Recording, threshold: float = 0.05, **options: object
) -> list[Event]:
    return scan(recording, detector, Picker(threshold=threshold), **options)  # type: ignore[arg-type]


def usual_threshold(detector: Detector) -> float:
    """What a user gets who wants to miss nothing; a faint echo of a shot must not count as found."""
    return operating_points(detector).get("review", 0.25)


def heard(detector: Detector, recording: Recording, onset_s: float, **options: object) -> bool:
    events = found(detector, recording, usual_threshold(detector), **options)
    return any(abs(event.start_s - onset_s) <= NEAR_S for event in events)


def assert_same(events: Sequence[Event], expected: Sequence[Event], delay_samples: int = 0) -> None:
    """Same events to the sample, ``delay_samples`` later; scores within 1e-4, edges within rounding."""
    place = [(e.channel, e.first_sample, e.peak_sample, e.label) for e in events]
    assert place == [
        (e.channel, e.first_sample + delay_samples, e.peak_sample + delay_samples, e.label) for e in expected
    ]
    for columns, within in ((("score",), 1.01e-4), (("end_sample",), 1.01), (("low_hz", "high_hz"), 0.11)):
        for name in columns:
            now = np.array([getattr(event, name) for event in events], np.float64)
            before = np.array([getattr(event, name) for event in expected], np.float64)
            np.testing.assert_allclose(
                now, before + delay_samples * (name == "end_sample"), atol=within, rtol=0
            )


@pytest.fixture(scope="module")
def expected(detector: Detector, day: Recording) -> list[Event]:
    """All events of the day, in one block that holds the whole file."""
    events = found(detector, day, block_s=600.0)
    assert len(events) >= len(ONSETS_S)
    return events


def test_every_shot_is_found(detector: Detector, day: Recording) -> None:
    events = found(detector, day, usual_threshold(detector))
    assert all(event.recording is day and event.detector == detector.id for event in events)
    starts_s = np.array([event.start_s for event in events])
    missed = [onset_s for onset_s in ONSETS_S if np.abs(starts_s - onset_s).min() > NEAR_S]
    # The second of two shots 0.12 s apart stands in the first one's tail: the templates cannot see it.
    assert missed in ([], [40.12])


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("block_s", [7.0, 60.0, 600.0])
def test_block_size_and_jobs_do_not_matter(
    detector: Detector, day: Recording, expected: list[Event], block_s: float, jobs: int
) -> None:
    assert_same(found(detector, day, block_s=block_s, jobs=jobs), expected)


@LAW
@given(block_s=st.floats(1.5, 120.0), jobs=st.integers(1, 4))
def test_no_block_size_matters(
    detector: Detector, day: Recording, expected: list[Event], block_s: float, jobs: int
) -> None:
    assert_same(found(detector, day, block_s=block_s, jobs=jobs), expected)


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_a_flac_that_several_threads_decode_gives_the_events_of_the_wav(
    detector: Detector,
    day: Recording,
    write: Write,
    jobs: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Cells are short here, so that blocks begin inside of them, and share them."""
    monkeypatch.setattr(reader, "_CELL_SAMPLES", 20_000)
    coded = write(soundfile.read(day.source, dtype="int16")[0], name="a.flac")
    events = [replace(one, recording=day) for one in found(detector, coded, block_s=7.0, jobs=jobs)]
    assert events == found(detector, day, block_s=7.0)


@pytest.mark.parametrize("frames_off", [-40, -3, -1, 0, 1, 2, 5, 40])
def test_a_shot_on_the_seam_of_two_blocks(
    detector: Detector, day: Recording, expected: list[Event], frames_off: int
) -> None:
    """The first block ends at the shot's own frame, a little before it or a little behind it."""
    frame = detector.grid.frame_at(round(12.0 * RATE), RATE) + frames_off
    assert_same(found(detector, day, block_s=frame * detector.grid.hop_s), expected)


@pytest.mark.parametrize("position_s", [-0.064, -0.016, 0.0, 0.016, 0.1])
def test_a_file_cut_so_that_a_shot_lies_on_the_seam(
    detector: Detector, day_samples: Floats, write: Write, position_s: float
) -> None:
    """The shot of 33.3 s comes to lie around the end of the fourth block of 7 s (in whole frames)."""
    seam_s = 4 * detector.grid.frames_in(7.0) * detector.grid.hop_s
    cut = round((33.3 - seam_s - position_s) * RATE)
    recording = write(day_samples[cut:])
    expected = found(detector, recording, block_s=600.0)
    assert_same(found(detector, recording, block_s=7.0), expected)
    assert any(abs(event.start_s - seam_s - position_s) <= NEAR_S for event in expected)


@LAW
@given(n_steps=st.integers(1, 200))
def test_delayed_audio_gives_delayed_events(
    detector: Detector, day_samples: Floats, expected: list[Event], write: Write, n_steps: int
) -> None:
    """Cutting k steps of two hops off the front brings forward by as much all that the cut does not reach."""
    n_hops = STEP_HOPS * n_steps
    cut = n_hops * detector.grid.hop_samples * RATE // detector.grid.rate_hz
    events = found(detector, write(day_samples[cut:]))
    reach = max(detector.context_before_frames + 1, detector.grid.frames_in(EVIDENCE_REACH_S))
    first = detector.grid.centre_sample(n_hops + reach, RATE)
    later = [event for event in expected if event.first_sample >= first]
    assert len(later) > 5
    assert_same(events[len(events) - len(later) :], later, -cut)


@pytest.mark.parametrize("n_hops", [1, 3, 151])
def test_half_a_step_moves_no_event_by_more_than_a_hop(
    detector: Detector, day: Recording, day_samples: Floats, write: Write, n_hops: int
) -> None:
    """The network then hears other frames together, so scores differ a little."""
    cut = n_hops * detector.grid.hop_samples * RATE // detector.grid.rate_hz
    threshold = usual_threshold(detector)
    starts = [event.first_sample - cut for event in found(detector, day, threshold)]
    moved = [event.first_sample for event in found(detector, write(day_samples[cut:]), threshold)]
    hop = detector.grid.hop_samples * RATE // detector.grid.rate_hz
    assert len(moved) == len(starts)
    np.testing.assert_allclose(moved, starts, atol=hop)


@pytest.mark.parametrize("onset_s", [0.05, 0.1, 0.2, 0.3])
def test_a_file_of_0_4_s_is_heard(
    detector: Detector,
    forest: Callable[..., Floats],
    write: Write,
    onset_s: float,
    request: pytest.FixtureRequest,
) -> None:
    if onset_s < 0.1 and detector.id.name == "gunshot":
        # The card says so too; a network that hears it makes this test fail, and then this goes.
        known = pytest.mark.xfail(
            strict=True, reason="with 50 ms of forest before it a shot is not heard (below 0.01)"
        )
        request.applymarker(known)
    recording = write(forest(0.4, [onset_s]))
    assert recording.n_samples == 0.4 * RATE
    assert heard(detector, recording, onset_s)


@pytest.mark.parametrize("onset_s", [0.05, 0.1, 0.2, 0.3])
def test_a_shot_is_the_surest_event_of_a_file_of_0_4_s(
    detector: Detector, forest: Callable[..., Floats], write: Write, onset_s: float
) -> None:
    """Also where it stays below the threshold: far above anything that the same file holds without it."""
    events = found(detector, write(forest(0.4, [onset_s])), 0.001)
    without = found(detector, write(forest(0.4, [])), 0.001)
    best = max(events, key=lambda event: event.score)
    assert abs(best.start_s - onset_s) <= NEAR_S
    assert best.score > 2 * max((event.score for event in without), default=0.0)


@pytest.mark.parametrize("block_s", [7.0, 60.0])
@pytest.mark.parametrize("before_end_s", [0.4, 0.25, 0.1])
def test_the_last_0_4_s_of_a_long_file_are_heard(
    detector: Detector,
    forest: Callable[..., Floats],
    write: Write,
    before_end_s: float,
    block_s: float,
) -> None:
    recording = write(forest(63.0, [63.0 - before_end_s]))
    assert heard(detector, recording, 63.0 - before_end_s, block_s=block_s)


def test_a_tenth_of_a_second_of_a_shot_is_the_surest_event(
    detector: Detector, forest: Callable[..., Floats], write: Write
) -> None:
    events = found(detector, write(forest(63.0, [62.9])), 0.01)
    assert abs(max(events, key=lambda event: event.score).start_s - 62.9) <= NEAR_S


@pytest.mark.parametrize("n_samples", [1, 2, 63, 64, 255, 256, 257])
def test_a_file_of_a_few_samples_gives_an_answer(detector: Detector, write: Write, n_samples: int) -> None:
    noise = np.random.default_rng(n_samples).normal(scale=0.01, size=n_samples)
    for event in found(detector, write(noise.astype(np.float32))):
        assert 0 <= event.first_sample < event.end_sample <= n_samples


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_the_files_rate_does_not_matter(
    detector: Detector, forest: Callable[..., Floats], write: Write, rate_hz: int
) -> None:
    samples = forest(20.0, (4.0, 13.3)).astype(np.float64)
    slow, fast = write(samples), write(resample_poly(samples, rate_hz // RATE, 1), rate_hz, "fast.wav")
    threshold = usual_threshold(detector)
    expected, events = found(detector, slow, threshold), found(detector, fast, threshold)
    assert len(events) == len(expected) >= 2
    for event, other in zip(events, expected, strict=True):
        assert event.start_s == pytest.approx(other.start_s, abs=1.01 * detector.grid.hop_s)
        assert event.end_s == pytest.approx(other.end_s, abs=0.1)
        assert event.score == pytest.approx(other.score, abs=0.05)
        assert event.recording.rate_hz == rate_hz


def test_each_channel_is_heard_by_itself(
    detector: Detector, forest: Callable[..., Floats], write: Write
) -> None:
    left, right = forest(20.0, (5.0,)), forest(20.0, (13.3,))
    alone = found(detector, write(left)), found(detector, write(right))
    both = write(np.stack([left, right], axis=1), name="both.wav")
    events = found(detector, both)
    assert [event.channel for event in events] == sorted(event.channel for event in events)
    for channel in (0, 1):
        of_channel = [event for event in events if event.channel == channel]
        assert of_channel == found(detector, both, channel=channel)
        assert [(e.first_sample, e.score) for e in of_channel] == [
            (e.first_sample, e.score) for e in alone[channel]
        ]
        assert any(abs(e.start_s - (5.0, 13.3)[channel]) <= NEAR_S for e in of_channel)


@pytest.mark.parametrize("channel", [-1, 1, 7])
def test_a_channel_that_is_not_there_is_refused(detector: Detector, day: Recording, channel: int) -> None:
    with pytest.raises(ConfigError, match=rf"has 1 channel\(s\), so there is no channel {channel + 1}"):
        found(detector, day, channel=channel)


def test_a_file_that_is_gone_is_an_audio_error(detector: Detector, tmp_path: Path, write: Write) -> None:
    recording = write(np.zeros(800, np.float32))
    Path(recording.source).unlink()
    with pytest.raises(AudioError, match="a\\.wav"):
        found(detector, recording)


@pytest.mark.parametrize("level", [0.0, 0.3, 1 / 32768])
@pytest.mark.parametrize("duration_s", [0.4, 30.0])
def test_silence_gives_no_event(detector: Detector, write: Write, level: float, duration_s: float) -> None:
    silence = np.full(round(duration_s * RATE), level, np.float32)
    assert found(detector, write(silence), 0.1, block_s=7.0) == []


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(low=st.floats(0.05, 1.0), high=st.floats(0.05, 1.0))
def test_a_lower_threshold_never_loses_an_event(
    detector: Detector,
    forest: Callable[..., Floats],
    tmp_path_factory: pytest.TempPathFactory,
    low: float,
    high: float,
) -> None:
    low, high = sorted((low, high))
    path = tmp_path_factory.getbasetemp() / "threshold.wav"
    if not path.exists():
        soundfile.write(path, forest(20.0, (4.0, 9.0, 9.2, 13.3)), RATE)
    recording = describe(str(path))
    few, many = found(detector, recording, high), found(detector, recording, low)
    assert {event.first_sample for event in few} <= {event.first_sample for event in many}
    assert all(event.score >= round(high, 4) for event in few)


@pytest.mark.parametrize("jobs", [1, 3])
def test_progress_tells_of_all_sound_once(detector: Detector, day: Recording, jobs: int) -> None:
    told_s: list[float] = []
    found(detector, day, block_s=10.0, jobs=jobs, progress=told_s.append)
    assert len(told_s) == 10
    n_frames = detector.grid.n_frames(detector.grid.n_samples(day.n_samples, RATE))
    assert sum(told_s) == pytest.approx(n_frames * detector.grid.hop_s)
    assert sum(told_s) == pytest.approx(LONG_S, abs=0.1)
