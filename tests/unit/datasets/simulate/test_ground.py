"""Ground effect against its limits."""

import numpy as np
import pytest

from ndoki.datasets.simulate.ground import ground_db, ground_impedance, spherical_reflection

HZ = np.geomspace(20, 4000, 200)


def test_impedance_where_frequency_equals_resistivity():
    assert ground_impedance(np.array([60.0]), 60.0)[0] == pytest.approx(1 + 9.08 + 11.9j)
    # f/σ = 16: 1 + 9.08/8 + i·11.9/16^0.73
    assert ground_impedance(np.array([960.0]), 60.0)[0] == pytest.approx(2.135 + 11.9j / 16**0.73)


def test_hard_ground_doubles_the_pressure_at_low_frequencies():
    gain_db = ground_db(np.array([20.0]), 200.0, 1.0, 1.0, 1e7, 1.0, 343.0)
    assert gain_db[0] == pytest.approx(6.02, abs=0.1)


def test_hard_ground_cancels_where_the_ways_differ_by_half_a_wavelength():
    # heights 2 and 4 m, 20 m apart: √(400 + 36) − √(400 + 4) = 0.7808 m, so 343/(2·0.7808) = 219.6 Hz
    hz = np.linspace(100, 400, 3001)
    gain_db = ground_db(hz, 20.0, 2.0, 4.0, 1e7, 1.0, 343.0)
    assert hz[np.argmin(gain_db)] == pytest.approx(219.6, abs=1.5)
    assert gain_db.min() < -20


def test_without_coherence_energies_add():
    gain_db = ground_db(HZ, 500.0, 1.4, 8.0, 1e7, 0.0, 343.0)
    np.testing.assert_allclose(gain_db, 3.01, atol=0.1)


def test_soft_ground_at_grazing_incidence_takes_the_middle_away():
    gain_db = ground_db(HZ, 500.0, 1.4, 1.5, 40.0, 1.0, 343.0)
    assert gain_db[HZ < 30].max() > 3
    assert gain_db[(HZ > 250) & (HZ < 600)].mean() < -10


def test_reflection_tends_to_that_of_a_plane_wave_far_above_grazing():
    impedance = ground_impedance(HZ, 60.0)
    plane = (0.9 - 1 / impedance) / (0.9 + 1 / impedance)
    found = spherical_reflection(HZ[100:], 3000.0, 0.9, impedance[100:], 343.0)
    np.testing.assert_allclose(found, plane[100:], atol=2e-3)


@pytest.mark.parametrize("distance_m", [50.0, 500.0, 3000.0])
def test_gain_is_finite_and_bounded(distance_m):
    for coherence in (0.0, 0.5, 1.0):
        gain_db = ground_db(HZ, distance_m, 1.0, 25.0, 8.0, coherence, 350.0)
        assert np.isfinite(gain_db).all()
        assert gain_db.max() < 8
