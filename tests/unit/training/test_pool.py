from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ndoki.audio.blocks import read_blocks
from ndoki.audio.reader import open_samples
from ndoki.datasets.example_spec import ExampleSpec, Material, ShotSound
from ndoki.datasets.examples import make_example
from ndoki.datasets.manifest import Clip, Sound
from ndoki.features.floor import FloorSpec, above_floor
from ndoki.features.mel import MelSpec, log_mel
from ndoki.training.pool import FRAME_STEP_DB, Pool, build_pool, frames_of
from ndoki.training.targets import LABELS, encode

RATE = 8000
MEL, FLOOR = MelSpec(), FloorSpec()
COLUMNS = Pool.__slots__


def sound(seconds, seed, label="gunshot", level=0.01):
    samples = level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    clip = Clip(path=Path(f"{label}.flac"), kind="x", label=label, group="g", split="train")
    n = len(samples)
    return Sound(
        samples=samples.astype(np.float32),
        rate_hz=RATE,
        clips=(clip,),
        first_samples=(0,),
        n_clip_samples=(n,),
    )


def material(seed, n_backgrounds=1):
    return Material(
        shots=[ShotSound(sound=sound(2.0, seed, level=0.05), onset_sample=4000)],
        backgrounds=[sound(3.0, seed + 10 + i, "tropical_forest") for i in range(n_backgrounds)],
        confusers=[sound(1.0, 99, "door"), sound(1.0, 98, "rain")],
        rate_hz=RATE,
    )


def built(n_examples=12, seed=1, n_processes=1, materials=None, spec=None):
    spec = spec or ExampleSpec(length_s=(1.0, 2.0), simulated=0.0)
    return build_pool(
        materials or [material(1), material(2, 3)], n_examples=n_examples, seed=seed, spec=spec, mel=MEL,
        floor=FLOOR, n_processes=n_processes,
    )  # fmt: skip


def assert_equal(one, other):
    for name in COLUMNS:
        a, b = getattr(one, name), getattr(other, name)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b, err_msg=name)


def test_columns_fit_together():
    pool = built()
    assert len(pool) == 12
    total = pool.first_frames[-1]
    assert pool.first_frames[0] == 0
    assert (np.diff(pool.first_frames) > 0).all()
    assert pool.frames.shape == (total, MEL.n_mels)
    assert pool.shape.shape == (total, 3)
    assert pool.onset.shape == pool.weight.shape == (total,)
    assert pool.labels.shape == (12, len(LABELS))
    assert set(np.unique(pool.cells)) == {0, 1}


def test_an_example_is_kept_to_half_a_step():
    """Example 3, made by hand and compared with its rows."""
    materials = [material(1)]
    spec = ExampleSpec(length_s=(1.0, 2.0), simulated=0.0)
    pool = built(5, seed=8, materials=materials, spec=spec)
    rng = np.random.default_rng([8, 3])
    rng.choice(1, p=[1.0])
    example = make_example(materials[0], spec, rng)
    above = frames_of(example.samples, RATE, MEL, FLOOR)
    target = encode(above, example.onsets, RATE, MEL, example.unsure_samples)
    rows = slice(pool.first_frames[3], pool.first_frames[4])
    kept_db = pool.frames[rows].astype(np.float32) * FRAME_STEP_DB
    np.testing.assert_allclose(kept_db, np.clip(10 * above, -63.5, 63.5), atol=FRAME_STEP_DB / 2 + 1e-4)
    np.testing.assert_allclose(pool.onset[rows] / 255, target.onset, atol=0.5 / 255 + 1e-6)
    np.testing.assert_array_equal(pool.weight[rows] / 255, target.weight)
    np.testing.assert_allclose(pool.shape[rows] / 255, target.shape, atol=0.5 / 255 + 1e-6)


def test_a_seed_makes_one_pool():
    assert_equal(built(), built())
    assert not np.array_equal(built(seed=2).frames[:50], built().frames[:50])


def test_processes_do_not_matter():
    """450 examples are three parts of work."""
    spec = ExampleSpec(length_s=(0.4, 0.5), simulated=0.0, pushed=0.0, confuser=0.0, real=0.0, clip_share=0.0)
    pool = built(450, spec=spec)
    assert_equal(pool, built(450, n_processes=2, spec=spec))
    starts = {pool.frames[first : first + 10].tobytes() for first in pool.first_frames[:-1]}
    assert len(starts) > 400, "the parts repeat each other"


def test_an_example_does_not_depend_on_how_many_there_are():
    few, many = built(4), built(9)
    end = few.first_frames[-1]
    np.testing.assert_array_equal(few.frames, many.frames[:end])
    np.testing.assert_array_equal(few.first_frames, many.first_frames[:5])


def test_a_cell_is_drawn_by_its_size():
    """One shot and one background against one shot and five."""
    spec = ExampleSpec(length_s=(0.4, 0.5), simulated=0.0, pushed=0.0, confuser=0.0, real=0.0, clip_share=0.0)
    share = built(200, materials=[material(1), material(2, 5)], spec=spec).cells.mean()
    assert share == pytest.approx(6 / 8, abs=0.08)


def test_an_example_holds_nothing_of_another_cell():
    """The second cell's sounds are pure tones of 1 kHz: only its own examples have them."""
    tone = (0.1 * np.sin(2 * np.pi * 1000 * np.arange(3 * RATE) / RATE)).astype(np.float32)
    other = material(2)
    toned = replace(
        other,
        backgrounds=[replace(other.backgrounds[0], samples=tone)],
        shots=[ShotSound(sound=replace(other.shots[0].sound, samples=tone), onset_sample=4000)],
    )
    spec = ExampleSpec(
        real=0.5, background=0.5, pushed=0.0, simulated=0.0, confuser=0.0, extra_confuser_share=0.0,
        noise_share=0.0, response_share=0.0, silence_share=0.0, length_s=(1.0, 2.0),
    )  # fmt: skip
    materials = [material(1), toned]
    for i in range(25):
        rng = np.random.default_rng([1, i])
        cell = int(rng.choice(2, p=[0.5, 0.5]))
        samples = make_example(materials[cell], spec, rng).samples
        energy = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
        hz = np.fft.rfftfreq(len(samples), 1 / RATE)
        tonal = energy[np.abs(hz - 1000) < 20].sum() / energy.sum() > 0.5
        assert tonal == (cell == 1)


def test_saved_and_loaded_is_the_same(tmp_path):
    pool = built()
    pool.save(tmp_path / "pool.npz")
    assert_equal(Pool.load(tmp_path / "pool.npz"), pool)
    assert [path.name for path in tmp_path.iterdir()] == ["pool.npz"]


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100])
@pytest.mark.parametrize("seconds", [0.05, 0.4, 7.3])
def test_training_sees_the_frames_that_inference_sees(tmp_path, rate_hz, seconds, rng):
    samples = (0.1 * rng.standard_normal(round(seconds * rate_hz))).astype(np.float32)
    path = tmp_path / "a.wav"
    soundfile.write(path, samples, rate_hz, subtype="FLOAT")
    with open_samples(str(path)) as opened:
        (block,) = read_blocks(opened, 0, grid=MEL.grid, before_frames=0, after_frames=0, block_s=600.0)
    expected = above_floor(log_mel(block.samples, MEL), FLOOR)
    np.testing.assert_allclose(frames_of(samples, rate_hz, MEL, FLOOR), expected, atol=1e-4)
