import json
from importlib.resources import files

import numpy as np
import pytest

from ndoki.core.errors import ModelError
from ndoki.core.types import Block
from ndoki.detectors.protocol import Detector
from ndoki.detectors.template.bank import TemplateBank
from ndoki.detectors.template.detector import TemplateDetector, load
from ndoki.features.mel import MelSpec, log_mel

MEL = MelSpec(n_mels=12, low_hz=40, high_hz=1300)
ONSET = 5


def sound_with_bursts(onsets, n_samples=24_000, seed=0):
    rng = np.random.default_rng(seed)
    sound = rng.normal(scale=1e-3, size=n_samples)
    for onset in onsets:
        sound[onset : onset + 4000] += rng.normal(scale=0.1, size=4000) * np.exp(-np.arange(4000) / 900)
    return sound.astype(np.float32)


def small_detector(**changes):
    """Two templates cut from one burst: as it is, and backwards."""
    frames_db = log_mel(sound_with_bursts([ONSET * 64 + 128]), MEL)[:30]
    fields = {
        "mel": MEL,
        "patches": np.stack([frames_db, frames_db[::-1]]).astype(np.float16),
        "onset_frame": ONSET,
        "duration_s": np.array([0.4, 0.9], np.float32),
        "low_hz": np.array([50, 60], np.float32),
        "high_hz": np.array([700, 800], np.float32),
        "names": ("burst", "tsrub"),
    }
    return TemplateDetector(TemplateBank(**(fields | changes)))


def whole(detector, sound):
    n_frames = detector.grid.n_frames(len(sound))
    return detector.analyse(Block(samples=sound, first_sample=0, first_frame=0, end_frame=n_frames))


def test_it_is_a_detector_and_states_its_context():
    detector = small_detector()
    assert isinstance(detector, Detector)
    assert detector.labels == ("gunshot",)
    assert (detector.context_before_frames, detector.context_after_frames) == (5, 24)
    assert (detector.grid.rate_hz, detector.grid.hop_samples, detector.grid.frame_samples) == (4000, 64, 256)
    assert detector.id.name == "template"


def test_the_score_peaks_at_the_frame_on_which_the_onset_is_centred():
    detector = small_detector()
    frames = (40, 150, 290)
    analysis = whole(detector, sound_with_bursts([frame * 64 + 128 for frame in frames], seed=9))
    score = analysis.track.scores[:, 0]
    for frame in frames:
        near = slice(frame - 20, frame + 20)
        assert abs(int(score[near].argmax()) - 20) <= 1
        assert score[frame] > 0.9


def test_boxes_are_those_of_the_best_template():
    detector = small_detector()
    sound = sound_with_bursts([150 * 64 + 128], seed=9)
    forwards, backwards = whole(detector, sound).proposals, whole(detector, sound[::-1].copy()).proposals
    best = int(forwards.score.argmax())
    assert (forwards.duration_s[best], forwards.low_hz[best], forwards.high_hz[best]) == (
        np.float32(0.4),
        50,
        700,
    )
    best = int(backwards.score.argmax())
    assert (backwards.duration_s[best], backwards.low_hz[best]) == (np.float32(0.9), 60)
    assert (np.diff(forwards.frame) > 0).all()
    assert forwards.label.dtype == np.int16
    assert forwards.frame.dtype == np.int64


def test_rows_and_frames_are_those_that_the_block_answers_for():
    detector = small_detector()
    sound = sound_with_bursts([150 * 64 + 128])
    part = detector.analyse(
        Block(samples=sound[64 * 60 :], first_sample=64 * 60, first_frame=140, end_frame=170)
    )
    assert part.track.first_frame == 140
    np.testing.assert_allclose(part.track.scores, whole(detector, sound).track.scores[140:170], atol=1e-5)
    assert ((part.proposals.frame >= 140) & (part.proposals.frame < 170)).all()


def test_a_block_that_answers_for_nothing():
    analysis = small_detector().analyse(
        Block(samples=np.zeros(1000, np.float32), first_sample=0, first_frame=3, end_frame=3)
    )
    assert analysis.track.scores.shape == (0, 1)
    assert len(analysis.proposals) == 0


@pytest.mark.parametrize("n_samples", [1, 255, 256, 4000])
def test_silence_scores_nothing(n_samples):
    analysis = whole(small_detector(), np.zeros(n_samples, np.float32))
    assert not analysis.track.scores.any()
    assert len(analysis.proposals) == 0


def test_the_same_twice():
    detector, sound = small_detector(), sound_with_bursts([9000])
    np.testing.assert_array_equal(whole(detector, sound).track.scores, whole(detector, sound).track.scores)


@pytest.mark.parametrize(
    ("first_sample", "first_frame", "end_frame"),
    [(10, 5, 6), (640, 9, 12), (0, 3, 2), (0, 0, 60), (640, 11, 200)],
)
def test_a_block_that_breaks_the_rule_is_refused(first_sample, first_frame, end_frame):
    block = Block(
        samples=np.zeros(3000, np.float32),
        first_sample=first_sample,
        first_frame=first_frame,
        end_frame=end_frame,
    )
    with pytest.raises(ValueError, match="expected a multiple of 64"):
        small_detector().analyse(block)


def test_whatever_changes_a_score_or_a_box_changes_the_digest_and_names_do_not():
    plain = small_detector()
    assert small_detector(names=("a", "b"), provenance="c").id == plain.id
    changed = [
        small_detector(onset_frame=4),
        small_detector(patches=plain.bank.patches[::-1].copy()),
        small_detector(duration_s=np.array([0.4, 1], np.float32)),
        small_detector(low_hz=np.array([51, 60], np.float32)),
        small_detector(high_hz=np.array([700, 801], np.float32)),
        small_detector(mel=MelSpec(n_mels=12, low_hz=41, high_hz=1300)),
    ]
    assert len({detector.id.digest for detector in [plain, *changed]}) == 7


def test_the_shipped_templates():
    shipped = files("ndoki") / "models" / "template.npz"
    assert len(shipped.read_bytes()) < 200_000
    bank = load().bank
    assert bank.patches.shape == (7, 113, 40)
    assert len(set(bank.names)) == 7
    assert all(name.startswith("belize/gunshot/") for name in bank.names)
    provenance = json.loads(bank.provenance)
    assert provenance["licence"] == ["CC BY 4.0"]
    assert all("Katsis" in credit for credit in provenance["attribution"])
    assert ((bank.duration_s > 0.1) & (bank.duration_s <= 1.504)).all()
    assert (bank.low_hz < bank.high_hz).all()


def test_the_shipped_templates_are_shots_and_not_clicks():
    """Before the onset all is quiet; behind it the sound is loud at once and decays over 0.5 s and more."""
    bank = load().bank
    level_db = bank.patches.astype(np.float64).mean(axis=2)
    onset = bank.onset_frame
    before, attack = level_db[:, : onset - 2].mean(axis=1), level_db[:, onset : onset + 6].mean(axis=1)
    middle, end = level_db[:, onset + 25 : onset + 35].mean(axis=1), level_db[:, -10:].mean(axis=1)
    assert (attack - before > 15).all()
    assert (middle - before > 3).all()
    assert (attack > middle).all()
    assert (middle > end).all()


def test_a_missing_file_is_a_clear_error(tmp_path):
    with pytest.raises(ModelError, match=r"none\.npz: no such file; expected a template bank"):
        load(tmp_path / "none.npz")
