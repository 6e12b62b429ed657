"""WAV, RF64 and W64 as the forest leaves them: where the sound begins, and where it really ends."""

import struct
from dataclasses import dataclass
from typing import BinaryIO

from ndoki.audio.chunks import RIFF, W64, Chunk, ChunkRules, is_chunk_list, read_at, read_metadata, walk
from ndoki.audio.layout import Header
from ndoki.audio.pcm import parse_format
from ndoki.core.errors import AudioError

__all__ = ["read_wav_header"]

_SEARCHED_BYTES = 1 << 20
_MAX_FILLING_BYTES = 1 << 20
_NO_SIZE = 0xFFFFFFFF  # "see ds64", or the placeholder of a writer that never came back
_RIFF_FIRST_BYTE, _W64_FIRST_BYTE = 12, 40


@dataclass(frozen=True, slots=True, kw_only=True)
class _Extent:
    """Where the sound lies, and the chunks around it."""

    first_byte: int
    n_bytes: int
    n_bytes_claimed: int | None
    chunks: list[Chunk]
    problems: tuple[str, ...]


def read_wav_header(file: BinaryIO, source: str, size_bytes: int) -> Header | None:
    """Read the chunks of a WAV, RF64, BW64 or W64 file and find the sound in it.

    Returns
    -------
    The header, or None when the samples are compressed and a decoder must answer.

    Raises
    ------
    AudioError
        When there is no sound, or no way to know what its samples are. The message lacks the file's name.
    """
    magic = read_at(file, 0, 4)
    container, rules, first = {
        b"riff": ("W64", W64, _W64_FIRST_BYTE),
        b"RF64": ("RF64", RIFF, _RIFF_FIRST_BYTE),
        b"BW64": ("RF64", RIFF, _RIFF_FIRST_BYTE),
    }.get(magic, ("WAV", RIFF, _RIFF_FIRST_BYTE))
    extent = _find_sound(file, first, size_bytes, rules)
    raw_format = _find_format(file, extent.chunks, rules)
    pcm, problems = parse_format(raw_format)
    if pcm is None:
        return None
    n_samples, odd_bytes = divmod(extent.n_bytes, pcm.frame_bytes)
    if n_samples == 0:
        raise AudioError(f"it has {size_bytes} bytes: a header, but no sound; the recorder wrote nothing")
    if odd_bytes:
        problems += (
            f"The last {odd_bytes} bytes are less than one sample of all channels and were left out.",
        )
    claimed = extent.n_bytes_claimed
    return Header(
        source=source,
        container=container,
        encoding=pcm.encoding,
        rate_hz=pcm.rate_hz,
        n_channels=pcm.n_channels,
        n_samples=n_samples,
        n_samples_claimed=None if claimed is None else claimed // pcm.frame_bytes,
        size_bytes=size_bytes,
        data_offset=extent.first_byte,
        metadata=read_metadata(file, extent.chunks),
        problems=extent.problems + problems,
    )


def _find_format(file: BinaryIO, chunks: list[Chunk], rules: ChunkRules) -> bytes:
    chunk = next((chunk for chunk in chunks if chunk.name == "fmt "), None)
    if chunk is not None:
        return read_at(file, chunk.first_byte, min(chunk.n_bytes, 64))
    at = read_at(file, 0, _SEARCHED_BYTES).find(b"fmt ")
    if at < 0:
        raise AudioError("it has no fmt chunk, so nothing tells rate and kind of its samples")
    return read_at(file, at + rules.head_bytes, 40)


def _find_sound(file: BinaryIO, first_byte: int, size_bytes: int, rules: ChunkRules) -> _Extent:
    chunks, end = walk(file, first_byte, size_bytes, rules)
    data, problems = (
        (chunks.pop(), ())
        if chunks and chunks[-1].name == "data"
        else _lost_data(file, chunks, end, size_bytes, rules)
    )
    claimed = _claimed_bytes(file, chunks, data, rules)
    n_bytes, extent_problems = _true_bytes(file, data.first_byte, claimed, size_bytes, rules)
    behind, _ = walk(
        file, data.first_byte + n_bytes, size_bytes, rules, padding_bytes=-n_bytes % rules.align_bytes
    )
    return _Extent(
        first_byte=data.first_byte,
        n_bytes=n_bytes,
        n_bytes_claimed=claimed,
        chunks=chunks + behind,
        problems=problems + extent_problems,
    )


def _lost_data(
    file: BinaryIO, chunks: list[Chunk], end: int, size_bytes: int, rules: ChunkRules
) -> tuple[Chunk, tuple[str, ...]]:
    """Look for the sound when following the chunks did not lead to it."""
    at = read_at(file, 0, _SEARCHED_BYTES).find(rules.data_mark, _RIFF_FIRST_BYTE)
    head = (
        rules.read_head(read_at(file, at, rules.head_bytes))
        if 0 <= at <= size_bytes - rules.head_bytes
        else None
    )
    if head is not None:
        return (
            Chunk(name="data", first_byte=at + rules.head_bytes, n_bytes=head[1]),
            (f"A chunk before the sound has a wrong size; the data chunk was found by name at byte {at}.",),
        )
    largest = max(chunks, key=lambda chunk: chunk.n_bytes, default=None)
    if largest is not None and largest.n_bytes > size_bytes // 2:
        return largest, (
            f"There is no data chunk; the large chunk named {largest.name!r} was taken for the sound.",
        )
    rest = size_bytes - end - rules.head_bytes
    if rest > size_bytes // 2:
        return (
            Chunk(name="data", first_byte=end + rules.head_bytes, n_bytes=rest),
            (f"There is no data chunk; what follows the unreadable one at byte {end} was taken for sound.",),
        )
    raise AudioError(f"it has {size_bytes} bytes but no data chunk; it holds no sound")


def _claimed_bytes(file: BinaryIO, chunks: list[Chunk], data: Chunk, rules: ChunkRules) -> int | None:
    """Size of the sound by the header; None when it says nothing."""
    if rules is W64:
        return data.n_bytes if data.n_bytes < 1 << 62 else None
    if data.n_bytes != _NO_SIZE:
        return data.n_bytes
    ds64 = next((chunk for chunk in chunks if chunk.name == "ds64" and chunk.n_bytes >= 16), None)
    if ds64 is None:
        return None
    n_bytes: int = struct.unpack("<Q", read_at(file, ds64.first_byte + 8, 8))[0]
    return n_bytes if n_bytes < 1 << 62 else None


def _true_bytes(
    file: BinaryIO, first_byte: int, claimed: int | None, size_bytes: int, rules: ChunkRules
) -> tuple[int, tuple[str, ...]]:
    """Bytes of sound that are really there."""
    available = size_bytes - first_byte
    if claimed is None:
        return available, ("The header does not say how long the sound is; all that is there is used.",)
    if claimed > available:
        return available, (
            f"The header promises {claimed} bytes of sound but {available} are there: "
            "the sound was cut off; all that is there is used.",
        )
    if available - claimed < rules.head_bytes or _list_follows(file, first_byte, claimed, size_bytes, rules):
        return claimed, ()
    for n_bytes in range(claimed + (1 << 32), available + 1, 1 << 32):
        if available - n_bytes < rules.head_bytes or _list_follows(
            file, first_byte, n_bytes, size_bytes, rules
        ):
            return n_bytes, (f"The size in the header overflowed at 4 GiB; the sound has {n_bytes} bytes.",)
    rest = available - claimed
    if claimed and rest <= _MAX_FILLING_BYTES and not any(read_at(file, first_byte + claimed, rest)):
        return claimed, (f"{rest} zero bytes behind the sound were left out.",)
    return available, (
        f"The header promises {claimed} bytes of sound but it goes on behind them: all {available} are used.",
    )


def _list_follows(file: BinaryIO, first_byte: int, n_bytes: int, size_bytes: int, rules: ChunkRules) -> bool:
    return is_chunk_list(
        file, first_byte + n_bytes, size_bytes, rules, padding_bytes=-n_bytes % rules.align_bytes
    )
