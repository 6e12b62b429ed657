"""Air, leaves, spreading and the causal filter against printed values."""

import numpy as np
import pytest

from ndoki.datasets.simulate.propagation import (
    air_absorption_db_per_m,
    foliage_db,
    minimum_phase,
    relaxation_hz,
    saturation_kpa,
    sound_speed_m_s,
    spreading_db,
)

# ISO 9613-2:1996, table 2: dB per km at 63 Hz … 8 kHz; (°C, %): values
TABLE_2 = {
    (10, 70): (0.1, 0.4, 1.0, 1.9, 3.7, 9.7, 32.8, 117.0),
    (20, 70): (0.1, 0.3, 1.1, 2.8, 5.0, 9.0, 22.9, 76.6),
    (30, 70): (0.1, 0.3, 1.0, 3.1, 7.4, 12.7, 23.1, 59.3),
    (15, 20): (0.3, 0.6, 1.2, 2.7, 8.2, 28.2, 88.8, 202.0),
    (15, 80): (0.1, 0.3, 1.1, 2.4, 4.1, 8.3, 23.7, 82.8),
}


@pytest.mark.parametrize("air", TABLE_2)
def test_absorption_as_printed(air):
    octaves_hz = 1000.0 * 10.0 ** (0.3 * np.arange(-4, 4))  # exact midband frequencies
    found_db_km = 1000 * air_absorption_db_per_m(octaves_hz, *air)
    np.testing.assert_allclose(found_db_km, TABLE_2[air], atol=0.06, rtol=0.01)


def test_relaxation_by_hand():
    # 30 °C, 1 % vapour: T/T₀ = 1.034112; 24 + 40400·1.02/1.391; (9 + 280·e^0.046366)/√1.034112
    assert relaxation_hz(30.0, 1.0) == pytest.approx((29_648.7, 297.26), rel=1e-4)
    halved = relaxation_hz(30.0, 1.0, pressure_kpa=101.325 / 2)
    assert halved == pytest.approx((29_648.7 / 2, 297.26 / 2), rel=1e-4)


def test_vapour_and_speed_as_printed():
    assert saturation_kpa(293.15) == pytest.approx(2.339, rel=0.003)
    assert saturation_kpa(273.16) == pytest.approx(0.6112, rel=0.003)
    assert sound_speed_m_s(20.0) == pytest.approx(343.2)
    assert sound_speed_m_s(0.0) == pytest.approx(331.3, abs=0.1)


def test_spreading_loses_six_db_per_doubling():
    assert spreading_db(1000.0) == pytest.approx(60.0)
    assert spreading_db(400.0) - spreading_db(200.0) == pytest.approx(6.02, abs=0.01)


def test_leaves_take_more_from_high_frequencies_and_saturate():
    hz = np.array([125.0, 1000.0])
    near = foliage_db(hz, 1.0, 0.05, 0.5, 1000.0)
    assert near[1] == pytest.approx(0.05, rel=1e-3)
    assert near[0] == pytest.approx(0.05 * 8**-0.5, rel=1e-3)
    assert foliage_db(hz, 50_000.0, 0.05, 0.5, 300.0)[1] == pytest.approx(15.0)
    # half-way: 0.05 dB/m · 1000 m · (1 − 1/e)
    assert foliage_db(hz, 1000.0, 0.05, 0.5, 1000.0)[1] == pytest.approx(31.606, abs=1e-3)


def test_minimum_phase_of_a_known_filter():
    n = 4096
    response = 1 / (1 - 0.6 * np.exp(-2j * np.pi * np.arange(n // 2 + 1) / n))
    impulse = minimum_phase(20 * np.log10(np.abs(response)))
    np.testing.assert_allclose(impulse[:40], 0.6 ** np.arange(40), atol=1e-6)


def test_minimum_phase_keeps_the_gain_and_does_not_sound_before():
    gain_db = -40 * np.linspace(0, 1, 2049) ** 0.7
    impulse = minimum_phase(gain_db).astype(float)
    np.testing.assert_allclose(20 * np.log10(np.abs(np.fft.rfft(impulse))), gain_db, atol=0.01)
    assert np.sum(impulse[2048:] ** 2) < 1e-6 * np.sum(impulse**2)
    assert np.argmax(np.abs(impulse)) < 3
