"""Samples → spectra every 4 ms: short windows for high frequencies, longer ones for low frequencies. Pure.

A mel frame of 64 ms cannot tell shots 0.1 s apart from their tail; a window of 2.5 ms cannot tell 80 from
150 Hz. Gaussian windows whose length follows the frequency do both (D. Gabor, J. IEE 93 (1946) 429).
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from ndoki.core.grid import FrameGrid
from ndoki.core.types import Floats

__all__ = [
    "BANDS",
    "CELL_FRAMES",
    "CELL_SAMPLES",
    "GABOR_GRID",
    "SILENT_DB",
    "Spectra",
    "band_levels_db",
    "cell_spectra",
    "pooled",
]

GABOR_GRID = FrameGrid(rate_hz=4000, hop_samples=16, frame_samples=256)
"""Frames of 64 ms every 4 ms; the Gaussians within are much shorter."""

CELL_FRAMES = 256
"""Frames are made in cells of this many (1.024 s), always the same, so that a value never depends on what
else was asked for."""

CELL_SAMPLES = (CELL_FRAMES - 1) * GABOR_GRID.hop_samples + GABOR_GRID.frame_samples
"""Samples that a cell is made of."""

BANDS = (
    (60.0, 110.0, 0.007),
    (110.0, 200.0, 0.0055),
    (200.0, 360.0, 0.004),
    (360.0, 640.0, 0.003),
    (640.0, 1100.0, 0.0025),
    (1100.0, 1850.0, 0.0025),
)
"""Lower and upper edge in Hz, standard deviation of the window in seconds."""

_SPACING = 1.6
"""Distance of neighbouring centres in standard deviations of their spectrum."""
_POWER_FLOOR = 1e-11
"""A few times what rounding to 16 bits leaves in a band. Through windows this short a quiet recording's
samples come one step at a time; much below, each would be an event of its own."""

SILENT_DB = -109.5
"""What lies below this in every band for long is digital silence."""

Spectra = npt.NDArray[np.complex64]


@lru_cache(maxsize=1)
def _bank() -> tuple[Floats, Floats]:
    """Kernels as (frame_samples, 2 · n_kernels), real and imaginary parts in turn, and pooling weights."""
    grid = GABOR_GRID
    t_s = (np.arange(grid.frame_samples) - (grid.frame_samples - 1) / 2) / grid.rate_hz
    kernels, bands = [], []
    for band, (low_hz, high_hz, sigma_s) in enumerate(BANDS):
        window = np.exp(-0.5 * (t_s / sigma_s) ** 2)
        n = max(1, round((high_hz - low_hz) * 2 * np.pi * sigma_s / _SPACING))
        for centre_hz in low_hz + (np.arange(n) + 0.5) * (high_hz - low_hz) / n:
            kernel = 2 * window / window.sum() * np.exp(2j * np.pi * centre_hz * t_s)
            kernels += [kernel.real, kernel.imag]
            bands.append(band)
    pool = (np.asarray(bands)[:, None] == np.arange(len(BANDS))).astype(np.float32)
    return np.stack(kernels, axis=1).astype(np.float32), pool / pool.sum(axis=0)


def cell_spectra(samples: Floats) -> Spectra:
    """Spectra of one cell.

    Parameters
    ----------
    samples
        float32, shape (`CELL_SAMPLES`,), at 4 kHz.

    Returns
    -------
    complex64, shape (`CELL_FRAMES`, n_kernels)
        Row i is centred on sample 16·i + 128.
    """
    frames = sliding_window_view(samples, GABOR_GRID.frame_samples)[:: GABOR_GRID.hop_samples]
    both: Floats = np.ascontiguousarray(frames) @ _bank()[0]
    return both.view(np.complex64)


def pooled(values: Floats) -> Floats:
    """Mean over the kernels of each band: shape (…, n_kernels) → (…, n_bands)."""
    means: Floats = values @ _bank()[1]
    return means


def band_levels_db(spectra: Spectra) -> Floats:
    """Mean power of each band in dB re full scale, float32, shape (n_frames, n_bands)."""
    power = spectra.real**2 + spectra.imag**2
    return np.asarray(10 * np.log10(pooled(power) + np.float32(_POWER_FLOOR)), np.float32)
