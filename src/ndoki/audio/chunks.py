"""Chunk lists of RIFF, RF64, W64 and AIFF files, walked with care because the sizes may lie."""

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["AIFF", "RIFF", "W64", "Chunk", "ChunkRules", "is_chunk_list", "read_at", "read_metadata", "walk"]

_MAX_CHUNKS = 4096
_MAX_METADATA_BYTES = 1 << 20
_NOT_METADATA = frozenset(("data", "fmt ", "fact", "ds64", "JUNK", "junk", "PAD ", "FLLR", "PEAK", "r64m"))
_KNOWN = _NOT_METADATA.union(
    ("LIST", "list", "bext", "guan", "wamd", "iXML", "axml", "chna", "cue ", "smpl", "inst", "acid", "afsp"),
    ("cart", "DISP", "id3 ", "ID3 ", "plst", "umid", "levl", "link", "strc", "minf", "elm1", "regn", "_PMX"),
)
_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
_W64_LIST_TAIL = bytes.fromhex("2f91cf11a5d628db04c10000")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A named stretch of bytes: ``first_byte`` is where its content begins, ``n_bytes`` what it claims."""

    name: str
    first_byte: int
    n_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRules:
    """How one container writes its chunks.

    ``read_head`` turns ``head_bytes`` bytes into name and content size, or None when they cannot be a
    chunk's head; each chunk's content is padded to a multiple of ``align_bytes``. ``data_mark`` are the
    bytes that begin the sound's chunk.
    """

    head_bytes: int
    align_bytes: int
    read_head: Callable[[bytes], tuple[str, int] | None]
    data_mark: bytes


def _riff_head(head: bytes, form: str = "<4sI") -> tuple[str, int] | None:
    name, n_bytes = struct.unpack(form, head)
    if not all(0x20 <= byte <= 0x7E for byte in name) or not name.strip():
        return None
    return name.decode("ascii"), n_bytes


def _aiff_head(head: bytes) -> tuple[str, int] | None:
    return _riff_head(head, ">4sI")


def _w64_head(head: bytes) -> tuple[str, int] | None:
    name, tail, n_bytes = struct.unpack("<4s12sQ", head)
    if tail not in (_W64_TAIL, _W64_LIST_TAIL):
        return None
    # The size counts the head. A crashed recorder leaves 0, which is then the size of the content.
    return name.decode("latin-1"), max(0, n_bytes - 24)


RIFF = ChunkRules(head_bytes=8, align_bytes=2, read_head=_riff_head, data_mark=b"data")
AIFF = ChunkRules(head_bytes=8, align_bytes=2, read_head=_aiff_head, data_mark=b"SSND")
W64 = ChunkRules(head_bytes=24, align_bytes=8, read_head=_w64_head, data_mark=b"data" + _W64_TAIL)


def read_at(file: BinaryIO, first_byte: int, n_bytes: int) -> bytes:
    """Bytes from a position; fewer at the end of the file."""
    file.seek(first_byte)
    return file.read(n_bytes)


def walk(
    file: BinaryIO, first_byte: int, size_bytes: int, rules: ChunkRules, *, padding_bytes: int = 0
) -> tuple[list[Chunk], int]:
    """Follow a chunk list until the sound's chunk, the end of the file, or something that is no chunk.

    Parameters
    ----------
    first_byte
        Where the list begins if no padding precedes it.
    padding_bytes
        Padding that should lie before it. Writers forget it, so both places are tried.

    Returns
    -------
    The chunks, and the byte at which the list ended: within a head's length of ``size_bytes`` when every
    chunk was whole. A ``data`` chunk is always the last one, whatever size it claims; any other chunk that
    reaches beyond the file is left out, and the list ends where that chunk begins.
    """
    chunks: list[Chunk] = []
    while size_bytes - first_byte >= rules.head_bytes and len(chunks) < _MAX_CHUNKS:
        found = _head_near(file, first_byte, padding_bytes, rules)
        if found is None:
            break
        first_byte, name, n_bytes = found
        chunk = Chunk(name=name, first_byte=first_byte + rules.head_bytes, n_bytes=n_bytes)
        if name == "data":
            return [*chunks, chunk], first_byte
        if chunk.first_byte + n_bytes > size_bytes:
            break
        chunks.append(chunk)
        first_byte, padding_bytes = chunk.first_byte + n_bytes, -n_bytes % rules.align_bytes
    return chunks, first_byte


def _head_near(
    file: BinaryIO, first_byte: int, padding_bytes: int, rules: ChunkRules
) -> tuple[int, str, int] | None:
    """Position, name and size of the next chunk: behind the padding, or before it where it was forgotten."""
    fits = []
    for at in dict.fromkeys((first_byte + padding_bytes, first_byte)):
        raw = read_at(file, at, rules.head_bytes)
        head = rules.read_head(raw) if len(raw) == rules.head_bytes else None
        if head is not None:
            fits.append((at, *head))
    return next((fit for fit in fits if fit[1] in _KNOWN), fits[0] if fits else None)


def is_chunk_list(
    file: BinaryIO, first_byte: int, size_bytes: int, rules: ChunkRules, *, padding_bytes: int = 0
) -> bool:
    """Tell chunks that follow the sound from sound that goes on.

    It is a list when it begins with a chunk of known name (even one that was cut off), or when chunks of
    any name reach exactly to the end of the file.
    """
    chunks, end = walk(file, first_byte, size_bytes, rules, padding_bytes=padding_bytes)
    if not chunks:
        found = _head_near(file, first_byte, padding_bytes, rules)
        return found is not None and found[1] in _KNOWN
    return chunks[0].name in _KNOWN or size_bytes - end < rules.head_bytes


def read_metadata(file: BinaryIO, chunks: Iterable[Chunk]) -> dict[str, bytes]:
    """Contents of all chunks that are neither sound nor filling, those of ``LIST INFO`` one by one."""
    metadata: dict[str, bytes] = {}
    for chunk in chunks:
        if chunk.name in _NOT_METADATA or chunk.n_bytes > _MAX_METADATA_BYTES:
            continue
        content = read_at(file, chunk.first_byte, chunk.n_bytes)
        parts = _info_parts(content) if content[:4] == b"INFO" and chunk.name.upper() == "LIST" else None
        for name, value in (parts or {chunk.name: content}).items():
            metadata.setdefault(name, value)
    return metadata


def _info_parts(content: bytes) -> dict[str, bytes]:
    parts: dict[str, bytes] = {}
    at = 4
    while at + 8 <= len(content):
        head = _riff_head(content[at : at + 8])
        if head is None:
            break
        name, n_bytes = head
        parts.setdefault(name, content[at + 8 : at + 8 + n_bytes])
        at += 8 + n_bytes + n_bytes % 2
    return parts
