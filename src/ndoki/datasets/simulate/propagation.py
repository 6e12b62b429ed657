"""What the way does to the direct wave: spreading, air, leaves, and a causal filter made of them."""

import math

import numpy as np
import numpy.typing as npt
from scipy import fft

__all__ = [
    "air_absorption_db_per_m",
    "foliage_db",
    "minimum_phase",
    "relaxation_hz",
    "saturation_kpa",
    "sound_speed_m_s",
    "spreading_db",
]

Frequencies = npt.NDArray[np.float64]

_REFERENCE_K = 293.15
_TRIPLE_POINT_K = 273.16
_REFERENCE_KPA = 101.325


def sound_speed_m_s(temperature_c: float) -> float:
    """Speed of sound in air, 343.2·√(T/293.15 K) m/s (ISO 9613-1:1993, annex A)."""
    return 343.2 * math.sqrt((temperature_c + 273.15) / _REFERENCE_K)


def spreading_db(distance_m: float) -> float:
    """Loss of a spherical wave against 1 m off its source: 20·lg r (ISO 9613-2:1996, 7.1, less its 11 dB)."""
    return 20 * math.log10(distance_m)


def saturation_kpa(temperature_k: float) -> float:
    """Saturation vapour pressure, 101.325·10^(4.6151 − 6.8346·(273.16/T)^1.261) kPa (ISO 9613-1, annex B)."""
    return float(_REFERENCE_KPA * 10 ** (-6.8346 * (_TRIPLE_POINT_K / temperature_k) ** 1.261 + 4.6151))


def relaxation_hz(
    temperature_c: float, vapour_pct: float, pressure_kpa: float = _REFERENCE_KPA
) -> tuple[float, float]:
    """Relaxation frequencies of oxygen and nitrogen (ISO 9613-1:1993, equations 3 and 4).

    ``vapour_pct`` is the molar concentration of water vapour, not the relative humidity.
    """
    warm, pressed = (temperature_c + 273.15) / _REFERENCE_K, pressure_kpa / _REFERENCE_KPA
    oxygen_hz = pressed * (24 + 4.04e4 * vapour_pct * (0.02 + vapour_pct) / (0.391 + vapour_pct))
    cooling = math.exp(-4.170 * (math.pow(warm, -1 / 3) - 1))
    return oxygen_hz, pressed / math.sqrt(warm) * (9 + 280 * vapour_pct * cooling)


def air_absorption_db_per_m(
    frequencies_hz: Frequencies,
    temperature_c: float,
    humidity_pct: float,
    pressure_kpa: float = _REFERENCE_KPA,
) -> Frequencies:
    """Absorption of pure tones in air (ISO 9613-1:1993, equations 3 to 5).

    Classical absorption rises with f²; the relaxation of oxygen and of nitrogen adds f²/(f_r + f²/f_r)
    each, with relaxation frequencies that the molar share of water vapour sets.

    Parameters
    ----------
    frequencies_hz
        Any shape.
    temperature_c, humidity_pct, pressure_kpa
        Air; relative humidity in [0, 100].

    Returns
    -------
    ndarray
        dB per metre, shape of ``frequencies_hz``.
    """
    t_k = temperature_c + 273.15
    warm, pressed = t_k / _REFERENCE_K, pressure_kpa / _REFERENCE_KPA
    vapour_pct = humidity_pct * saturation_kpa(t_k) / _REFERENCE_KPA / pressed
    oxygen_hz, nitrogen_hz = relaxation_hz(temperature_c, vapour_pct, pressure_kpa)
    f2 = frequencies_hz**2
    oxygen = 0.01275 * math.exp(-2239.1 / t_k) / (oxygen_hz + f2 / oxygen_hz)
    nitrogen = 0.1068 * math.exp(-3352.0 / t_k) / (nitrogen_hz + f2 / nitrogen_hz)
    classical = 1.84e-11 / pressed * math.sqrt(warm)
    return np.asarray(8.686 * f2 * (classical + warm**-2.5 * (oxygen + nitrogen)))


def foliage_db(
    frequencies_hz: Frequencies, distance_m: float, db_per_m: float, exponent: float, path_m: float
) -> Frequencies:
    """Excess attenuation by leaves, stems and undergrowth: a·(f/1 kHz)^p·D·(1 − exp(−r/D)) dB.

    A power of frequency as in the table of ISO 9613-2:1996, annex A (0.02 dB/m at 63 Hz to 0.09 dB/m at
    4 kHz, p about 0.35) and in jungles (C. F. Eyring, J. Acoust. Soc. Am. 18 (1946) 257). The standard ends
    the sum at 200 m, because sound finds ways over the leaves; here it saturates smoothly at ``path_m`` = D.
    """
    effective_m = path_m * -math.expm1(-distance_m / path_m)
    return np.asarray(db_per_m * effective_m * (frequencies_hz / 1000.0) ** exponent)


def minimum_phase(gain_db: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Causal impulse response of least delay with a given magnitude.

    The real cepstrum of the magnitude, folded onto positive times, is the complex cepstrum of the
    minimum-phase filter (A. V. Oppenheim and R. W. Schafer, Discrete-Time Signal Processing, ch. 12).
    A filter of zero phase would sound before the shot arrives.

    Parameters
    ----------
    gain_db
        Shape (n/2 + 1,), gain at 0 … half the rate, finite.

    Returns
    -------
    ndarray
        float32, shape (n,).
    """
    n = 2 * (len(gain_db) - 1)
    cepstrum = fft.irfft(gain_db * (math.log(10) / 20), n)
    cepstrum[1 : n // 2] *= 2
    cepstrum[n // 2 + 1 :] = 0
    return np.asarray(fft.irfft(np.exp(fft.rfft(cepstrum)), n), np.float32)
