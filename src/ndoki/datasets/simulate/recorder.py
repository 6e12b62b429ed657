"""What a recorder makes of the sound at its microphone."""

import io
import math

import numpy as np
import numpy.typing as npt
from scipy import fft

from ndoki.core.errors import ConfigError
from ndoki.core.types import Floats
from ndoki.datasets.simulate.specs import RecorderSpec

__all__ = ["band_limited", "band_response", "clipped", "coded", "self_noise"]

Complexes = npt.NDArray[np.complexfloating]

_VORBIS_BLOCK = 65_536


def band_response(
    frequencies_hz: npt.NDArray[np.float64], recorder: RecorderSpec
) -> npt.NDArray[np.complex128]:
    """Causal Butterworth high-pass and low-pass: 1/Π(s − pₖ), poles even on the left unit half-circle.

    S. Butterworth, Wireless Engineer 7 (1930) 536.
    """
    s_low = 1j * frequencies_hz / recorder.high_cut_hz
    s_high = recorder.low_cut_hz / (1j * np.maximum(frequencies_hz, 1e-6))
    return _low_pass(s_low, recorder.high_order) * _low_pass(s_high, recorder.low_order)


def band_limited(samples: Floats, recorder: RecorderSpec) -> Floats:
    """A sound within the recorder's band, float32, shape as given."""
    n = fft.next_fast_len(len(samples) + recorder.rate_hz, real=True)
    frequencies_hz = np.arange(n // 2 + 1, dtype=np.float64) * (recorder.rate_hz / n)
    heard = fft.irfft(fft.rfft(samples, n) * band_response(frequencies_hz, recorder), n)
    return np.asarray(heard[: len(samples)], np.float32)


def self_noise(n_samples: int, recorder: RecorderSpec, rng: np.random.Generator) -> Floats:
    """White noise of the microphone and its amplifier, float32, shape (n_samples,)."""
    level = np.float32(10 ** (recorder.self_noise_dbfs / 20))
    return rng.standard_normal(n_samples, dtype=np.float32) * level


def clipped(samples: Floats, recorder: RecorderSpec) -> Floats:
    """Gain, offset, and what exceeds ``clip`` of full scale cut off."""
    driven = samples * np.float32(10 ** (recorder.gain_db / 20)) + np.float32(recorder.offset)
    return np.asarray(np.clip(driven, -recorder.clip, recorder.clip), np.float32)


def coded(samples: Floats, recorder: RecorderSpec) -> Floats:
    """What is left after 16-bit rounding, or after a round trip through Vorbis or MP3.

    Raises
    ------
    ConfigError
        If the recorder's codec is none of ``pcm16``, ``vorbis`` and ``mp3``.
    """
    if recorder.codec == "pcm16":
        return np.asarray(np.clip(np.rint(samples * 32768), -32768, 32767) / 32768, np.float32)
    formats = {"vorbis": ("OGG", "VORBIS"), "mp3": ("MP3", "MPEG_LAYER_III")}
    if recorder.codec not in formats:
        raise ConfigError(f"recorder codec {recorder.codec!r} is unknown; use pcm16, vorbis or mp3")
    import soundfile

    container, subtype = formats[recorder.codec]
    stored = io.BytesIO()
    with soundfile.SoundFile(stored, "w", recorder.rate_hz, 1, subtype, format=container) as sink:
        for first in range(0, len(samples), _VORBIS_BLOCK):
            sink.write(samples[first : first + _VORBIS_BLOCK])
    stored.seek(0)
    back, _ = soundfile.read(stored, dtype="float32")
    whole = np.zeros(len(samples), np.float32)
    whole[: min(len(back), len(whole))] = back[: len(whole)]
    return whole


def _low_pass(s: Complexes, order: int) -> Complexes:
    poles = np.exp(1j * math.pi * (0.5 + (2 * np.arange(order) + 1) / (2 * order)))
    product = s - poles[0]
    for pole in poles[1:]:
        product *= s - pole
    return np.asarray(1 / product)
