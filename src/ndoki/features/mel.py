"""Samples → log-mel frames. Pure; how the sound is cut into blocks changes them by rounding at most."""

import math
from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from ndoki.core.errors import ConfigError
from ndoki.core.grid import FrameGrid
from ndoki.core.types import Floats
from ndoki.features.rfft import rfft_rows

__all__ = ["SILENT_DB", "MelSpec", "hz_to_mel", "is_silent", "log_mel", "mel_filters", "mel_to_hz"]

SILENT_DB = -129.5
"""A frame that lies below this in every band is digital silence: no sound was stored. One sample that is one
step of 16 bits off, anywhere but at a frame's very ends, lifts it above, and so does noise of −120 dB in 24
bits. A power floor above it hides silence, as those of earlier networks and of templates do."""

_CHUNK_FRAMES = 128
"""So many frames are made at a time: window, spectrum and power then stay in a core's cache."""
_DB_PER_NEPER = 10 / math.log(10)
"""Decibels of power per unit of its natural logarithm, of which numpy computes several at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MelSpec:
    """How log-mel frames are made. Part of a network's identity: another spec is another network.

    Parameters
    ----------
    rate_hz
        Sample rate of the sound. 4000 keeps 0 to 2 kHz, where distant shots live.
    frame_samples, hop_samples
        Frame length and step; 256 and 64 at 4 kHz are 64 ms and 16 ms.
    n_mels
        Number of bands.
    low_hz, high_hz
        Edges of the lowest and the highest band. Below 50 Hz there is wind and handling.
    power_floor
        Added to every band's power before the logarithm, so that digital silence is finite. Rounding to 16
        bits leaves about 1e-12 in a band: a floor well below that hides nothing of a quiet recording.
    """

    rate_hz: int = 4000
    frame_samples: int = 256
    hop_samples: int = 64
    n_mels: int = 40
    low_hz: float = 50.0
    high_hz: float = 2000.0
    power_floor: float = 1e-13

    def __post_init__(self) -> None:
        if not 0 <= self.low_hz < self.high_hz <= self.rate_hz / 2:
            raise ConfigError(
                f"mel band {self.low_hz}–{self.high_hz} Hz does not fit below {self.rate_hz / 2} Hz; "
                "give 0 ≤ low_hz < high_hz ≤ rate_hz / 2"
            )
        if min(self.frame_samples, self.hop_samples, self.n_mels) < 1 or self.power_floor <= 0:
            raise ConfigError("frame_samples, hop_samples, n_mels and power_floor must be positive")

    @property
    def grid(self) -> FrameGrid:
        """How the frames lie on samples."""
        return FrameGrid(rate_hz=self.rate_hz, hop_samples=self.hop_samples, frame_samples=self.frame_samples)

    def to_dict(self) -> dict[str, float]:
        """Plain numbers, for a model's file."""
        return asdict(self)

    @property
    def centres_hz(self) -> npt.NDArray[np.float64]:
        """Centre frequency of each band in Hz, shape (n_mels,)."""
        return _edges_hz(self)[1:-1]


def hz_to_mel(hz: float | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mel value of a frequency: 2595·log10(1 + f/700) (O'Shaughnessy, Speech Communication, 1987)."""
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(hz) / 700.0))


def mel_to_hz(mel: float | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Inverse of `hz_to_mel`."""
    return np.asarray(700.0 * (10.0 ** (np.asarray(mel) / 2595.0) - 1.0))


def _edges_hz(spec: MelSpec) -> npt.NDArray[np.float64]:
    """Shape (n_mels + 2,): lower edge of the first band, all centres, upper edge of the last."""
    return mel_to_hz(np.linspace(hz_to_mel(spec.low_hz), hz_to_mel(spec.high_hz), spec.n_mels + 2))


@lru_cache(maxsize=8)
def mel_filters(spec: MelSpec) -> Floats:
    """Triangular filters of unit height, each spread at least over one bin.

    Returns
    -------
    float32, shape (frame_samples // 2 + 1, n_mels)
        Weights on power-spectrum bins. A band's weights sum to one, so that a band's value is the mean
        power per bin inside it and white noise is flat over bands.
    """
    edges = _edges_hz(spec)
    bins = np.arange(spec.frame_samples // 2 + 1) * spec.rate_hz / spec.frame_samples
    bin_hz = spec.rate_hz / spec.frame_samples
    # A narrow triangle may fall between two bins; one bin of width on either side prevents empty bands.
    lower = np.minimum(edges[:-2], edges[1:-1] - bin_hz)
    upper = np.maximum(edges[2:], edges[1:-1] + bin_hz)
    rising = (bins[:, None] - lower) / (edges[1:-1] - lower)
    falling = (upper - bins[:, None]) / (upper - edges[1:-1])
    weights = np.maximum(0.0, np.minimum(rising, falling))
    filters: Floats = (weights / weights.sum(axis=0)).astype(np.float32)
    filters.flags.writeable = False
    return filters


@lru_cache(maxsize=8)
def _windows(frame_samples: int) -> Floats:
    """Periodic Hann window, scaled so that a full-scale sine has power 1 in its bin, once for each frame.

    A matrix times a matrix takes numpy half as long as a matrix times a row.
    """
    n = np.arange(frame_samples)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * n / frame_samples)
    windows: Floats = np.tile((hann * 2.0 / hann.sum()).astype(np.float32), (_CHUNK_FRAMES, 1))
    windows.flags.writeable = False
    return windows


def log_mel(samples: Floats, spec: MelSpec, precision: npt.DTypeLike = np.float32) -> Floats:
    """Log power per mel band, in dB re full scale.

    Frames are left-aligned and never padded, but that sound shorter than one frame is held at its last
    value up to one frame.

    Parameters
    ----------
    samples
        float32, shape (n,), nominally in [-1, 1), at ``spec.rate_hz``.
    precision
        Of what is computed; see `ndoki.audio.resample.Resampler`.

    Returns
    -------
    Of that precision, float32 by default; shape (n_frames, n_mels)
        ``10·log10(power + power_floor)``; row i covers samples ``[i·hop, i·hop + frame)``.
    """
    if len(samples) < spec.frame_samples:
        samples = np.pad(
            samples, (0, spec.frame_samples - len(samples)), mode="edge" if len(samples) else "constant"
        )
    n_frames, size = 1 + (len(samples) - spec.frame_samples) // spec.hop_samples, samples.strides[0]
    frames = as_strided(
        samples, (n_frames, spec.frame_samples), (spec.hop_samples * size, size), writeable=False
    )
    windows, filters = _windows(spec.frame_samples), mel_filters(spec)
    bands = np.empty((len(frames), spec.n_mels), precision)
    n_chunk = min(_CHUNK_FRAMES, len(frames))
    cut, power = (
        np.empty((n_chunk, spec.frame_samples), precision),
        np.empty((n_chunk, len(filters)), precision),
    )
    for first in range(0, len(frames), _CHUNK_FRAMES):
        target = bands[first : first + _CHUNK_FRAMES]
        n = len(target)
        part = np.multiply(frames[first : first + n], windows[:n], out=cut[:n], dtype=precision)
        # Real and imaginary parts lie side by side, and are squared where they are.
        parts = rfft_rows(part).view(precision)
        np.square(parts, out=parts)
        np.matmul(np.add(parts[:, 0::2], parts[:, 1::2], out=power[:n]), filters, out=target)
    bands += bands.dtype.type(spec.power_floor)
    np.log(bands, out=bands)
    bands *= bands.dtype.type(_DB_PER_NEPER)
    return bands


def is_silent(levels_db: Floats) -> npt.NDArray[np.bool_]:
    """Which rows are digital silence, bool, shape (n_frames,); of `log_mel`, shape (n_frames, n_mels)."""
    silent = levels_db[:, 0] < SILENT_DB
    # Nearly all frames are told by one band.
    rows = np.flatnonzero(silent)
    silent[rows] = (levels_db[rows] < SILENT_DB).all(axis=1)
    return np.asarray(silent)
