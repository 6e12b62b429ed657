from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndoki.datasets.augment import band_rms
from ndoki.datasets.backdrops import _joined, backdrop, extended
from ndoki.datasets.canvas import Canvas
from ndoki.datasets.example_spec import Example, ExampleSpec, Material, ShotSound
from ndoki.datasets.examples import make_example
from ndoki.datasets.manifest import Clip, Sound
from ndoki.datasets.onsets import visible_rise
from ndoki.datasets.simulate.ranges import TRAIN
from ndoki.features.floor import FloorSpec
from ndoki.features.mel import MelSpec
from ndoki.training.pool import frames_of

RATE = 8000
KINDS = ("real", "pushed", "simulated", "background", "confuser")
PLAIN = ExampleSpec(
    extra_confuser_share=0.0, response_share=0.0, silence_share=0.0, cut_share=0.0, short_share=0.0
)
ONLY = {kind: replace(PLAIN, **{name: float(name == kind) for name in KINDS}) for kind in KINDS}
SEEDS = st.integers(0, 2**40)


def sound(samples, label="gunshot", kind="gunshot", n_clips=1) -> Sound:
    clips = tuple(
        Clip(path=Path(f"{label}{i}.flac"), kind=kind, label=label, group="g", split="train")
        for i in range(n_clips)
    )
    step = len(samples) // (n_clips + 1) if n_clips > 1 else 0
    return Sound(
        samples=samples.astype(np.float32),
        rate_hz=RATE,
        clips=clips,
        first_samples=tuple(i * step for i in range(n_clips)),
        n_clip_samples=tuple(len(samples) - (n_clips - 1) * step for _ in range(n_clips)),
    )


def noise(seconds, seed, level=0.01):
    return level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def with_burst(at, seed=1):
    samples = noise(6.0, seed)
    samples[at : at + 4000] += noise(0.5, 9, 0.3)[: len(samples) - at] * np.exp(-np.arange(4000) / 1000)
    return samples


MATERIAL = Material(
    shots=[
        ShotSound(sound=sound(with_burst(12_000)), onset_sample=12_000, unsure_samples=(15_000, 40_000)),
        ShotSound(sound=sound(with_burst(30_000), n_clips=2), onset_sample=30_000),
    ],
    backgrounds=[
        sound(noise(7.0, 2), "tropical_forest", "background"),
        sound(noise(3.0, 3), "river", "background"),
    ],
    confusers=[
        sound(noise(5.0, 4, 0.2), "thunder", "confuser"),
        sound(noise(0.5, 5, 0.2), "door", "confuser"),
    ],
    ranges=TRAIN,
    rate_hz=RATE,
)


def example(spec: ExampleSpec, seed: int) -> Example:
    return make_example(MATERIAL, spec, np.random.default_rng(seed))


@settings(max_examples=40)
@given(SEEDS)
def test_any_example_is_sound(seed):
    shares = {"rerecorded_share": 0.3, "patter_share": 0.3, "level_share": 0.3, "codec_share": 0.1}
    made = example(ExampleSpec(speed_share=0.3, **shares), seed)
    assert made.samples.dtype == np.float32
    assert np.isfinite(made.samples).all()
    assert np.abs(made.samples).max() <= 1.0
    assert 0.4 * RATE <= len(made.samples) <= 15 * RATE
    assert made.rate_hz == RATE
    positions = [onset.sample for onset in made.onsets]
    assert positions == sorted(positions)
    assert all(0 <= position < len(made.samples) for position in positions)
    assert list(made.labels) == sorted(set(made.labels))


@settings(max_examples=15)
@given(SEEDS)
def test_a_seed_makes_one_example(seed):
    one, other = example(ExampleSpec(), seed), example(ExampleSpec(), seed)
    np.testing.assert_array_equal(one.samples, other.samples)
    assert (one.onsets, one.unsure_samples, one.labels) == (other.onsets, other.unsure_samples, other.labels)


def test_what_goes_on_and_on_is_a_background_too():
    """Rain is, a door is not; where there is nothing of the kind, the usual backgrounds are taken."""
    rain = sound(noise(20.0, 8, 0.2), "rain", "confuser")
    spec = replace(PLAIN, noise_share=0.0, forest_share=0.0, sustained_share=1.0, clip_share=1.0)

    def level(material):
        return float(np.std(backdrop(material, spec, np.random.default_rng(3))))

    assert level(replace(MATERIAL, confusers=[*MATERIAL.confusers, rain])) == pytest.approx(0.2, rel=0.05)
    assert level(MATERIAL) == pytest.approx(0.01, rel=0.05)


CHANGES = ("speed_share", "rerecorded_share", "patter_share", "level_share", "codec_share")


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_whole_example_keeps_its_shots_where_they_are(change):
    spec = replace(ONLY["pushed"], **{change: 1.0})
    for seed in range(4):
        made, plain = example(spec, seed), example(ONLY["pushed"], seed)
        assert not np.array_equal(made.samples, plain.samples)
        ratio = len(made.samples) / len(plain.samples)
        assert 0.79 < ratio < 1.26
        for onset, before in zip(made.onsets, plain.onsets, strict=True):
            assert abs(onset.sample - ratio * before.sample) <= 2


@pytest.mark.parametrize("also", [{"extra_confuser_share": 1.0}, {"patter_share": 1.0}])
def test_a_look_alike_and_a_drop_may_be_what_an_example_begins_with(also):
    """Where only shots were, whatever begins abruptly would be one."""
    quiet = dict.fromkeys(("snr_db", "confuser_snr_db", "patter_snr_db"), (0.0, 10.0))
    spec = replace(ONLY["pushed"], **also, **quiet, burst_share=0.0)
    begun_with_shot = 0
    for seed in range(30):
        whole, made = example(spec, seed), example(replace(spec, abrupt_share=1.0), seed)
        first = int(np.argmax(whole.samples == made.samples[0]))
        np.testing.assert_array_equal(whole.samples[first : first + len(made.samples)], made.samples)
        begun_with_shot += any(onset.sample <= 0.25 * RATE for onset in made.onsets)
    assert 6 < begun_with_shot < 26


def test_material_is_never_changed():
    before = [s.samples.copy() for s in (*MATERIAL.backgrounds, *MATERIAL.confusers)]
    shots = [shot.sound.samples.copy() for shot in MATERIAL.shots]
    for seed in range(40):
        example(ExampleSpec(silence_share=0.5, response_share=0.5), seed)
    for kept, now in zip(before, (*MATERIAL.backgrounds, *MATERIAL.confusers), strict=True):
        np.testing.assert_array_equal(now.samples, kept)
    for kept, shot in zip(shots, MATERIAL.shots, strict=True):
        np.testing.assert_array_equal(shot.sound.samples, kept)


@pytest.mark.parametrize("kind", ["background", "confuser"])
def test_no_shot_no_onset(kind):
    for seed in range(20):
        made = example(ONLY[kind], seed)
        assert made.onsets == ()
        assert made.unsure_samples == ()
        assert kind == "confuser" or made.labels == ()


def test_labels_are_those_of_recorded_look_alikes():
    seen = {label for seed in range(40) for label in example(ONLY["confuser"], seed).labels}
    assert seen == {"thunder", "door"}


def test_a_look_alike_beside_a_shot_is_labelled_too():
    spec = replace(ONLY["real"], extra_confuser_share=1.0)
    found = [example(spec, seed) for seed in range(30)]
    assert {label for made in found for label in made.labels} == {"thunder", "door"}
    assert sum(bool(made.onsets) for made in found) > 15
    assert all(not example(ONLY["real"], seed).labels for seed in range(10))


def test_a_real_shots_onset_moves_with_its_sound():
    """Where the example says that the onset is, there are the very samples of the recording."""
    n_found = 0
    for seed in range(40):
        made = example(ONLY["real"], seed)
        for onset in made.onsets:
            assert not onset.exact
            n_found += 1
            here = made.samples[onset.sample : onset.sample + 400]
            sources = [shot.sound.samples[shot.onset_sample :][: len(here)] for shot in MATERIAL.shots]
            assert any(
                len(source) == len(here) and np.allclose(here, source, atol=1e-6) for source in sources
            )
    assert n_found > 25


def test_doubtful_places_move_along():
    for seed in range(30):
        made = example(ONLY["real"], seed)
        if made.unsure_samples and made.onsets:
            assert np.subtract(made.unsure_samples, made.onsets[0].sample).tolist() == [3000, 28_000]


def test_a_simulated_onset_is_exact():
    onsets = [onset for seed in range(10) for onset in example(ONLY["simulated"], seed).onsets]
    assert onsets
    assert all(onset.exact for onset in onsets)


def test_pushed_shots_come_alone_and_in_bursts():
    counts = [len(example(ONLY["pushed"], seed).onsets) for seed in range(60)]
    assert counts.count(1) > 30
    assert max(counts) > 2


@pytest.mark.parametrize("kind", ["pushed", "simulated"])
def test_a_mixed_shot_is_louder_at_its_onset(kind):
    """At 20 to 25 dB the 100 ms behind a first onset stand out of the 280 ms before it."""
    spec = replace(ONLY[kind], snr_db=(20.0, 25.0), noise_share=0.0)
    for seed in range(15):
        made = example(spec, seed)
        first = made.onsets[0].sample
        if first < RATE or first > len(made.samples) - RATE:
            continue
        before = band_rms(made.samples[first - 2240 : first - 200], RATE)
        after = band_rms(made.samples[first : first + 800], RATE)
        assert 20 * np.log10(after / before) > 14


@settings(max_examples=40)
@given(
    snr_db=st.floats(-10.0, 30.0),
    at=st.integers(3000, 30_000),
    reference=st.integers(0, 2000),
    seed=st.integers(0, 99),
)
def test_the_canvas_mixes_at_the_ratio_that_was_asked_for(snr_db, at, reference, seed):
    """Measured on what was added: 100 ms from the reference on against the 280 ms before it."""
    background = noise(5.0, seed).astype(np.float32)
    canvas = Canvas(background.copy(), RATE, [], [], [])
    canvas.add(noise(1.0, seed + 100, 0.5).astype(np.float32), at, reference, snr_db)
    added = canvas.samples - background
    ratio = band_rms(added[at : at + 800], RATE) / band_rms(background[at - 2240 : at], RATE)
    assert 20 * np.log10(ratio) == pytest.approx(snr_db, abs=0.1)
    first = at - reference
    assert not added[: max(0, first)].any()
    assert not added[first + RATE :].any()


@given(at=st.integers(0, 39_999), reference=st.integers(0, 7999))
def test_a_part_that_sticks_out_is_cut_at_the_edges(at, reference):
    canvas = Canvas(noise(5.0, 1).astype(np.float32), RATE, [], [], [])
    part = np.zeros(8000, np.float32)
    part[reference] = 1.0
    before = canvas.samples.copy()
    canvas.add(part, at, reference, 60.0)
    assert len(canvas.samples) == 40_000
    changed = np.flatnonzero(np.abs(canvas.samples - before) > 1e-3)
    assert changed.tolist() in ([at], [])


@given(st.integers(1, 500), st.integers(1, 500), st.integers(0, 600))
def test_a_joint_keeps_level_and_length(n_first, n_second, fade):
    """Equal power: the squares of the two weights add up to 1 everywhere."""
    fade_used = min(fade, n_first, n_second)
    left = _joined(np.ones(n_first, np.float32), np.zeros(n_second, np.float32), fade)
    right = _joined(np.zeros(n_first, np.float32), np.ones(n_second, np.float32), fade)
    assert len(left) == n_first + n_second - fade_used
    np.testing.assert_allclose(left**2 + right**2, 1.0, atol=1e-5)


@given(st.integers(1, 9 * RATE), SEEDS)
def test_a_stretch_grows_to_its_length_and_is_found_again(n, seed):
    samples = with_burst(3000).astype(np.float32)[: 2 * RATE]
    grown, moved = extended(samples, n, MATERIAL, np.random.default_rng(seed))
    assert len(grown) >= min(n, len(grown))
    assert len(grown) >= len(samples)
    assert len(grown) >= 0.9 * n
    middle = slice(round(0.3 * RATE), len(samples) - round(0.3 * RATE))
    np.testing.assert_array_equal(grown[moved:][middle], samples[middle])


@pytest.mark.parametrize(
    ("snr_db", "least", "most"), [(-6.0, 0.2, 0.5), (-4.0, 0.08, 0.3), (0.0, 0.0, 0.07), (6.0, 0.0, 0.0)]
)
def test_how_many_simulated_shots_rise_by_less_than_3_db(snr_db, least, most):
    """In steady noise: 1 in 4 at −6 dB, 1 in 8 at −4 dB, hardly any at 0 dB."""
    mel = MelSpec()
    spec = replace(ONLY["simulated"], snr_db=(snr_db, snr_db), noise_share=1.0, forest_share=0.0)
    n_unseen = 0
    for seed in range(120):
        made = example(spec, seed)
        above = frames_of(made.samples, RATE, mel, FloorSpec())
        frame = min(max(mel.grid.frame_at(made.onsets[0].sample, RATE), 0), len(above) - 1)
        n_unseen += visible_rise(above, frame) < 0.3
    assert least <= n_unseen / 120 <= most
