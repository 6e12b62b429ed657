"""The wave off the forest floor and its interference with the direct one."""

import math

import numpy as np
import numpy.typing as npt
from scipy.special import wofz

__all__ = ["ground_db", "ground_impedance", "spherical_reflection"]

Frequencies = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]


def ground_impedance(frequencies_hz: Frequencies, kpa_s_m2: float) -> Complexes:
    """Normalised impedance of porous ground: 1 + 9.08·(f/σ)^−0.75 + i·11.9·(f/σ)^−0.73.

    f in Hz, σ (effective flow resistivity) in kPa·s/m², time factor exp(−iωt). M. E. Delany and
    E. N. Bazley, Appl. Acoust. 3 (1970) 105, in the form of T. F. W. Embleton et al., J. Acoust. Soc. Am.
    74 (1983) 1239, where a forest floor has σ of 20 to 80.
    """
    ratio = frequencies_hz / kpa_s_m2
    return np.asarray(1 + 9.08 * ratio**-0.75 + 11.9j * ratio**-0.73)


def spherical_reflection(
    frequencies_hz: Frequencies, reflected_m: float, sine: float, impedance: Complexes, sound_m_s: float
) -> Complexes:
    """Reflection coefficient of a spherical wave, Q = R + (1 − R)·F(w), F(w) = 1 + i√π·w·exp(−w²)·erfc(−iw).

    R = (sin φ − 1/Z)/(sin φ + 1/Z) is that of a plane wave, w² = i·k·r₂/2·(sin φ + 1/Z)² the numerical
    distance, φ the grazing angle. C.-F. Chien and W. W. Soroka, J. Sound Vib. 43 (1975) 9.
    """
    admittance = 1 / impedance
    plane = (sine - admittance) / (sine + admittance)
    wavenumber = 2 * np.pi * frequencies_hz / sound_m_s
    w = np.exp(0.25j * np.pi) * np.sqrt(wavenumber * reflected_m / 2) * (sine + admittance)
    return np.asarray(plane + (1 - plane) * (1 + 1j * math.sqrt(math.pi) * w * wofz(w)))


def ground_db(
    frequencies_hz: Frequencies,
    distance_m: float,
    source_m: float,
    receiver_m: float,
    kpa_s_m2: float,
    coherence: float,
    sound_m_s: float,
) -> Frequencies:
    """Level over that of the direct wave alone, where both waves arrive: 10·lg(1 + |q|² + 2·C·Re(q·e^{ikΔ})).

    q = Q·r₁/r₂. Turbulence and scattering destroy the phase between both: C is what survives (C = 1 all,
    C = 0 only energies add). At grazing incidence Q nears −1, which takes away the low and middle
    frequencies as is known of forests (M. J. M. Martens et al., J. Acoust. Soc. Am. 78 (1985) 66).
    """
    direct_m = math.hypot(distance_m, source_m - receiver_m)
    reflected_m = math.hypot(distance_m, source_m + receiver_m)
    sine = (source_m + receiver_m) / reflected_m
    impedance = ground_impedance(frequencies_hz, kpa_s_m2)
    q = spherical_reflection(frequencies_hz, reflected_m, sine, impedance, sound_m_s) * (
        direct_m / reflected_m
    )
    later = np.exp(2j * np.pi * frequencies_hz / sound_m_s * (reflected_m - direct_m))
    energy = 1 + np.abs(q) ** 2 + 2 * coherence * np.real(q * later)
    return np.asarray(10 * np.log10(np.maximum(energy, 1e-4)))
