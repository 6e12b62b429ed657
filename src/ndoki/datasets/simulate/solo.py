"""One firing over one background: a few seconds of sound whose every onset is known."""

import math
from dataclasses import dataclass

import numpy as np

from ndoki.core.types import Floats
from ndoki.datasets.simulate.draw import draw_forest, draw_recorder, draw_shot
from ndoki.datasets.simulate.measured import NearShots
from ndoki.datasets.simulate.performance import AFTER_S
from ndoki.datasets.simulate.ranges import SimulationRanges
from ndoki.datasets.simulate.recorder import self_noise
from ndoki.datasets.simulate.scene import render
from ndoki.datasets.simulate.truth import in_band_power

__all__ = ["LEAD_S", "Solo", "solo"]

LEAD_S = 8.0
"""Background before the first shot."""

_HEARING_PA2 = 4e-10
_LOUDEST = 0.9
_BLOCKS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Solo:
    """A firing as recorded.

    Attributes
    ----------
    samples, rate_hz
        float32 in [−1, 1], 16 bit, and their rate; the first onset lies 8 s from the beginning.
    onset_samples
        First arrival of each shot.
    echo_delays_s
        When the forest's discrete echoes follow each shot.
    weapon, distance_m, first_arrival
        As simulated; ``first_arrival`` is ``crack`` or ``blast``.
    snr_db
        The first shot alone over the background, 80 to 1500 Hz, see `ndoki.datasets.simulate.day`.
    """

    samples: Floats
    rate_hz: int
    onset_samples: tuple[int, ...]
    echo_delays_s: tuple[float, ...]
    weapon: str
    distance_m: float
    first_arrival: str
    snr_db: float


def solo(
    rng: np.random.Generator,
    ranges: SimulationRanges,
    background: Floats,
    rate_hz: int,
    *,
    distance_m: float,
    near_shots: NearShots | None = None,
    snr_db: float | None = None,
    background_spl_db: float = 38.0,
) -> Solo:
    """Draw a gun, a forest, a recorder and when it fires, and put it into a background.

    Parameters
    ----------
    rng, ranges, near_shots
        Chance, world and measured sources.
    background, rate_hz
        float32, longer than 8 s; what of the firing lies behind its end is lost.
    distance_m
        Gun to recorder.
    snr_db
        Level of the first shot. Where None, it is what the distance leaves of the gun's pressure, over a
        background of ``background_spl_db`` (dB re 20 µPa, 80 to 1500 Hz).
    """
    shot = draw_shot(rng, ranges=ranges, near_shots=near_shots)
    forest = draw_forest(rng, ranges, distance_m)
    recorder = draw_recorder(rng, ranges, rate_hz)
    heard = render(shot, forest, distance_m, rate_hz, rng, near_shots=near_shots, recorder=recorder)
    lead = heard.onset_samples[0]
    level = float(np.mean(in_band_power(heard.samples, rate_hz)[lead : lead + round(AFTER_S * rate_hz)]))
    if snr_db is None:
        pressure_pa2 = max(level, 1e-20) * heard.peak_pa**2
        snr_db = 10 * math.log10(pressure_pa2 / _HEARING_PA2) - background_spl_db
    noise = _steady_power(background, rate_hz)
    gain = math.sqrt(10 ** (snr_db / 10) * max(noise, 1e-12) / max(level, 1e-20))
    at = round(LEAD_S * rate_hz)
    mixed = background.copy()
    n = min(len(heard.samples) - lead, len(mixed) - at)
    mixed[at : at + n] += heard.samples[lead : lead + n] * np.float32(gain)
    # Gain is set so that the loudest shot just fits; the background sinks with it.
    mixed *= np.float32(min(1.0, _LOUDEST / max(float(np.max(np.abs(mixed))), 1e-9)))
    mixed += self_noise(len(mixed), recorder, rng)
    return Solo(
        samples=np.asarray(np.clip(np.rint(mixed * 32768), -32768, 32767) / 32768, np.float32),
        rate_hz=rate_hz,
        onset_samples=tuple(at + onset - lead for onset in heard.onset_samples),
        echo_delays_s=forest.echo_delays_s,
        weapon=heard.weapon,
        distance_m=distance_m,
        first_arrival=heard.first_arrivals[0],
        snr_db=snr_db,
    )


def _steady_power(background: Floats, rate_hz: int) -> float:
    """Median of the power in twentieths of the background: single calls do not count."""
    power = in_band_power(background, rate_hz)
    return float(np.median([np.mean(part, dtype=np.float64) for part in np.array_split(power, _BLOCKS)]))
