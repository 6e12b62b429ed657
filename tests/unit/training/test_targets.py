"""Truth → target → decoded as if the network were perfect → truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndoki.core.types import Analysis, DetectorId, Proposals, Recording, ScoreTrack
from ndoki.datasets.example_spec import Onset
from ndoki.datasets.onsets import visible_box
from ndoki.events.pick import Picker
from ndoki.features.mel import MelSpec
from ndoki.features.shape import decode_shape
from ndoki.training.targets import LABELS, encode, label_row

MEL = MelSpec()
GRID = MEL.grid
RATE = 8000
N_FRAMES = 300
HOP = GRID.hop_samples * RATE // GRID.rate_hz
FIRST, LAST = GRID.centre_sample(0, RATE), GRID.centre_sample(N_FRAMES - 1, RATE)


def frames(*steps: tuple[int, int, int], n_frames: int = N_FRAMES) -> np.ndarray:
    """Level above the floor: at each (frame, first band, end band) 20 dB for 0.5 s."""
    above = np.zeros((n_frames, MEL.n_mels), np.float32)
    for frame, first, end in steps:
        above[frame : frame + 31, first:end] = 2.0
    return above


def onsets(*samples: int, exact: bool = True) -> tuple[Onset, ...]:
    return tuple(Onset(sample=sample, exact=exact) for sample in samples)


def decoded(above: np.ndarray, truth: tuple[Onset, ...]):
    """Events of a network that says exactly what it should."""
    targets = encode(above, truth, RATE, MEL)
    scores = np.zeros((len(above), len(LABELS)), np.float32)
    scores[:, 0] = targets.onset
    duration_s, low_hz, high_hz = decode_shape(targets.shape, MEL)
    analysis = Analysis(
        track=ScoreTrack(grid=GRID, labels=LABELS, first_frame=0, scores=scores),
        proposals=Proposals(
            frame=np.arange(len(above)),
            duration_s=duration_s,
            low_hz=low_hz,
            high_hz=high_hz,
            score=targets.onset,
            label=np.zeros(len(above), np.int16),
        ),
    )
    n_samples = GRID.first_sample(len(above) - 1, RATE) + 2 * GRID.frame_samples
    recording = Recording(source="a.wav", rate_hz=RATE, n_samples=n_samples)
    return Picker(threshold=0.5).pick(analysis, recording, 0, DetectorId(name="perfect", digest=""))


@st.composite
def apart(draw):
    """Onsets at least 4 hops (64 ms) apart: 15 rounds per second."""
    gaps = draw(st.lists(st.integers(4 * HOP, 60 * HOP), max_size=12))
    positions = np.cumsum([draw(st.integers(FIRST, LAST)), *gaps])
    return [int(position) for position in positions if position <= LAST]


@settings(max_examples=200)
@given(apart())
def test_every_onset_comes_back_within_one_hop(samples):
    events = decoded(frames(), onsets(*samples))
    assert len(events) == len(samples)
    for event, sample in zip(events, samples, strict=True):
        assert abs(event.first_sample - sample) <= HOP
        assert event.score == 1.0
        assert event.label == "gunshot"


@pytest.mark.parametrize("sample", [0, 1, FIRST, LAST, LAST + HOP, LAST + 10_000])
def test_onsets_at_the_edges_go_to_the_nearest_frame(sample):
    (event,) = decoded(frames(), onsets(sample))
    assert event.first_sample == min(max(sample, FIRST), LAST) or abs(event.first_sample - sample) <= HOP


@pytest.mark.parametrize(("first", "end"), [(3, 12), (0, 40), (20, 33)])
def test_the_box_comes_back(first, end):
    above = frames((100, first, end))
    sample = GRID.centre_sample(100, RATE)
    (event,) = decoded(above, onsets(sample))
    box = visible_box(above, 100, MEL.centres_hz, GRID.hop_s)
    assert event.low_hz == pytest.approx(box.low_hz, abs=0.1)
    assert event.high_hz == pytest.approx(box.high_hz, abs=0.1)
    assert event.end_s - event.start_s == pytest.approx(box.duration_s, abs=2e-4)


def test_targets_are_float32_in_0_to_1():
    targets = encode(frames((50, 0, 40)), onsets(*range(FIRST, LAST, 5 * HOP)), RATE, MEL)
    for column, shape in ((targets.onset, (300,)), (targets.weight, (300,)), (targets.shape, (300, 3))):
        assert column.dtype == np.float32
        assert column.shape == shape
        assert ((column >= 0) & (column <= 1)).all()


def test_the_bump_falls_off_over_a_frame_and_is_cut_off_after_two():
    onset = encode(frames(), onsets(GRID.centre_sample(100, RATE)), RATE, MEL).onset
    expected = [np.exp(-0.5 * (k / 0.7) ** 2) for k in (2, 1, 0, 1, 2)]
    np.testing.assert_allclose(onset[98:103], expected, atol=1e-6)
    assert onset[100] == 1.0
    assert not onset[:98].any()
    assert not onset[103:].any()


def test_close_bumps_do_not_lower_each_other():
    samples = [GRID.centre_sample(frame, RATE) for frame in (100, 101, 103)]
    onset = encode(frames(), onsets(*samples), RATE, MEL).onset
    np.testing.assert_array_equal(onset[[100, 101, 103]], 1.0)


def test_an_exact_onset_leaves_no_doubt():
    weight = encode(frames(), onsets(GRID.centre_sample(100, RATE)), RATE, MEL).weight
    np.testing.assert_array_equal(weight, 1.0)


@pytest.mark.parametrize("frame", [0, 3, 100, N_FRAMES - 2])
def test_around_a_measured_onset_nothing_is_learned_but_the_onset(frame):
    weight = encode(frames(), onsets(GRID.centre_sample(frame, RATE), exact=False), RATE, MEL).weight
    expected = np.ones(N_FRAMES, np.float32)
    expected[max(0, frame - 5) : frame + 6] = 0.0
    expected[frame] = 1.0
    np.testing.assert_array_equal(weight, expected)


def test_where_a_shot_may_begin_or_not_nothing_is_learned():
    unsure = tuple(GRID.centre_sample(frame, RATE) for frame in (20, 200))
    weight = encode(frames(), (), RATE, MEL, unsure_samples=unsure).weight
    expected = np.ones(N_FRAMES, np.float32)
    expected[15:26] = expected[195:206] = 0.0
    np.testing.assert_array_equal(weight, expected)


@given(st.integers(-5 * RATE, 10 * RATE))
def test_a_doubtful_place_outside_does_no_harm(sample):
    weight = encode(frames(), (), RATE, MEL, unsure_samples=(sample,)).weight
    frame = GRID.frame_at(sample, RATE)
    n_expected = len(set(range(frame - 5, frame + 6)) & set(range(N_FRAMES)))
    assert np.count_nonzero(weight == 0) == n_expected


def test_a_sure_onset_counts_inside_a_doubtful_place():
    sample = GRID.centre_sample(100, RATE)
    weight = encode(frames(), onsets(sample), RATE, MEL, unsure_samples=(sample + 2 * HOP,)).weight
    assert weight[100] == 1.0
    assert weight[101:108].tolist() == [0.0] * 7


def test_known_look_alikes_are_0_or_1_and_the_shots_own_column_stays_open():
    row = dict(zip(LABELS, label_row(("raindrops", "wind")), strict=True))
    assert row.pop("gunshot") == -1
    assert {label for label, value in row.items() if value == 1} == {"rain", "wind"}
    assert set(row.values()) == {0, 1}


@pytest.mark.parametrize("names", [(), ("unheard-of",)])
def test_nothing_known_is_minus_one_everywhere(names):
    np.testing.assert_array_equal(label_row(names), -1)


def test_every_look_alike_of_the_data_has_a_column(shared_data):
    from ndoki.datasets.manifest import read_manifest

    left_out = {"explosion", "fireworks"}
    labels = {c.label for c in read_manifest(shared_data / "clips.csv") if c.kind == "confuser"} - left_out
    assert not [label for label in sorted(labels) if (label_row((label,)) < 0).all()]
