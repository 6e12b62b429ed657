"""Sources against hand calculations and numerical integrals."""

import math

import numpy as np
import pytest

from ndoki.datasets.simulate.source import (
    berlage_spectrum,
    blast_at_one_metre,
    crack_at,
    friedlander_spectrum,
    n_wave_peak_pa,
    n_wave_s,
    n_wave_spectrum,
    stretched_s,
)

HZ = np.array([0.0, 20.0, 100.0, 318.0, 1000.0, 3500.0])


def transform(pulse, end_s, n=400_001):
    """∫ p(t)·exp(−iωt) dt by the trapezoidal rule."""
    t_s = np.linspace(0, end_s, n)
    return np.array([np.trapezoid(pulse(t_s) * np.exp(-2j * np.pi * hz * t_s), t_s) for hz in HZ])


def test_eight_times_the_charge_doubles_pressure_and_duration():
    light, heavy = blast_at_one_metre(1.6), blast_at_one_metre(12.8)
    assert light == pytest.approx((2000.0, 0.0005))
    assert heavy == pytest.approx((4000.0, 0.001))
    assert blast_at_one_metre(1.6, muzzle_factor=0.5) == pytest.approx((1000.0, 0.0005))


def test_a_shock_lengthens_with_the_logarithm_of_the_way():
    assert stretched_s(0.001, 1.0) == 0.001
    assert stretched_s(0.001, math.exp(10), strength=0.3) == pytest.approx(0.002)  # √(1 + 0.3·10)
    assert stretched_s(0.001, 0.1) == 0.001


def test_friedlander_is_the_transform_of_its_pulse():
    expected = transform(lambda t: 150.0 * (1 - t / 0.001) * np.exp(-t / 0.001), 0.03)
    np.testing.assert_allclose(friedlander_spectrum(HZ, 150.0, 0.001), expected, atol=1e-6)


def test_friedlander_peaks_at_one_over_its_positive_phase():
    hz = np.linspace(10, 2000, 20_000)
    loudest_hz = hz[np.argmax(np.abs(friedlander_spectrum(hz, 1.0, 0.0005)))]
    assert loudest_hz == pytest.approx(1 / (2 * math.pi * 0.0005), rel=1e-3)


@pytest.mark.parametrize("power", [0, 1, 2])
def test_berlage_is_the_transform_of_its_pulse(power):
    decay, centre_hz = 900.0, 250.0
    phase = -(power + 1) * math.atan2(2 * math.pi * centre_hz, decay)

    def pulse(t_s):
        return t_s**power * np.exp(-decay * t_s) * np.sin(2 * np.pi * centre_hz * t_s + phase)

    largest = np.abs(pulse(np.linspace(0, 0.03, 300_001))).max()
    expected = 7.0 / largest * transform(pulse, 0.06)
    found = berlage_spectrum(HZ, 7.0, centre_hz, decay, power)
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-6)
    assert abs(found[0]) < 1e-9  # no lasting pressure


def test_whitham_by_hand():
    # M = 2, b = 10 m, d = 7.8 mm, l = 26 mm: 0.53·101325·3^(1/8)/10^(3/4)·0.0078/0.026^(1/4) = 212.8 Pa
    assert n_wave_peak_pa(2.0, 10.0, 0.0078, 0.026, 101_325) == pytest.approx(212.8, rel=1e-3)
    # 1.82·2·10^(1/4)/(343·3^(3/8))·0.0078/0.026^(1/4) = 0.2428 ms
    assert n_wave_s(2.0, 10.0, 0.0078, 0.026, 343.0) == pytest.approx(2.428e-4, rel=1e-3)


def test_whitham_falls_and_lengthens_with_the_miss_distance():
    near, far = ((2.0, miss_m, 0.0078, 0.026) for miss_m in (5.0, 80.0))
    assert n_wave_peak_pa(*far, 1e5) / n_wave_peak_pa(*near, 1e5) == pytest.approx(16**-0.75)
    assert n_wave_s(*far, 343.0) / n_wave_s(*near, 343.0) == pytest.approx(16**0.25)


def test_n_wave_is_the_transform_of_its_pulse():
    expected = transform(lambda t: 80.0 * (1 - 2 * t / 0.0004), 0.0004)
    np.testing.assert_allclose(n_wave_spectrum(HZ, 80.0, 0.0004), expected, atol=1e-8)
    # near 0 Hz: the first moment, i·ω·P·T²/6
    low = n_wave_spectrum(np.array([0.1]), 80.0, 0.0004)[0]
    assert low == pytest.approx(2j * np.pi * 0.1 * 80.0 * 0.0004**2 / 6, rel=1e-3)


def test_mach_cone_by_hand():
    # M = 2 throughout, 30° off: X = 86.60, Y = 50; tan μ = 1/√3, so x = 57.735, and so is the path
    crack = crack_at(100.0, math.radians(30), 686.0, 1e-9, 500.0, 343.0)
    assert crack is not None
    assert crack.mach == pytest.approx(2.0)
    assert crack.miss_m == pytest.approx(50.0)
    assert crack.path_m == pytest.approx(57.735, abs=1e-2)
    assert crack.arrival_s == pytest.approx(86.60 / 343.0, abs=1e-4)
    assert crack.arrival_s < 100.0 / 343.0


@pytest.mark.parametrize(
    ("aim_deg", "speed_m_s", "flight_m"),
    [(150, 800, 500), (30, 330, 500), (30, 686, 57.0), (89, 800, 500), (30, 0, 500)],
    ids=["behind the gun", "subsonic", "stopped before", "outside the cone", "shotgun"],
)
def test_no_crack(aim_deg, speed_m_s, flight_m):
    assert crack_at(100.0, math.radians(aim_deg), speed_m_s, 1e-9, flight_m, 343.0) is None


def test_a_slowing_bullet_satisfies_the_cone_equation():
    crack = crack_at(400.0, 0.2, 800.0, 0.9, 600.0, 345.0)
    assert crack is not None
    x_m = (800.0 - crack.mach * 345.0) / 0.9
    across_m, along_m = 400 * math.sin(0.2), 400 * math.cos(0.2)
    assert x_m + across_m / math.sqrt(crack.mach**2 - 1) == pytest.approx(along_m, abs=0.01)
    assert crack.path_m == pytest.approx(math.hypot(across_m, along_m - x_m), abs=0.01)
