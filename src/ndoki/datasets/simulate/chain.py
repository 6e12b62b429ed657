"""From the gun to the recorder along the direct way: source and path multiplied."""

import math
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from ndoki.core.errors import ConfigError
from ndoki.datasets.simulate.ground import ground_db
from ndoki.datasets.simulate.measured import NearShots
from ndoki.datasets.simulate.propagation import (
    air_absorption_db_per_m,
    foliage_db,
    minimum_phase,
    sound_speed_m_s,
    spreading_db,
)
from ndoki.datasets.simulate.source import (
    Crack,
    berlage_spectrum,
    friedlander_spectrum,
    n_wave_peak_pa,
    n_wave_s,
    n_wave_spectrum,
    stretched_s,
)
from ndoki.datasets.simulate.specs import ForestSpec, ShotSpec

__all__ = ["blast_spectrum", "crack_spectrum", "path_gain_db", "path_response"]

Spectrum = npt.NDArray[np.complex64]
Frequencies = npt.NDArray[np.float64]

_PATH_FFT = 4096
_GRID_POINTS = 96
_DB_PER_OCTAVE = 10 * math.log10(2)


def path_gain_db(
    frequencies_hz: Frequencies, forest: ForestSpec, distance_m: float, height_m: float
) -> Frequencies:
    """Gain of the direct wave from 1 m off its source to the recorder: spreading, air, leaves and ground.

    Below ``forest.low_cut_hz`` undergrowth and uneven ground take more than flat ground does: in woods the
    middle frequencies carry furthest, between the ground's dip and the leaves' loss (E. S. Morton, Am. Nat.
    109 (1975) 17; K. Marten and P. Marler, Behav. Ecol. Sociobiol. 2 (1977) 271). The loss is that of a
    high-pass, 10·lg(1 + (f_c/f)^(s/3.01)), with s in dB per octave.

    Parameters
    ----------
    frequencies_hz
        Shape (n,), > 0.
    forest, distance_m, height_m
        The way, its length, and the height at which it begins.

    Returns
    -------
    ndarray
        dB, shape (n,).
    """
    air = air_absorption_db_per_m(
        frequencies_hz, forest.temperature_c, forest.humidity_pct, forest.pressure_kpa
    )
    leaves = foliage_db(
        frequencies_hz,
        distance_m,
        forest.foliage_db_per_m,
        forest.foliage_exponent,
        forest.foliage_path_m,
    )
    ground = ground_db(
        frequencies_hz,
        distance_m,
        height_m,
        forest.recorder_height_m,
        forest.ground_kpa_s_m2,
        forest.ground_coherence,
        sound_m_s=sound_speed_m_s(forest.temperature_c),
    )
    gain_db = ground - leaves - air * distance_m - spreading_db(distance_m)
    if forest.low_cut_hz:
        power = forest.low_cut_db_per_octave / _DB_PER_OCTAVE
        gain_db = gain_db - 10 * np.log10(1 + (forest.low_cut_hz / frequencies_hz) ** power)
    return np.asarray(gain_db)


def path_response(
    forest: ForestSpec, distance_m: float, height_m: float, rate_hz: int, n_samples: int
) -> Spectrum:
    """Causal transfer function of the way, shape (n_samples // 2 + 1,), without its travel time.

    The gain is computed at 96 frequencies, spaced by equal ratios, and made a minimum-phase filter of
    4096 samples.
    """
    coarse_hz = np.geomspace(10.0, rate_hz / 2, _GRID_POINTS)
    coarse_db = path_gain_db(coarse_hz, forest, distance_m, height_m)
    fine_hz = np.maximum(np.arange(_PATH_FFT // 2 + 1) * (rate_hz / _PATH_FFT), coarse_hz[0])
    gain_db = np.interp(np.log(fine_hz), np.log(coarse_hz), coarse_db)
    return np.asarray(fft.rfft(minimum_phase(gain_db), n_samples), np.complex64)


def blast_spectrum(
    frequencies_hz: Frequencies, shot: ShotSpec, distance_m: float, near_shots: NearShots | None
) -> npt.NDArray[np.complex128]:
    """Muzzle blast referred to 1 m, in Pa·s, its duration already that at ``distance_m``.

    Raises
    ------
    ConfigError
        If a measured source is asked for and none is given, or the source's kind is unknown.
    """
    positive_s = stretched_s(shot.positive_s, distance_m)
    formulas = {
        "friedlander": partial(friedlander_spectrum, positive_s=positive_s),
        "berlage": partial(
            berlage_spectrum,
            centre_hz=shot.berlage_hz,
            decay_per_s=0.7 / positive_s,
            power=shot.berlage_power,
        ),
    }
    if shot.source in formulas:
        return formulas[shot.source](frequencies_hz, shot.pressure_pa)
    if shot.source != "measured" or near_shots is None or not 0 <= shot.measured_index < len(near_shots):
        raise ConfigError(
            f"shot source {shot.source!r} number {shot.measured_index} is not there; "
            "use friedlander or berlage, or pass the near shots that the number counts"
        )
    return _measured_spectrum(frequencies_hz, shot, near_shots)


def crack_spectrum(
    frequencies_hz: Frequencies, shot: ShotSpec, forest: ForestSpec, crack: Crack
) -> npt.NDArray[np.complex128]:
    """Bullet shock wave, in Pa·s, referred to 1 m of *spherical* spreading.

    Whitham's formula holds the geometric decay already, so the pressure at the recorder is raised by the
    spreading that `path_response` takes off again.
    """
    bullet = (crack.mach, crack.miss_m, shot.bullet_m, shot.bullet_length_m)
    peak_pa = n_wave_peak_pa(*bullet, forest.pressure_kpa * 1000)
    duration_s = n_wave_s(*bullet, sound_speed_m_s(forest.temperature_c))
    return n_wave_spectrum(frequencies_hz, peak_pa * crack.path_m, duration_s)


def _measured_spectrum(
    frequencies_hz: Frequencies, shot: ShotSpec, near_shots: NearShots
) -> npt.NDArray[np.complex128]:
    samples = near_shots.samples[shot.measured_index]
    rate_hz = round(2 * frequencies_hz[-1])
    if rate_hz != near_shots.rate_hz:
        samples = signal.resample_poly(samples, rate_hz, near_shots.rate_hz)
    n_samples = 2 * (len(frequencies_hz) - 1)
    return np.asarray(fft.rfft(samples.astype(np.float64), n_samples) * (shot.pressure_pa / rate_hz))
