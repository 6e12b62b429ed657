"""Gun to recorder: the stages multiplied, and the rules of drawing."""

from dataclasses import fields, replace

import numpy as np
import pytest

from ndoki.datasets.simulate.cadence import burst_times_s, firing_times_s, log_uniform, series_times_s
from ndoki.datasets.simulate.chain import blast_spectrum, crack_spectrum, path_gain_db, path_response
from ndoki.datasets.simulate.draw import draw_distance_m, draw_forest, draw_recorder, draw_shot
from ndoki.datasets.simulate.ground import ground_db
from ndoki.datasets.simulate.propagation import air_absorption_db_per_m, foliage_db, sound_speed_m_s
from ndoki.datasets.simulate.ranges import TEST, TRAIN
from ndoki.datasets.simulate.source import Crack, friedlander_spectrum, n_wave_peak_pa, stretched_s
from ndoki.datasets.simulate.specs import BAND_CENTRES_HZ, ForestSpec, ShotSpec
from ndoki.datasets.simulate.truth import energy_band, in_band_power

HZ = np.geomspace(20.0, 4000.0, 50)
FOREST = ForestSpec()
SHOT = ShotSpec(weapon="rifle", source="friedlander", pressure_pa=1500.0, positive_s=0.0006)


def test_the_way_is_the_sum_of_its_stages():
    ground = ground_db(HZ, 800.0, 1.4, 8.0, 60.0, 0.7, sound_speed_m_s(25.0))
    expected = (
        ground
        - foliage_db(HZ, 800.0, 0.02, 0.7, 600.0)
        - 800.0 * air_absorption_db_per_m(HZ, 25.0, 90.0)
        - 20 * np.log10(800.0)
    )
    np.testing.assert_allclose(path_gain_db(HZ, FOREST, 800.0, 1.4), expected)


def test_the_filter_has_the_gain_of_the_way():
    response = path_response(FOREST, 800.0, 1.4, 8000, 32_000)
    hz = np.arange(16_001) / 4.0
    inside = (hz > 60) & (hz < 3800)
    found_db = 20 * np.log10(np.abs(response[inside]))
    np.testing.assert_allclose(found_db, path_gain_db(hz[inside], FOREST, 800.0, 1.4), atol=1.0)


def test_a_low_cut_takes_three_decibels_at_its_frequency_and_its_slope_below():
    thin = replace(FOREST, low_cut_hz=500.0, low_cut_db_per_octave=12.0)
    hz = np.array([62.5, 125.0, 500.0, 4000.0])
    lost_db = path_gain_db(hz, FOREST, 800.0, 1.4) - path_gain_db(hz, thin, 800.0, 1.4)
    assert lost_db[2] == pytest.approx(10 * np.log10(2))
    assert lost_db[0] - lost_db[1] == pytest.approx(12.0, abs=0.05)
    assert lost_db[3] < 0.01


def test_the_blast_is_stretched_on_its_way():
    expected = friedlander_spectrum(HZ, 1500.0, stretched_s(0.0006, 700.0))
    np.testing.assert_allclose(blast_spectrum(HZ, SHOT, 700.0, None), expected)


def test_the_crack_has_whithams_pressure_where_it_arrives():
    crack = Crack(arrival_s=0.5, path_m=120.0, miss_m=100.0, mach=1.8)
    spectrum = crack_spectrum(np.array([1.0, 2.0]), SHOT, FOREST, crack)
    # ∫ of an N-wave is 0, its first moment −P·T²/6, so |S(f)| → 2πf·P·T²/6 for small f
    peak_pa = n_wave_peak_pa(1.8, 100.0, SHOT.bullet_m, SHOT.bullet_length_m, 101_325)
    slope = np.abs(spectrum) / np.array([1.0, 2.0])
    assert slope[0] == pytest.approx(slope[1], rel=1e-4)
    duration_s = np.sqrt(slope[0] * 6 / (2 * np.pi * peak_pa * 120.0))
    assert 0.0002 < duration_s < 0.001


@pytest.mark.parametrize("ranges", [TRAIN, TEST], ids=["train", "test"])
def test_everything_drawn_lies_within_its_range(ranges):
    for seed in range(60):
        rng = np.random.default_rng(seed)
        forest, recorder = draw_forest(rng, ranges, 500.0), draw_recorder(rng, ranges, 4000)
        for name in (
            "temperature_c",
            "humidity_pct",
            "pressure_kpa",
            "foliage_db_per_m",
            "foliage_exponent",
            "foliage_path_m",
            "ground_kpa_s_m2",
            "recorder_height_m",
            "ground_coherence",
            "tail_growth_db",
            "early_decay_s",
            "turbulence_db",
            "tail_change",
        ):
            low, high = getattr(ranges, name)
            assert low <= getattr(forest, name) <= high, name
        assert len(forest.tail_decay_s) == len(forest.tail_level_db) == len(BAND_CENTRES_HZ)
        assert min(forest.tail_decay_s) >= 0.05
        assert max(forest.tail_decay_s) <= ranges.tail_decay_s[1]
        assert len(forest.echo_delays_s) == len(forest.echo_gains_db) == len(forest.echo_smears_s)
        assert ranges.recorder_low_hz[0] <= recorder.low_cut_hz <= ranges.recorder_low_hz[1]
        assert recorder.high_cut_hz < 2000


@pytest.mark.parametrize("ranges", [TRAIN, TEST], ids=["train", "test"])
def test_faint_shots_are_far_and_loud_ones_near(ranges):
    rng = np.random.default_rng(0)
    medians = []
    for snr_db in (-5.0, 10.0, 25.0, 40.0):
        drawn = [draw_distance_m(rng, ranges, snr_db) for _ in range(200)]
        assert ranges.distance_m[0] <= min(drawn) <= max(drawn) <= ranges.distance_m[1]
        medians.append(np.median(drawn))
    assert medians == sorted(medians, reverse=True)
    # 40 dB per tenfold distance: 20 dB over the background is 1/√10 of where shots are as loud as it
    here = [draw_distance_m(rng, replace(ranges, audible_m=(1000.0, 1000.0)), 20.0) for _ in range(3)]
    assert here == pytest.approx([1000 / np.sqrt(10)] * 3)


def test_only_a_clearing_returns_nothing():
    ranges = replace(TRAIN, no_tail_share=1.0, soft_share=0.0, tail_roughness_db=(0.0, 0.0))

    def loudest_tails_db(distance_m):
        forests = [draw_forest(np.random.default_rng(seed), ranges, distance_m) for seed in range(30)]
        return [max(forest.tail_level_db) for forest in forests]

    near, far = loudest_tails_db(ranges.clearing_m), loudest_tails_db(ranges.clearing_m + 1)
    assert np.subtract(far, near).min() >= 15 - 1e-9


def test_ranges_are_flat():
    for field in fields(TRAIN):
        value = getattr(TRAIN, field.name)
        numbers = value if isinstance(value, tuple) else (value,)
        assert all(isinstance(number, float) for number in numbers), field.name
        if len(numbers) == 2:
            assert numbers[0] <= numbers[1], field.name


def test_shots_have_the_loads_of_their_weapons():
    shots = [draw_shot(np.random.default_rng(seed), ranges=TRAIN) for seed in range(200)]
    by_weapon = {
        weapon: [s for s in shots if s.weapon == weapon] for weapon in ("rifle", "shotgun", "pistol")
    }
    pressure = {weapon: np.median([s.pressure_pa for s in found]) for weapon, found in by_weapon.items()}
    assert pressure["rifle"] > pressure["shotgun"]
    assert pressure["rifle"] > pressure["pistol"]
    duration = {weapon: np.median([s.positive_s for s in found]) for weapon, found in by_weapon.items()}
    assert duration["pistol"] < duration["shotgun"]
    assert all(len(s.shot_gains_db) == s.n_shots and s.shot_times_s[0] == 0 for s in shots)


def test_cadence_by_hand(rng):
    exact = replace(TRAIN, steady_burst_share=1.0, steady_interval_s=(0.1, 0.1), burst_shots=(5.0, 5.0))
    assert burst_times_s(rng, exact) == pytest.approx((0.0, 0.1, 0.2, 0.3, 0.4))
    assert burst_times_s(rng, exact, interval_s=0.08) == pytest.approx((0.0, 0.08, 0.16, 0.24, 0.32))
    single = replace(TRAIN, series_share=0.0)
    assert series_times_s(rng, single) == (0.0,)
    assert firing_times_s(rng, single, "shotgun") == (0.0,)
    series = series_times_s(
        rng, replace(TRAIN, series_share=1.0, series_shots=(3.0, 3.0), series_gap_s=(0.5, 0.5))
    )
    assert series == pytest.approx((0.0, 0.5, 1.0))


def test_a_regular_series_keeps_the_pace_that_it_drew():
    regular = replace(TRAIN, series_share=1.0, series_shots=(5.0, 5.0), regular_series_share=1.0)
    for seed in range(20):
        gaps_s = np.diff(series_times_s(np.random.default_rng(seed), regular))
        assert len(gaps_s) == 4
        assert gaps_s.max() / gaps_s.min() < 1.4
        assert 0.15 * 0.8 < gaps_s.min() < gaps_s.max() < 3.0 * 1.2
    each_its_own = replace(regular, regular_series_share=0.0)
    ratios = []
    for seed in range(20):
        gaps_s = np.diff(series_times_s(np.random.default_rng(seed), each_its_own))
        ratios.append(gaps_s.max() / gaps_s.min())
    assert np.median(ratios) > 2


def test_log_uniform_halves_at_the_geometric_mean(rng):
    drawn = [log_uniform(rng, (10.0, 1000.0)) for _ in range(4000)]
    assert min(drawn) >= 10
    assert max(drawn) <= 1000
    assert np.median(drawn) == pytest.approx(100.0, rel=0.1)


def test_energy_band_by_hand():
    hz = np.arange(101.0)
    assert energy_band(hz, np.ones(101, np.complex64), 0.9) == (5.0, 95.0)
    line = np.zeros(101, np.complex64)
    line[40] = 1
    assert energy_band(hz, line) == (40.0, 40.0)


def test_in_band_power_hears_shots_and_not_wind():
    t_s = np.arange(16_000) / 8000
    power = {
        hz: in_band_power(np.sin(2 * np.pi * hz * t_s).astype(np.float32), 8000)[8000:].mean()
        for hz in (20, 400, 3500)
    }
    assert power[400] == pytest.approx(0.5, rel=0.02)
    assert power[20] < 0.005
    assert power[3500] < 0.02
