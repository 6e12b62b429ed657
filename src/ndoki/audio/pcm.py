"""Plain samples in files: what a ``fmt `` chunk says, and bytes → float32."""

import struct
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ndoki.audio.layout import MAX_RATE_HZ, MIN_RATE_HZ
from ndoki.core.errors import AudioError
from ndoki.core.types import Floats

__all__ = ["PcmFormat", "check_rate", "decode", "parse_format"]

_PCM, _FLOAT, _ALAW, _ULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_ENCODINGS = {
    _PCM: {1: "PCM_U8", 2: "PCM_16", 3: "PCM_24", 4: "PCM_32"},
    _FLOAT: {4: "FLOAT_32", 8: "FLOAT_64"},
    _ALAW: {1: "ALAW"},
    _ULAW: {1: "ULAW"},
}
_SAMPLE_BYTES = {name: width for widths in _ENCODINGS.values() for width, name in widths.items()}
_MAX_CHANNELS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class PcmFormat:
    """How plain samples lie in a file. ``encoding`` as in `Header`."""

    encoding: str
    rate_hz: int
    n_channels: int

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return _SAMPLE_BYTES[self.encoding] * self.n_channels


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fmt:
    """The fields of a ``fmt `` chunk as they stand."""

    tag: int
    n_channels: int
    rate_hz: int
    byte_rate: int
    block_bytes: int
    n_bits: int

    @property
    def width_bytes(self) -> int:
        return -(-self.n_bits // 8)

    @property
    def agrees(self) -> bool:
        """Whether the redundant fields say the same."""
        return (
            self.n_channels > 0
            and self.width_bytes > 0
            and self.block_bytes == self.n_channels * self.width_bytes
            and self.byte_rate == self.rate_hz * self.block_bytes
        )


def check_rate(rate_hz: int) -> None:
    """Refuse rates that the program does not work at.

    Raises
    ------
    AudioError
        Below 2 kHz, or so high that the header must be damaged.
    """
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise AudioError(
            f"its sample rate is {rate_hz} Hz; "
            f"expected {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz; if the header is wrong, correct the rate in a copy"
        )


def parse_format(raw: bytes) -> tuple[PcmFormat | None, tuple[str, ...]]:
    """Understand the content of a ``fmt `` chunk, damaged or not.

    The fields are redundant (bytes per second = rate × bytes per frame, bytes per frame = channels ×
    bytes per sample), so one wrong field can be told from the others.

    Returns
    -------
    The format, or None for a compressed one; and a sentence for each repair.

    Raises
    ------
    AudioError
        When too few fields agree to know what the samples are, or the rate is out of range.
    """
    if len(raw) < 14:
        raise AudioError(
            f"its fmt chunk has {len(raw)} bytes; at least 14 are needed to know what the samples are"
        )
    raw = raw[:40] if len(raw) >= 16 else raw[:14] + b"\0\0"
    fmt, problems = _true_tag(
        _Fmt(**dict(zip(_Fmt.__slots__, struct.unpack("<HHIIHH", raw[:16]), strict=True))), raw
    )
    if fmt is None:
        return None, ()
    rate_hz, rate_problems = _true_rate(fmt)
    encoding, n_channels, width_problems = _true_width(fmt)
    return (
        PcmFormat(encoding=encoding, rate_hz=rate_hz, n_channels=n_channels),
        problems + rate_problems + width_problems,
    )


def _true_tag(fmt: _Fmt, raw: bytes) -> tuple[_Fmt | None, tuple[str, ...]]:
    """The format with its real tag; None when it is a compressed one."""
    problems: tuple[str, ...] = ()
    if fmt.tag == _EXTENSIBLE:
        tag = int.from_bytes(raw[24:26], "little")
        if tag == 0:
            problems = ("The extensible fmt chunk does not name its encoding; taken for integer PCM.",)
        fmt = replace(fmt, tag=tag or _PCM)
    if fmt.tag in _ENCODINGS:
        return fmt, problems
    if fmt.agrees and fmt.n_bits in (8, 16, 24, 32):
        return replace(fmt, tag=_PCM), (
            f"The fmt chunk names the unknown encoding {fmt.tag}; taken for integer PCM.",
        )
    return None, ()


def _true_rate(fmt: _Fmt) -> tuple[int, tuple[str, ...]]:
    if 0 < fmt.rate_hz <= MAX_RATE_HZ:
        check_rate(fmt.rate_hz)
        return fmt.rate_hz, ()
    implied_hz, rest = divmod(fmt.byte_rate, fmt.block_bytes) if fmt.block_bytes else (0, 1)
    if rest or not MIN_RATE_HZ <= implied_hz <= MAX_RATE_HZ:
        check_rate(fmt.rate_hz)
    return implied_hz, (
        f"The sample rate reads {fmt.rate_hz} Hz; {implied_hz} Hz was taken, as the bytes per second imply.",
    )


def _true_width(fmt: _Fmt) -> tuple[str, int, tuple[str, ...]]:
    """Encoding and number of channels; where the fields disagree, what most of them support."""
    widths = _ENCODINGS[fmt.tag]
    width, n_channels, block = fmt.width_bytes, fmt.n_channels, fmt.block_bytes
    if width in widths and 0 < n_channels <= _MAX_CHANNELS and block == n_channels * width:
        return widths[width], n_channels, ()
    known_channels = 0 < n_channels <= _MAX_CHANNELS
    per_channel, rest = divmod(block, n_channels) if known_channels else (0, 1)
    block_is_backed = fmt.byte_rate == fmt.rate_hz * block
    if known_channels and not rest and per_channel in widths and (block_is_backed or width not in widths):
        width = per_channel  # 24 bits in 4 bytes, or an unreadable number of bits
    elif (
        not known_channels
        and width in widths
        and block
        and block % width == 0
        and block // width <= _MAX_CHANNELS
    ):
        n_channels = block // width
    elif not known_channels or width not in widths:
        raise AudioError(
            f"its fmt chunk contradicts itself: encoding {fmt.tag}, {fmt.n_channels} channels of "
            f"{fmt.n_bits} bits in {block} bytes; nothing tells what the samples are"
        )
    return (
        widths[width],
        n_channels,
        (
            f"The fmt chunk contradicts itself: {fmt.n_channels} channels of {fmt.n_bits} bits in {block} "
            f"bytes; read as {n_channels} channels of {widths[width]}.",
        ),
    )


def decode(raw: bytes, pcm: PcmFormat, channel: int) -> Floats:
    """One channel of whole frames as float32 in [-1, 1].

    NaN and infinities in float files become 0, and what exceeds ±1 is clipped.
    """
    if pcm.encoding == "PCM_24":
        packed = np.frombuffer(raw, np.uint8).reshape(-1, pcm.n_channels, 3)[:, channel]
        wide = np.zeros((len(packed), 4), np.uint8)
        wide[:, 1:] = packed
        return _scaled(wide.view("<i4")[:, 0], 2**31)
    values = np.frombuffer(raw, _DTYPES[pcm.encoding]).reshape(-1, pcm.n_channels)[:, channel]
    if pcm.encoding in _COMPANDED:
        return np.take(_COMPANDED[pcm.encoding], values)
    if values.dtype.kind == "f":
        return _finite(values)
    if pcm.encoding == "PCM_U8":
        return _scaled(values, 2**7) - np.float32(1)
    return _scaled(values, 2 ** (8 * values.dtype.itemsize - 1))


def _scaled(values: npt.NDArray[np.integer], full_scale: int) -> Floats:
    samples = values.astype(np.float32)
    samples *= np.float32(1 / full_scale)
    return samples


def _finite(values: npt.NDArray[np.floating]) -> Floats:
    samples = values.clip(-1, 1).astype(np.float32)
    samples[~np.isfinite(values)] = 0
    return samples


def _alaw_table() -> Floats:
    """ITU-T G.711, table 1a: every second bit is inverted; sign, three bits of exponent, four of mantissa."""
    code = np.arange(256) ^ 0x55
    exponent, mantissa = code >> 4 & 7, code & 15
    size = np.where(exponent == 0, 16 * mantissa + 8, (16 * mantissa + 264) << np.maximum(exponent - 1, 0))
    return np.where(code & 128, size, -size).astype(np.float32) / np.float32(2**15)


def _ulaw_table() -> Floats:
    """ITU-T G.711, table 2a: all bits inverted; sign, three bits of exponent, four of mantissa, bias 132."""
    code = ~np.arange(256) & 255
    size = ((8 * (code & 15) + 132) << (code >> 4 & 7)) - 132
    return np.where(code & 128, -size, size).astype(np.float32) / np.float32(2**15)


_COMPANDED = {"ALAW": _alaw_table(), "ULAW": _ulaw_table()}
_DTYPES = {
    "PCM_U8": "u1",
    "PCM_16": "<i2",
    "PCM_32": "<i4",
    "FLOAT_32": "<f4",
    "FLOAT_64": "<f8",
    "ALAW": "u1",
    "ULAW": "u1",
}
