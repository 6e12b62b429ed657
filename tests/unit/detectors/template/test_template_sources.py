import numpy as np
import pytest
import soundfile

from ndoki.core.errors import AudioError, ConfigError, TableError
from ndoki.core.types import Block
from ndoki.detectors.template.detector import TemplateDetector
from ndoki.detectors.template.patches import PatchSpec
from ndoki.detectors.template.sources import make_bank, read_shot, templates_from_raven, templates_from_wavs

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


@pytest.mark.parametrize("rate_hz", [2000, 4000, 8000, 44_100, 48_000])
def test_files_of_any_rate_become_templates_that_find_a_shot(tmp_path, rate_hz):
    path = write(tmp_path / "shot.wav", sound_with_shots([3.0], rate_hz), rate_hz)
    assert abs(len(read_shot(path, 4000)) - 24_000) <= 1
    bank = templates_from_wavs([path], SPEC)
    assert bank.names == ("shot.wav",)
    assert bank.onset_frame == SPEC.before_frames
    onset_s, score = best_frame_s(bank, sound_with_shots([2.2], 4000, seed=5))
    assert onset_s == pytest.approx(2.2, abs=0.05)
    assert score > 0.4


def test_a_file_that_holds_hardly_more_than_the_shot(tmp_path):
    path = write(tmp_path / "trimmed.wav", sound_with_shots([0.1], duration_s=0.5))
    bank = templates_from_wavs([path], SPEC)
    onset_s, score = best_frame_s(bank, sound_with_shots([2.2], 4000, seed=5))
    assert onset_s == pytest.approx(2.2, abs=0.05)
    assert score > 0.3


def test_no_files():
    with pytest.raises(ConfigError, match="needs at least one template"):
        templates_from_wavs([], SPEC)
    with pytest.raises(ConfigError, match="needs at least one template"):
        make_bank([], [], SPEC)


def test_a_stretch_of_one_channel_at_another_rate(tmp_path):
    left, right = np.full(8000, 0.25), np.concatenate([np.zeros(4000), np.full(4000, -0.5)])
    path = write(tmp_path / "two.wav", np.stack([left, right], axis=1))
    assert len(read_shot(path, 4000)) == 4000
    assert read_shot(path, 4000)[2000] == pytest.approx(0.25, abs=1e-3)
    behind = read_shot(path, 4000, channel=1, first_s=0.5, end_s=9.0)
    assert len(behind) == 2000
    assert behind[1000] == pytest.approx(-0.5, abs=2e-3)
    assert behind.dtype == np.float32


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channel": 1}, "channel 1 was asked of .*one.wav, which has 1"),
        ({"channel": -1}, "channel -1 was asked of"),
        ({"first_s": 7.0}, "no sound between 7.0 s and None s"),
        ({"first_s": 2.0, "end_s": 1.0}, "no sound between"),
    ],
)
def test_a_stretch_that_is_not_there(tmp_path, options, message):
    path = write(tmp_path / "one.wav", sound_with_shots([1.0]))
    with pytest.raises(AudioError, match=message):
        read_shot(path, 4000, **options)


def test_files_that_are_no_sound(tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(AudioError, match=r"text\.wav"):
        read_shot(tmp_path / "text.wav", 4000)
    with pytest.raises(AudioError, match=r"none\.wav"):
        read_shot(tmp_path / "none.wav", 4000)


def table_of(path, lines, header=HEADER):
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def test_selections_become_templates_with_their_boxes(tmp_path):
    audio = write(tmp_path / "day.wav", sound_with_shots([2.0, 7.0], duration_s=10.0))
    lines = ["1\tSpectrogram 1\t1\t1.9\t3.4\t30\t900", "2\tSpectrogram 1\t1\t7.2\t8.0\t60\t1100"]
    bank = templates_from_raven(table_of(tmp_path / "t.txt", lines), audio, SPEC)
    np.testing.assert_allclose(bank.duration_s, [1.5, 0.8], atol=1e-5)
    np.testing.assert_allclose(bank.low_hz, [30, 60])
    np.testing.assert_allclose(bank.high_hz, [900, 1100])
    assert bank.names == ("day.wav at 1.9 s", "day.wav at 7.2 s")
    # The second box begins behind its shot, and the onset was still found.
    for place in range(2):
        level_db = bank.patches[place].astype(np.float64).mean(axis=1)
        assert level_db[19:25].mean() - level_db[:17].mean() > 15


def test_a_selection_at_the_very_start_and_the_very_end(tmp_path):
    audio = write(tmp_path / "day.wav", sound_with_shots([0.05, 5.7]))
    lines = ["1\tSpectrogram 1\t1\t0\t1\t30\t900", "2\tSpectrogram 1\t1\t5.6\t6.0\t30\t900"]
    bank = templates_from_raven(table_of(tmp_path / "t.txt", lines), audio, SPEC)
    assert bank.patches.shape == (2, 113, 40)


def test_without_frequencies_the_shot_is_measured(tmp_path):
    audio = write(tmp_path / "day.wav", sound_with_shots([2.0]))
    table = table_of(tmp_path / "t.txt", ["1.9\t3.4"], "Begin Time (s)\tEnd Time (s)")
    bank = templates_from_raven(table, audio, SPEC)
    assert 0.3 < bank.duration_s[0] <= 1.504
    assert bank.low_hz[0] < 100 < 1000 < bank.high_hz[0]


def test_a_table_over_several_files_counts_within_each(tmp_path):
    write(tmp_path / "a.wav", sound_with_shots([2.0]))
    write(tmp_path / "b.wav", sound_with_shots([4.0], seed=1))
    header = HEADER + "\tBegin File\tFile Offset (s)"
    lines = ["1\tS 1\t1\t2\t3\t30\t900\ta.wav\t2", "2\tS 1\t1\t10\t11\t30\t900\tb.wav\t4"]
    table = table_of(tmp_path / "t.txt", lines, header)
    assert templates_from_raven(table, tmp_path, SPEC).names == ("a.wav at 2.0 s", "b.wav at 4.0 s")
    assert templates_from_raven(table, tmp_path / "b.wav", SPEC).names == ("b.wav at 4.0 s",)
    (tmp_path / "b.wav").unlink()
    with pytest.raises(TableError, match=r"is about b\.wav, which is not in"):
        templates_from_raven(table, tmp_path, SPEC)


def test_tables_that_do_not_fit_the_audio(tmp_path):
    audio = write(tmp_path / "day.wav", sound_with_shots([2.0]))
    empty = table_of(tmp_path / "empty.txt", [])
    with pytest.raises(TableError, match=r"empty\.txt: has no selection in"):
        templates_from_raven(empty, audio, SPEC)
    nameless = table_of(tmp_path / "t.txt", ["1\tSpectrogram 1\t1\t1.9\t3.4\t30\t900"])
    with pytest.raises(TableError, match="does not say which file it is about"):
        templates_from_raven(nameless, tmp_path, SPEC)
    beyond = table_of(tmp_path / "beyond.txt", ["1\tSpectrogram 1\t1\t100\t101\t30\t900"])
    with pytest.raises(AudioError, match=r"day\.wav: no sound between"):
        templates_from_raven(beyond, audio, SPEC)
