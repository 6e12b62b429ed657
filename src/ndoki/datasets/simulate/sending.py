"""Any sound through a forest: direct wave, echoes and tails as transfer functions."""

import math

import numpy as np
import numpy.typing as npt
from scipy import fft

from ndoki.core.types import Floats
from ndoki.datasets.simulate.chain import path_response
from ndoki.datasets.simulate.scattering import SLOWEST, echo_filter, tail_spectrum
from ndoki.datasets.simulate.specs import ForestSpec

__all__ = ["send", "transfers", "transform_length"]

Spectrum = npt.NDArray[np.complex64]


def transform_length(seconds: float, rate_hz: int) -> int:
    """Samples of a fast transform of at least ``seconds`` that every band's lower rate divides."""
    return SLOWEST * int(fft.next_fast_len(math.ceil(seconds * rate_hz / SLOWEST), real=True))


def transfers(
    forest: ForestSpec, distance_m: float, n_samples: int, rate_hz: int, end_s: float, n_tails: int
) -> list[Spectrum]:
    """The direct wave with its echoes, then ``n_tails`` tails of one kind: what each does to a pulse.

    All are drawn from ``forest.scatter_seed``, so equal arguments give equal responses. Spectra of shape
    (n_samples // 2 + 1,); ``end_s`` is the time by which tails are over.
    """
    scatter = np.random.default_rng(forest.scatter_seed)
    direct = np.full(n_samples // 2 + 1, 10 ** (forest.direct_gain_db / 20), np.complex64)
    if forest.echo_delays_s:
        direct += fft.rfft(echo_filter(forest, n_samples, rate_hz, scatter))
    tails = [tail_spectrum(forest, distance_m, n_samples, rate_hz, end_s, scatter) for _ in range(n_tails)]
    if not forest.nearby_gain:
        return [direct, *tails]
    later = np.arange(n_samples // 2 + 1) * (-2j * np.pi * forest.nearby_delay_s * rate_hz / n_samples)
    twice = (1 + forest.nearby_gain * np.exp(later)).astype(np.complex64)
    return [way * twice for way in (direct, *tails)]


def send(
    samples: Floats,
    rate_hz: int,
    forest: ForestSpec,
    distance_m: float,
    *,
    height_m: float = 1.5,
    tail_s: float = 2.0,
) -> Floats:
    """Any recorded or synthetic sound, as it arrives through a forest.

    Look-alikes must go the same way as shots, or a detector learns the way instead of the shot.

    Parameters
    ----------
    samples
        Float32, shape (n,), sound near its source.
    rate_hz, forest, distance_m, height_m
        Its rate, the way, its length and the height at which it begins.
    tail_s
        How long the forest may sound on.

    Returns
    -------
    ndarray
        float32, shape (at least n + tail_s · rate_hz,), largest magnitude 1 (0 for silence). It begins with
        the arrival of the first sample.
    """
    n = transform_length(len(samples) / rate_hz + tail_s, rate_hz)
    end_s = n / rate_hz - len(samples) / rate_hz
    direct, tail = transfers(forest, distance_m, n, rate_hz, end_s, 1)
    way = path_response(forest, distance_m, height_m, rate_hz, n)
    heard = fft.irfft(fft.rfft(samples.astype(np.float32), n) * way * (direct + tail), n)
    largest = np.max(np.abs(heard))
    return np.asarray(heard / largest if largest > 0 else heard, np.float32)
