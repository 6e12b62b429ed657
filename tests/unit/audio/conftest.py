"""Sound files written byte by byte, so that every kind of damage can be made."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")


@pytest.fixture
def fmt() -> Callable[..., bytes]:
    """Content of a ``fmt `` chunk; any field can be set against the others."""

    def make(
        tag: int = 1,
        channels: int = 1,
        rate: int = 8000,
        bits: int = 16,
        byte_rate: int | None = None,
        block: int | None = None,
        extra: bytes = b"",
    ) -> bytes:
        block = channels * (bits // 8) if block is None else block
        byte_rate = rate * block if byte_rate is None else byte_rate
        return struct.pack("<HHIIHH", tag, channels, rate, byte_rate, block, bits) + extra

    return make


@pytest.fixture
def chunk() -> Callable[..., bytes]:
    """One chunk; ``claims`` puts a false size into its head, ``pad`` False forgets the pad byte."""

    def make(name: bytes, content: bytes, *, claims: int | None = None, pad: bool = True) -> bytes:
        size = len(content) if claims is None else claims
        return name + struct.pack("<I", size) + content + (b"\0" if pad and len(content) % 2 else b"")

    return make


@pytest.fixture
def w64_chunk() -> Callable[..., bytes]:
    """One W64 chunk: a GUID, a size that counts the head, content padded to 8 bytes."""

    def make(name: bytes, content: bytes, *, claims: int | None = None) -> bytes:
        size = len(content) + 24 if claims is None else claims
        return name + W64_TAIL + struct.pack("<Q", size) + content + bytes(-len(content) % 8)

    return make


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., str]:
    """Write a file; pieces are joined behind a RIFF head unless another head is given."""

    def write(*pieces: bytes, head: bytes | None = None, name: str = "a.wav") -> str:
        body = b"".join(pieces)
        whole = b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" if head is None else head
        (tmp_path / name).write_bytes(whole + body)
        return str(tmp_path / name)

    return write


@pytest.fixture
def pcm() -> bytes:
    """1000 samples of 16 bits in which no four bytes could be a chunk's name."""
    return np.random.default_rng(1).integers(-900, 900, 1000).astype("<i2").tobytes()
