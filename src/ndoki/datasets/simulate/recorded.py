"""Recorded files as the background or the look-alikes of a simulated day."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy import signal

from ndoki.core.errors import AudioError
from ndoki.core.types import Floats

__all__ = ["read_at", "recorded_noise"]

_SEAM_S = 0.5
_LONGEST_S = 600.0


def read_at(path: Path, rate_hz: int) -> Floats:
    """First channel of a file at a rate, offset removed; at most its first ten minutes.

    Raises
    ------
    AudioError
        If it cannot be read or holds less than two samples.
    """
    import soundfile

    try:
        with soundfile.SoundFile(path) as sound:
            found_hz = sound.samplerate
            samples = sound.read(int(_LONGEST_S * found_hz), dtype="float32", always_2d=True)[:, 0]
    except (OSError, soundfile.LibsndfileError) as error:
        raise AudioError(f"{path}: the sound cannot be read ({error}); give WAV, FLAC, OGG or MP3") from error
    if len(samples) < 2:
        raise AudioError(f"{path}: holds {len(samples)} samples; expected a sound of at least one second")
    if found_hz != rate_hz:
        samples = signal.resample_poly(samples, rate_hz, found_hz)
    return np.asarray(samples - np.median(samples), np.float32)


def recorded_noise(
    paths: Sequence[Path], level: float, seed: int, rate_hz: int, piece_samples: int
) -> Iterator[Floats]:
    """Recorded backgrounds joined without end, in pieces of float32, shape (piece_samples,).

    Files are drawn at random, brought to one level (root mean square, of full scale), and blended over
    0.5 s with equal energy, so that no join sounds like an onset.

    Raises
    ------
    AudioError
        If a file cannot be read, or is shorter than two seams.
    """
    rng = np.random.default_rng(seed)
    read = lru_cache(maxsize=32)(read_at)
    n_seam = round(_SEAM_S * rate_hz)
    into = np.sin(np.linspace(0, np.pi / 2, n_seam, dtype=np.float32))
    ready = np.zeros(0, np.float32)
    while True:
        while len(ready) < piece_samples + n_seam:
            path = paths[int(rng.integers(len(paths)))]
            clip = read(path, rate_hz)
            if len(clip) < 2 * n_seam:
                raise AudioError(
                    f"{path}: {len(clip) / rate_hz:.2f} s long; a background needs {2 * _SEAM_S} s or more"
                )
            clip = clip * np.float32(level / max(float(np.sqrt(np.mean(clip**2))), 1e-9))
            if len(ready):
                clip[:n_seam] = into * clip[:n_seam] + into[::-1] * ready[-n_seam:]
                ready = ready[:-n_seam]
            ready = np.concatenate((ready, clip))
        yield ready[:piece_samples]
        ready = ready[piece_samples:]
