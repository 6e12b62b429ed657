"""One rendered shot or burst with its exact truth: gun, way, forest and microphone put together."""

import numpy as np
import numpy.typing as npt
from scipy import fft

from ndoki.datasets.simulate.chain import blast_spectrum, crack_spectrum, path_response
from ndoki.datasets.simulate.draw import draw_distance_m, draw_forest, draw_recorder, draw_shot
from ndoki.datasets.simulate.measured import NearShots
from ndoki.datasets.simulate.propagation import sound_speed_m_s
from ndoki.datasets.simulate.ranges import TEST, TRAIN, SimulationRanges
from ndoki.datasets.simulate.recorder import band_response
from ndoki.datasets.simulate.sending import send, transfers, transform_length
from ndoki.datasets.simulate.source import crack_at
from ndoki.datasets.simulate.specs import ForestSpec, RecorderSpec, Rendered, ShotSpec
from ndoki.datasets.simulate.truth import energy_band, loud_span

__all__ = [
    "TEST",
    "TRAIN",
    "ForestSpec",
    "RecorderSpec",
    "Rendered",
    "ShotSpec",
    "SimulationRanges",
    "draw_and_render",
    "draw_forest",
    "draw_recorder",
    "draw_shot",
    "render",
    "send",
]

Spectrum = npt.NDArray[np.complex64]
Frequencies = npt.NDArray[np.float64]

_LEAD_S = 0.15
_SOUND_S = 3.85
_FAINTEST_CRACK = 1e-3


def render(
    shot: ShotSpec,
    forest: ForestSpec,
    distance_m: float,
    rate_hz: int,
    rng: np.random.Generator,
    *,
    near_shots: NearShots | None = None,
    recorder: RecorderSpec | None = None,
) -> Rendered:
    """What a microphone hears of a shot or a burst: 0.15 s of silence, the sound, 3.85 s after the last shot.

    Everything is a product of spectra: (blast + crack) × way × (direct + echoes + tail) × comb of shots. The
    tail is that of ``forest.scatter_seed``; from shot to shot it turns by an angle of about
    ``forest.tail_change`` towards a second one, and the direct wave varies by ``forest.turbulence_db``.
    A crack of less than 1/1000 of the blast's energy is left out.

    Parameters
    ----------
    shot, forest, distance_m
        What is fired, through what, how far away in metres (≥ 10).
    rate_hz
        Sample rate of the result.
    rng
        Variation from shot to shot.
    near_shots
        Measured sources; needed where ``shot.source`` is ``measured``.
    recorder
        Where given, its band limits are applied too (not its noise, gain or codec).

    Raises
    ------
    ConfigError
        If the shot's source is unknown or not at hand.
    """
    last_s = shot.shot_times_s[-1]
    n = transform_length(_LEAD_S + last_s + _SOUND_S, rate_hz)
    frequencies_hz = np.arange(n // 2 + 1, dtype=np.float64) * (rate_hz / n)
    arriving, crack_lead = _arriving(shot, forest, distance_m, frequencies_hz, near_shots)
    if recorder is not None:
        arriving *= band_response(frequencies_hz, recorder).astype(np.complex64)
    firsts = np.array([round((_LEAD_S + time_s) * rate_hz) for time_s in shot.shot_times_s])
    end_s = (n - firsts[-1] - crack_lead) / rate_hz
    ways = transfers(forest, distance_m, n, rate_hz, end_s, n_tails=min(2, shot.n_shots))
    heard = arriving * _comb_response(shot, forest, firsts, n, ways, rng)
    samples = fft.irfft(heard, n)
    alone = samples[firsts[0] :] if shot.n_shots == 1 else fft.irfft(arriving * (ways[0] + ways[1]), n)
    peak, end = loud_span(alone, rate_hz)
    largest = float(np.max(np.abs(samples)))
    low_hz, high_hz = energy_band(frequencies_hz, heard)
    return Rendered(
        samples=np.asarray(samples / np.float32(largest), np.float32),
        rate_hz=rate_hz,
        onset_samples=tuple(firsts.tolist()),
        end_samples=tuple((firsts + end).tolist()),
        peak_samples=tuple((firsts + peak).tolist()),
        first_arrivals=("crack" if crack_lead else "blast",) * shot.n_shots,
        low_hz=low_hz,
        high_hz=high_hz,
        weapon=shot.weapon,
        distance_m=distance_m,
        burst=shot.burst,
        peak_pa=largest * rate_hz,
    )


def draw_and_render(
    rng: np.random.Generator,
    ranges: SimulationRanges,
    near_shots: NearShots | None = None,
    rate_hz: int = 8000,
    *,
    snr_db: float = 10.0,
) -> Rendered:
    """Draw a shot, a distance, a forest and a recorder's band, and render them.

    ``snr_db`` is the level over the background that the shot will be given: it says how far away it can be.
    """
    shot = draw_shot(rng, ranges=ranges, near_shots=near_shots)
    distance_m = draw_distance_m(rng, ranges, snr_db)
    forest = draw_forest(rng, ranges, distance_m)
    recorder = draw_recorder(rng, ranges, rate_hz)
    return render(shot, forest, distance_m, rate_hz, rng, near_shots=near_shots, recorder=recorder)


def _arriving(
    shot: ShotSpec,
    forest: ForestSpec,
    distance_m: float,
    frequencies_hz: Frequencies,
    near_shots: NearShots | None,
) -> tuple[Spectrum, int]:
    """Blast and crack behind their ways, time zero at whichever comes first; the crack's lead in samples."""
    n = 2 * (len(frequencies_hz) - 1)
    rate_hz = round(2 * frequencies_hz[-1])
    sound_m_s = sound_speed_m_s(forest.temperature_c)
    blast = blast_spectrum(frequencies_hz, shot, distance_m, near_shots).astype(np.complex64)
    blast *= path_response(forest, distance_m, shot.height_m, rate_hz, n)
    crack = crack_at(distance_m, shot.aim_rad, shot.speed_m_s, shot.slowing_per_s, shot.flight_m, sound_m_s)
    if crack is None:
        return blast, 0
    shock = crack_spectrum(frequencies_hz, shot, forest, crack).astype(np.complex64)
    shock *= path_response(forest, crack.path_m, shot.height_m, rate_hz, n)
    lead = round((distance_m / sound_m_s - crack.arrival_s) * rate_hz)
    if lead <= 0 or np.vdot(shock, shock).real < _FAINTEST_CRACK * np.vdot(blast, blast).real:
        return blast, 0
    later = np.exp((-2j * np.pi * lead / n) * np.arange(len(blast))).astype(np.complex64)
    return shock + blast * later, lead


def _comb_response(
    shot: ShotSpec,
    forest: ForestSpec,
    firsts: npt.NDArray[np.int64],
    n_samples: int,
    ways: list[Spectrum],
    rng: np.random.Generator,
) -> Spectrum:
    """Direct wave and tails of all shots, each at its own time and strength."""
    turbulence_db = forest.turbulence_db * rng.standard_normal(shot.n_shots)
    angles = forest.tail_change * rng.standard_normal(shot.n_shots) * (len(ways) > 2)
    strength = 10 ** (np.asarray(shot.shot_gains_db) / 20)
    gains = [10 ** (turbulence_db / 20), np.cos(angles), np.sin(angles)]
    if shot.n_shots == 1:
        comb = np.zeros(n_samples, np.float32)
        comb[firsts] = strength
        return np.asarray((ways[0] * np.float32(gains[0][0]) + ways[1]) * fft.rfft(comb))
    response = np.zeros(n_samples // 2 + 1, np.complex64)
    for transfer, gain in zip(ways, gains, strict=False):
        comb = np.zeros(n_samples, np.float32)
        comb[firsts] = strength * gain
        response += transfer * fft.rfft(comb)
    return response
