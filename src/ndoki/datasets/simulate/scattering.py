"""What trees do to a pulse: a band-wise decaying tail, and echoes."""

import math

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from ndoki.core.types import Floats
from ndoki.datasets.simulate.specs import BAND_CENTRES_HZ, ForestSpec

__all__ = ["SLOWEST", "band_weight", "echo_filter", "tail_envelope", "tail_gains", "tail_spectrum"]

Spectrum = npt.NDArray[np.complex64]

SLOWEST = 64
"""Low bands are made at down to 1/64 of the rate: transforms must be a multiple of this long."""

_LN_1000 = math.log(1000.0)
_EARLY_RISE_S = 0.002
_HEARD_DECAYS = 1.3  # 78 dB down a tail is over
_SHARP_ECHO_S = 0.002


def band_weight(frequencies_hz: npt.NDArray[np.float64], band: int) -> npt.NDArray[np.float64]:
    """Amplitude weight of octave band ``band``: a cosine over log frequency, all squares summing to 1.

    Each reaches one octave to both sides; the outermost bands go on to 0 Hz and without end.
    """
    octaves = np.log2(np.maximum(frequencies_hz, 1e-3) / BAND_CENTRES_HZ[band])
    if band == 0:
        octaves = np.maximum(octaves, 0)
    if band == len(BAND_CENTRES_HZ) - 1:
        octaves = np.minimum(octaves, 0)
    return np.asarray(np.cos(0.5 * np.pi * np.clip(octaves, -1, 1)))


def tail_envelope(t_s: Floats, decay_s: float, forest: ForestSpec) -> Floats:
    """Amplitude over time of one band's tail, of mean square 1 over ``t_s``.

    Two clusters that decay by 60 dB in ``early_decay_s`` and ``decay_s``, the later one building up as
    1 − exp(−t/rise): multiple scattering comes after single scattering and outlasts it, as in the coda of
    small earthquakes (K. Aki and B. Chouet, J. Geophys. Res. 80 (1975) 3322) and in woods (W. H. T. Huisman
    and K. Attenborough, J. Acoust. Soc. Am. 90 (1991) 2664). Both begin at zero, because what is scattered
    never precedes the direct wave.
    """
    early_s = min(forest.early_decay_s, decay_s)
    early = _cluster(t_s, _EARLY_RISE_S, early_s)
    late = _cluster(t_s, forest.tail_rise_s, decay_s)
    early_energy = early * early * np.float32(forest.early_share / max(_energy(early), 1e-12))
    late_energy = late * late * np.float32((1 - forest.early_share) / max(_energy(late), 1e-12))
    return np.asarray(np.sqrt(early_energy + late_energy))


def tail_gains(forest: ForestSpec, distance_m: float) -> list[float]:
    """Amplitude of the tail over that of the direct wave, per octave band, at a distance.

    The level grows with the logarithm of the distance: the direct wave is scattered away, the tail feeds
    on it.
    """
    grown_db = forest.tail_growth_db * math.log2(distance_m / 500.0)
    return [10 ** ((level_db + grown_db) / 20) for level_db in forest.tail_level_db]


def tail_spectrum(
    forest: ForestSpec,
    distance_m: float,
    n_samples: int,
    rate_hz: int,
    end_s: float,
    rng: np.random.Generator,
) -> Spectrum:
    """Transfer function of the scattered field against the direct wave, shape (n_samples // 2 + 1,).

    Each octave band is Gaussian noise under its own envelope. A band is made at the lowest rate, down by
    powers of two, that holds it, and added to the low end of the whole spectrum: the eight bands together
    cost about as much as the highest alone.

    Parameters
    ----------
    forest, distance_m
        The tail's decay, level and growth.
    n_samples, rate_hz
        Length of the transform that the response is for (a multiple of `SLOWEST`), and its rate.
    end_s
        The tail is over before this time (the transform is circular).
    rng
        Places the scatterers.
    """
    spectrum = np.zeros(n_samples // 2 + 1, np.complex64)
    waves: dict[int, Floats] = {}
    for band, gain in enumerate(tail_gains(forest, distance_m)):
        if BAND_CENTRES_HZ[band] >= rate_hz:
            continue
        fold = _fold(BAND_CENTRES_HZ[band], rate_hz)
        wave = waves.setdefault(fold, np.zeros(n_samples // fold, np.float32))
        heard_s = min(end_s, _HEARD_DECAYS * forest.tail_decay_s[band] + 5 * forest.tail_rise_s)
        noise = _band_noise(band, rate_hz / fold, heard_s, rng)
        t_s = np.arange(len(noise), dtype=np.float32) * np.float32(fold / rate_hz)
        noise *= tail_envelope(t_s, forest.tail_decay_s[band], forest) * np.float32(gain)
        used = min(len(noise), int(end_s * rate_hz / fold))
        fade = min(used, int(0.1 * end_s * rate_hz / fold) + 1)
        noise[used - fade : used] *= np.linspace(1, 0, fade, dtype=np.float32)
        wave[:used] += noise[:used]
    for wave in waves.values():
        part = fft.rfft(wave)
        spectrum[: len(part)] += part
    return spectrum


def echo_filter(forest: ForestSpec, n_samples: int, rate_hz: int, rng: np.random.Generator) -> Floats:
    """Impulse response of the discrete echoes, shape (n_samples,), energy g² each before its low-pass.

    An echo comes off a slope, a river bank or a wall of trees: it is spread over its smear (decay by 60 dB),
    and loses its high frequencies in a first-order low-pass.
    """
    response = np.zeros(n_samples, np.float32)
    echoes = zip(
        forest.echo_delays_s, forest.echo_gains_db, forest.echo_cuts_hz, forest.echo_smears_s, strict=True
    )
    for delay_s, gain_db, cut_hz, smear_s in echoes:
        n = max(2, round((1.2 * smear_s + 3 / cut_hz) * rate_hz))
        if smear_s > _SHARP_ECHO_S:
            t_s = np.arange(n) / rate_hz
            burst = rng.standard_normal(n) * np.exp(-_LN_1000 * t_s / smear_s)
        else:
            burst = np.zeros(n)
            burst[0] = 1.0
        burst *= 10 ** (gain_db / 20) / math.sqrt(float(np.sum(burst**2)))
        keep = math.exp(-2 * math.pi * cut_hz / rate_hz)
        first = round(delay_s * rate_hz)
        end = min(n_samples, first + n)
        response[first:end] += signal.lfilter([1 - keep], [1, -keep], burst)[: max(0, end - first)]
    return response


def _cluster(t_s: Floats, rise_s: float, decay_s: float) -> Floats:
    falling = np.exp(t_s * np.float32(-_LN_1000 / decay_s))
    n_rising = int(np.searchsorted(t_s, 12 * rise_s))
    falling[:n_rising] *= -np.expm1(t_s[:n_rising] * np.float32(-1 / rise_s))
    return np.asarray(falling)


def _energy(amplitude: Floats) -> float:
    return float(np.dot(amplitude, amplitude)) / len(amplitude)


def _fold(centre_hz: float, rate_hz: int) -> int:
    """Largest power of two by which the rate can be divided while it still holds the band."""
    fold = 1
    while fold < SLOWEST and rate_hz >= 2 * fold * 4.0 * centre_hz:
        fold *= 2
    return fold


def _band_noise(band: int, rate_hz: float, duration_s: float, rng: np.random.Generator) -> Floats:
    """Gaussian noise of one octave band; |spectrum|² is 1 · weight² on average."""
    n = fft.next_fast_len(max(32, round(duration_s * rate_hz)), real=True)
    frequencies_hz = np.arange(n // 2 + 1) * (rate_hz / n)
    first = int(np.searchsorted(frequencies_hz, 1.0 if band == 0 else BAND_CENTRES_HZ[band] / 2))
    parts = rng.standard_normal(2 * (len(frequencies_hz) - first), dtype=np.float32)
    bins = np.zeros(len(frequencies_hz), np.complex64)
    weight = band_weight(frequencies_hz[first:], band).astype(np.float32)
    bins[first:] = parts.view(np.complex64) * (weight * np.float32(math.sqrt(0.5)))
    return np.asarray(fft.irfft(bins, n))
