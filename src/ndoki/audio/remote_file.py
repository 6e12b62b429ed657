"""A file on a server as an open file: read by blocks, ahead of whoever reads it, with patience."""

import atexit
import hashlib
import io
import tempfile
import threading
from collections import OrderedDict
from concurrent.futures import Future
from functools import partial
from pathlib import Path

from ndoki.audio.access import Access, access, file_system, kind_of
from ndoki.audio.block_cache import BLOCK_BYTES, BlockCache
from ndoki.audio.patience import begin, is_missing, patiently, result_of
from ndoki.audio.store_calls import Told, read_range, tell
from ndoki.core.errors import RemoteError

__all__ = ["RemoteFile", "ask", "is_there"]

_HEAD_BYTES = 1 << 17
"""The first block of a long file: enough for its header, and soon here."""

_AHEAD = 4
_HELD = 8
_JUMPING = (".flac", ".mp3", ".ogg", ".oga", ".aif", ".aiff")  # their decoders go back and forth


def ask(source: str, *, attempts: int | None = None) -> Told:
    """Size and version of a file on a server.

    Raises
    ------
    RemoteError
        The server does not say.
    InputError
        As `ndoki.audio.access.file_system`.
    """
    fs, path = file_system(source)
    told = partial(tell, kind_of(source) or "", fs, path)
    return result_of(begin(patiently(told, access(), attempts=attempts)))


def is_there(source: str, *, attempts: int | None = None) -> bool:
    """Whether a server has a file of that name, which is not a folder.

    Raises
    ------
    RemoteError, InputError
        As `ask`.
    """
    try:
        return not ask(source, attempts=attempts).is_folder
    except RemoteError as error:
        if error.__cause__ is None or not is_missing(error.__cause__):
            raise
        return False


class RemoteFile(io.RawIOBase):
    """Bytes of a file on a server, at any position. For one thread at a time.

    At most 16 MiB of it are held in memory: two blocks behind and those ahead. Whoever reads on gets the next
    blocks fetched in the background, so that the line is busy while sound is being listened to.

    Attributes
    ----------
    told
        Size and version, from when it was opened.

    Raises
    ------
    RemoteError
        The server does not give it.
    InputError
        As `ndoki.audio.access.file_system`.
    """

    def __init__(self, source: str) -> None:
        super().__init__()
        self._kind, self._access = kind_of(source) or "", access()
        self._fs, self._path = file_system(source)
        self.told = ask(source)
        if self.told.is_folder:
            raise RemoteError("it is a folder")
        self._size = self.told.size_bytes
        self._head = _HEAD_BYTES if self._size > BLOCK_BYTES else self._size
        self._at = 0
        self._blocks: OrderedDict[int, Future[bytes]] = OrderedDict()
        self._cache, self._fresh = _cache_for(source, self._access), set[int]()
        version = f"{source}\n{self._size}\n{self.told.changed}"
        self._version = hashlib.sha256(version.encode("utf-8", errors="surrogatepass")).hexdigest()

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Position in bytes."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; nothing is fetched."""
        at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if at < 0:
            raise ValueError(f"byte {at} lies before the beginning of the file")
        self._at = at
        return at

    def read(self, n_bytes: int | None = -1) -> bytes:
        """Read up to the end, or so many bytes; fewer only at the end of the file.

        Raises
        ------
        RemoteError
            The server does not give it.
        """
        left = max(0, self._size - self._at)
        end = self._at + (left if n_bytes is None or n_bytes < 0 else min(n_bytes, left))
        parts = []
        while self._at < end:
            index = 0 if self._at < self._head else 1 + (self._at - self._head) // BLOCK_BYTES
            first, last = self._span(index)
            parts.append(self._block(index)[self._at - first : end - first])
            self._at = min(end, last)
        return b"".join(parts)

    def readall(self) -> bytes:
        """Read up to the end."""
        return self.read()

    def close(self) -> None:
        """Give up what is under way. Closing twice is harmless."""
        for block in self._blocks.values():
            block.cancel()
        self._blocks.clear()
        super().close()

    def _span(self, index: int) -> tuple[int, int]:
        """Bytes of a block, half-open."""
        if index == 0:
            return 0, self._head
        first = self._head + (index - 1) * BLOCK_BYTES
        return first, min(first + BLOCK_BYTES, self._size)

    def _block(self, index: int) -> bytes:
        reads_on = index == 1 or index - 1 in self._blocks
        for wanted in range(index, index + 1 + (_AHEAD if reads_on else 0)):
            if self._span(wanted)[0] < self._size or index == 0:
                self._begun(wanted)
        self._blocks.move_to_end(index)
        while len(self._blocks) > _HELD:
            self._blocks.popitem(last=False)[1].cancel()
        try:
            content = result_of(self._blocks[index])
        except RemoteError:
            # Whoever tries again shall ask the server again.
            self._blocks.pop(index)
            raise
        if self._cache and index in self._fresh:
            self._cache.put(self._name_of(index), content)
            self._fresh.discard(index)
        return content

    def _begun(self, index: int) -> None:
        """Have a block fetched, unless it is here or on its way."""
        if index in self._blocks:
            return
        kept = self._cache.get(self._name_of(index)) if self._cache else None
        if kept is not None:
            self._blocks[index] = Future()
            self._blocks[index].set_result(kept)
            return
        first, end = self._span(index)
        fetch = partial(read_range, self._kind, self._fs, self._path, first, end)
        self._blocks[index] = begin(patiently(fetch, self._access, n_bytes=end - first))
        self._fresh.add(index)

    def _name_of(self, index: int) -> str:
        return "{} {} {}".format(self._version, *self._span(index))


_caches: dict[tuple[Path | None, int], BlockCache] = {}
_caches_lock = threading.Lock()


def _cache_for(source: str, wanted: Access) -> BlockCache | None:
    """The cache on disk for a file: one for the process; none where each block is read once."""
    if wanted.cache_folder is None and not source.lower().endswith(_JUMPING):
        return None
    key = (wanted.cache_folder, wanted.cache_bytes)
    with _caches_lock:
        if key not in _caches:
            folder = wanted.cache_folder
            if folder is None:
                temporary = tempfile.TemporaryDirectory(prefix="ndoki-", ignore_cleanup_errors=True)
                atexit.register(temporary.cleanup)
                folder = Path(temporary.name)
            _caches[key] = BlockCache(folder, wanted.cache_bytes)
            atexit.register(_caches[key].close)
        return _caches[key]
