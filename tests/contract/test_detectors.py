"""What every detector owes its callers. A new line in the registry is tested here unasked."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ndoki.core.errors import ModelError
from ndoki.core.grid import FrameGrid
from ndoki.core.types import Analysis, Block, Floats, Proposals
from ndoki.detectors.protocol import Detector
from ndoki.detectors.registry import DETECTORS, load_detector, operating_points

SILENCE_SCORE = 0.1


@pytest.fixture(scope="module", params=list(DETECTORS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def detector(name: str) -> Detector:
    return load_detector(name)


def whole(samples: Floats, grid: FrameGrid) -> Block:
    """A block that answers for all of a sound; short ones are held to the frame's end, as blocks are."""
    n_frames = grid.n_frames(len(samples))
    missing = max(0, grid.frame_samples - len(samples))
    padded = np.pad(samples, (0, missing), mode="edge")
    return Block(samples=padded, first_sample=0, first_frame=0, end_frame=n_frames)


def cut(samples: Floats, detector: Detector, first_frame: int, end_frame: int) -> Block:
    """The frames ``[first, end)`` of a sound with exactly the context that the detector asks for."""
    grid = detector.grid
    first = max(0, first_frame - detector.context_before_frames) * grid.hop_samples
    last_frame = min(end_frame + detector.context_after_frames, grid.n_frames(len(samples))) - 1
    return Block(
        samples=samples[first : last_frame * grid.hop_samples + grid.frame_samples],
        first_sample=first,
        first_frame=first_frame,
        end_frame=end_frame,
    )


def noise(n: int, scale: float = 0.01) -> Floats:
    return np.random.default_rng(1).normal(scale=scale, size=n).astype(np.float32)


def click(n: int) -> Floats:
    samples = noise(n)
    samples[n // 2] = 1.0
    return samples


SOUNDS: dict[str, Callable[[int], Floats]] = {
    "silence": lambda n: np.zeros(n, np.float32),
    "one level": lambda n: np.full(n, 0.5, np.float32),
    "noise": noise,
    "faint noise": lambda n: noise(n, 1e-6),
    "loud noise": lambda n: np.clip(noise(n, 3.0), -1, 1),
    "click": click,
    "square wave": lambda n: np.where(np.arange(n) // 20 % 2, 1.0, -1.0).astype(np.float32),
    "silence, then noise": lambda n: np.concatenate([np.zeros(n // 2, np.float32), noise(n - n // 2)]),
}


def assert_valid(analysis: Analysis, block: Block, detector: Detector) -> None:
    track, boxes = analysis.track, analysis.proposals
    assert (track.grid, track.labels, track.first_frame) == (
        detector.grid,
        detector.labels,
        block.first_frame,
    )
    assert track.scores.dtype == np.float32
    assert track.scores.shape == (block.end_frame - block.first_frame, len(detector.labels))
    assert np.isfinite(track.scores).all()
    assert ((track.scores >= 0) & (track.scores <= 1)).all()
    columns = (boxes.frame, boxes.duration_s, boxes.low_hz, boxes.high_hz, boxes.score, boxes.label)
    assert [column.dtype.name for column in columns] == ["int64", *["float32"] * 4, "int16"]
    assert {column.shape for column in columns} == {(len(boxes),)}
    assert all(np.isfinite(column).all() for column in columns)
    assert (np.diff(boxes.frame) >= 0).all()
    assert ((boxes.frame >= block.first_frame) & (boxes.frame < block.end_frame)).all()
    assert ((boxes.score >= 0) & (boxes.score <= 1)).all()
    assert ((boxes.label >= 0) & (boxes.label < len(detector.labels))).all()
    assert (boxes.duration_s > 0).all()
    assert ((boxes.low_hz >= 0) & (boxes.low_hz < boxes.high_hz)).all()


def assert_equal(one: Analysis, other: Analysis) -> None:
    np.testing.assert_array_equal(one.track.scores, other.track.scores)
    for column in Proposals.__slots__:
        np.testing.assert_array_equal(getattr(one.proposals, column), getattr(other.proposals, column))


def test_it_is_a_detector(detector: Detector, name: str) -> None:
    assert isinstance(detector, Detector)
    assert detector.id.name == name
    assert min(detector.context_before_frames, detector.context_after_frames) >= 0
    assert detector.grid.rate_hz >= 2000
    assert 0 < detector.grid.hop_samples <= detector.grid.frame_samples


def test_its_labels_name_the_gunshot_first(detector: Detector) -> None:
    assert detector.labels[0] == "gunshot"
    assert len(set(detector.labels)) == len(detector.labels)
    assert all(re.fullmatch(r"[a-z_]+", label) for label in detector.labels)


def test_its_digest_is_stable(detector: Detector, name: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", detector.id.digest)
    assert load_detector(name).id == detector.id


def test_its_operating_points_are_thresholds_in_order(detector: Detector) -> None:
    points = operating_points(detector)
    assert set(points) in (set(), {"review", "balanced", "alert"})
    if points:
        assert 0 < points["review"] <= points["balanced"] <= points["alert"] <= 1


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("n_samples", [1, 255, 256, 320, 4000, 40_000])
def test_any_sound_gives_valid_scores_and_boxes(detector: Detector, sound: str, n_samples: int) -> None:
    block = whole(SOUNDS[sound](n_samples), detector.grid)
    assert_valid(detector.analyse(block), block, detector)


@pytest.mark.parametrize(
    ("first_frame", "end_frame"), [(0, 1), (0, 90), (700, 701), (300, 900), (1200, 1247)]
)
def test_it_answers_for_its_own_frames_and_no_others(
    detector: Detector, forest: Callable[..., Floats], first_frame: int, end_frame: int
) -> None:
    sound = forest(20.0, (6.0, 11.2), detector.grid.rate_hz)
    block = cut(sound, detector, first_frame, end_frame)
    analysis = detector.analyse(block)
    assert_valid(analysis, block, detector)
    of_all = detector.analyse(whole(sound, detector.grid)).track.scores[first_frame:end_frame]
    np.testing.assert_allclose(analysis.track.scores, of_all, atol=1e-4)


def test_what_lies_outside_its_context_changes_nothing(
    detector: Detector, forest: Callable[..., Floats]
) -> None:
    """The stated context is the whole of it: a roar just outside is not heard."""
    grid = detector.grid
    first, end = 1000, 1010
    sound = forest(40.0, (16.1,), grid.rate_hz)
    held_first = (first - detector.context_before_frames) * grid.hop_samples
    held_end = (end - 1 + detector.context_after_frames) * grid.hop_samples + grid.frame_samples
    roaring = np.clip(noise(len(sound), 0.3), -1, 1)
    roaring[held_first:held_end] = sound[held_first:held_end]
    quiet = detector.analyse(whole(sound, grid)).track.scores[first:end]
    loud = detector.analyse(whole(roaring, grid)).track.scores[first:end]
    assert quiet[:, 0].max() > 0.05
    np.testing.assert_allclose(loud, quiet, atol=1e-4)


def test_the_same_block_gives_the_same_answer(detector: Detector, forest: Callable[..., Floats]) -> None:
    """Twice in a row, after another sound, from two threads at once, and from a detector opened anew."""
    block = whole(forest(20.0, (6.0,), detector.grid.rate_hz), detector.grid)
    once = detector.analyse(block)
    detector.analyse(whole(noise(30_000), detector.grid))
    assert_equal(detector.analyse(block), once)
    with ThreadPoolExecutor(2) as pool:
        for answer in pool.map(detector.analyse, [block, block]):
            assert_equal(answer, once)
    assert_equal(load_detector(detector.id.name).analyse(block), once)


def test_it_leaves_the_block_as_it_is(detector: Detector, forest: Callable[..., Floats]) -> None:
    samples = forest(8.0, (6.0,), detector.grid.rate_hz)
    samples.setflags(write=False)
    before = samples.copy()
    detector.analyse(whole(samples, detector.grid))
    np.testing.assert_array_equal(samples, before)


@pytest.mark.parametrize("sound", ["silence", "one level"])
@pytest.mark.parametrize("n_samples", [256, 4000, 80_000])
def test_silence_gives_no_event(detector: Detector, sound: str, n_samples: int) -> None:
    analysis = detector.analyse(whole(SOUNDS[sound](n_samples), detector.grid))
    assert analysis.track.scores[:, 0].max() < SILENCE_SCORE


@pytest.mark.parametrize("snr_db", [15.0, 30.0])
def test_a_shot_stands_out(detector: Detector, forest: Callable[..., Floats], snr_db: float) -> None:
    """The highest score lies at the onset, and is far above all that is not beside it."""
    rate_hz = detector.grid.rate_hz
    sound = forest(30.0, (17.0,), rate_hz, snr_db=snr_db)
    scores = detector.analyse(whole(sound, detector.grid)).track.scores[:, 0].copy()
    frame = detector.grid.frame_at(17 * rate_hz, rate_hz)
    assert abs(int(scores.argmax()) - frame) <= 2
    best = scores.max()
    scores[frame - 60 : frame + 180] = 0.0
    assert best > 1.5 * scores.max()


def test_a_file_that_is_missing_or_of_another_kind_is_a_model_error(name: str, tmp_path: Path) -> None:
    ending = DETECTORS[name][0]
    with pytest.raises(ModelError, match=r"cannot be read|no such file"):
        load_detector(str(tmp_path / f"none{ending}"))
    other = tmp_path / f"OTHER{ending.upper()}"
    for content in (b"", b"not a model", bytes(5000), b"PK\x03\x04" + bytes(100)):
        other.write_bytes(content)
        with pytest.raises(ModelError, match=re.escape(str(other))):
            load_detector(str(other))
