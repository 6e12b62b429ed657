"""Whatever bytes a file holds, it is heard or refused with an AudioError; nothing else happens."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from ndoki.audio.header import Header, read_header
from ndoki.audio.reader import open_samples
from ndoki.core.errors import AudioError

N_SAMPLES = 600


def made_by_soundfile(kind: str, subtype: str) -> bytes:
    target = io.BytesIO()
    noise = np.random.default_rng(3).uniform(-0.5, 0.5, (N_SAMPLES, 2))
    soundfile.write(target, noise, 8000, format=kind, subtype=subtype)
    return target.getvalue()


def riff(kind: bytes) -> bytes:
    """A WAV or RF64 with chunks on both sides of the sound."""
    noise = np.random.default_rng(3).integers(-900, 900, 2 * N_SAMPLES).astype("<i2").tobytes()
    fmt = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 2, 8000, 32000, 4, 16)
    ds64 = b"ds64" + struct.pack("<IQQQI", 28, 0, len(noise), N_SAMPLES, 0) if kind == b"RF64" else b""
    info = b"LIST" + struct.pack("<I", 16) + b"INFOICMT" + struct.pack("<I", 4) + b"19:0"
    size = 0xFFFFFFFF if ds64 else len(noise)
    guan = b"guan" + struct.pack("<I", 4) + b"A:b\n"
    return kind + b"\x40\0\0\0WAVE" + ds64 + fmt + info + b"data" + struct.pack("<I", size) + noise + guan


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "a.wav"


def hear(path: Path, content: bytes) -> Header | None:
    """Read header and samples; a refusal must be an AudioError that names the file."""
    path.write_bytes(content)
    try:
        header = read_header(str(path))
    except AudioError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert str(path) in refusal
        return None
    assert header.n_samples >= 1
    assert header.size_bytes == len(content)
    assert 2000 <= header.rate_hz <= 1_000_000
    assert all(len(value) <= 1 << 20 for value in header.metadata.values())
    with open_samples(str(path), header) as samples:
        n_read = min(header.n_samples, 5000)
        for first in (0, header.n_samples - n_read):
            sound = samples.read(first, first + n_read, header.n_channels - 1)
            assert sound.shape == (n_read,)
            assert np.isfinite(sound).all()
            assert np.abs(sound).max() <= 1
    return header


WAVS = [riff(b"RIFF"), riff(b"RF64"), made_by_soundfile("W64", "PCM_16"), made_by_soundfile("WAVEX", "FLOAT")]
CODED = [
    made_by_soundfile("FLAC", "PCM_16"),
    made_by_soundfile("AIFF", "PCM_16"),
    made_by_soundfile("OGG", "VORBIS"),
]


@given(
    content=st.binary(max_size=300),
    magic=st.sampled_from([b"", b"RIFF\0\0\0\0WAVE", b"RF64\0\0\0\0WAVEds64", b"riff"]),
)
def test_random_bytes(scratch: Path, content: bytes, magic: bytes) -> None:
    hear(scratch, magic + content)


@given(
    whole=st.sampled_from(WAVS),
    changes=st.lists(st.tuples(st.integers(0, 130), st.integers(0, 255)), max_size=6),
    end=st.one_of(st.none(), st.integers(0, 3000)),
)
@settings(max_examples=150)
def test_mutated_headers(
    scratch: Path, whole: bytes, changes: list[tuple[int, int]], end: int | None
) -> None:
    content = bytearray(whole)
    for at, value in changes:
        content[at] = value
    hear(scratch, bytes(content[:end]))


@given(
    whole=st.sampled_from(WAVS[:2]),
    at=st.integers(12, 90),
    value=st.sampled_from([0, 1, 7, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF]),
)
@settings(max_examples=60)
def test_impossible_sizes(scratch: Path, whole: bytes, at: int, value: int) -> None:
    hear(scratch, whole[:at] + struct.pack("<I", value) + whole[at + 4 :])


@given(
    whole=st.sampled_from(CODED),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=4),
    share=st.floats(0, 1),
)
def test_mutated_coded_files(
    scratch: Path, whole: bytes, changes: list[tuple[float, int]], share: float
) -> None:
    content = bytearray(whole)
    for at, value in changes:
        content[int(at * (len(content) - 1))] = value
    hear(scratch, bytes(content[: int(share * len(content))]))


@given(n_bytes=st.integers(0, len(WAVS[0])))
def test_a_cut_never_costs_more_than_what_was_cut_off(scratch: Path, n_bytes: int) -> None:
    header = hear(scratch, WAVS[0][:n_bytes])
    first_byte = WAVS[0].index(b"data") + 8
    n_there = min(max(0, (n_bytes - first_byte) // 4), N_SAMPLES)
    assert (header.n_samples if header else 0) == n_there


@given(claims=st.integers(0, 0xFFFFFFFF))
def test_no_claim_costs_a_sample(scratch: Path, claims: int) -> None:
    """Whatever size the header gives to sound that ends the file, all of it is heard."""
    whole = WAVS[0][:-12]
    at = whole.index(b"data") + 4
    header = hear(scratch, whole[:at] + struct.pack("<I", claims) + whole[at + 4 :])
    assert header is not None
    # Up to 7 bytes behind the claimed end are too few for a chunk, and are not taken for sound.
    assert N_SAMPLES - 1 <= header.n_samples <= N_SAMPLES
    assert header.n_samples == N_SAMPLES or 4 * N_SAMPLES - claims < 8
    assert bool(header.problems) == (claims != 4 * N_SAMPLES) or 4 * N_SAMPLES - claims < 8
