"""One open file that several threads read, each at its own place."""

import io
from threading import Lock
from typing import BinaryIO

__all__ = ["Place", "SharedFile"]


class SharedFile:
    """Bytes of an open file by position. Threads take turns at the file, and for no longer than one read.

    Parameters
    ----------
    file
        Open for reading bytes at any position. Nobody else may move in it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._lock = file, Lock()

    def read_at(self, first_byte: int, n_bytes: int) -> bytes:
        """So many bytes from there on; fewer only at the end of the file.

        Raises
        ------
        OSError, ValueError
            As the file; ValueError when it is closed.
        """
        with self._lock:
            self._file.seek(first_byte)
            return self._file.read(n_bytes)

    def size_bytes(self) -> int:
        """Length of the file; raises what `read_at` raises."""
        with self._lock:
            return self._file.seek(0, io.SEEK_END)

    def close(self) -> None:
        """Close the file, after the read that is under way. Closing twice is harmless."""
        with self._lock:
            self._file.close()


class Place:
    """A place in a shared file, moved by whoever reads there. For one thread at a time."""

    def __init__(self, file: SharedFile) -> None:
        self._file, self._at = file, 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; returns the new position in bytes.

        Raises
        ------
        ValueError
            It lies before the beginning of the file.
        """
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at}.get(whence)
        at = offset + (self._file.size_bytes() if base is None else base)
        if at < 0:
            raise ValueError(f"byte {at} lies before the beginning of the file")
        self._at = at
        return at

    def tell(self) -> int:
        """Position in bytes."""
        return self._at

    def read(self, n_bytes: int) -> bytes:
        """Read on, and move behind what was read; raises what `SharedFile.read_at` raises."""
        content = self._file.read_at(self._at, n_bytes)
        self._at += len(content)
        return content
