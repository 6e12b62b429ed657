"""Good files of every kind, against soundfile."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ndoki.audio.header import read_header
from ndoki.audio.reader import open_samples

N_SAMPLES = 3001
KINDS = [
    *[("WAV", kind) for kind in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW")],
    *[
        ("WAVEX", kind)
        for kind in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW")
    ],
    *[("RF64", kind) for kind in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")],
    *[("W64", kind) for kind in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW")],
    *[("AIFF", kind) for kind in ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "ULAW")],
    *[("FLAC", kind) for kind in ("PCM_S8", "PCM_16", "PCM_24")],
    *[("OGG", kind) for kind in ("VORBIS", "OPUS")],
    ("MP3", "MPEG_LAYER_III"),
    ("AU", "PCM_16"),
    ("CAF", "PCM_16"),
]
CONTAINERS = {"WAVEX": "WAV"}
ENCODINGS = {"FLOAT": "FLOAT_32", "DOUBLE": "FLOAT_64"}


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize(("kind", "subtype"), KINDS)
def test_same_samples(tmp_path: Path, kind: str, subtype: str, n_channels: int) -> None:
    path = tmp_path / "a.sound"
    noise = np.random.default_rng(7).uniform(-0.99, 0.99, (N_SAMPLES, n_channels))
    soundfile.write(path, noise, 16000, format=kind, subtype=subtype)
    expected, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    header = read_header(str(path))
    assert header.container == CONTAINERS.get(kind, kind)
    compressed = kind in ("FLAC", "OGG", "MP3")
    assert header.encoding == ("COMPRESSED" if compressed else ENCODINGS.get(subtype, subtype))
    assert (header.data_offset is not None) == (kind in ("WAV", "WAVEX", "RF64", "W64"))
    assert (header.rate_hz, header.n_channels, header.n_samples) == (rate_hz, n_channels, len(expected))
    assert header.problems == ()
    with open_samples(str(path), header) as samples:
        for channel in range(n_channels):
            found = samples.read(0, header.n_samples, channel)
            wanted = np.clip(expected[:, channel], -1, 1)
            np.testing.assert_allclose(found, wanted, atol=3e-7 if kind == "MP3" else 0)


def test_real_recordings(shared_data: Path) -> None:
    files = sorted((shared_data / "near_shots").rglob("*.flac"))[:3]
    assert files
    for path in files:
        expected, rate_hz = soundfile.read(path, dtype="float32")
        header = read_header(str(path))
        assert (header.rate_hz, header.n_samples, header.problems) == (rate_hz, len(expected), ())
        with open_samples(str(path), header) as samples:
            np.testing.assert_array_equal(samples.read(0, len(expected), 0), expected)
