from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ndoki.datasets.look_alikes import LookAlike, draw_look_alike
from ndoki.datasets.manifest import Clip, Sound
from ndoki.datasets.simulate.draw import ends_at_level_m
from ndoki.datasets.simulate.ranges import TRAIN

RATE = 8000


def sound(samples, label, kind="confuser") -> Sound:
    clip = Clip(path=Path(f"{label}.flac"), kind=kind, label=label, group="g", split="train")
    return Sound(
        samples=samples.astype(np.float32),
        rate_hz=RATE,
        clips=(clip,),
        first_samples=(0,),
        n_clip_samples=(len(samples),),
    )


def noise(seconds, seed):
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def knock():
    samples = 0.001 * noise(6.0, 3)
    samples[24_000:24_400] += np.exp(-np.arange(400) / 60) * np.cos(np.arange(400))
    return samples


FIELD = [sound(noise(8.0, 1), "tropical_forest", "background")]


def drawn(seed: int, confusers, **changes) -> LookAlike:
    options = {"rate_hz": RATE, "snr_db": (0.0, 30.0), "pushed_share": 0.0, **changes}
    return draw_look_alike(FIELD, confusers, TRAIN, np.random.default_rng(seed), **options)


def rise_s(samples) -> float:
    """Seconds from a tenth to nine tenths of the level's largest value."""
    level = np.sqrt(np.convolve(np.square(samples), np.ones(400) / 400, "valid"))
    top = level.max()
    return (np.argmax(level > 0.9 * top) - np.argmax(level > 0.1 * top)) / RATE


def test_every_look_alike_is_sound():
    for seed in range(80):
        one = drawn(seed, [sound(noise(5.0, 2), "rain"), sound(knock(), "door")], pushed_share=0.5)
        assert one.samples.dtype == np.float32
        assert np.isfinite(one.samples).all()
        assert 0 <= one.loudest_sample < len(one.samples)
        assert one.label in ("", "rain", "door")


def test_cut_out_rain_swells_or_goes_on():
    """A sudden beginning with a soft end is what makes a shot: no cut may give rain both."""
    rain = [one for one in (drawn(seed, [sound(noise(9.0, 2), "rain")]) for seed in range(120)) if one.label]
    sudden = [one for one in rain if rise_s(one.samples) < 0.15]
    assert len(rain) > 30
    assert 0 < len(sudden) < 0.4 * len(rain)
    for one in sudden:
        assert len(one.samples) == 4.0 * RATE


def test_a_knock_keeps_its_own_beginning():
    knocks = [one for one in (drawn(seed, [sound(knock(), "door")]) for seed in range(120)) if one.label]
    assert len(knocks) > 30
    told = [one for one in knocks if np.argmax(np.abs(one.samples)) == one.loudest_sample]
    assert len(told) > 15
    for one in told:
        assert one.loudest_sample >= 0.1 * RATE
        assert rise_s(one.samples) < 0.1


def test_a_splice_is_fainter_than_what_it_is_spliced_into():
    splices = [one for one in (drawn(seed, []) for seed in range(200)) if one.snr_db[1] < 5.0]
    assert 8 < len(splices) < 40


def test_hollow_knocks_are_heard_in_worlds_that_have_them():
    for share, differ in ((0.0, False), (1.0, True)):
        ranges = replace(TRAIN, hollow_share=share)
        rng = np.random.default_rng(0)
        options = {"rate_hz": RATE, "snr_db": (0.0, 30.0), "pushed_share": 0.0}
        one = draw_look_alike(FIELD, [], ranges, rng, **options)
        assert np.array_equal(one.samples, drawn(0, []).samples) != differ


def test_loud_blows_are_near_where_levels_go_with_distances():
    ranges = replace(TRAIN, struck_audible_m=(60.0, 800.0), hollow_share=1.0)
    ends = [
        ends_at_level_m((5.0, 600.0), ranges.struck_audible_m, level_db) for level_db in (0.0, 20.0, 60.0)
    ]
    assert ends[0] == pytest.approx((60.0, 600.0))
    assert ends[1] == pytest.approx((60 / 10**0.5, 800 / 10**0.5))
    assert ends[2] == pytest.approx((5.0, 800 / 10**1.5))
    options = {"rate_hz": RATE, "snr_db": (0.0, 30.0), "pushed_share": 0.0}
    for seed in range(20):
        one = draw_look_alike(FIELD, [], ranges, np.random.default_rng(seed), **options)
        # The level that the distance was drawn for is the one that it gets.
        assert one.snr_db[0] == one.snr_db[1] or one.snr_db[0] < 0
        assert -15.0 <= one.snr_db[0] <= 30.0


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_without_recordings_all_are_synthetic(share):
    for seed in range(20):
        assert drawn(seed, [], pushed_share=share).label == ""
