"""Samples by position, from every kind of file."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ndoki.audio import reader
from ndoki.audio.decoder import Decoder
from ndoki.audio.header import read_header
from ndoki.audio.reader import joined_spans, open_samples
from ndoki.core.errors import AudioError

Make = Callable[..., bytes]
Save = Callable[..., str]


@pytest.fixture
def stereo(tmp_path: Path) -> str:
    """4000 samples that count up on the left and down on the right."""
    count = np.arange(4000, dtype=np.int16)
    soundfile.write(tmp_path / "a.wav", np.stack([count, -count], axis=1), 8000, subtype="PCM_16")
    return str(tmp_path / "a.wav")


def test_spans_that_touch_become_one() -> None:
    assert joined_spans([(7, 9), (0, 3), (3, 5), (2, 4), (12, 20), (13, 14)]) == [(0, 5), (7, 9), (12, 20)]
    assert joined_spans([]) == []


def test_any_stretch_of_any_channel(stereo: str) -> None:
    with open_samples(stereo) as samples:
        for first, end in ((0, 4000), (0, 1), (3999, 4000), (17, 1234)):
            for channel, sign in ((0, 1), (1, -1)):
                stretch = samples.read(first, end, channel)
                assert stretch.dtype == np.float32
                assert (32768 * stretch).tolist() == [sign * x for x in range(first, end)]
        assert samples.read(5, 5, 0).shape == (0,)


@pytest.mark.parametrize(("first", "end"), [(-1, 5), (0, 4001), (5, 4), (5000, 5001)])
def test_outside_the_file(stereo: str, first: int, end: int) -> None:
    with (
        open_samples(stereo) as samples,
        pytest.raises(AudioError, match=f"samples {first} to {end} .* 4000"),
    ):
        samples.read(first, end, 0)


@pytest.mark.parametrize("channel", [-1, 2])
def test_a_channel_that_is_not_there(stereo: str, channel: int) -> None:
    with open_samples(stereo) as samples, pytest.raises(AudioError, match=f"channel {channel} was asked"):
        samples.read(0, 10, channel)


def test_a_closed_file(stereo: str) -> None:
    samples = open_samples(stereo)
    samples.close()
    samples.close()
    with pytest.raises(AudioError, match="cannot read samples 0 to 10"):
        samples.read(0, 10, 0)


def test_a_file_that_shrinks(stereo: str) -> None:
    with open_samples(stereo) as samples:
        Path(stereo).write_bytes(Path(stereo).read_bytes()[:100])
        with pytest.raises(AudioError, match="did the file shrink"):
            samples.read(3000, 4000, 0)


def test_a_header_that_is_known_is_not_read_again(stereo: str) -> None:
    header = read_header(stereo)
    with open_samples(stereo, header) as samples:
        assert samples.header is header


def test_missing_file() -> None:
    with pytest.raises(AudioError, match=r"cannot open nowhere\.wav"):
        open_samples("nowhere.wav")


def test_nan_and_infinity_are_silence(save: Save, fmt: Make, chunk: Make) -> None:
    sound = np.array([0.5, np.nan, np.inf, -np.inf, -0.5, 9], "<f4")
    source = save(chunk(b"fmt ", fmt(tag=3, bits=32)), chunk(b"data", sound.tobytes()))
    with open_samples(source) as samples:
        assert samples.read(0, 6, 0).tolist() == [0.5, 0, 0, 0, -0.5, 1]


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3"])
def test_threads_do_not_disturb_each_other(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_CELL_SAMPLES", 5000)
    source = str(tmp_path / f"a.{kind}")
    soundfile.write(source, 0.1 * np.random.default_rng(2).normal(size=40_000), 8000)
    with open_samples(source) as samples:
        whole = samples.read(0, 40_000, 0)
        wrong: list[int] = []

        def read_many(seed: int) -> None:
            firsts = np.random.default_rng(seed).integers(0, 39_000, 30).tolist()
            stretches = [samples.read(first, first + 1000, 0) for first in firsts]
            true = [whole[first : first + 1000] for first in firsts]
            wrong.extend(
                f for f, a, b in zip(firsts, stretches, true, strict=True) if np.abs(a - b).max() > 1e-6
            )

        threads = [threading.Thread(target=read_many, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


@pytest.mark.parametrize("kind", ["flac", "ogg", "mp3"])
def test_overlapping_reads_in_order_agree_to_the_bit(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks with context, of any length, are cut from the same sound."""
    monkeypatch.setattr(reader, "_CELL_SAMPLES", 5000)
    monkeypatch.setattr(reader, "_KEPT_SAMPLES", 20_000)
    source = str(tmp_path / f"a.{kind}")
    soundfile.write(source, 0.1 * np.random.default_rng(2).normal(size=(60_000, 2)), 8000)
    with open_samples(source) as samples:
        whole = samples.read(0, 60_000, 1)
    for step in (1000, 7777, 30_000):
        with open_samples(source) as samples:
            for first in range(0, 60_000, step):
                start, end = max(0, first - 3000), min(first + step + 1000, 60_000)
                np.testing.assert_array_equal(samples.read(start, end, 1), whole[start:end])


def test_old_cells_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_CELL_SAMPLES", 1000)
    monkeypatch.setattr(reader, "_KEPT_SAMPLES", 3000)
    source = str(tmp_path / "a.flac")
    soundfile.write(source, np.arange(20_000, dtype=np.int16), 8000)
    with open_samples(source) as samples:
        samples.read(0, 20_000, 0)
        assert len(samples._source._cells) == 3  # type: ignore[attr-defined]
        assert (32768 * samples.read(1500, 1502, 0)).tolist() == [1500, 1501]


@pytest.fixture
def in_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A FLAC of twenty cells that counts up."""
    monkeypatch.setattr(reader, "_CELL_SAMPLES", 1000)
    monkeypatch.setattr(reader, "_KEPT_SAMPLES", 3000)
    source = str(tmp_path / "a.flac")
    soundfile.write(source, np.arange(20_000, dtype=np.int16), 8000)
    return source


def test_two_threads_decode_at_the_same_time(in_cells: str, monkeypatch: pytest.MonkeyPatch) -> None:
    together, decode, used = threading.Barrier(2, timeout=30), Decoder.read, set[Decoder]()

    def met(decoder: Decoder, first_sample: int, end_sample: int) -> np.ndarray:
        together.wait()
        used.add(decoder)
        return decode(decoder, first_sample, end_sample)

    with open_samples(in_cells) as samples, ThreadPoolExecutor(2) as pool:
        monkeypatch.setattr(Decoder, "read", met)
        parts = list(pool.map(lambda first: samples.read(first, first + 3000, 0), (2000, 14_000)))
    for first, part in zip((2000, 14_000), parts, strict=True):
        assert (32768 * part).tolist() == list(range(first, first + 3000))
    assert len(used) == 2


def test_a_cell_that_two_threads_want_is_decoded_once(in_cells: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, decode = [], Decoder.read
    begun, wanted = threading.Event(), threading.Event()

    def slow(decoder: Decoder, first_sample: int, end_sample: int) -> np.ndarray:
        asked.append(first_sample)
        begun.set()
        assert wanted.wait(30)
        return decode(decoder, first_sample, end_sample)

    with open_samples(in_cells) as samples, ThreadPoolExecutor(2) as pool:
        monkeypatch.setattr(Decoder, "read", slow)
        one = pool.submit(samples.read, 5000, 6000, 0)
        assert begun.wait(30)
        other = pool.submit(samples.read, 5500, 6000, 0)
        wanted.set()
        assert one.result()[500:].tolist() == other.result().tolist()
    assert asked == [5000]


def test_a_cell_that_failed_is_tried_again(in_cells: str, monkeypatch: pytest.MonkeyPatch) -> None:
    decode, faults = Decoder.read, [OSError("the card was pulled")]

    def faulty(decoder: Decoder, first_sample: int, end_sample: int) -> np.ndarray:
        if faults:
            raise faults.pop()
        return decode(decoder, first_sample, end_sample)

    with open_samples(in_cells) as samples:
        monkeypatch.setattr(Decoder, "read", faulty)
        with pytest.raises(AudioError, match="the card was pulled"):
            samples.read(0, 10, 0)
        assert (32768 * samples.read(0, 10, 0)).tolist() == list(range(10))


def test_a_thread_goes_on_with_the_decoder_that_is_there(in_cells: str) -> None:
    with open_samples(in_cells) as samples:
        for first in (0, 1000, 9000, 10_500):
            samples.read(first, first + 1000, 0)
        assert len(samples._source._idle) == 1  # type: ignore[attr-defined]
