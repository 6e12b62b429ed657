import numpy as np
import pytest
import soundfile

from ndoki.core.errors import AudioError, ConfigError, LabelError
from ndoki.core.types import Block
from ndoki.detectors.template.cut import (
    LEAST_RISE_DB,
    choose,
    cut_template,
    likenesses,
    make_bank,
    take_templates,
)
from ndoki.detectors.template.detector import TemplateDetector
from ndoki.detectors.template.patches import PatchSpec, find_onset
from ndoki.detectors.template.shots import Shot
from ndoki.features.mel import log_mel

SPEC = PatchSpec()
HEADER = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)"


def sound_with_shots(onsets_s, rate_hz=8000, duration_s=6.0, seed=0):
    rng = np.random.default_rng(seed)
    n_samples = round(duration_s * rate_hz)
    sound = rng.normal(scale=1e-3, size=n_samples)
    for onset_s in onsets_s:
        onset = round(onset_s * rate_hz)
        n = min(rate_hz, n_samples - onset)
        sound[onset : onset + n] += rng.normal(scale=0.1, size=n) * np.exp(-np.arange(n) / (0.25 * rate_hz))
    return sound


def write(path, sound, rate_hz=8000):
    soundfile.write(path, sound, rate_hz, subtype="PCM_16")
    return path


def best_frame_s(bank, sound_4k):
    detector = TemplateDetector(bank)
    block = Block(
        samples=sound_4k.astype(np.float32),
        first_sample=0,
        first_frame=0,
        end_frame=detector.grid.n_frames(len(sound_4k)),
    )
    score = detector.analyse(block).track.scores[:, 0]
    return detector.grid.centre_sample(int(score.argmax()), 4000) / 4000, float(score.max())


def shot(path, start_s=0.0, end_s=None, **more):
    return Shot(source=str(path), name=path.name, told_by=str(path), start_s=start_s, end_s=end_s, **more)


def bank_of(*shots):
    return make_bank([cut_template(one, SPEC) for one in shots], SPEC)


@pytest.mark.parametrize("rate_hz", [2000, 4000, 8000, 44_100, 48_000])
def test_files_of_any_rate_become_templates_that_find_a_shot(tmp_path, rate_hz):
    path = write(tmp_path / "shot.wav", sound_with_shots([3.0], rate_hz), rate_hz)
    template = cut_template(shot(path), SPEC)
    assert template.onset_s == pytest.approx(3.0, abs=0.05)
    assert template.is_whole
    bank = make_bank([template], SPEC, name="mine")
    assert (bank.names, bank.name, bank.onset_frame) == (("shot.wav",), "mine", SPEC.before_frames)
    onset_s, score = best_frame_s(bank, sound_with_shots([2.2], 4000, seed=5))
    assert onset_s == pytest.approx(2.2, abs=0.05)
    assert score > 0.4


def test_a_file_that_holds_hardly_more_than_the_shot(tmp_path):
    path = write(tmp_path / "trimmed.wav", sound_with_shots([0.1], duration_s=0.5))
    template = cut_template(shot(path), SPEC)
    assert not template.is_whole
    onset_s, score = best_frame_s(make_bank([template], SPEC), sound_with_shots([2.2], 4000, seed=5))
    assert onset_s == pytest.approx(2.2, abs=0.05)
    assert score > 0.3


def test_a_bank_without_templates():
    with pytest.raises(ConfigError, match="needs at least one template"):
        make_bank([], SPEC)


def test_the_channel_counts(tmp_path):
    sound = np.stack([sound_with_shots([1.0]), sound_with_shots([4.0], seed=1)], axis=1)
    path = write(tmp_path / "two.wav", sound)
    assert cut_template(shot(path), SPEC).onset_s == pytest.approx(1.0, abs=0.05)
    assert cut_template(shot(path, channel=1), SPEC).onset_s == pytest.approx(4.0, abs=0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channel": 1}, r"channel 2 of .*one\.wav was asked for, which has 1"),
        ({"start_s": 7.0, "end_s": 8.0}, r"begins 7 s into .*one\.wav, which is 6\.0 s long; .*File Offset"),
        (
            {"start_s": 1.0, "end_s": 31.5},
            r"the selection is 30\.5 s long; expected one shot in at most 30 s",
        ),
    ],
)
def test_a_stretch_that_holds_no_single_shot(tmp_path, options, message):
    path = write(tmp_path / "one.wav", sound_with_shots([1.0]))
    with pytest.raises(LabelError, match=message):
        cut_template(shot(path, **options), SPEC)


def test_files_too_long_and_too_short(tmp_path):
    with pytest.raises(LabelError, match=r"the file is 31\.0 s long; .*give the selection table"):
        cut_template(shot(write(tmp_path / "day.wav", sound_with_shots([1.0], duration_s=31))), SPEC)
    with pytest.raises(LabelError, match=r"short\.wav is 0\.15 s long; expected 0\.2 s or more"):
        cut_template(shot(write(tmp_path / "short.wav", sound_with_shots([0.1], duration_s=0.15))), SPEC)


def test_files_that_are_no_sound(tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(AudioError, match=r"text\.wav"):
        cut_template(shot(tmp_path / "text.wav"), SPEC)
    with pytest.raises(AudioError, match=r"none\.wav"):
        cut_template(shot(tmp_path / "none.wav"), SPEC)


def test_selections_become_templates_with_their_boxes(tmp_path):
    audio = write(tmp_path / "day.wav", sound_with_shots([2.0, 7.0], duration_s=10.0))
    bank = bank_of(
        shot(audio, 1.5, 3.4, low_hz=30.0, high_hz=900.0), shot(audio, 7.2, 8.0, low_hz=-1.0, high_hz=1100.0)
    )
    # A box ends where the analyst says, and an event begins at its onset: that is the template's duration.
    np.testing.assert_allclose(bank.duration_s, [1.4, 1.0], atol=0.05)
    np.testing.assert_allclose(bank.low_hz, [30, 0])
    np.testing.assert_allclose(bank.high_hz, [900, 1100])
    # The second box begins behind its shot, and the onset was still found.
    for place in range(2):
        level_db = bank.patches[place].astype(np.float64).mean(axis=1)
        assert level_db[19:25].mean() - level_db[:17].mean() > 15


def test_only_the_selection_and_what_is_close_before_it_is_searched(tmp_path):
    """Louder shots nearby are others."""
    louder = 5 * sound_with_shots([0.9, 3.5], duration_s=10.0, seed=1)
    sound = sound_with_shots([2.0], duration_s=10.0) + louder
    audio = write(tmp_path / "day.wav", sound)
    assert cut_template(shot(audio, 1.9, 3.0), SPEC).onset_s == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("end_s", [1.9, 2.0])
def test_a_point_is_a_selection_too(tmp_path, end_s):
    audio = write(tmp_path / "day.wav", sound_with_shots([1.7]))
    template = cut_template(shot(audio, 1.9, end_s, low_hz=50.0, high_hz=50.0), SPEC)
    assert template.onset_s == pytest.approx(1.7, abs=0.05)
    assert template.low_hz < 100 < 1000 < template.high_hz
    assert template.duration_s > 0.15


def test_a_selection_at_the_very_start_and_the_very_end(tmp_path):
    audio = write(tmp_path / "day.wav", sound_with_shots([0.05, 5.7]))
    bank = bank_of(shot(audio, 0.0, 1.0), shot(audio, 5.6, 9.0))
    assert bank.patches.shape == (2, 113, 40)


def test_without_a_box_the_shot_is_measured(tmp_path):
    bank = bank_of(shot(write(tmp_path / "shot.wav", sound_with_shots([2.0]))))
    assert 0.3 < bank.duration_s[0] <= 1.504
    assert bank.low_hz[0] < 100 < 1000 < bank.high_hz[0]


def test_one_bad_shot_costs_no_other_and_each_shot_counts_once(tmp_path):
    audio = write(tmp_path / "day.wav", sound_with_shots([2.0, 7.0], duration_s=10.0))
    steady = write(tmp_path / "steady.wav", sound_with_shots([]))
    silent = write(tmp_path / "silent.wav", np.zeros(16_000))
    given = [
        shot(steady),
        shot(audio, 1.9, 3.0),
        shot(silent),
        shot(audio, 1.6, 3.2),
        shot(tmp_path / "none.wav"),
        shot(audio, 6.9, 8.0),
    ]
    taken = take_templates(given, SPEC)
    assert [one.shot for one in taken.templates] == [given[1], given[5]]
    assert taken.n_repeated == 1
    assert [one.what for one in taken.skipped] == [one.source for one in (given[0], given[2], given[4])]
    assert "no shot begins there: the level rises by" in taken.skipped[0].reason
    assert "rises by 0.0 dB where it rises most, expected 3 dB or more" in taken.skipped[1].reason


@pytest.mark.parametrize("duration_s", [2, 30])
def test_steady_noise_never_rises_like_a_shot(duration_s, rng):
    for _ in range(20):
        noise = rng.normal(scale=1e-2, size=duration_s * 4000).astype(np.float32)
        assert find_onset(log_mel(noise, SPEC.mel), SPEC)[1] < LEAST_RISE_DB


def test_the_odd_one_out_is_like_no_other_and_is_not_chosen(tmp_path):
    paths = [write(tmp_path / f"{i}.wav", sound_with_shots([2.0], seed=i)) for i in range(3)]
    n = np.arange(48_000) / 8000
    whistle = sound_with_shots([]) + 0.1 * np.sin(2 * np.pi * 500 * n) * (n > 2)
    paths.append(write(tmp_path / "odd.wav", whistle))
    taken = take_templates([shot(path) for path in paths], SPEC).templates
    found = likenesses(taken)
    assert min(found[:3]) > 0.5 > found[3] + 0.2
    assert [one.shot.name for one in choose(taken, 1)] < ["odd.wav"]
    assert choose(taken, 4) == list(taken)
    assert likenesses(taken[:1]) == [None]
    with pytest.raises(ConfigError, match="cannot choose 5 templates from 4 shots"):
        choose(taken, 5)
