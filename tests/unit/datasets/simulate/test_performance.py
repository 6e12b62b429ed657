"""One cue made sound: level, place, rows."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from ndoki.datasets.simulate.confusers import CONFUSERS
from ndoki.datasets.simulate.performance import Stage, perform
from ndoki.datasets.simulate.ranges import TRAIN
from ndoki.datasets.simulate.schedule import Cue, Rates
from ndoki.datasets.simulate.specs import RecorderSpec

RATE = 8000
STAGE = Stage(
    seed=1,
    rate_hz=RATE,
    ranges=TRAIN,
    rates=Rates(snr_db=(10.0, 10.0), confuser_snr_db=(12.0, 12.0)),
    recorder=RecorderSpec(),
    near_shots=None,
    confuser_files=(),
)
AUTOMATIC = replace(STAGE, ranges=replace(TRAIN, weapon_shares=(1.0, 0.0, 0.0, 0.0), burst_jitter=(0.0, 0.0)))


@pytest.fixture
def before(rng):
    return (0.01 * rng.standard_normal(RATE)).astype(np.float32)


def test_a_shot_begins_at_its_cue_and_at_its_level(before):
    sound = perform(Cue(onset_sample=90_000, kind="gunshot", seed=4), STAGE, before, burst=3)
    assert sound.first_sample == 90_000
    assert sound.end_sample == 90_000 + len(sound.samples)
    row = sound.rows[0]
    assert row["onset_sample"] == 90_000
    assert row["onset_s"] == 11.25
    assert row["snr_db"] == pytest.approx(10.0, abs=0.01)
    assert row["burst"] == 3
    assert row["label"] == "gunshot"


def test_louder_background_louder_shot(before):
    cue = Cue(onset_sample=0, kind="gunshot", seed=4)
    soft, loud = (perform(cue, STAGE, gain * before, burst=1).samples for gain in (1.0, 10.0))
    np.testing.assert_allclose(loud, 10 * soft, rtol=1e-3, atol=1e-7)


def test_one_gun_keeps_its_place_and_its_rate_of_fire(before):
    firings = [
        perform(Cue(onset_sample=0, kind="gunshot", seed=8, firing=firing), AUTOMATIC, before, burst=firing)
        for firing in range(4)
    ]
    assert len({sound.rows[0]["distance_m"] for sound in firings}) == 1
    assert {sound.rows[0]["weapon"] for sound in firings} == {"automatic"}
    gaps = [int(sound.rows[1]["onset_sample"]) for sound in firings]
    assert max(gaps) - min(gaps) <= 1
    assert len({len(sound.rows) for sound in firings}) > 1


def test_rows_of_a_burst_count_up(before):
    sound = perform(Cue(onset_sample=500, kind="gunshot", seed=9), AUTOMATIC, before, burst=1)
    n_shots = sound.rows[0]["n_shots"]
    assert len(sound.rows) == n_shots
    assert [row["shot_index"] for row in sound.rows] == list(range(1, n_shots + 1))


@pytest.mark.parametrize("kind", CONFUSERS)
def test_every_confuser_is_performed_at_its_level(kind, before):
    sound = perform(Cue(onset_sample=1000, kind=kind, seed=2), STAGE, before, burst=0)
    (row,) = sound.rows
    assert row["label"] == kind
    assert "weapon" not in row
    assert 1000 <= row["onset_sample"] < row["end_sample"] == sound.end_sample
    power = np.convolve(sound.samples.astype(float) ** 2, np.ones(800) / 800, "valid")
    assert 10 * np.log10(power.max() / np.var(before[-2240:])) == pytest.approx(12.0, abs=0.1)


def test_recorded_confusers_are_faded_and_named(tmp_path, before):
    path = tmp_path / "door.wav"
    soundfile.write(path, np.full(20 * 16_000, 0.5) * np.sin(np.arange(20 * 16_000)), 16_000)
    stage = replace(STAGE, confuser_files=(path,))
    sound = perform(Cue(onset_sample=0, kind="file:0", seed=2), stage, before, burst=0)
    assert len(sound.samples) == 12 * RATE
    assert sound.samples[0] == sound.samples[-1] == 0
    assert sound.rows[0]["label"] == "door"
