"""What a damaged fmt chunk still tells, and bytes as samples."""

from collections.abc import Callable

import numpy as np
import pytest

from ndoki.audio.pcm import PcmFormat, check_rate, decode, parse_format
from ndoki.core.errors import AudioError

Make = Callable[..., bytes]
EXTENSIBLE = 0xFFFE
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def test_formats_of_every_width(fmt: Make) -> None:
    expected = {
        (1, 8): "PCM_U8",
        (1, 16): "PCM_16",
        (1, 24): "PCM_24",
        (1, 32): "PCM_32",
        (3, 32): "FLOAT_32",
        (3, 64): "FLOAT_64",
        (6, 8): "ALAW",
        (7, 8): "ULAW",
    }
    for (tag, bits), encoding in expected.items():
        for n_channels in (1, 2, 7):
            pcm, problems = parse_format(fmt(tag=tag, bits=bits, channels=n_channels, rate=48000))
            assert pcm == PcmFormat(encoding=encoding, rate_hz=48000, n_channels=n_channels)
            assert pcm.frame_bytes == n_channels * bits // 8
            assert problems == ()


def test_extensible(fmt: Make) -> None:
    def extra(tag: int, valid_bits: int = 16) -> bytes:
        return bytes([22, 0, valid_bits, 0, 0, 0, 0, 0, tag, 0]) + GUID_TAIL

    pcm, problems = parse_format(fmt(tag=EXTENSIBLE, bits=24, extra=extra(1, 20)))
    assert pcm is not None
    assert (pcm.encoding, problems) == ("PCM_24", ())
    pcm, _ = parse_format(fmt(tag=EXTENSIBLE, bits=32, extra=extra(3)))
    assert pcm is not None
    assert pcm.encoding == "FLOAT_32"
    pcm, problems = parse_format(fmt(tag=EXTENSIBLE))  # cut off before the GUID
    assert pcm is not None
    assert pcm.encoding == "PCM_16"
    assert "does not name its encoding" in problems[0]


@pytest.mark.parametrize(
    ("fields", "encoding", "n_channels", "rate_hz", "problem"),
    [
        ({"block": 7}, "PCM_16", 1, 8000, "contradicts itself"),
        ({"block": 0}, "PCM_16", 1, 8000, "contradicts itself"),
        ({"bits": 24, "block": 4}, "PCM_32", 1, 8000, "contradicts itself"),
        ({"bits": 24, "block": 4, "byte_rate": 24000}, "PCM_24", 1, 8000, "contradicts itself"),
        ({"bits": 0, "block": 4, "channels": 2}, "PCM_16", 2, 8000, "contradicts itself"),
        ({"channels": 0, "block": 4}, "PCM_16", 2, 8000, "contradicts itself"),
        ({"channels": 60000, "block": 2}, "PCM_16", 1, 8000, "contradicts itself"),
        ({"rate": 0, "byte_rate": 32000}, "PCM_16", 1, 16000, "sample rate reads 0 Hz"),
        ({"rate": 2**31, "byte_rate": 16000}, "PCM_16", 1, 8000, "sample rate reads 2147483648 Hz"),
        ({"tag": 0}, "PCM_16", 1, 8000, "unknown encoding 0"),
        ({"tag": 999, "bits": 24, "channels": 2}, "PCM_24", 2, 8000, "unknown encoding 999"),
        ({"byte_rate": 1}, "PCM_16", 1, 8000, None),  # nothing depends on it
    ],
)
def test_one_wrong_field_is_told_from_the_others(
    fmt: Make, fields: dict[str, int], encoding: str, n_channels: int, rate_hz: int, problem: str | None
) -> None:
    pcm, problems = parse_format(fmt(**fields))
    assert pcm == PcmFormat(encoding=encoding, rate_hz=rate_hz, n_channels=n_channels)
    assert len(problems) == (problem is not None)
    assert (problem or "") in "".join(problems)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"rate": 0, "byte_rate": 0}, "rate is 0 Hz"),
        ({"rate": 0, "block": 0}, "rate is 0 Hz"),
        ({"rate": 1000}, "rate is 1000 Hz"),
        ({"bits": 0, "block": 0}, "contradicts itself"),
        ({"channels": 0, "block": 0}, "contradicts itself"),
        ({"channels": 0, "block": 3}, "contradicts itself"),
    ],
)
def test_too_many_wrong_fields(fmt: Make, fields: dict[str, int], reason: str) -> None:
    with pytest.raises(AudioError, match=reason):
        parse_format(fmt(**fields))


def test_short_chunks(fmt: Make) -> None:
    with pytest.raises(AudioError, match="fmt chunk has 13 bytes"):
        parse_format(fmt()[:13])
    pcm, problems = parse_format(fmt()[:14])
    assert pcm == PcmFormat(encoding="PCM_16", rate_hz=8000, n_channels=1)
    assert "0 bits" in problems[0]


def test_compressed_formats_are_left_to_the_decoder(fmt: Make) -> None:
    assert parse_format(fmt(tag=0x11, bits=4, block=256)) == (None, ())


def test_rates() -> None:
    check_rate(2_000)
    check_rate(1_000_000)
    for rate_hz in (1_999, 1_000_001, 0):
        with pytest.raises(AudioError, match=f"rate is {rate_hz} Hz"):
            check_rate(rate_hz)


def decoded(encoding: str, raw: bytes, n_channels: int = 1, channel: int = 0) -> list[float]:
    samples = decode(raw, PcmFormat(encoding=encoding, rate_hz=8000, n_channels=n_channels), channel)
    assert samples.dtype == np.float32
    return [float(x) for x in samples]


def test_extremes_of_integers() -> None:
    assert decoded("PCM_U8", bytes([0, 128, 255])) == [-1, 0, 127 / 128]
    assert decoded("PCM_16", np.array([-(2**15), 0, 1], "<i2").tobytes()) == [-1, 0, 2**-15]
    assert decoded("PCM_24", b"\x00\x00\x80\xff\xff\xff\x01\x00\x00") == [-1, -(2.0**-23), 2.0**-23]
    assert decoded("PCM_32", np.array([-(2**31), 2**30], "<i4").tobytes()) == [-1, 0.5]


@pytest.mark.parametrize(("encoding", "dtype"), [("FLOAT_32", "<f4"), ("FLOAT_64", "<f8")])
def test_floats_become_finite_and_stay_in_range(encoding: str, dtype: str) -> None:
    raw = np.array([0.25, np.nan, np.inf, -np.inf, 1.5, -7, 3e38], dtype).tobytes()
    assert decoded(encoding, raw) == [0.25, 0, 0, 0, 1, -1, 1]
    assert decoded("FLOAT_64", np.array([1e300, -1e300]).tobytes()) == [1, -1]


def test_companded_codes() -> None:
    """End points and steps of ITU-T G.711: 14 bits for µ-law, 13 for A-law, scaled to 16."""
    assert [32768 * x for x in decoded("ULAW", bytes([0x00, 0x80, 0x7F, 0xFF, 0xFE]))] == [
        -32124,
        32124,
        0,
        0,
        8,
    ]
    assert [32768 * x for x in decoded("ALAW", bytes([0x55, 0xD5, 0x2A, 0xAA]))] == [-8, 8, -32256, 32256]


@pytest.mark.parametrize(("encoding", "width"), [("PCM_16", 2), ("PCM_24", 3), ("ULAW", 1), ("FLOAT_64", 8)])
def test_channels_are_kept_apart(encoding: str, width: int) -> None:
    raw = np.random.default_rng(4).integers(0, 60, 10 * 3 * width).astype(np.uint8)
    for channel in range(3):
        alone = raw.reshape(10, 3, width)[:, channel].tobytes()
        assert decoded(encoding, raw.tobytes(), 3, channel) == decoded(encoding, alone)
