"""The extent of an event as three numbers in [0, 1], the form in which a network says it."""

import numpy as np

from ndoki.core.types import Floats
from ndoki.features.mel import MelSpec, hz_to_mel, mel_to_hz

__all__ = ["MAX_DURATION_S", "MIN_DURATION_S", "N_SHAPE", "decode_shape", "encode_shape"]

MIN_DURATION_S, MAX_DURATION_S = 0.05, 5.0
N_SHAPE = 3
"""Duration, lower and upper frequency."""


def encode_shape(duration_s: float, low_hz: float, high_hz: float, spec: MelSpec) -> Floats:
    """Duration (logarithmic, 0.05 to 5 s) and band (mel scale over the spec's band) in [0, 1].

    Returns
    -------
    float32, shape (3,)
        Duration, lower and upper frequency; values outside their range are clipped to it.
    """
    length = np.log(np.clip(duration_s, MIN_DURATION_S, MAX_DURATION_S) / MIN_DURATION_S)
    mel_low, mel_high = hz_to_mel(spec.low_hz), hz_to_mel(spec.high_hz)
    band = (hz_to_mel(np.array([low_hz, high_hz])) - mel_low) / (mel_high - mel_low)
    return np.array([length / np.log(MAX_DURATION_S / MIN_DURATION_S), *np.clip(band, 0, 1)], np.float32)


def decode_shape(shape: Floats, spec: MelSpec) -> tuple[Floats, Floats, Floats]:
    """Inverse of `encode_shape` for rows.

    Parameters
    ----------
    shape
        float32, shape (n, 3), in [0, 1].

    Returns
    -------
    duration_s, low_hz, high_hz
        float32, shape (n,) each.
    """
    duration_s = MIN_DURATION_S * (MAX_DURATION_S / MIN_DURATION_S) ** shape[:, 0].astype(np.float64)
    mel_low, mel_high = hz_to_mel(spec.low_hz), hz_to_mel(spec.high_hz)
    low_hz = mel_to_hz(mel_low + shape[:, 1].astype(np.float64) * (mel_high - mel_low))
    high_hz = mel_to_hz(mel_low + shape[:, 2].astype(np.float64) * (mel_high - mel_low))
    return duration_s.astype(np.float32), low_hz.astype(np.float32), high_hz.astype(np.float32)
