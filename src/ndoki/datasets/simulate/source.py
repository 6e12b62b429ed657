"""What leaves the gun: muzzle blasts and bullet shock waves, as spectra in closed form.

A pulse shorter than a sample cannot be sampled; its Fourier integral can. All spectra here are
∫ p(t)·exp(−iωt) dt in Pa·s, so multiplied by the sample rate and transformed back they give the
pressure that an ideal microphone with that band would write.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "Crack",
    "berlage_spectrum",
    "blast_at_one_metre",
    "crack_at",
    "friedlander_spectrum",
    "n_wave_peak_pa",
    "n_wave_s",
    "n_wave_spectrum",
    "stretched_s",
]

Spectrum = npt.NDArray[np.complex128]
Frequencies = npt.NDArray[np.float64]

_REFERENCE_CHARGE_G = 1.6
_REFERENCE_PRESSURE_PA = 2000.0
_REFERENCE_POSITIVE_S = 0.0005
_LEAST_MACH = 1.02
_LEFT_M = 0.001


def blast_at_one_metre(charge_g: float, muzzle_factor: float = 1.0) -> tuple[float, float]:
    """Peak pressure and positive phase of a muzzle blast 1 m off, scaled from a 1.6 g charge.

    Hopkinson-Cranz: blasts of similar charges are alike at equal r / W^(1/3), so at one place far enough
    for p ~ 1/r, both peak and duration grow with W^(1/3). The reference, 160 dB and 0.5 ms, is a rifle
    of intermediate calibre.

    Parameters
    ----------
    charge_g
        Mass of powder in grams, > 0.
    muzzle_factor
        How much of the pressure the barrel leaves (a long barrel, a shotgun's wide one: < 1).

    Returns
    -------
    tuple
        Peak pressure in Pa, positive phase in seconds.

    References
    ----------
    B. Hopkinson, British Ordnance Board Minutes 13565 (1915); C. Cranz, Lehrbuch der Ballistik (1926);
    R. C. Maher, Acoustical Characterization of Gunshots, IEEE SAFE (2007).
    """
    scale = (charge_g / _REFERENCE_CHARGE_G) ** (1 / 3)
    return _REFERENCE_PRESSURE_PA * scale * muzzle_factor, _REFERENCE_POSITIVE_S * scale


def stretched_s(positive_s: float, distance_m: float, strength: float = 0.1) -> float:
    """Positive phase after a weak spherical shock has run ``distance_m`` from 1 m on.

    T(r) = T(1 m)·√(1 + k·ln r): the front runs ahead of the tail by an amount that grows with the
    logarithm of the distance (L. D. Landau, J. Phys. USSR 9 (1945) 496; G. B. Whitham, Commun. Pure
    Appl. Math. 5 (1952) 301). ``strength`` is k, which grows with pressure over duration.
    """
    return positive_s * math.sqrt(1 + strength * math.log(max(1.0, distance_m)))


def friedlander_spectrum(frequencies_hz: Frequencies, peak_pa: float, positive_s: float) -> Spectrum:
    """Spectrum of p(t) = P·(1 − t/τ)·exp(−t/τ), t ≥ 0: P·iω / (1/τ + iω)², largest at ω = 1/τ.

    F. G. Friedlander, Proc. R. Soc. A 186 (1946) 322.
    """
    omega_i = 2j * np.pi * frequencies_hz
    return np.asarray(peak_pa * omega_i / (1 / positive_s + omega_i) ** 2)


def berlage_spectrum(
    frequencies_hz: Frequencies, peak_pa: float, centre_hz: float, decay_per_s: float, power: int
) -> Spectrum:
    """Spectrum of p(t) = A·tⁿ·exp(−αt)·sin(2πf₀t + φ), t ≥ 0, its largest value scaled to ``peak_pa``.

    The Laplace transform of tⁿ·exp(−st) is n!/s^(n+1); the sine adds one such term at each of ±f₀. The phase
    φ = −(n + 1)·arctan(2πf₀/α) makes ∫ p dt = 0, as for any blast far from its gun.
    A. J. Berlage, Seismometer, Handbuch der Geophysik 4 (1932).
    """
    omega = 2 * math.pi * centre_hz
    phase = -(power + 1) * math.atan2(omega, decay_per_s)
    t_s = np.linspace(0, 3 / decay_per_s * (power + 1), 400)
    pulse = t_s**power * np.exp(-decay_per_s * t_s) * np.sin(omega * t_s + phase)
    s = decay_per_s + 2j * np.pi * frequencies_hz
    turn = np.exp(1j * phase)
    both = turn * (s - 1j * omega) ** -(power + 1) - turn.conjugate() * (s + 1j * omega) ** -(power + 1)
    return np.asarray(peak_pa / float(np.max(np.abs(pulse))) * math.factorial(power) / 2j * both)


def n_wave_peak_pa(mach: float, miss_m: float, bullet_m: float, length_m: float, pressure_pa: float) -> float:
    """Peak pressure of a bullet's shock wave: 0.53·p₀·(M² − 1)^(1/8) / b^(3/4) · d / l^(1/4).

    G. B. Whitham, Commun. Pure Appl. Math. 5 (1952) 301; in this form R. Stoughton, J. Acoust. Soc. Am.
    102 (1997) 798. ``miss_m`` is b, ``bullet_m`` the diameter d, ``length_m`` the length l.
    """
    strength = pressure_pa * math.pow(mach**2 - 1, 0.125)
    return 0.53 * strength * bullet_m / math.pow(miss_m**3 * length_m, 0.25)


def n_wave_s(mach: float, miss_m: float, bullet_m: float, length_m: float, sound_m_s: float) -> float:
    """Duration of a bullet's shock wave: 1.82·M·b^(1/4) / (c·(M² − 1)^(3/8)) · d / l^(1/4) (same sources)."""
    growth = math.pow(miss_m / length_m, 0.25) / math.pow(mach**2 - 1, 0.375)
    return 1.82 * mach * bullet_m / sound_m_s * growth


def n_wave_spectrum(frequencies_hz: Frequencies, peak_pa: float, duration_s: float) -> Spectrum:
    """Spectrum of p(t) = P·(1 − 2t/T) on [0, T): i·P·T·(sin a − a·cos a)/a²·exp(−ia), a = πfT.

    Seen from its centre the pulse is an odd ramp, whose transform is imaginary; exp(−ia) moves it back.
    """
    a = np.pi * frequencies_hz * duration_s
    safe = np.where(a < 1e-3, 1.0, a)
    ramp = np.where(a < 1e-3, a / 3, (np.sin(safe) - safe * np.cos(safe)) / safe**2)
    return np.asarray(1j * peak_pa * duration_s * ramp * np.exp(-1j * a))


@dataclass(frozen=True, slots=True, kw_only=True)
class Crack:
    """How a bullet's shock wave reaches the recorder.

    ``arrival_s`` counts from the shot (the blast arrives r/c after it), ``path_m`` is the way from the
    trajectory to the recorder, ``miss_m`` the recorder's distance from the line of fire.
    """

    arrival_s: float
    path_m: float
    miss_m: float
    mach: float


def crack_at(
    distance_m: float,
    aim_rad: float,
    speed_m_s: float,
    slowing_per_s: float,
    flight_m: float,
    sound_m_s: float,
) -> Crack | None:
    """Mach-cone geometry: does the crack reach the recorder, and when?

    The bullet's speed falls linearly with the way, v(x) = v₀ − k·x, so it is at x after ln(v₀/v)/k. The
    shock leaves the trajectory at 90° − μ to it, sin μ = c/v; the recorder at (X, Y) along and across the
    line of fire hears what left at x = X − Y·tan μ(x), if 0 ≤ x ≤ flight and v(x) > c. What is too much on
    the right side only grows with x, so halving finds x.

    Returns
    -------
    Crack or None
        None where no crack arrives: behind the gun, beyond the cone's end, or from a subsonic bullet.

    References
    ----------
    R. C. Maher, IEEE SAFE (2007); P. Volgyesi et al., MobiSys (2007).
    """
    along_m, across_m = distance_m * math.cos(aim_rad), max(0.5, distance_m * abs(math.sin(aim_rad)))
    slowest_m_s = _LEAST_MACH * sound_m_s
    if speed_m_s <= slowest_m_s:
        return None

    def overshoot_m(x_m: float) -> float:
        return x_m + across_m / math.sqrt(((speed_m_s - slowing_per_s * x_m) / sound_m_s) ** 2 - 1) - along_m

    first_m, end_m = 0.0, min(flight_m, (speed_m_s - slowest_m_s) / slowing_per_s)
    if overshoot_m(first_m) > 0 or overshoot_m(end_m) < 0:
        return None
    while end_m - first_m > _LEFT_M:
        middle_m = 0.5 * (first_m + end_m)
        first_m, end_m = (first_m, middle_m) if overshoot_m(middle_m) > 0 else (middle_m, end_m)
    speed_there = speed_m_s - slowing_per_s * first_m
    mach = speed_there / sound_m_s
    path_m = across_m * mach / math.sqrt(mach**2 - 1)
    flown_s = math.log(speed_m_s / speed_there) / slowing_per_s
    return Crack(arrival_s=flown_s + path_m / sound_m_s, path_m=path_m, miss_m=across_m, mach=mach)
