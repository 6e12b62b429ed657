"""The laws of stretches: they cover a file once, and their answers make the whole file's answer."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ndoki.audio.blocks import stretches
from ndoki.audio.reader import open_samples
from ndoki.audio.recording import describe
from ndoki.core.errors import ConfigError
from ndoki.core.grid import FrameGrid
from ndoki.core.types import Analysis, Block, DetectorId, Event, Recording, ScoreTrack
from ndoki.detectors.protocol import Detector
from ndoki.detectors.registry import DETECTORS, load_detector
from ndoki.events.pick import Picker
from ndoki.scan import pick_stretches, scan, scan_stretch

RATE = 8000
LENGTH_S = 41.3
ONSETS_S = (3.0, 9.99, 10.05, 20.0, 27.7, 40.9)
PICKER = Picker(threshold=0.05)
LAW = settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Level:
    """Scores each frame by the mean size of the sound around it: the same floats however it is cut."""

    id = DetectorId(name="level", digest="0")
    grid = FrameGrid(rate_hz=RATE, hop_samples=80, frame_samples=80)
    labels = ("gunshot",)
    context_before_frames = 5
    context_after_frames = 5

    def analyse(self, block: Block) -> Analysis:
        sizes = np.abs(block.samples[: len(block.samples) // 80 * 80].reshape(-1, 80)).max(axis=1)
        held = block.first_sample // 80
        padded = np.pad(sizes, 5)
        around = np.max([padded[i : i + len(sizes)] for i in range(11)], axis=0)
        scores = around[block.first_frame - held : block.end_frame - held, None]
        return Analysis(
            track=ScoreTrack(grid=self.grid, labels=self.labels, first_frame=block.first_frame, scores=scores)
        )


@pytest.fixture(scope="module")
def day(forest: Callable[..., np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Recording:
    path = tmp_path_factory.mktemp("stretches") / "day.wav"
    soundfile.write(path, forest(LENGTH_S, ONSETS_S), RATE, subtype="PCM_16")
    return describe(str(path))


def in_any_order(recording: Recording, detector: Detector, unit_s: float, seed: int) -> list[Event]:
    """As a run does that was killed and resumed: stretches one by one, and in any order."""
    cuts = stretches(recording.n_samples, recording.rate_hz, detector.grid, unit_s)
    with open_samples(recording.source) as samples:
        shuffled = np.random.default_rng(seed).permutation(len(cuts))
        parts = {int(i): scan_stretch(samples, 0, cuts[int(i)], detector, PICKER) for i in shuffled}
    return pick_stretches([parts[i] for i in range(len(cuts))], recording, 0, detector, PICKER)


@given(
    n_samples=st.integers(1, 10**7),
    rate_hz=st.sampled_from([4000, 8000, 44100]),
    stretch_s=st.floats(0.001, 1e5),
)
def test_stretches_cover_every_frame_once(n_samples: int, rate_hz: int, stretch_s: float) -> None:
    grid = FrameGrid(rate_hz=8000, hop_samples=6400, frame_samples=12800)
    cuts = stretches(n_samples, rate_hz, grid, stretch_s)
    assert [first for first, _ in cuts] == [0, *(end for _, end in cuts[:-1])]
    assert cuts[-1][1] == grid.n_frames(grid.n_samples(n_samples, rate_hz))
    lengths = {end - first for first, end in cuts[:-1]}
    assert len(lengths) <= 1
    assert all(0 < end - first <= (lengths or {end - first}).pop() for first, end in cuts[-1:])


def test_where_stretches_begin_does_not_depend_on_the_files_length() -> None:
    grid = FrameGrid(rate_hz=8000, hop_samples=64, frame_samples=256)
    short, long = (stretches(n, 8000, grid, 7.0) for n in (10**6, 10**7))
    assert [first for first, _ in long][: len(short)] == [first for first, _ in short]


@pytest.mark.parametrize("stretch_s", [0.0, -1.0, float("nan")])
def test_a_length_that_is_none_is_refused(stretch_s: float) -> None:
    with pytest.raises(ConfigError, match="expected a positive length"):
        stretches(1000, 8000, FrameGrid(rate_hz=8000, hop_samples=64, frame_samples=256), stretch_s)


@LAW
@given(unit_s=st.floats(0.01, 60.0), seed=st.integers(0, 99))
def test_any_cut_gives_the_events_of_the_whole(day: Recording, unit_s: float, seed: int) -> None:
    """To the last bit: loud stretches are plateaus of equal scores, and cuts go through them."""
    whole = scan(day, Level(), PICKER, block_s=600.0)
    assert len(whole) >= len(ONSETS_S) - 1
    assert in_any_order(day, Level(), unit_s, seed) == whole


@pytest.mark.parametrize("name", list(DETECTORS))
@pytest.mark.parametrize("unit_s", [3.7, 10.0, 20.0])
def test_stretches_of_a_real_detector_give_the_scan_of_that_cut(
    day: Recording, name: str, unit_s: float
) -> None:
    """To the last bit, in any order, and with several jobs."""
    detector = load_detector(name)
    whole = scan(day, detector, PICKER, block_s=unit_s)
    assert len(whole) >= len(ONSETS_S) - 1
    assert in_any_order(day, detector, unit_s, 1) == whole
    assert scan(day, detector, PICKER, block_s=unit_s, jobs=3) == whole


def test_a_stretch_alone_finds_what_lies_in_it(day: Recording) -> None:
    with open_samples(day.source) as samples:
        part = scan_stretch(samples, 0, (1900, 2400), Level(), PICKER)
    events = pick_stretches([part], day, 0, Level(), PICKER)
    assert events
    assert all(19.0 <= event.start_s < 24.0 for event in events)


def test_frames_that_a_file_has_not_are_refused(day: Recording, tmp_path: Path) -> None:
    with open_samples(day.source) as samples:
        for cut in ((0, 10**6), (5, 5), (-1, 4)):
            with pytest.raises(ConfigError, match="expected frames of the file"):
                scan_stretch(samples, 0, cut, Level(), PICKER)
