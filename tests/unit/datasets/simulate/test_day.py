"""A simulated recording: reproducible, its truth exact, its levels as told."""

import csv
import json
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import soundfile

from ndoki.core.errors import AudioError, ConfigError, OutputError
from ndoki.datasets.simulate.background import draw_forest_noise, forest_noise
from ndoki.datasets.simulate.day import simulate_day
from ndoki.datasets.simulate.performance import TRUTH_COLUMNS
from ndoki.datasets.simulate.ranges import TRAIN
from ndoki.datasets.simulate.recorded import recorded_noise
from ndoki.datasets.simulate.schedule import Rates, plan
from ndoki.datasets.simulate.truth import energy_band, in_band_power, loud_span

RATE = 8000
HOURS = 150 / 3600
BUSY = Rates(hunts_per_hour=120.0, confusers_per_hour=150.0, snr_db=(5.0, 20.0))
QUIET = replace(BUSY, hunts_per_hour=0.0, confusers_per_hour=0.0)
SINGLE = replace(TRAIN, weapon_shares=(0.0, 1.0, 1.0, 1.0), series_share=0.0, soft_share=0.0)


def truth_of(files):
    with files.truth.open(newline="") as table:
        return list(csv.DictReader(table))


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    return simulate_day(tmp_path_factory.mktemp("day") / "day.wav", HOURS, 7, rates=BUSY)


def test_the_same_seed_writes_the_same_bytes(day, tmp_path):
    again = simulate_day(tmp_path / "again.wav", HOURS, 7, rates=BUSY)
    assert again.sound.read_bytes() == day.sound.read_bytes()
    assert again.truth.read_bytes() == day.truth.read_bytes()
    other = simulate_day(tmp_path / "other.wav", HOURS, 8, rates=BUSY)
    assert other.sound.read_bytes() != day.sound.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir())[0] == "again.settings.json"


def test_the_file_is_as_long_as_asked(day):
    info = soundfile.info(day.sound)
    assert (info.frames, info.samplerate, info.channels, info.subtype) == (150 * RATE, RATE, 1, "PCM_16")


def test_the_truth_is_complete_and_ordered(day):
    rows = truth_of(day)
    assert tuple(rows[0]) == TRUTH_COLUMNS
    shots = [row for row in rows if row["label"] == "gunshot"]
    assert shots
    assert len(shots) < len(rows)
    for row in rows:
        assert 0 <= int(row["onset_sample"]) < int(row["end_sample"])
        assert float(row["onset_s"]) == pytest.approx(int(row["onset_sample"]) / RATE, abs=1e-6)
    for burst in {row["burst"] for row in shots}:
        members = [row for row in shots if row["burst"] == burst]
        assert [int(row["shot_index"]) for row in members] == list(range(1, int(members[0]["n_shots"]) + 1))
        onsets = [int(row["onset_sample"]) for row in members]
        assert onsets == sorted(onsets)
    assert json.loads(day.settings.read_text())["seed"] == 7


def test_onsets_are_exact_to_the_sample(tmp_path):
    """Without events the background stays as it is: what differs is the shots alone."""
    rates = replace(QUIET, hunts_per_hour=200.0, snr_db=(25.0, 30.0))
    loud = simulate_day(tmp_path / "loud.wav", HOURS, 11, ranges=SINGLE, rates=rates)
    calm = simulate_day(tmp_path / "calm.wav", HOURS, 11, ranges=SINGLE, rates=QUIET)
    assert truth_of(calm) == []
    heard, background = (soundfile.read(files.sound, dtype="float64")[0] for files in (loud, calm))
    difference = heard - background
    rows = truth_of(loud)
    assert len(rows) >= 4
    crossing = {int(row["onset_sample"]) // (60 * RATE) for row in rows}
    assert len(crossing) > 1  # more than one piece of the stream
    for row in rows:
        onset = int(row["onset_sample"])
        around = np.abs(difference[onset - 100 : onset + 400])
        first = int(np.argmax(around > 0.05 * around.max())) - 100
        assert -2 <= first <= 40, row


def test_levels_are_as_told(tmp_path):
    rates = replace(QUIET, hunts_per_hour=200.0, snr_db=(8.0, 12.0))
    loud = simulate_day(tmp_path / "loud.wav", HOURS, 3, ranges=SINGLE, rates=rates)
    calm = simulate_day(tmp_path / "calm.wav", HOURS, 3, ranges=SINGLE, rates=QUIET)
    heard, background = (soundfile.read(files.sound, dtype="float32")[0] for files in (loud, calm))
    shots, noise = in_band_power(heard - background, RATE), in_band_power(background, RATE)
    for row in truth_of(loud):
        onset = int(row["onset_sample"])
        after, before = shots[onset : onset + 800].mean(), noise[onset - 2240 : onset].mean()
        assert 10 * np.log10(after / before) == pytest.approx(float(row["snr_db"]), abs=1.0)


def test_recorded_backgrounds_and_confusers(tmp_path, rng):
    paths = []
    for index in range(3):
        path = tmp_path / f"sound_{index}.wav"
        soundfile.write(path, 0.05 * rng.standard_normal(3 * RATE), 16_000 if index else RATE)
        paths.append(path)
    rates = replace(QUIET, confusers_per_hour=200.0)
    files = simulate_day(
        tmp_path / "day.wav", HOURS, 5, rates=rates, backgrounds=paths[:2], confuser_files=paths[2:]
    )
    settings = json.loads(files.settings.read_text())
    assert settings["backgrounds"] == ["sound_0.wav", "sound_1.wav"]
    assert soundfile.info(files.sound).frames == 150 * RATE


def test_recorded_noise_has_one_level_and_no_joins(tmp_path, rng):
    paths = [tmp_path / f"{index}.wav" for index in range(2)]
    for gain, path in zip((0.01, 0.3), paths, strict=True):
        soundfile.write(path, gain * rng.standard_normal(4 * RATE), RATE, subtype="FLOAT")
    noise = np.concatenate(list(islice(recorded_noise(paths, 0.02, 1, RATE, 5 * RATE), 4)))
    assert len(noise) == 20 * RATE
    levels = np.sqrt(np.mean(noise.reshape(-1, 800) ** 2, axis=1))
    assert levels.min() > 0.015
    assert levels.max() < 0.026


def test_forest_noise_comes_in_pieces_without_seams(rng):
    place = replace(draw_forest_noise(rng, RATE, 3600.0), wind_level=0.0, insect_level=(0.0,) * 9)
    place = replace(place, insect_hz=(), level=0.1)
    pieces = list(islice(forest_noise(place, RATE, 4 * RATE), 3))
    again = list(islice(forest_noise(place, RATE, 4 * RATE), 3))
    for piece, same in zip(pieces, again, strict=True):
        np.testing.assert_array_equal(piece, same)
        assert piece.shape == (4 * RATE,)
    whole = np.concatenate(pieces)
    assert np.std(whole) == pytest.approx(0.1, rel=0.1)
    dips = [np.std(whole[k * 2 * RATE : k * 2 * RATE + RATE // 2]) for k in range(6)]
    assert min(dips) > 0.8 * max(dips)
    seams = np.abs(np.diff(whole))[[4 * RATE - 1, 8 * RATE - 1]]
    assert seams.max() < 6 * np.std(np.diff(whole))


def test_rain_and_insects_are_heard(rng):
    place = draw_forest_noise(rng, RATE, 3600.0)
    dry = replace(place, insect_hz=(), rain_first_s=(), rain_end_s=(), rain_level=(), wind_level=0.0)
    wet = replace(dry, rain_first_s=(-100.0,), rain_end_s=(900.0,), rain_level=(5.0,))
    levels = [np.std(next(forest_noise(p, RATE, 4 * RATE))) for p in (dry, wet)]
    assert levels[1] > 3 * levels[0]
    singing = replace(
        dry,
        insect_hz=(2500.0,),
        insect_width_hz=(50.0,),
        insect_level=(3.0,),
        insect_pulse_hz=(0.0,),
        insect_hour=(0.0,),
    )
    low_hz, high_hz = energy_band(
        np.fft.rfftfreq(4 * RATE, 1 / RATE), np.fft.rfft(next(forest_noise(singing, RATE, 4 * RATE))), 0.6
    )
    assert 2300 < low_hz < high_hz < 2700


def test_plan_keeps_things_apart(rng):
    cues = plan(rng, 3600.0, RATE, BUSY)
    onsets = np.array([cue.onset_sample for cue in cues])
    assert np.diff(onsets).min() >= 6 * RATE - 1
    assert onsets.min() >= 8 * RATE
    assert onsets.max() <= 3592 * RATE
    guns = [cue for cue in cues if cue.kind == "gunshot"]
    assert max(cue.firing for cue in guns) > 0
    assert plan(rng, 10.0, RATE, BUSY) == []


def test_loud_span_by_hand():
    samples = np.zeros(4000, np.float32)
    samples[1000:1400] = 1.0
    samples[1400:2000] = 0.2  # −14 dB: still within 20
    samples[2000:3000] = 0.05  # −26 dB
    peak, end = loud_span(samples, RATE)
    assert 1000 <= peak <= 1400
    assert end == pytest.approx(2000, abs=160)


def test_progress_reaches_one(tmp_path):
    seen = []
    simulate_day(tmp_path / "day.wav", HOURS, 1, rates=QUIET, on_progress=seen.append)
    assert seen == pytest.approx([60 / 150, 120 / 150, 1.0])


@pytest.mark.parametrize("hours", [0.0, -1.0, 1000.0])
def test_impossible_lengths(tmp_path, hours):
    with pytest.raises(ConfigError, match="hours is"):
        simulate_day(tmp_path / "day.wav", hours, 1)


def test_a_bad_background_leaves_nothing_behind(tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    with pytest.raises(AudioError, match=r"broken\.wav"):
        simulate_day(tmp_path / "out" / "day.wav", HOURS, 1, rates=QUIET, backgrounds=[broken])
    assert list((tmp_path / "out").iterdir()) == []
    soundfile.write(broken, np.zeros(100), RATE)
    with pytest.raises(AudioError, match="a background needs"):
        simulate_day(tmp_path / "out" / "day.wav", HOURS, 1, rates=QUIET, backgrounds=[broken])


def test_a_place_that_takes_no_files(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(OutputError, match="cannot be written"):
        simulate_day(blocked / "day.wav", HOURS, 1, rates=QUIET)
