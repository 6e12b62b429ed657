"""WAV files as the forest leaves them."""

import struct
from collections.abc import Callable

import numpy as np
import pytest

from ndoki.audio.header import read_header
from ndoki.audio.reader import open_samples
from ndoki.core.errors import AudioError

Make = Callable[..., bytes]
Save = Callable[..., str]


def heard(source: str) -> list[int]:
    """Samples of channel 0 as 16-bit integers."""
    with open_samples(source) as samples:
        return [round(32768 * float(x)) for x in samples.read(0, samples.header.n_samples, 0)]


def as_written(pcm: bytes) -> list[int]:
    return [int(x) for x in np.frombuffer(pcm, "<i2")]


def test_a_whole_file(save: Save, fmt: Make, chunk: Make, pcm: bytes) -> None:
    source = save(chunk(b"fmt ", fmt()), chunk(b"data", pcm))
    header = read_header(source)
    assert (header.source, header.container, header.encoding) == (source, "WAV", "PCM_16")
    assert (header.rate_hz, header.n_channels, header.n_samples) == (8000, 1, 1000)
    assert (header.n_samples_claimed, header.size_bytes, header.data_offset) == (1000, 2044, 44)
    assert (dict(header.metadata), header.problems, header.duration_s) == ({}, (), 0.125)
    assert heard(source) == as_written(pcm)


@pytest.mark.parametrize(
    ("claims", "n_claimed", "problem"),
    [
        (0, 0, "goes on behind"),
        (0xFFFFFFFF, None, "does not say how long"),
        (0xFFFFFFFE, 0x7FFFFFFF, "cut off"),
        (5000, 2500, "promises 5000 bytes of sound but 2000 are there"),
        (1000, 500, "goes on behind"),
    ],
)
def test_false_size_of_the_sound(
    save: Save, fmt: Make, chunk: Make, pcm: bytes, claims: int, n_claimed: int | None, problem: str
) -> None:
    source = save(chunk(b"fmt ", fmt()), chunk(b"data", pcm, claims=claims))
    header = read_header(source)
    assert (header.n_samples, header.n_samples_claimed) == (1000, n_claimed)
    assert len(header.problems) == 1
    assert problem in header.problems[0]
    assert heard(source) == as_written(pcm)


def test_power_cut_in_mid_file(save: Save, fmt: Make, chunk: Make, pcm: bytes) -> None:
    source = save(chunk(b"fmt ", fmt(channels=2)), chunk(b"data", pcm)[: 8 + 1003])
    header = read_header(source)
    assert (header.n_samples, header.n_samples_claimed) == (250, 500)
    assert "cut off" in header.problems[0]
    assert "last 3 bytes are less than one sample" in header.problems[1]
    assert heard(source) == as_written(pcm[:1000])[::2]


@pytest.mark.parametrize("tail", [b"\x07", b"\0", b"abcdefg"])
def test_a_few_odd_bytes_behind_the_sound_are_no_sound(
    save: Save, fmt: Make, chunk: Make, pcm: bytes, tail: bytes
) -> None:
    header = read_header(save(chunk(b"fmt ", fmt()), chunk(b"data", pcm), tail))
    assert (header.n_samples, header.problems) == (1000, ())


def test_odd_number_of_bytes(save: Save, fmt: Make, chunk: Make, pcm: bytes) -> None:
    header = read_header(save(chunk(b"fmt ", fmt()), chunk(b"data", pcm + b"\x55")))
    assert header.n_samples == 1000
    assert "The last 1 bytes" in header.problems[0]


def test_zeros_that_fill_a_card_cluster_are_no_sound(save: Save, fmt: Make, chunk: Make, pcm: bytes) -> None:
    header = read_header(save(chunk(b"fmt ", fmt()), chunk(b"data", pcm), bytes(512)))
    assert header.n_samples == 1000
    assert header.problems == ("512 zero bytes behind the sound were left out.",)


@pytest.mark.parametrize("name", [b"LIST", b"guan", b"zzzz"])
def test_chunks_behind_the_sound_are_no_sound(
    save: Save, fmt: Make, chunk: Make, pcm: bytes, name: bytes
) -> None:
    source = save(chunk(b"fmt ", fmt()), chunk(b"data", pcm), chunk(name, b"Timestamp:x" * 9))
    header = read_header(source)
    assert (header.n_samples, header.problems) == (1000, ())
    assert header.metadata == {name.decode(): b"Timestamp:x" * 9}


def test_a_known_chunk_that_was_cut_off_is_no_sound(save: Save, fmt: Make, chunk: Make, pcm: bytes) -> None:
    source = save(chunk(b"fmt ", fmt()), chunk(b"data", pcm), chunk(b"LIST", b"INFOICMT", claims=300))
    assert read_header(source).n_samples == 1000


def test_sound_that_looks_like_a_chunk_at_first_goes_on(
    save: Save, fmt: Make, chunk: Make, pcm: bytes
) -> None:
    sound = pcm[:1000] + b"abcd\x10\0\0\0" + pcm[:500]
    source = save(chunk(b"fmt ", fmt()), chunk(b"data", sound, claims=1000))
    assert "goes on behind" in read_header(source).problems[0]
    assert heard(source) == as_written(sound)


def test_an_empty_sound_before_chunks_is_no_sound(save: Save, fmt: Make, chunk: Make) -> None:
    with pytest.raises(AudioError, match="header, but no sound"):
        read_header(save(chunk(b"fmt ", fmt()), chunk(b"data", b""), chunk(b"LIST", bytes(50))))


def test_unknown_chunks_before_the_sound(save: Save, fmt: Make, chunk: Make, pcm: bytes) -> None:
    odd = [chunk(b"junk", bytes(27)), chunk(b"abcd", b"x" * 5), chunk(b"bext", b"y" * 602)]
    source = save(*odd, chunk(b"fmt ", fmt(extra=bytes(2))), *odd, chunk(b"data", pcm))
    header = read_header(source)
    assert (header.n_samples, header.problems) == (1000, ())
    assert header.metadata == {"abcd": b"xxxxx", "bext": b"y" * 602}
    assert heard(source) == as_written(pcm)


@pytest.mark.parametrize("claims", [64, 0x40404041])  # a size whose bytes are letters looks like a name
def test_missing_pad_byte(save: Save, fmt: Make, chunk: Make, pcm: bytes, claims: int) -> None:
    source = save(
        chunk(b"fmt ", fmt()), chunk(b"guan", b"abc", pad=False), chunk(b"data", pcm[:64], claims=claims)
    )
    header = read_header(source)
    assert (header.n_samples, header.metadata) == (32, {"guan": b"abc"})
    assert len(header.problems) == (claims != 64)
    assert heard(source) == as_written(pcm[:64])


def test_missing_pad_byte_behind_the_sound(save: Save, fmt: Make, chunk: Make, pcm: bytes) -> None:
    sound = chunk(b"data", pcm[:999], pad=False)
    header = read_header(save(chunk(b"fmt ", fmt(bits=8)), sound, chunk(b"LIST", b"INFO")))
    assert (header.n_samples, header.encoding, header.problems) == (999, "PCM_U8", ())


@pytest.mark.parametrize(
    "before",
    [b"LIST" + struct.pack("<I", 10**6) + b"INFO", b"\x01\xff\x02\x03\x10\0\0\0" + bytes(16)],
    ids=["wrong size", "no chunk at all"],
)
def test_damage_before_the_sound(save: Save, fmt: Make, chunk: Make, pcm: bytes, before: bytes) -> None:
    source = save(chunk(b"fmt ", fmt()), before, chunk(b"data", pcm))
    assert "found by name at byte" in read_header(source).problems[0]
    assert heard(source) == as_written(pcm)


@pytest.mark.parametrize("name", [b"dXta", b"d\x00ta"])
def test_the_name_of_the_sound_is_damaged(
    save: Save, fmt: Make, chunk: Make, pcm: bytes, name: bytes
) -> None:
    source = save(chunk(b"fmt ", fmt()), chunk(name, pcm))
    assert "There is no data chunk" in read_header(source).problems[0]
    assert heard(source) == as_written(pcm)


def test_no_sound_at_all(save: Save, fmt: Make, chunk: Make) -> None:
    with pytest.raises(AudioError, match="no data chunk"):
        read_header(save(chunk(b"fmt ", fmt()), chunk(b"LIST", b"INFO")))


def test_fmt_behind_a_damaged_chunk_is_found(save: Save, fmt: Make, chunk: Make, pcm: bytes) -> None:
    damaged = b"JUNK" + struct.pack("<I", 10**6) + bytes(20)
    source = save(damaged, chunk(b"fmt ", fmt(rate=24000)), chunk(b"data", pcm))
    assert read_header(source).rate_hz == 24000
    assert heard(source) == as_written(pcm)


def test_fmt_behind_the_sound(save: Save, fmt: Make, chunk: Make, pcm: bytes) -> None:
    assert read_header(save(chunk(b"data", pcm), chunk(b"fmt ", fmt(rate=16000)))).rate_hz == 16000


def test_no_fmt(save: Save, chunk: Make, pcm: bytes) -> None:
    with pytest.raises(AudioError, match="no fmt chunk"):
        read_header(save(chunk(b"data", pcm)))


@pytest.mark.parametrize("magic", [b"RF64", b"BW64"])
@pytest.mark.parametrize("in_ds64", [2000, 0, 1 << 63])
def test_sizes_of_64_bits(save: Save, fmt: Make, chunk: Make, pcm: bytes, magic: bytes, in_ds64: int) -> None:
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 0, in_ds64, 0, 0))
    source = save(
        ds64,
        chunk(b"fmt ", fmt()),
        chunk(b"data", pcm, claims=0xFFFFFFFF),
        *([chunk(b"guan", b"late")] if in_ds64 == 2000 else []),
        head=magic + b"\xff\xff\xff\xffWAVE",
    )
    header = read_header(source)
    assert (header.container, header.n_samples) == ("RF64", 1000)
    assert header.n_samples_claimed == {2000: 1000, 0: 0, 1 << 63: None}[in_ds64]
    assert bool(header.problems) == (in_ds64 != 2000)
    assert header.metadata == ({"guan": b"late"} if in_ds64 == 2000 else {})
    assert heard(source) == as_written(pcm)


@pytest.mark.parametrize(
    ("claims", "problem"), [(None, ""), (24, "goes on"), (0, "goes on"), (9999, "cut off")]
)
def test_w64(save: Save, fmt: Make, w64_chunk: Make, pcm: bytes, claims: int | None, problem: str) -> None:
    head = (
        bytes.fromhex("726966662e91cf11a5d628db04c10000")
        + struct.pack("<Q", 0)
        + w64_chunk(b"wave", b"")[:16]
    )
    source = save(
        w64_chunk(b"bext", b"odd"),
        w64_chunk(b"fmt ", fmt()),
        w64_chunk(b"data", pcm, claims=claims),
        *([] if claims else [w64_chunk(b"zzzz", b"last")] if claims is None else []),
        head=head,
        name="a.w64",
    )
    header = read_header(source)
    assert (header.container, header.n_samples) == ("W64", 1000)
    assert header.metadata == ({"bext": b"odd", "zzzz": b"last"} if claims is None else {"bext": b"odd"})
    assert problem in "".join(header.problems)
    assert bool(problem) == bool(header.problems)
    assert heard(source) == as_written(pcm)


def test_metadata(save: Save, fmt: Make, chunk: Make, pcm: bytes) -> None:
    info = chunk(b"LIST", b"INFO" + chunk(b"ICMT", b"Recorded at 1") + chunk(b"IART", b"AudioMoth 1"))
    adtl = chunk(b"LIST", b"adtllabl")
    again = chunk(b"LIST", b"INFO" + chunk(b"ICMT", b"second"))
    large = chunk(b"iXML", bytes((1 << 20) + 2))
    source = save(chunk(b"fmt ", fmt()), info, adtl, large, chunk(b"data", pcm), again)
    assert read_header(source).metadata == {
        "ICMT": b"Recorded at 1",
        "IART": b"AudioMoth 1",
        "LIST": b"adtllabl",
    }


def test_damaged_info_list_keeps_what_was_read(save: Save, fmt: Make, chunk: Make, pcm: bytes) -> None:
    info = chunk(b"LIST", b"INFO" + chunk(b"ICMT", b"first!") + b"\x00\x01\x02\x03\xff\xff\xff\xff")
    assert read_header(save(chunk(b"fmt ", fmt()), info, chunk(b"data", pcm))).metadata == {"ICMT": b"first!"}
