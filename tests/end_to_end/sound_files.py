"""Sound files byte by byte, so that every kind of damage can be made."""

import struct
from pathlib import Path

import numpy as np
import soundfile

RATE = 8000


def wav(
    samples: np.ndarray,
    *,
    claims: int | None = None,
    tail: bytes = b"",
    before: bytes = b"",
    keep: int | None = None,
) -> bytes:
    """A 16-bit mono WAV; ``claims`` is a false data size, ``before`` a chunk, ``keep`` what remains."""
    data = np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2").tobytes()
    fmt = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    size = len(data) if claims is None else claims
    body = b"WAVE" + fmt + before + b"data" + struct.pack("<I", size) + data + tail
    return (b"RIFF" + struct.pack("<I", len(body) & 0xFFFFFFFF) + body)[:keep]


def flac(samples: np.ndarray, path: Path) -> bytes:
    """The bytes of a FLAC file."""
    soundfile.write(path, samples, RATE, format="FLAC", subtype="PCM_16")
    content = path.read_bytes()
    path.unlink()
    return content
