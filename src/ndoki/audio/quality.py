"""How good a recording is: clipping, silence, offset, level. One pass over the samples, memory flat."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ndoki.core.types import Floats

__all__ = ["Quality", "Stretch", "measure"]

# Silence is looked for in cells of a quarter second: a stretch of 1 s holds at least two whole ones.
_CELLS_PER_S = 4
_CELLS_PER_MINUTE = 60 * _CELLS_PER_S
_FULL_SCALE_16_BIT = 32767 / 32768


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Samples ``[first_sample, end_sample)``."""

    first_sample: int
    end_sample: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What was measured of one channel.

    Attributes
    ----------
    n_samples
        How many samples were seen.
    clipped_share
        Share of samples at full scale, in [0, 1].
    longest_clip_samples
        Most samples at full scale in a row.
    silences
        Stretches of 1 s or more (or the whole file, if it is shorter) in which every sample is the same.
    silent_s
        Their sum in seconds.
    starts_silent, ends_silent
        Whether the first and the last second are such.
    dc_offset
        Mean of all samples, relative to full scale.
    level_dbfs
        Median over minutes of the RMS about the minute's mean, relative to full scale (a full-scale sine has
        −3.01 dBFS); None when nothing but silence was heard.
    peak
        Greatest absolute sample, relative to full scale.
    """

    n_samples: int
    clipped_share: float
    longest_clip_samples: int
    silences: tuple[Stretch, ...]
    silent_s: float
    starts_silent: bool
    ends_silent: bool
    dc_offset: float
    level_dbfs: float | None
    peak: float


def measure(blocks: Iterable[Floats], rate_hz: int, *, full_scale: float = _FULL_SCALE_16_BIT) -> Quality:
    """Measure one channel.

    Parameters
    ----------
    blocks
        The channel's samples in order, float32, finite, in [−1, 1], in pieces of any length.
    rate_hz
        Sample rate.
    full_scale
        Absolute value from which a sample counts as clipped: 32767/32768, or 127/128 for 8-bit files.
    """
    levels, clips, silences = _Levels(), _Clips(full_scale), _Silences(rate_hz)
    for cells in _cells(blocks, max(1, rate_hz // _CELLS_PER_S)):
        lows, highs = cells.min(axis=1), cells.max(axis=1)
        levels.feed(cells, float(lows.min()), float(highs.max()))
        clips.feed(cells, bool(highs.max() >= full_scale or lows.min() <= -full_scale))
        silences.feed(cells, lows == highs)
    stretches = silences.finish()
    n_samples = levels.n_samples
    return Quality(
        n_samples=n_samples,
        clipped_share=clips.n_clipped / n_samples if n_samples else 0.0,
        longest_clip_samples=clips.longest,
        silences=stretches,
        silent_s=sum(stretch.end_sample - stretch.first_sample for stretch in stretches) / rate_hz,
        starts_silent=bool(stretches) and stretches[0].first_sample == 0,
        ends_silent=bool(stretches) and stretches[-1].end_sample == n_samples,
        dc_offset=levels.mean(),
        level_dbfs=levels.median_dbfs(),
        peak=levels.peak,
    )


def _cells(blocks: Iterable[Floats], cell_samples: int) -> Iterable[Floats]:
    """The same samples as arrays (n_cells, cell_samples); the last array may be one shorter cell."""
    rest = np.empty(0, np.float32)
    for block in blocks:
        samples = np.concatenate([rest, block]) if len(rest) else block
        n_whole = len(samples) // cell_samples * cell_samples
        if n_whole:
            yield samples[:n_whole].reshape(-1, cell_samples)
        rest = samples[n_whole:]
    if len(rest):
        yield rest.reshape(1, -1)


@dataclass(slots=True)
class _Levels:
    """Sums for mean, peak, and RMS per minute."""

    n_samples: int = 0
    peak: float = 0.0
    _total: float = 0.0
    _powers: list[float] = field(default_factory=list)
    _minute: list[tuple[int, float, float]] = field(default_factory=list)

    def feed(self, cells: Floats, low: float, high: float) -> None:
        self.n_samples += cells.size
        self.peak = max(self.peak, -low, high)
        sums = cells.sum(axis=1).tolist()
        squares = np.einsum("ij,ij->i", cells, cells).tolist()
        for total, square in zip(sums, squares, strict=True):
            self._minute.append((cells.shape[1], total, square))
            if len(self._minute) == _CELLS_PER_MINUTE:
                self._close_minute()

    def _close_minute(self) -> None:
        n_samples, total, square = (math.fsum(column) for column in zip(*self._minute, strict=True))
        self._total += total
        offset_power = (total / n_samples) ** 2
        power = square / n_samples - offset_power
        # What is left of a constant in float32 is rounding, and no sound.
        self._powers.append(power if power > 1e-6 * offset_power else 0.0)
        self._minute.clear()

    def mean(self) -> float:
        if self._minute:
            self._close_minute()
        return self._total / self.n_samples if self.n_samples else 0.0

    def median_dbfs(self) -> float | None:
        if self._minute:
            self._close_minute()
        power = float(np.median(self._powers)) if self._powers else 0.0
        return 10 * math.log10(power) if power > 0 else None


@dataclass(slots=True)
class _Clips:
    """Counts samples at full scale, and their longest run."""

    full_scale: float
    n_clipped: int = 0
    longest: int = 0
    _run: int = 0

    def feed(self, cells: Floats, has_clipping: bool) -> None:
        if not has_clipping:
            self._run = 0
            return
        is_clipped = np.abs(cells.reshape(-1)) >= self.full_scale
        self.n_clipped += int(is_clipped.sum())
        clean = np.flatnonzero(~is_clipped)
        if not len(clean):
            self._run += len(is_clipped)
            self.longest = max(self.longest, self._run)
            return
        between = int(np.diff(clean).max()) - 1 if len(clean) > 1 else 0
        self.longest = max(self.longest, self._run + int(clean[0]), between)
        self._run = len(is_clipped) - 1 - int(clean[-1])
        self.longest = max(self.longest, self._run)


@dataclass(slots=True)
class _Silences:
    """Joins cells of one value to stretches, and finds their edges in the cells beside them."""

    rate_hz: int
    _found: list[Stretch] = field(default_factory=list)
    _first: int = 0
    _value: float = math.nan  # of the stretch that is open; NaN: none is
    _position: int = 0
    _before: Floats = field(default_factory=lambda: np.empty(0, np.float32))

    def feed(self, cells: Floats, is_constant: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        width = cells.shape[1]
        # Only constant cells and what follows them need a look; in ordinary sound there are none.
        looked_at = is_constant.copy()
        looked_at[1:] |= is_constant[:-1]
        looked_at[0] |= not math.isnan(self._value)
        for i in np.flatnonzero(looked_at).tolist():
            before = cells[i - 1] if i else self._before
            self._cell(cells[i], before, self._position + i * width, bool(is_constant[i]))
        self._position += cells.size
        self._before = cells[-1].copy()

    def _cell(self, cell: Floats, before: Floats, first_sample: int, is_constant: bool) -> None:
        value = float(cell[0])
        if not math.isnan(self._value) and (not is_constant or value != self._value):
            self._close(first_sample + _n_leading(cell, self._value))
        if is_constant and math.isnan(self._value):
            self._value = value
            self._first = first_sample - _n_leading(before[::-1], value)

    def _close(self, end_sample: int) -> None:
        if end_sample - self._first >= self.rate_hz:
            self._found.append(Stretch(first_sample=self._first, end_sample=end_sample))
        self._value = math.nan

    def finish(self) -> tuple[Stretch, ...]:
        if not math.isnan(self._value):
            if self._first == 0:
                return (Stretch(first_sample=0, end_sample=self._position),)
            self._close(self._position)
        return tuple(self._found)


def _n_leading(samples: Floats, value: float) -> int:
    """How many samples at the beginning have this value."""
    other = np.flatnonzero(samples != np.float32(value))
    return int(other[0]) if len(other) else len(samples)
