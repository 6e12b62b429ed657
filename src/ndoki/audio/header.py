"""What a sound file says of itself, and what is really there."""

import io
from typing import BinaryIO

from ndoki.audio.chunks import read_at
from ndoki.audio.coded import read_coded_header
from ndoki.audio.layout import Header
from ndoki.audio.storage import open_binary
from ndoki.audio.wav import read_wav_header
from ndoki.core.errors import AudioError

__all__ = ["Header", "read_header"]

_W64_MAGIC = bytes.fromhex("72696666 2e91cf11a5d628db04c10000")


def read_header(source: str, file: BinaryIO | None = None) -> Header:
    """Find out what a sound file holds. Nothing is trusted that the file's size contradicts.

    Parameters
    ----------
    source
        Path or URL. The file is only read, never changed.
    file
        What `open_binary` made of it, where it is open already; stays open.

    Returns
    -------
    The header; its ``problems`` say what was wrong and what was salvaged.

    Raises
    ------
    AudioError
        When nothing can be heard: the file is missing, empty, holds a header only, is no sound file, is
        sampled below 2 kHz, or is damaged beyond knowing what its samples are.
    """
    if file is None:
        with open_binary(source) as opened:
            return read_header(source, opened)
    try:
        return _read(file, source)
    except (AudioError, OSError) as error:
        raise AudioError(f"cannot hear {source}: {error}") from error


def _read(file: BinaryIO, source: str) -> Header:
    size_bytes = file.seek(0, io.SEEK_END)
    if size_bytes == 0:
        raise AudioError("it is empty (0 bytes); the recorder wrote nothing")
    magic = read_at(file, 0, 16)
    header = None
    if magic == _W64_MAGIC or (magic[:4] in (b"RIFF", b"RF64", b"BW64") and magic[8:12] == b"WAVE"):
        header = read_wav_header(file, source, size_bytes)
    elif not any(magic):
        raise AudioError(
            f"it has {size_bytes} bytes and begins with zeros instead of a header; nothing tells its rate"
        )
    return header or read_coded_header(file, source, size_bytes)
