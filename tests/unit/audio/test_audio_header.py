"""Which files are refused, and with which words."""

import errno
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ndoki.audio.header import read_header
from ndoki.audio.reader import open_samples
from ndoki.core.errors import AudioError

Make = Callable[..., bytes]
Save = Callable[..., str]
GIB = 1 << 30


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"empty \(0 bytes\)"),
        (bytes(5000), "begins with zeros"),
        (b"start,end,label\n" * 50, "does not understand"),
        (b"RIFF\x10\0\0\0AVI LIST" + bytes(50), "does not understand"),
        (b"RIFF", "does not understand"),
        (b"RIFF\x24\0\0\0WAVE", "no data chunk"),
        (b"fLaC", "does not understand"),
        (b"OggS" + bytes(100), "does not understand"),
    ],
)
def test_what_is_no_sound(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=reason) as caught:
        read_header(str(path))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("claims", [0, 36, 10**9, 0xFFFFFFFF])
def test_a_header_without_sound(save: Save, fmt: Make, chunk: Make, claims: int) -> None:
    source = save(chunk(b"fmt ", fmt()), chunk(b"data", b"", claims=claims))
    assert Path(source).stat().st_size == 44
    with pytest.raises(AudioError, match="44 bytes: a header, but no sound"):
        read_header(source)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.wav", tmp_path):
        with pytest.raises(AudioError, match=f"cannot open {path}"):
            read_header(str(path))


def test_rates_that_are_too_low(save: Save, fmt: Make, chunk: Make, pcm: bytes, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="sample rate is 1999 Hz; expected 2000 to"):
        read_header(save(chunk(b"fmt ", fmt(rate=1999)), chunk(b"data", pcm)))
    assert read_header(save(chunk(b"fmt ", fmt(rate=2000)), chunk(b"data", pcm))).rate_hz == 2000
    soundfile.write(tmp_path / "slow.flac", np.zeros(1000), 1000)
    with pytest.raises(AudioError, match="sample rate is 1000 Hz"):
        read_header(str(tmp_path / "slow.flac"))


def test_a_container_that_is_not_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.voc", np.zeros(1000), 8000, format="VOC", subtype="PCM_16")
    with pytest.raises(AudioError, match="convert it to WAV or FLAC"):
        read_header(str(tmp_path / "a.voc"))


def test_compressed_wav_goes_through_the_decoder(tmp_path: Path) -> None:
    path, tone = tmp_path / "a.wav", 0.5 * np.sin(np.arange(8000) / 20)
    soundfile.write(path, tone, 8000, subtype="IMA_ADPCM")
    header = read_header(str(path))
    assert (header.container, header.encoding, header.data_offset) == ("WAV", "COMPRESSED", None)
    with open_samples(str(path)) as samples:
        assert np.abs(samples.read(0, 8000, 0) - tone)[100:].max() < 0.05


def test_the_source_is_never_written(save: Save, fmt: Make, chunk: Make, pcm: bytes) -> None:
    path = Path(save(chunk(b"fmt ", fmt()), chunk(b"data", pcm, claims=0)))
    path.chmod(0o444)
    before = path.read_bytes(), path.stat().st_mtime_ns
    with open_samples(str(path)) as samples:
        samples.read(0, 1000, 0)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def sparse(path: Path, head: bytes, n_bytes: int, tail: bytes) -> str:
    """A file with a hole of ``n_bytes`` between head and tail; only these take space on the disk."""
    with path.open("wb") as file:
        file.write(head)
        try:
            file.truncate(len(head) + n_bytes)
        except OSError as error:
            if error.errno in (errno.EFBIG, errno.ENOSPC, errno.EINVAL):
                pytest.skip("the file system takes no sparse files above 4 GiB")
            raise
        file.seek(0, os.SEEK_END)
        file.write(tail)
    if path.stat().st_blocks * 512 > GIB:
        pytest.skip("the file system keeps no holes")
    return str(path)


LAST = struct.pack("<4h", 1000, 2000, 3000, 4000)


@pytest.mark.parametrize(("with_chunk", "problem"), [(False, "overflowed"), (True, "overflowed")])
def test_sizes_that_overflowed_at_4_gib(
    tmp_path: Path, fmt: Make, chunk: Make, with_chunk: bool, problem: str
) -> None:
    n_bytes = 5 * GIB + 8
    head = b"RIFF\0\0\0\0WAVE" + chunk(b"fmt ", fmt()) + b"data" + struct.pack("<I", n_bytes % (1 << 32))
    tail = LAST + (chunk(b"guan", b"late") if with_chunk else b"")
    source = sparse(tmp_path / "large.wav", head, 5 * GIB, tail)
    header = read_header(source)
    assert header.n_samples == n_bytes // 2
    assert problem in header.problems[0]
    assert header.metadata == ({"guan": b"late"} if with_chunk else {})
    with open_samples(source, header) as samples:
        end = samples.read(header.n_samples - 5, header.n_samples, 0)
    assert (32768 * end).tolist() == [0, 1000, 2000, 3000, 4000]


def test_rf64_above_4_gib(tmp_path: Path, fmt: Make, chunk: Make) -> None:
    n_bytes = 6 * GIB + 8
    head = b"RF64\xff\xff\xff\xffWAVE" + chunk(b"ds64", struct.pack("<QQQI", 0, n_bytes, n_bytes // 2, 0))
    head += chunk(b"fmt ", fmt()) + b"data\xff\xff\xff\xff"
    header = read_header(sparse(tmp_path / "large.rf64", head, 6 * GIB, LAST + chunk(b"guan", b"late")))
    assert (header.n_samples, header.problems) == (n_bytes // 2, ())
    assert header.metadata == {"guan": b"late"}
