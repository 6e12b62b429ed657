"""A cache never takes more than it may, whoever uses it and however it ends."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ndoki.audio.block_cache import BLOCK_BYTES, SMALLEST_BYTES, BlockCache
from ndoki.core.errors import ConfigError, OutputError

FILE = "ndoki-blocks.sqlite"
FILLER = """
import random, sys
from contextlib import suppress
from pathlib import Path
from ndoki.audio.block_cache import BLOCK_BYTES, SMALLEST_BYTES, BlockCache
cache, chance = BlockCache(Path(sys.argv[1]), SMALLEST_BYTES), random.Random(sys.argv[2])
print("ready", flush=True)
for i in range(int(sys.argv[3])):
    name = f"{sys.argv[2]} {i}"
    cache.put(name, bytes([i % 251]) * chance.randrange(1, BLOCK_BYTES))
"""


def size_of(folder: Path) -> int:
    """Bytes on disk; files may go while they are counted."""
    total = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


class Watch:
    """Measures a folder as often as it can."""

    def __init__(self, folder: Path) -> None:
        self.largest, self._folder, self._is_over = 0, folder, threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._is_over.is_set():
            self.largest = max(self.largest, size_of(self._folder))
            time.sleep(0.0002)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()


def content(i: int, n_bytes: int = BLOCK_BYTES) -> bytes:
    return bytes([i % 251]) * n_bytes


def test_what_was_put_comes_back(tmp_path: Path) -> None:
    with BlockCache(tmp_path, SMALLEST_BYTES) as cache:
        assert cache.get("a") is None
        cache.put("a", b"sound")
        cache.put("empty", b"")
        assert (cache.get("a"), cache.get("empty"), cache.get("b")) == (b"sound", b"", None)
    with BlockCache(tmp_path, SMALLEST_BYTES) as again:
        assert again.get("a") == b"sound"


def test_what_was_not_asked_for_longest_goes_first(tmp_path: Path) -> None:
    with BlockCache(tmp_path, SMALLEST_BYTES) as cache:
        for i in range(4):
            cache.put(f"{i}", content(i))
        for i in range(4, 40):
            assert cache.get("0") == content(0)
            cache.put(f"{i}", content(i))
        kept = [i for i in range(40) if cache.get(f"{i}") is not None]
    assert kept[0] == 0
    assert kept[1:] == list(range(40 - len(kept) + 1, 40))
    assert len(kept) >= 4


def test_the_bound_holds_with_many_threads(tmp_path: Path) -> None:
    chance = random.Random(7)
    with BlockCache(tmp_path, SMALLEST_BYTES) as cache, Watch(tmp_path) as watch:

        def work(worker: int) -> None:
            for _ in range(25):
                wanted = chance.randrange(40)
                found = cache.get(f"{wanted}")
                assert found is None or set(found) == {wanted}
                cache.put(f"{wanted}", content(wanted, chance.randrange(1, BLOCK_BYTES + 1)))

        threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert sum(cache.get(f"{i}") is not None for i in range(40)) >= 4
    assert SMALLEST_BYTES // 2 < watch.largest <= SMALLEST_BYTES


def test_two_processes_share_one_and_a_killed_one_does_no_harm(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    with Watch(folder) as watch:
        fillers = [
            subprocess.Popen([sys.executable, "-c", FILLER, folder, f"{i}", n], stdout=subprocess.PIPE)
            for i, n in enumerate(("25", "1000000"))
        ]
        for one in fillers:
            assert one.stdout
            assert one.stdout.readline() == b"ready\n"
        assert fillers[0].wait(60) == 0
        os.kill(fillers[1].pid, signal.SIGKILL)
        for one in fillers:
            one.communicate()
    assert watch.largest <= SMALLEST_BYTES
    with BlockCache(folder, SMALLEST_BYTES) as cache:
        cache.put("after", content(3))
        assert cache.get("after") == content(3)
        names = sqlite3.connect(folder / FILE)
        for name, n_bytes in names.execute("SELECT name, n_bytes FROM block").fetchall():
            found = cache.get(name)
            assert found is not None
            assert (len(found), len(set(found))) == (n_bytes, 1)
        names.close()


def test_a_larger_cache_than_is_wanted_now_is_thrown_away(tmp_path: Path) -> None:
    with BlockCache(tmp_path, 2 * SMALLEST_BYTES) as cache:
        for i in range(12):
            cache.put(f"{i}", content(i))
    assert size_of(tmp_path) > SMALLEST_BYTES
    with BlockCache(tmp_path, SMALLEST_BYTES):
        assert size_of(tmp_path) < SMALLEST_BYTES


def test_a_damaged_cache_is_given_up_and_costs_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with BlockCache(tmp_path, SMALLEST_BYTES) as cache:
        for i in range(4):
            cache.put(f"{i}", content(i))
        with (tmp_path / FILE).open("r+b") as file:
            file.write(os.urandom(1 << 20))
        for i in range(9):
            cache.put(f"new {i}", content(i))
            assert cache.get(f"new {i}") in (None, content(i))
    assert "the cache is given up" in caplog.text
    assert len(caplog.records) == 1


def test_bytes_that_are_not_those_that_were_put_do_not_come_back(tmp_path: Path) -> None:
    with BlockCache(tmp_path, SMALLEST_BYTES) as cache:
        cache.put("a", b"sound" * 100_000)
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes().replace(b"soundsound", b"soundbound"))
    with BlockCache(tmp_path, SMALLEST_BYTES) as cache:
        assert cache.get("a") is None


def test_no_room_for_a_cache(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="too small"):
        BlockCache(tmp_path, SMALLEST_BYTES - 1)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot hold the cache"):
        BlockCache(tmp_path / "file", SMALLEST_BYTES)
