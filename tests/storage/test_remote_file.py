"""Bytes of a file on a server: the right ones, few requests, ahead of the reader, and never for ever."""

import random
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from ranged_http import RangedFiles, serving

from ndoki.audio.access import Access, reached_by
from ndoki.audio.block_cache import BLOCK_BYTES, SMALLEST_BYTES
from ndoki.audio.header import read_header
from ndoki.audio.reader import open_samples
from ndoki.audio.remote_file import RemoteFile
from ndoki.audio.storage import content_identity, open_binary
from ndoki.core.errors import AudioError, RemoteError

N_BYTES = 9 * BLOCK_BYTES + 12345
QUICK = Access(timeout_s=0.3, attempts=2)


class Server:
    """A folder behind a web server, and what was asked of it."""

    def __init__(self, folder: Path, port: int, asked: list[tuple[str, str, str]]) -> None:
        self.folder, self.port, self.asked = folder, port, asked

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    def parts(self) -> list[tuple[int, int]]:
        """Half-open ranges that were asked for, in order."""
        found = [one[2].removeprefix("bytes=").split("-") for one in self.asked if one[2]]
        return [(int(first), int(last) + 1) for first, last in found]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    asked: list[tuple[str, str, str]] = []
    with serving(partial(RangedFiles, root=tmp_path, asked=asked)) as port:
        yield Server(tmp_path, port, asked)


@pytest.fixture
def noise(server: Server) -> bytes:
    content = random.Random(3).randbytes(N_BYTES)
    (server.folder / "noise.wav").write_bytes(content)
    return content


def test_any_bytes_in_any_order(server: Server, noise: bytes) -> None:
    chance = random.Random(5)
    with RemoteFile(server.url("noise.wav")) as file:
        assert file.seek(0, 2) == N_BYTES
        for _ in range(24):
            first = chance.choice([0, N_BYTES - 1, chance.randrange(N_BYTES), BLOCK_BYTES - 1])
            n_bytes = chance.choice([0, 1, 1 << 12, chance.randrange(3 * BLOCK_BYTES)])
            file.seek(first)
            assert file.read(n_bytes) == noise[first : first + n_bytes]
            assert file.tell() == min(first + n_bytes, N_BYTES)
        file.seek(-5, 2)
        assert file.read() == noise[-5:]
        assert file.read() == b""
        with pytest.raises(ValueError, match="before the beginning"):
            file.seek(-1)


def test_each_byte_is_asked_for_once_by_whoever_reads_on(server: Server, noise: bytes) -> None:
    with RemoteFile(server.url("noise.wav")) as file:
        while file.read(700_001):
            assert len(file._blocks) <= 8
    parts = sorted(server.parts())
    assert parts[0] == (0, 1 << 17)
    assert [first for first, _ in parts[1:]] + [N_BYTES] == [end for _, end in parts]


def test_blocks_come_ahead_of_the_reader(server: Server, noise: bytes) -> None:
    with RemoteFile(server.url("noise.wav")) as file:
        file.read(100)
        assert len(server.parts()) == 1, "a header alone costs little"
        file.seek(1 << 17)
        file.read(1)
        for index in range(2, 6):
            file._blocks[index].result(10)
        n_asked = len(server.parts())
        assert n_asked == 6
        file.read(4 * BLOCK_BYTES)
        assert server.parts()[:n_asked] == server.parts()[:6]


def test_a_short_file_takes_one_request(server: Server) -> None:
    soundfile.write(server.folder / "short.wav", np.zeros(8000), 8000)
    source = server.url("short.wav")
    with open_binary(source) as file:
        identity = content_identity(source, file)
        header = read_header(source, file)
    assert header.n_samples == 8000
    assert len(server.parts()) == 1
    assert [one[0] for one in server.asked] == ["HEAD", "GET"]
    soundfile.write(server.folder / "short.wav", np.full(8000, 0.1), 8000)
    with open_binary(source) as file:
        assert content_identity(source, file) != identity


@pytest.mark.parametrize("ending", ["flac", "ogg", "mp3", "wav"])
def test_samples_are_those_of_the_file(
    server: Server, ending: str, forest: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    name = f"sound.{ending}"
    soundfile.write(server.folder / name, forest(30.0, [3.0, 20.0]), 8000)
    with (
        reached_by(Access(cache_folder=tmp_path / "cache", cache_bytes=SMALLEST_BYTES)),
        open_samples(server.url(name)) as remote,
        open_samples(str(server.folder / name)) as local,
    ):
        n = local.header.n_samples
        assert remote.header.n_samples == n
        for first, end in ((0, n), (n // 2, n // 2 + 9000), (n - 5000, n), (100, 200)):
            np.testing.assert_array_equal(remote.read(first, end, 0), local.read(first, end, 0))


def test_what_is_in_the_cache_is_not_asked_for_again(server: Server, noise: bytes, tmp_path: Path) -> None:
    wanted = Access(cache_folder=tmp_path / "cache", cache_bytes=3 * SMALLEST_BYTES)
    with reached_by(wanted):
        for n_asked in (10, 10):
            with RemoteFile(server.url("noise.wav")) as file:
                assert file.read() == noise
            assert len(server.parts()) == n_asked
        (server.folder / "noise.wav").write_bytes(noise[::-1])
        with RemoteFile(server.url("noise.wav")) as file:
            assert file.read() == noise[::-1]
    cached = sum(path.stat().st_size for path in (tmp_path / "cache").iterdir())
    assert N_BYTES < cached <= wanted.cache_bytes


def test_a_cache_that_is_too_small_for_a_file_stays_small(
    server: Server, noise: bytes, tmp_path: Path
) -> None:
    folder = tmp_path / "cache"
    with (
        reached_by(Access(cache_folder=folder, cache_bytes=SMALLEST_BYTES)),
        RemoteFile(server.url("noise.wav")) as file,
    ):
        for first in (*range(0, N_BYTES, 1_500_000), *range(0, N_BYTES, 1_400_000)):
            file.seek(first)
            assert file.read(1000) == noise[first : first + 1000]
            assert sum(path.stat().st_size for path in folder.iterdir()) <= SMALLEST_BYTES
    assert len(server.parts()) > 10


def test_a_server_without_parts_is_refused_before_a_day_of_sound_comes(
    server: Server, noise: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RangedFiles, "gives_parts", False)
    with RemoteFile(server.url("noise.wav")) as file, pytest.raises(RemoteError, match="no parts of files"):
        file.read(10)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("http://127.0.0.1:{port}/none.wav", "there is no such file"),
        ("http://nowhere.invalid/a.wav", "the server's name cannot be resolved"),
        ("http://127.0.0.1:{closed}/a.wav", "[Cc]onnect"),
        ("http://user:secret@127.0.0.1/a.wav", "holds a password, key or signature"),
        (
            "https://forest.blob.core.windows.net/a.wav?sv=1&sig=secret",
            "holds a password, key or signature",
        ),
        ("http://127.0.0.1:{port}/", "it is a folder"),
    ],
)
def test_what_cannot_be_opened_is_said_in_a_sentence(server: Server, source: str, said: str) -> None:
    with serving(RangedFiles) as closed:
        pass
    with reached_by(QUICK), pytest.raises(AudioError, match=said) as caught:
        open_binary(source.format(port=server.port, closed=closed))
    assert "cannot open" in str(caught.value)


class Stuck(RangedFiles):
    """Sends the beginning of each part, and then nothing until it is let go."""

    let_go = threading.Event()

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        sent = body if len(body) <= 1 << 17 else body[:1000]
        super()._send(status, sent, {"Content-Length": str(len(body))} | (headers or {}))
        if sent != body:
            self.let_go.wait(30)


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[Server]:
    Stuck.let_go.clear()
    asked: list[tuple[str, str, str]] = []
    with serving(partial(Stuck, root=tmp_path, asked=asked)) as port:
        yield Server(tmp_path, port, asked)
        Stuck.let_go.set()


def test_a_server_that_falls_silent_is_given_up(stuck: Server) -> None:
    (stuck.folder / "noise.wav").write_bytes(bytes(3 * BLOCK_BYTES))
    with reached_by(QUICK), RemoteFile(stuck.url("noise.wav")) as file:
        assert file.read(10) == bytes(10)
        file.seek(1 << 17)
        with pytest.raises(RemoteError, match=r"no answer within 0\.3 s, in 2 attempts"):
            file.read(10)
    assert stuck.parts().count((1 << 17, (1 << 17) + BLOCK_BYTES)) == 2


def test_a_decoder_does_not_take_silence_of_a_server_for_silence(stuck: Server) -> None:
    """A card that fails in the middle of a FLAC is a gap; a server that fails is no answer."""
    sound = np.random.default_rng(1).uniform(-0.9, 0.9, 2_000_000)
    soundfile.write(stuck.folder / "noise.flac", sound, 8000)
    with reached_by(QUICK), pytest.raises(AudioError, match="no answer within"):
        read_header(stuck.url("noise.flac"))
