"""Headers of FLAC, OGG, MP3, AIFF and other files that libsndfile reads, and up to where they really go."""

import struct
from collections.abc import Callable
from typing import BinaryIO

import soundfile

from ndoki.audio.chunks import AIFF, read_at, walk
from ndoki.audio.decoder import Decoder, open_decoder
from ndoki.audio.layout import Header
from ndoki.audio.pcm import check_rate
from ndoki.core.errors import AudioError

__all__ = ["read_coded_header"]

_CONTAINERS = {"WAVEX": "WAV", "WAV": "WAV", "RF64": "RF64", "W64": "W64", "AIFF": "AIFF"} | {
    name: name for name in ("FLAC", "OGG", "MP3", "AU", "CAF")
}
_ENCODINGS = {name: name for name in ("PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32", "ALAW", "ULAW")} | {
    "FLOAT": "FLOAT_32",
    "DOUBLE": "FLOAT_64",
}
_TAGS = {"title": "INAM", "artist": "IART", "comment": "ICMT", "date": "ICRD", "software": "ISFT"}
_UNKNOWN_LENGTH = 1 << 62  # libsndfile says 2^63 − 1 when a FLAC stream does not state its length
_PROBED_SAMPLES = 4096
_DECODED_AT_ONCE = 1 << 16
_OGG_TAIL_BYTES = 1 << 16
_MP3_TAIL_BYTES = 1 << 13  # room for tags behind the sound


def read_coded_header(file: BinaryIO, source: str, size_bytes: int) -> Header:
    """Ask libsndfile what a file holds, and check that its end can be decoded.

    Raises
    ------
    AudioError
        When nothing can be decoded. The message lacks the file's name.
    """
    with open_decoder(file) as opened:
        container, encoding = _CONTAINERS.get(opened.format), _encoding(opened)
        rate_hz, n_channels, n_promised = opened.samplerate, opened.channels, opened.frames
        tags = _tags(opened)
    if container is None:
        raise AudioError("it is not a sound file of a kind that is read here; convert it to WAV or FLAC")
    check_rate(rate_hz)
    n_samples, problems = _true_length(file, n_promised, container)
    claimed: int | None = n_promised if n_promised < _UNKNOWN_LENGTH else None
    if container == "OGG":
        claimed, problems = None, problems + _ogg_problems(file, size_bytes)
    elif container == "AIFF":
        claimed = _aiff_claim(file, size_bytes)
        problems += (_cut_off(claimed, n_samples),) if claimed is not None and claimed > n_samples else ()
    elif container == "MP3" and n_samples == n_promised:
        problems += _mp3_problems(file, n_samples, size_bytes)
    if n_samples == 0:
        raise AudioError(f"it has {size_bytes} bytes and a {container} header, but no sound can be decoded")
    return Header(
        source=source,
        container=container,
        encoding=encoding,
        rate_hz=rate_hz,
        n_channels=n_channels,
        n_samples=n_samples,
        n_samples_claimed=claimed,
        size_bytes=size_bytes,
        data_offset=None,
        metadata=tags,
        problems=problems,
    )


def _cut_off(n_claimed: int, n_samples: int) -> str:
    return f"The header promises {n_claimed} samples but {n_samples} can be decoded: the sound was cut off."


def _encoding(opened: soundfile.SoundFile) -> str:
    return "COMPRESSED" if opened.format == "FLAC" else _ENCODINGS.get(opened.subtype, "COMPRESSED")


def _tags(opened: soundfile.SoundFile) -> dict[str, bytes]:
    try:
        found: dict[str, str] = opened.copy_metadata()
    except UnicodeDecodeError:
        return {}
    return {_TAGS[name]: text.encode() for name, text in found.items() if name in _TAGS}


def _true_length(file: BinaryIO, n_promised: int, container: str) -> tuple[int, tuple[str, ...]]:
    """Samples that can be decoded. Cheap for a whole file: only its end is decoded."""
    if n_promised >= _UNKNOWN_LENGTH:
        return _decodable(file, _UNKNOWN_LENGTH, container), (
            "The header does not say how long the sound is; all that can be decoded is used.",
        )
    if _ends_well(file, n_promised):
        return n_promised, ()
    n_samples = _decodable(file, n_promised, container)
    if container == "MP3":  # most say nothing of their length; it is then guessed from the first frame
        return n_samples, (
            f"It looked like {n_promised} samples but {n_samples} can be decoded: "
            "the sound was cut off, or its frames vary in size.",
        )
    return n_samples, (_cut_off(n_promised, n_samples),)


def _ends_well(file: BinaryIO, n_samples: int) -> bool:
    first = max(0, n_samples - _PROBED_SAMPLES)
    return len(Decoder(file).read(first, n_samples)) == n_samples - first


def _decodable(file: BinaryIO, n_promised: int, container: str) -> int:
    """Length of what can be decoded: by bisection, or by decoding all of it where jumps tell nothing."""

    def can_decode(sample: int) -> bool:
        return len(Decoder(file).read(sample, sample + 1)) == 1

    if container != "MP3":  # whose jumps read all that they jump over
        n_samples = _first_failure(can_decode, n_promised)
        if _ends_well(file, n_samples):
            return n_samples
    decoder, n_samples = Decoder(file), 0
    while n_read := len(decoder.read(n_samples, n_samples + _DECODED_AT_ONCE)):
        n_samples += n_read
    return n_samples


def _first_failure(can_decode: Callable[[int], bool], n_promised: int) -> int:
    """First sample that cannot be decoded, given that all behind it cannot be either."""
    good, step = 0, _PROBED_SAMPLES
    while step < n_promised and can_decode(step):
        good, step = step + 1, step * 2
    bad = min(step, n_promised)
    while good < bad:
        middle = (good + bad) // 2
        if can_decode(middle):
            good = middle + 1
        else:
            bad = middle
    return good


def _ogg_problems(file: BinaryIO, size_bytes: int) -> tuple[str, ...]:
    """An OGG stream whose last page is not marked as the last one was cut off."""
    tail = read_at(file, max(0, size_bytes - _OGG_TAIL_BYTES), _OGG_TAIL_BYTES)
    page = tail.rfind(b"OggS")
    if 0 <= page < len(tail) - 5 and tail[page + 5] & 4:
        return ()
    return ("The stream does not end with its last page: the sound was cut off; all that is there is used.",)


def _mp3_problems(file: BinaryIO, n_samples: int, size_bytes: int) -> tuple[str, ...]:
    """Without a frame count in the file, libsndfile guesses its length, and can guess too short."""
    _ends_well(file, n_samples)
    unread = size_bytes - file.tell()
    if unread < _MP3_TAIL_BYTES:
        return ()
    return (
        f"The file does not say how long it is, and {unread} bytes behind the guessed end were not heard; "
        "convert it to WAV or FLAC to hear all of it.",
    )


def _aiff_claim(file: BinaryIO, size_bytes: int) -> int | None:
    chunks, _ = walk(file, 12, size_bytes, AIFF)
    comm = next((chunk for chunk in chunks if chunk.name == "COMM" and chunk.n_bytes >= 6), None)
    if comm is None:
        return None
    n_samples: int = struct.unpack(">I", read_at(file, comm.first_byte + 2, 4))[0]
    return n_samples
