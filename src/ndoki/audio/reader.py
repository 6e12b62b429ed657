"""Samples of one file, by position."""

import logging
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from threading import Lock
from types import TracebackType
from typing import BinaryIO, Protocol, Self

import numpy as np
import numpy.typing as npt

from ndoki.audio.access import is_url
from ndoki.audio.decoder import Decoder
from ndoki.audio.header import Header, read_header
from ndoki.audio.pcm import PcmFormat, decode
from ndoki.audio.shared_file import Place, SharedFile
from ndoki.audio.storage import open_binary
from ndoki.core.errors import AudioError
from ndoki.core.types import Floats

__all__ = ["Samples", "Span", "joined_spans", "open_samples"]

_CELL_SAMPLES = 1 << 18
_KEPT_SAMPLES = 1 << 21  # 8 MB for each decoder: enough for the stretch that consecutive blocks share
_PIECE_SAMPLES = 4096
_log = logging.getLogger(__name__)


Span = tuple[int, int]
"""First sample, and the one behind the last."""


class _Source(Protocol):
    """Something that yields one channel between two positions inside the file."""

    def read(self, first_sample: int, end_sample: int, channel: int) -> Floats: ...

    def lost(self) -> list[Span]: ...


class Samples:
    """The samples of one open file. Close it, or use it in a ``with`` statement.

    Several threads may read; each decodes by itself.

    Attributes
    ----------
    header
        What the file holds.
    """

    def __init__(self, header: Header, file: BinaryIO) -> None:
        self.header = header
        self._file = SharedFile(file)
        self._source: _Source = (
            _CodedSamples(header, self._file)
            if header.data_offset is None
            else _PlainSamples(header, self._file)
        )

    def read(self, first_sample: int, end_sample: int, channel: int) -> Floats:
        """Read one channel.

        Parameters
        ----------
        first_sample, end_sample
            Positions in the file, ``0 ≤ first ≤ end ≤ header.n_samples``.
        channel
            Counted from 0.

        Returns
        -------
        float32 in [-1, 1], finite, shape (end_sample - first_sample,).

        Raises
        ------
        AudioError
            Outside the file, for a channel that it has not, or when the file can no longer be read.
        """
        if not 0 <= first_sample <= end_sample <= self.header.n_samples:
            raise AudioError(
                f"samples {first_sample} to {end_sample} were asked of {self.header.source}, "
                f"which has {self.header.n_samples}"
            )
        if not 0 <= channel < self.header.n_channels:
            raise AudioError(
                f"channel {channel} was asked of {self.header.source}, "
                f"which has {self.header.n_channels}, counted from 0"
            )
        if first_sample == end_sample:
            return np.empty(0, np.float32)
        try:
            return self._source.read(first_sample, end_sample, channel)
        except (OSError, ValueError) as error:
            raise AudioError(
                f"cannot read samples {first_sample} to {end_sample} of {self.header.source}: {error}"
            ) from error

    def lost(self, first_sample: int, end_sample: int) -> list[Span]:
        """What could not be decoded of a stretch that was read: spans of samples, in order and apart.

        `read` gives a straight line there, in which nothing is ever found.
        """
        cut = [(max(first, first_sample), min(end, end_sample)) for first, end in self._source.lost()]
        return joined_spans(span for span in cut if span[0] < span[1])

    def close(self) -> None:
        """Close the file. Closing twice is harmless."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_samples(source: str, header: Header | None = None) -> Samples:
    """Open a file for reading samples.

    Parameters
    ----------
    source
        Path or URL.
    header
        What `read_header` said of it; read anew when None.

    Raises
    ------
    AudioError
        When nothing can be heard.
    """
    header = header or read_header(source)
    return Samples(header, open_binary(source))


def joined_spans(spans: Iterable[Span]) -> list[Span]:
    """Spans in order; those that overlap or touch become one."""
    joined: list[Span] = []
    for first, end in sorted(spans):
        if joined and first <= joined[-1][1]:
            first, end = joined[-1][0], max(joined.pop()[1], end)
        joined.append((first, end))
    return joined


class _PlainSamples:
    """Uncompressed samples, read straight from their bytes."""

    def __init__(self, header: Header, file: SharedFile) -> None:
        self._pcm = PcmFormat(encoding=header.encoding, rate_hz=header.rate_hz, n_channels=header.n_channels)
        self._first_byte = header.data_offset or 0
        self._file = file

    def read(self, first_sample: int, end_sample: int, channel: int) -> Floats:
        n_bytes = (end_sample - first_sample) * self._pcm.frame_bytes
        raw = self._file.read_at(self._first_byte + first_sample * self._pcm.frame_bytes, n_bytes)
        if len(raw) != n_bytes:
            raise AudioError(f"{len(raw)} of {n_bytes} bytes came back; did the file shrink?")
        return decode(raw, self._pcm, channel)

    def lost(self) -> list[Span]:
        return []


_Cell = npt.NDArray[np.float32]


class _CodedSamples:
    """Samples behind decoders, in fixed cells: a sample never depends on what was read before.

    Threads decode at the same time, each with a decoder that has its own place in the file; a cell that two
    of them want is decoded once. They take turns at one decoder where jumps cost more than that saves: in
    MP3, which is read up to where it is jumped to, and on servers, where blocks are fetched ahead of one.
    """

    def __init__(self, header: Header, file: SharedFile) -> None:
        self._header, self._file = header, file
        takes_turns = header.container == "MP3" or is_url(header.source)
        self._turn: AbstractContextManager[object] = Lock() if takes_turns else nullcontext()
        self._lock = Lock()
        self._idle: list[Decoder] = []
        self._n_decoders = 0
        self._cells: OrderedDict[int, Future[_Cell]] = OrderedDict()
        self._lost: dict[int, list[Span]] = {}

    def read(self, first_sample: int, end_sample: int, channel: int) -> Floats:
        parts = []
        with self._turn, self._decoder(first_sample, end_sample) as decoder:
            for index in range(first_sample // _CELL_SAMPLES, -(-end_sample // _CELL_SAMPLES)):
                first = index * _CELL_SAMPLES
                cell = self._cell(index, decoder)
                parts.append(cell[max(0, first_sample - first) : end_sample - first, channel])
        return np.concatenate(parts)

    def lost(self) -> list[Span]:
        with self._lock:
            return [span for spans in self._lost.values() for span in spans]

    @contextmanager
    def _decoder(self, first_sample: int, end_sample: int) -> Iterator[Decoder]:
        """One that nobody uses: the one that need not jump, else the one that was not used for longest."""
        first_of_cell = first_sample - first_sample % _CELL_SAMPLES
        with self._lock:
            near = [one for one in self._idle if first_of_cell <= one.next_sample < end_sample]
            if self._idle:
                decoder = (near or self._idle)[0]
                self._idle.remove(decoder)
            else:
                decoder = Decoder(Place(self._file))
                self._n_decoders += 1
        try:
            yield decoder
        finally:
            with self._lock:
                self._idle.append(decoder)

    def _cell(self, index: int, decoder: Decoder) -> _Cell:
        while True:
            cell, is_new = self._claimed(index)
            if is_new:
                return self._filled(cell, index, decoder)
            # Whoever fails at a cell says why; the others try by themselves.
            with suppress(CancelledError):
                return cell.result()

    def _claimed(self, index: int) -> tuple["Future[_Cell]", bool]:
        """A cell, and whether it is the caller's to fill."""
        n_kept = max(2, _KEPT_SAMPLES // (_CELL_SAMPLES * self._header.n_channels))
        with self._lock:
            is_new = index not in self._cells
            cell = self._cells.setdefault(index, Future())
            self._cells.move_to_end(index)
            while len(self._cells) > n_kept * self._n_decoders:
                self._cells.popitem(last=False)
        return cell, is_new

    def _filled(self, cell: "Future[_Cell]", index: int, decoder: Decoder) -> _Cell:
        try:
            cell.set_result(self._decoded(index, decoder))
        finally:
            if not cell.done():
                with self._lock:
                    self._cells.pop(index, None)
                cell.cancel()
        return cell.result()

    def _decoded(self, index: int, decoder: Decoder) -> _Cell:
        first = index * _CELL_SAMPLES
        end = min(first + _CELL_SAMPLES, self._header.n_samples)
        cell = decoder.read(first, end)
        if len(cell) != end - first:
            cell = self._decode_around_damage(first, end, decoder)
        return np.clip(np.nan_to_num(cell, nan=0.0, posinf=0.0, neginf=0.0), -1, 1)

    def _decode_around_damage(self, first: int, end: int, decoder: Decoder) -> _Cell:
        """Decode what can be; bridge the rest with a straight line, since a step would sound like a shot."""
        cell = np.full((end - first, self._header.n_channels), np.nan, np.float32)
        for at in range(first, end, _PIECE_SAMPLES):
            piece = decoder.read(at, min(at + _PIECE_SAMPLES, end))
            if len(piece):
                cell[at - first : at - first + len(piece)] = piece
        lost = np.isnan(cell[:, 0])
        edges = np.flatnonzero(np.diff(lost, prepend=False, append=False)) + first
        with self._lock:
            self._lost[first // _CELL_SAMPLES] = list(zip(*edges.reshape(-1, 2).T.tolist(), strict=True))
        _log.warning(
            "%s: %d samples between %d and %d cannot be decoded", self._header.source, lost.sum(), first, end
        )
        heard = np.flatnonzero(~lost)
        if not len(heard):
            return np.zeros_like(cell)
        for column in cell.T:
            column[lost] = np.interp(np.flatnonzero(lost), heard, column[heard])
        return cell
