"""Rendered shots: exact truth, physics, and laws that hold for any draw."""

import time
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndoki.core.config import from_table
from ndoki.core.errors import ConfigError
from ndoki.datasets.simulate.measured import NearShots
from ndoki.datasets.simulate.scene import (
    TEST,
    TRAIN,
    ForestSpec,
    ShotSpec,
    SimulationRanges,
    draw_and_render,
    draw_forest,
    draw_recorder,
    draw_shot,
    render,
    send,
)
from ndoki.datasets.simulate.sending import transfers
from ndoki.datasets.simulate.specs import BAND_CENTRES_HZ, WEAPONS

RATE = 8000
RIFLE = ShotSpec(weapon="rifle", source="friedlander", pressure_pa=2000.0, positive_s=0.0008)
CRACKING = replace(RIFLE, aim_rad=0.4, speed_m_s=850.0, slowing_per_s=0.8, flight_m=400.0)
FOREST = ForestSpec(turbulence_db=0.0, tail_change=0.0)
BARE = replace(FOREST, tail_level_db=(-120.0,) * len(BAND_CENTRES_HZ))
SINGLE = replace(TRAIN, weapon_shares=(0.0, 1.0, 1.0, 1.0), series_share=0.0)


def rendered(shot=RIFLE, forest=FOREST, distance_m=500.0, rate_hz=RATE, seed=1, **more):
    return render(shot, forest, distance_m, rate_hz, np.random.default_rng(seed), **more)


def energy_share(samples, rate_hz, below_hz):
    energy = np.abs(np.fft.rfft(samples)) ** 2
    return energy[np.fft.rfftfreq(len(samples), 1 / rate_hz) < below_hz].sum() / energy.sum()


@settings(max_examples=25)
@given(st.integers(0, 2**40), st.sampled_from([4000, 8000]), st.sampled_from([TRAIN, TEST]))
def test_any_draw_is_sound(seed, rate_hz, ranges):
    shot = draw_and_render(np.random.default_rng(seed), ranges, rate_hz=rate_hz)
    assert shot.samples.dtype == np.float32
    assert np.isfinite(shot.samples).all()
    assert np.abs(shot.samples).max() == pytest.approx(1.0, abs=1e-6)
    assert shot.n_shots == len(shot.end_samples) == len(shot.peak_samples) == len(shot.first_arrivals)
    assert list(shot.onset_samples) == sorted(set(shot.onset_samples))
    for onset, peak, end in zip(shot.onset_samples, shot.peak_samples, shot.end_samples, strict=True):
        assert 0 < onset <= peak < end
    assert shot.onset_samples[-1] < len(shot.samples) - 3.5 * rate_hz
    assert 0 <= shot.low_hz < shot.high_hz <= rate_hz / 2
    assert shot.weapon in WEAPONS
    assert ranges.distance_m[0] <= shot.distance_m <= ranges.distance_m[1]
    before = shot.samples[: shot.onset_samples[0] - round(0.005 * rate_hz)]
    assert np.sum(before.astype(float) ** 2) < 2e-3 * np.sum(shot.samples.astype(float) ** 2)


@pytest.mark.parametrize("distance_m", [100.0, 1500.0])
def test_onset_is_exact(distance_m):
    shot = rendered(forest=BARE, distance_m=distance_m)
    onset = shot.onset_samples[0]
    assert onset == 0.15 * RATE
    assert np.abs(shot.samples[: onset - 3]).max() < 0.05
    assert np.abs(shot.samples[onset - 1 : onset + 40]).max() > 0.5


def test_equal_seeds_give_equal_sound_and_other_seeds_others():
    one, same, other = (draw_and_render(np.random.default_rng(seed), TRAIN) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one.samples, same.samples)
    assert one.onset_samples == same.onset_samples
    assert len(one.samples) != len(other.samples) or not np.array_equal(one.samples, other.samples)


def test_a_burst_is_the_sum_of_its_shots():
    times_s = (0.0, 0.1, 0.202)
    one = rendered()
    burst = rendered(replace(RIFLE, shot_times_s=times_s, shot_gains_db=(0.0,) * 3), BARE)
    single = rendered(forest=BARE)
    assert [o - burst.onset_samples[0] for o in burst.onset_samples] == [0, 800, 1616]
    n = 6000
    alone = single.samples[:n].astype(float) * single.peak_pa
    expected = alone.copy()
    expected[800:] += alone[: n - 800]
    expected[1616:] += alone[: n - 1616]
    np.testing.assert_allclose(burst.samples[:n] * burst.peak_pa, expected, atol=0.02 * single.peak_pa)
    assert one.end_samples[0] > single.end_samples[0]


def test_the_forest_stays_within_a_burst():
    shot = replace(RIFLE, shot_times_s=(0.0, 2.0), shot_gains_db=(0.0, 0.0))
    still = rendered(shot, replace(FOREST, tail_decay_s=(0.4,) * 8))
    first, second = (still.samples[o : o + 8000] for o in still.onset_samples)
    assert np.corrcoef(first, second)[0, 1] > 0.999
    assert np.sum(second[800:] ** 2) > 0.002 * np.sum(second**2)  # the tail, not only the direct wave
    changing = rendered(shot, replace(FOREST, tail_decay_s=(0.4,) * 8, tail_change=0.6), seed=3)
    first, second = (changing.samples[o : o + 8000] for o in changing.onset_samples)
    assert 0.3 < np.corrcoef(first, second)[0, 1] < 0.995


def test_far_shots_are_weaker_and_lower():
    shots = [rendered(forest=BARE, distance_m=distance_m) for distance_m in (100.0, 500.0, 1500.0)]
    highs = [shot.high_hz for shot in shots]
    assert highs == sorted(highs, reverse=True)
    assert shots[1].peak_pa < shots[0].peak_pa / 5


def test_drawn_shots_beyond_a_kilometre_lie_below_700_hz():
    ranges = replace(SINGLE, distance_m=(1000.0, 2000.0))
    drawn = [draw_and_render(np.random.default_rng(seed), ranges) for seed in range(40)]
    shares = [energy_share(shot.samples, RATE, 700.0) for shot in drawn]
    assert np.median(shares) > 0.95


def test_tails_last_and_bare_shots_do_not():
    shot, bare = rendered(), rendered(forest=BARE)
    last = {name: x.end_samples[0] - x.onset_samples[0] for name, x in (("tail", shot), ("bare", bare))}
    assert last["tail"] > 0.1 * RATE
    assert last["bare"] < 0.06 * RATE


def test_a_soft_forest_is_loudest_late():
    soft = replace(
        FOREST,
        direct_gain_db=-25.0,
        tail_level_db=(10.0,) * 8,
        tail_rise_s=0.15,
        early_share=0.0,
        tail_decay_s=(2.0,) * 8,
    )
    shot = rendered(forest=soft)
    assert 0.05 * RATE < shot.peak_samples[0] - shot.onset_samples[0] < 0.5 * RATE


def test_the_crack_comes_first_and_the_blast_when_physics_says():
    forest = replace(BARE, foliage_db_per_m=0.01)
    shot, plain = rendered(CRACKING, forest, 300.0), rendered(RIFLE, forest, 300.0)
    assert shot.first_arrivals == ("crack",)
    assert plain.first_arrivals == ("blast",)
    lead = rendered(CRACKING, forest, 300.0).samples.astype(float)
    blast = plain.samples[plain.onset_samples[0] :][:400].astype(float)
    after = lead[shot.onset_samples[0] + 200 :]
    found = 200 + np.argmax(np.abs(np.correlate(after[:8000], blast, "valid")))
    # Mach cone by halving: at 300 m, 0.4 rad, 850 m/s slowing by 0.8 per s
    from ndoki.datasets.simulate.propagation import sound_speed_m_s
    from ndoki.datasets.simulate.source import crack_at

    sound_m_s = sound_speed_m_s(25.0)
    crack = crack_at(300.0, 0.4, 850.0, 0.8, 400.0, sound_m_s)
    assert found == pytest.approx((300.0 / sound_m_s - crack.arrival_s) * RATE, abs=4)


def test_shotguns_never_crack():
    ranges = replace(TRAIN, weapon_shares=(0.0, 0.0, 1.0, 0.0))
    shots = [draw_shot(np.random.default_rng(seed), ranges=ranges) for seed in range(50)]
    assert {shot.weapon for shot in shots} == {"shotgun"}
    assert all(shot.speed_m_s == 0 for shot in shots)


def test_automatic_fire_has_its_rate():
    ranges = replace(TRAIN, weapon_shares=(1.0, 0.0, 0.0, 0.0))
    shots = [draw_shot(np.random.default_rng(seed), ranges=ranges) for seed in range(80)]
    assert all(2 <= shot.n_shots <= 30 for shot in shots)
    gaps = np.concatenate([np.diff(shot.shot_times_s) for shot in shots])
    assert gaps.min() >= 0.7 / 15
    assert gaps.max() <= 1.4 / 8
    steady = [shot for shot in shots if shot.n_shots > 3 and np.ptp(np.diff(shot.shot_times_s)) < 1e-9]
    assert steady
    assert all(0.098 <= shot.shot_times_s[1] <= 0.106 for shot in steady)


def test_measured_sources_are_used_and_missed(rng):
    near = NearShots(
        rate_hz=8000,
        samples=(np.exp(-np.arange(80, dtype=np.float32) / 9),),
        weapons=("rifle",),
        names=("a",),
    )
    shot = replace(RIFLE, source="measured", measured_index=0)
    assert rendered(shot, near_shots=near, rate_hz=4000).rate_hz == 4000
    with pytest.raises(ConfigError, match=r"'measured' number 0 is not there"):
        rendered(shot)
    with pytest.raises(ConfigError, match=r"'laser'"):
        rendered(replace(RIFLE, source="laser"))
    only = replace(TRAIN, friedlander_share=0.0, berlage_share=0.0, weapon_shares=(0.0, 1.0, 0.0, 0.0))
    assert draw_shot(rng, ranges=only, near_shots=near).source == "measured"


def test_the_recorder_limits_the_band():
    deep = rendered(
        recorder=replace(draw_recorder(np.random.default_rng(0), TRAIN), low_cut_hz=5.0, high_cut_hz=300.0)
    )
    assert deep.high_hz < rendered().high_hz


def test_worlds_are_apart_and_fit_a_recipe():
    for seed in range(20):
        train, test = (draw_forest(np.random.default_rng(seed), ranges, 500.0) for ranges in (TRAIN, TEST))
        assert test.foliage_db_per_m > TRAIN.foliage_db_per_m[1] >= train.foliage_db_per_m
        assert test.foliage_path_m < TRAIN.foliage_path_m[0] <= train.foliage_path_m
        assert test.ground_kpa_s_m2 > TRAIN.ground_kpa_s_m2[1] >= train.ground_kpa_s_m2
    table = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(TEST).items()}
    assert from_table(SimulationRanges, table, "here") == TEST


def test_send_delays_nothing_and_adds_a_tail(rng):
    click = np.zeros(400, np.float32)
    click[0] = 1.0
    heard = send(click, RATE, FOREST, 200.0)
    assert len(heard) >= 400 + 2 * RATE
    assert np.abs(heard[:20]).max() > 0.2
    assert np.sum(heard[800:] ** 2) > 100 * np.sum(send(click, RATE, BARE, 200.0)[800:] ** 2)
    assert not send(np.zeros(100, np.float32), RATE, FOREST, 200.0).any()


def test_a_trunk_beside_the_recorder_colours_all_that_arrives():
    beside = replace(FOREST, nearby_delay_s=0.001, nearby_gain=0.8)
    ways = [transfers(forest, 300.0, 16_384, RATE, 2.0, 2) for forest in (FOREST, beside)]
    for plain, coloured in zip(*ways, strict=True):
        heard = np.abs(plain) > 1e-6
        factor = np.abs(coloured[heard] / plain[heard])
        hz = np.fft.rfftfreq(16_384, 1 / RATE)[heard]
        # 1.8 where the two waves agree, at multiples of 1 kHz; 0.2 half way between.
        np.testing.assert_allclose(factor, np.abs(1 + 0.8 * np.exp(-2j * np.pi * hz * 0.001)), rtol=1e-3)
        assert factor.min() < 0.21 < 1.79 < factor.max()


@pytest.mark.parametrize(
    ("share", "off"),
    [
        ("nearby_share", {"nearby_gain": 0.0, "nearby_delay_s": 0.0}),
        ("low_cut_share", {"low_cut_hz": 0.0, "low_cut_db_per_octave": 0.0}),
    ],
)
def test_only_worlds_that_ask_for_it_have_it_and_nothing_else_differs(share, off):
    plain = [draw_forest(np.random.default_rng(seed), TRAIN, 300.0) for seed in range(30)]
    never, always = (
        [
            draw_forest(np.random.default_rng(seed), replace(TRAIN, **{share: value}), 300.0)
            for seed in range(30)
        ]
        for value in (0.0, 1.0)
    )
    assert never == plain
    assert all(getattr(forest, name) > 0 for forest in always for name in off)
    assert [replace(forest, **off) for forest in always] == plain


def test_a_single_shot_is_cheap():
    best_s = []
    for seed in range(10):
        trials = []
        for _ in range(3):
            began_s = time.process_time()
            draw_and_render(np.random.default_rng(seed), SINGLE)
            trials.append(time.process_time() - began_s)
        best_s.append(min(trials))
    assert np.median(best_s) < 0.02  # 4 to 5 ms on an idle core of 2026
