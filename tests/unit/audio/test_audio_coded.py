"""FLAC, OGG, MP3 and AIFF, whole and damaged."""

import io
import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from ndoki.audio import decoder as decoder_module
from ndoki.audio import reader
from ndoki.audio.coded import read_coded_header
from ndoki.audio.decoder import Decoder
from ndoki.audio.header import read_header
from ndoki.audio.reader import open_samples
from ndoki.core.errors import AudioError

N_SAMPLES = 80_000
RATE_HZ = 8000


@pytest.fixture(scope="module")
def tone() -> npt.NDArray[np.float64]:
    """Ten seconds of a tone in noise, so that coded sizes are like those of a forest."""
    rng = np.random.default_rng(5)
    return 0.4 * np.sin(np.arange(N_SAMPLES) / 9) + 0.05 * rng.normal(size=N_SAMPLES)


@pytest.fixture(scope="module")
def coded(tone: npt.NDArray[np.float64]) -> dict[str, bytes]:
    """The tone in each format."""

    def write(kind: str, subtype: str | None = None) -> bytes:
        target = io.BytesIO()
        soundfile.write(target, tone, RATE_HZ, format=kind, subtype=subtype)
        return target.getvalue()

    kinds = {"flac": "FLAC", "ogg": "OGG", "mp3": "MP3", "aiff": "AIFF"}
    return {name: write(kind) for name, kind in kinds.items()} | {"opus": write("OGG", "OPUS")}


def heard(source: str) -> npt.NDArray[np.float32]:
    with open_samples(source) as samples:
        return samples.read(0, samples.header.n_samples, 0)


@pytest.mark.parametrize("kind", ["flac", "ogg", "opus", "mp3", "aiff"])
def test_whole_files(tmp_path: Path, coded: dict[str, bytes], kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    path.write_bytes(coded[kind])
    header = read_header(str(path))
    assert header.container == {"opus": "OGG"}.get(kind, kind.upper())
    assert header.encoding == ("PCM_16" if kind == "aiff" else "COMPRESSED")
    assert (header.rate_hz, header.n_channels, header.n_samples) == (RATE_HZ, 1, N_SAMPLES)
    assert header.n_samples_claimed == (None if kind in ("ogg", "opus") else N_SAMPLES)
    assert (header.data_offset, header.problems) == (None, ())


@pytest.mark.parametrize("share", [0.9, 0.5, 0.2])
@pytest.mark.parametrize("kind", ["flac", "ogg", "opus", "mp3", "aiff"])
def test_power_cut(tmp_path: Path, coded: dict[str, bytes], kind: str, share: float) -> None:
    """What is there is heard, and is the same sound as in the whole file."""
    whole, cut = tmp_path / f"whole.{kind}", tmp_path / f"cut.{kind}"
    whole.write_bytes(coded[kind])
    cut.write_bytes(coded[kind][: int(share * len(coded[kind]))])
    header = read_header(str(cut))
    assert 0.4 * share * N_SAMPLES < header.n_samples < 1.15 * share * N_SAMPLES
    assert any("cut off" in problem for problem in header.problems)
    sound = heard(str(cut))
    assert len(sound) == header.n_samples
    np.testing.assert_allclose(sound[:-2000], heard(str(whole))[: len(sound) - 2000], atol=1e-6)


def test_a_flac_cut_anywhere_gives_all_whole_frames(tmp_path: Path, coded: dict[str, bytes]) -> None:
    """Frames have 4096 samples; libsndfile does not part with the very last sample before a damage."""
    path, lengths = tmp_path / "a.flac", set()
    for n_bytes in range(20_000, 40_000, 2051):
        path.write_bytes(coded["flac"][:n_bytes])
        n_samples = read_header(str(path)).n_samples
        assert n_samples % 4096 in (0, 4095)
        assert abs(n_samples / N_SAMPLES - n_bytes / len(coded["flac"])) < 4096 / N_SAMPLES
        lengths.add(n_samples)
    assert len(lengths) > 2


@pytest.mark.parametrize("kind", ["flac", "ogg", "mp3"])
def test_cut_before_the_first_sound(tmp_path: Path, coded: dict[str, bytes], kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    path.write_bytes(coded[kind][:60])
    with pytest.raises(AudioError, match=str(path)):
        read_header(str(path))


def test_flac_that_does_not_state_its_length(tmp_path: Path, coded: dict[str, bytes]) -> None:
    """36 bits of STREAMINFO hold the number of samples; a recorder that lost power leaves them 0."""
    raw = bytearray(coded["flac"])
    raw[21] &= 0xF0
    raw[22:26] = bytes(4)
    path = tmp_path / "a.flac"
    path.write_bytes(raw)
    header = read_header(str(path))
    assert header.n_samples_claimed is None
    assert header.n_samples in (N_SAMPLES - 1, N_SAMPLES)
    assert "does not say how long" in header.problems[0]
    whole = tmp_path / "b.flac"
    whole.write_bytes(coded["flac"])
    np.testing.assert_array_equal(heard(str(path)), heard(str(whole))[: header.n_samples])


def test_a_whole_flac_is_not_decoded_to_read_its_header(coded: dict[str, bytes]) -> None:
    class Counted(io.BytesIO):
        n_read = 0

        def readinto(self, target: bytearray) -> int:  # type: ignore[override]
            n_read = super().readinto(target)
            self.n_read += n_read
            return n_read

        def read(self, size: int | None = -1) -> bytes:
            content = super().read(size)
            self.n_read += len(content)
            return content

    file = Counted(coded["flac"])
    assert read_coded_header(file, "a.flac", len(coded["flac"])).n_samples == N_SAMPLES
    assert 0 < file.n_read < len(coded["flac"])


def test_damage_in_the_middle_is_bridged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole, path = tmp_path / "whole.flac", tmp_path / "a.flac"
    soundfile.write(whole, 0.5 + 0.01 * np.random.default_rng(9).normal(size=N_SAMPLES), RATE_HZ)
    raw = bytearray(whole.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 500] = bytes(500)
    path.write_bytes(raw)
    with caplog.at_level(logging.WARNING):
        sound, true = heard(str(path)), heard(str(whole))
    lost = np.flatnonzero(sound != true)
    assert 0 < len(lost) <= 3 * 4096
    with open_samples(str(path)) as samples:
        assert samples.lost(0, N_SAMPLES) == [], "nothing was read yet"
        samples.read(0, N_SAMPLES, 0)
        ((first, end),) = samples.lost(0, N_SAMPLES)
        assert (lost >= first).all()
        assert (lost < end).all()
        assert end - first < len(lost) + 9, "a sample may be what the bridge makes it"
        assert samples.lost(first + 5, end + 5) == [(first + 5, end)]
        assert samples.lost(end, N_SAMPLES) == []
    assert "cannot be decoded" in caplog.text
    assert 0.4 < sound.min() < sound.max() < 0.6


def test_a_hole_in_an_ogg_shifts_nothing_behind_it(
    tmp_path: Path, coded: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_CELL_SAMPLES", 4000)
    whole, path = tmp_path / "whole.ogg", tmp_path / "a.ogg"
    whole.write_bytes(coded["ogg"])
    raw = bytearray(coded["ogg"])
    raw[len(raw) // 3 : len(raw) // 3 + 2000] = bytes(2000)
    path.write_bytes(raw)
    np.testing.assert_array_equal(heard(str(path))[-20_000:], heard(str(whole))[-20_000:])


@pytest.mark.parametrize(("quiet_first", "problem"), [(True, "frames vary in size"), (False, "guessed end")])
def test_an_mp3_that_does_not_state_its_length(tmp_path: Path, quiet_first: bool, problem: str) -> None:
    """libsndfile guesses from the first frame: too long if that is small, too short if it is large."""
    quiet, loud = np.zeros(8000 * 120), 0.5 * np.random.default_rng(6).normal(size=8000 * 30)
    if quiet_first:
        quiet = quiet[: 8000 * 5]
    target = io.BytesIO()
    sound = np.concatenate([quiet, loud] if quiet_first else [loud, quiet])
    soundfile.write(target, sound, RATE_HZ, format="MP3", bitrate_mode="VARIABLE", compression_level=0.0)
    raw = target.getvalue()
    path = tmp_path / "a.mp3"
    path.write_bytes(raw[raw.find(raw[:2], 4) :])  # without the first frame, which holds the length
    header = read_header(str(path))
    assert problem in header.problems[0]
    assert (header.n_samples >= len(sound)) == quiet_first
    assert len(heard(str(path))) == header.n_samples


def test_tags(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    with soundfile.SoundFile(path, "w", RATE_HZ, 1) as file:
        file.comment, file.artist = "Recorded at 19:17:30", "AudioMoth 24F3"
        file.write(np.zeros(1000))
    metadata = read_header(str(path)).metadata
    assert (metadata["ICMT"], metadata["IART"]) == (b"Recorded at 19:17:30", b"AudioMoth 24F3")


@pytest.mark.parametrize("kind", ["flac", "ogg", "opus", "mp3", "aiff"])
def test_jumps_land_exactly(coded: dict[str, bytes], kind: str) -> None:
    whole = Decoder(io.BytesIO(coded[kind])).read(0, N_SAMPLES)
    decoder = Decoder(io.BytesIO(coded[kind]))
    for first in (50_000, 100, 70_001, 70_101, 3, 33_333):
        stretch = decoder.read(first, first + 100)
        np.testing.assert_allclose(stretch, whole[first : first + 100], atol=1e-6)
    assert decoder.read(N_SAMPLES, N_SAMPLES + 5).size == 0


def test_the_decoder_recovers_from_a_failed_jump(coded: dict[str, bytes]) -> None:
    decoder = Decoder(io.BytesIO(coded["flac"][:40_000]))
    start = decoder.read(0, 1000)
    assert len(decoder.read(N_SAMPLES - 10, N_SAMPLES)) == 0
    np.testing.assert_array_equal(decoder.read(0, 1000), start)


def test_a_card_that_fails_ends_the_sound(coded: dict[str, bytes], caplog: pytest.LogCaptureFixture) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 30_000:
                raise OSError(5, "Input/output error")
            return super().read(size)

    with caplog.at_level(logging.WARNING):
        decoder = Decoder(Failing(coded["flac"]))
        assert len(decoder.read(0, 1000)) == 1000
        assert len(decoder.read(1000, N_SAMPLES)) == 0
    assert "Input/output error" in caplog.text


def test_impossible_jumps_of_the_decoder_are_silent(coded: dict[str, bytes]) -> None:
    file = decoder_module._Bytes(io.BytesIO(coded["flac"]))
    for offset in (-5, -(2**63)):
        assert file.seek(offset) == len(coded["flac"])
    assert file.read(10) == b""
    assert file.seek(4) == file.tell() == 4
