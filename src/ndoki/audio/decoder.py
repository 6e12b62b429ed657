"""Samples out of FLAC, OGG, MP3, AIFF and other coded files, through libsndfile, by position."""

import io
import logging
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile

from ndoki.audio.shared_file import Place
from ndoki.core.errors import AudioError, RemoteError

__all__ = ["Decoder", "open_decoder"]

_ERRORS = (
    soundfile.SoundFileError,
    OSError,
    ValueError,
    TypeError,
)  # what soundfile raises for damaged files
_PREROLL_SAMPLES = 16_384  # after these OGG and MP3 decoders have forgotten where they began


_log = logging.getLogger(__name__)


class _Bytes:
    """A file as libsndfile sees it. Called from C, where an exception could only be printed, it raises none.

    A damaged file makes libsndfile jump before its beginning; a dying card fails while being read. Both
    then look like the end of the file. So does a server that gives up, but that says nothing of the file:
    the error is kept in ``refused``, to be raised on the other side of C.
    """

    def __init__(self, file: BinaryIO | Place) -> None:
        self._file = file
        self.refused: RemoteError | None = None

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return self._file.seek(0, io.SEEK_END)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, n_bytes: int) -> bytes:
        try:
            return self._file.read(n_bytes)
        except RemoteError as error:
            self.refused = error
            return b""
        except OSError as error:
            _log.warning("reading failed at byte %d: %s", self.tell(), error)
            return b""


def open_decoder(file: BinaryIO) -> soundfile.SoundFile:
    """Open libsndfile's decoder at the beginning of a file, which stays the caller's to close.

    Raises
    ------
    AudioError
        When libsndfile cannot make sense of it. The message lacks the file's name.
    RemoteError
        When a server does not give it.
    """
    return _opened(_Bytes(file))


def _opened(source: _Bytes) -> soundfile.SoundFile:
    source.seek(0)
    try:
        opened = soundfile.SoundFile(source)
    except _ERRORS as error:
        if source.refused is not None:
            raise source.refused from error
        reason = str(getattr(error, "error_string", "") or error).rstrip(".")
        raise AudioError(f"libsndfile does not understand it ({reason}); it may be damaged") from error
    if source.refused is not None:
        opened.close()
        raise source.refused
    return opened


class Decoder:
    """Decodes stretches of a file. For one thread at a time.

    Every jump takes a new libsndfile decoder, because seeking with a used one is inexact in MP3, and
    after an error none works any more. OGG takes a new one for each stretch: behind a hole its decoder
    goes on with positions that are off by the hole.

    Attributes
    ----------
    next_sample
        Where it goes on without a jump.
    """

    def __init__(self, file: BinaryIO | Place) -> None:
        self._bytes = _Bytes(file)
        self._open: soundfile.SoundFile | None = None
        self.next_sample = 0

    def read(self, first_sample: int, end_sample: int) -> npt.NDArray[np.float32]:
        """Decode all channels of a stretch.

        Returns
        -------
        float32, shape (n_read, n_channels); fewer samples than asked for where decoding failed.

        Raises
        ------
        RemoteError
            A server did not give the bytes, which says nothing of what they hold.
        """
        samples = np.empty((0, 1), np.float32)
        try:
            if self._open is None or self.next_sample != first_sample or self._open.format == "OGG":
                self._jump(first_sample)
            if self._open is not None:
                samples = self._open.read(end_sample - first_sample, dtype="float32", always_2d=True)
        except (AudioError, *_ERRORS):
            self.close()
        if self._bytes.refused is not None:
            refused, self._bytes.refused = self._bytes.refused, None
            self.close()
            raise refused
        self.next_sample = first_sample + len(samples)
        return samples

    def _jump(self, first_sample: int) -> None:
        self.close()
        self._open = _opened(self._bytes)
        exact = self._open.format not in ("MP3", "OGG")
        preroll = 0 if exact else min(first_sample, _PREROLL_SAMPLES)
        if first_sample > preroll:
            self._open.seek(first_sample - preroll)
        if preroll:
            self._open.read(preroll, dtype="float32")

    def close(self) -> None:
        """Forget the position; the file stays open."""
        if self._open is not None:
            self._open.close()
            self._open = None
