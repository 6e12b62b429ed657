"""Any sample rate → the detector's rate, by a linear-phase polyphase filter that shifts nothing."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import gcd
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from ndoki.core.errors import ConfigError
from ndoki.core.types import Floats

__all__ = ["Readable", "Resampler"]

_HALF_WIDTH = 20
"""Half the filter's length in samples of the slower rate; with the Kaiser window's β below this gives a
transition from 0.45 to 0.55 of the slower rate and more than 60 dB beyond (measured in the tests)."""
_BETA = 6.2
_COLUMNS, _COLUMNS_OF_MANY_PHASES = 16, 32  # outputs per matrix product: the fastest of 8, 16 and 32
_CELL_OUTPUTS = 2048
_STACK_OUTPUTS = 8 * _CELL_OUTPUTS
_READ_OUTPUTS = 1 << 17
_SINGLE = np.dtype(np.float32)


class Readable(Protocol):
    """Whatever yields samples by position, e.g. `ndoki.audio.reader.Samples`."""

    def read(self, first_sample: int, end_sample: int, channel: int) -> Floats:
        """Samples of one channel between two positions."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """Filter of neighbouring outputs of a group: ``matrix`` (inputs, outputs), from ``first_input`` on."""

    first_input: int
    first_output: int
    matrix: Floats


@dataclass(frozen=True, slots=True)
class _Plan:
    """A conversion cut into groups of ``group_outputs`` that repeat every ``group_inputs``."""

    group_inputs: int
    group_outputs: int
    reach: int
    n_rows: int
    columns: tuple[_Columns, ...]

    @property
    def cell_outputs(self) -> int:
        return self.n_rows * self.group_outputs

    @property
    def cell_inputs(self) -> int:
        return self.n_rows * self.group_inputs


class Resampler:
    """Converts one sample rate to another; output ``n`` lies exactly at input time ``n·rate_in/rate_out``.

    A windowed sinc (Kaiser) is evaluated at the exact distance of every input from every output, so there
    is no delay and no rounding of positions. Each phase is scaled to pass a constant unchanged. The
    products are matrix products of one fixed shape at fixed positions, therefore a sample is the same,
    bit for bit, whatever stretch is asked for.

    Parameters
    ----------
    rate_in_hz, rate_out_hz
        Rates before and after.
    precision
        Of what is computed and read. The last bits depend on the order in which a processor adds up a product
        of matrices; who has to round to the same on all of them takes double precision.

    References
    ----------
    R. E. Crochiere and L. R. Rabiner, Multirate Digital Signal Processing, Prentice Hall 1983, ch. 3.
    J. F. Kaiser, Nonrecursive digital filter design using the I0-sinh window function, ISCAS 1974.
    """

    def __init__(self, rate_in_hz: int, rate_out_hz: int, precision: npt.DTypeLike = np.float32) -> None:
        if rate_in_hz < 1 or rate_out_hz < 1:
            raise ConfigError(f"cannot convert {rate_in_hz} Hz to {rate_out_hz} Hz; both must be positive")
        common = gcd(rate_in_hz, rate_out_hz)
        self.rate_in_hz, self.rate_out_hz = rate_in_hz, rate_out_hz
        self._down, self._up = rate_in_hz // common, rate_out_hz // common
        self._precision = np.dtype(precision)

    def read(
        self, samples: Readable, n_in_samples: int, channel: int, first_out: int, end_out: int
    ) -> Floats:
        """Read a stretch at the new rate.

        Parameters
        ----------
        samples
            Where the samples come from; only ``[0, n_in_samples)`` is read. Beyond, the first and the last
            sample are held: zeros there would make a step out of any offset, and a step sounds like a shot.
        n_in_samples
            Length of the source, at least 1.
        channel
            Passed on.
        first_out, end_out
            Positions at the new rate; may lie beyond the source.

        Returns
        -------
        Of that precision, float32 by default; shape (end_out - first_out,).
        """
        if end_out <= first_out:
            return np.empty(0, self._precision)
        if self._up == self._down:
            held = _read_held(samples, n_in_samples, channel, first_out, end_out)
            return held.astype(self._precision, copy=False)
        plan = _plan(self._up, self._down, self._precision)
        convert = _halve if (self._up, self._down) == (1, 2) else _convert
        first_cell, end_cell = first_out // plan.cell_outputs, -(-end_out // plan.cell_outputs)
        out = np.empty((end_cell - first_cell, plan.n_rows, plan.group_outputs), self._precision)
        cells_per_read = max(1, _READ_OUTPUTS // plan.cell_outputs)
        for first in range(first_cell, end_cell, cells_per_read):
            end = min(first + cells_per_read, end_cell)
            source = _read_held(
                samples,
                n_in_samples,
                channel,
                first * plan.cell_inputs - plan.reach,
                end * plan.cell_inputs + plan.reach,
            )
            wide = source.astype(self._precision, copy=False)
            convert(plan, wide, out[first - first_cell : end - first_cell])
        skipped = first_out - first_cell * plan.cell_outputs
        return out.reshape(-1)[skipped : skipped + end_out - first_out]


def _convert(plan: _Plan, source: Floats, out: Floats) -> None:
    """Fill cells (n_cells, n_rows, group_outputs) from their samples with ``reach`` on both sides."""
    step = max(1, _STACK_OUTPUTS // plan.cell_outputs)
    size = source.itemsize
    strides = (plan.cell_inputs * size, plan.group_inputs * size, size)
    for columns in plan.columns:
        n_inputs, n_outputs = columns.matrix.shape
        behind = columns.first_output + n_outputs
        windows = np.empty((step, plan.n_rows, n_inputs), source.dtype)
        for first in range(0, len(out), step):
            n_cells = min(step, len(out) - first)
            start = first * plan.cell_inputs + plan.reach + columns.first_input
            shape = (n_cells, plan.n_rows, n_inputs)
            # Copied, because overlapping rows keep numpy from calling BLAS.
            np.copyto(windows[:n_cells], as_strided(source[start:], shape, strides, writeable=False))
            target = out[first : first + n_cells, :, columns.first_output : behind]
            np.matmul(windows[:n_cells], columns.matrix, out=target)


def _halve(plan: _Plan, source: Floats, out: Floats) -> None:
    """Do what `_convert` does, for two inputs per output: at half the work.

    There the sinc is 0 at every second input but the one in the middle (a half-band filter).
    """
    (columns,) = plan.columns
    weights = np.ascontiguousarray(columns.matrix[1::2])
    centre = columns.matrix[-columns.first_input, 0]
    middle = source[plan.reach :: 2]
    others = np.ascontiguousarray(source[plan.reach + columns.first_input + 1 :: 2])
    size = source.itemsize
    strides = (plan.cell_outputs * size, plan.group_outputs * size, size)
    every = as_strided(others, (*out.shape[:2], len(weights)), strides, writeable=False)
    step = max(1, _STACK_OUTPUTS // plan.cell_outputs)
    windows = np.empty((step, plan.n_rows, len(weights)), source.dtype)
    beside = np.empty((step, *out.shape[1:]), source.dtype)
    for first in range(0, len(out), step):
        target = out[first : first + step]
        n, begin = len(target), first * plan.cell_outputs
        np.copyto(windows[:n], every[first : first + n])
        np.matmul(windows[:n], weights, out=target)
        straight = middle[begin : begin + target.size].reshape(target.shape)
        target += np.multiply(straight, centre, out=beside[:n])


def _read_held(samples: Readable, n_in_samples: int, channel: int, first: int, end: int) -> Floats:
    """Read ``[first, end)``, holding the first and the last sample outside ``[0, n_in_samples)``."""
    inner_first = min(max(first, 0), n_in_samples - 1)
    inner_end = max(min(end, n_in_samples), inner_first + 1)
    inner = samples.read(inner_first, inner_end, channel)
    before, behind = max(0, min(end, 0) - first), max(0, end - max(first, n_in_samples))
    if before or behind:
        inside = inner[: end - first - before - behind]
        return np.concatenate(
            [np.full(before, inner[0], np.float32), inside, np.full(behind, inner[-1], np.float32)]
        )
    return inner


@lru_cache(maxsize=8)
def _plan(up: int, down: int, precision: np.dtype[Any] = _SINGLE) -> _Plan:
    """Filter matrices for the ratio ``up/down`` in lowest terms."""
    n_columns = _COLUMNS if up == 1 else _COLUMNS_OF_MANY_PHASES
    repeats = max(1, n_columns // up)
    group_outputs, group_inputs = up * repeats, down * repeats
    n_parts = max(1, round(group_outputs / n_columns))
    edges = [group_outputs * part // n_parts for part in range(n_parts + 1)]
    return _Plan(
        group_inputs=group_inputs,
        group_outputs=group_outputs,
        reach=_reach(up, down) + 1,
        n_rows=max(16, _CELL_OUTPUTS // group_outputs),
        columns=tuple(_columns(up, down, first, end, precision) for first, end in pairwise(edges)),
    )


def _reach(up: int, down: int) -> int:
    """Inputs on either side of an output's position that its filter covers."""
    return -(-_HALF_WIDTH * max(up, down) // up)


def _columns(up: int, down: int, first_output: int, end_output: int, precision: np.dtype[Any]) -> _Columns:
    reach = _reach(up, down)
    first_input = first_output * down // up - reach
    end_input = (end_output - 1) * down // up + reach + 2
    inputs = np.arange(first_input, end_input, dtype=np.int64)[:, None]
    outputs = np.arange(first_output, end_output, dtype=np.int64)[None, :]
    # Distance in samples of the slower rate, from integers: input i lies at i·up, output n at n·down.
    distance = (inputs * up - outputs * down) / max(up, down)
    weights = np.sinc(distance) * _kaiser(distance / _HALF_WIDTH)
    weights /= weights.sum(axis=0)
    return _Columns(first_input, first_output, np.ascontiguousarray(weights, precision))


def _kaiser(position: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Kaiser window over [-1, 1], zero outside."""
    inside = np.abs(position) <= 1
    window = np.i0(_BETA * np.sqrt(np.where(inside, 1 - position**2, 0.0)))
    return np.where(inside, window, 0.0)
