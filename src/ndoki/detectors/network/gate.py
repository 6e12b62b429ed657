"""Where a network has to listen at all: a far smaller network, cheap enough for every frame.

A shot is rare, and the network that tells it from its look-alikes is most of the work. A gate estimates
from every second frame how high the network could score, four frames at a time, and is believed only when
it says "not here". Its answer depends on a stated number of frames, so it is the same for every cut of the
sound into blocks.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ndoki.core.types import Floats
from ndoki.detectors.network.part import part_from, part_to
from ndoki.features.floor import LEVEL_STEP

__all__ = ["Gate", "GateSpec", "gate_from_metadata", "gate_to_metadata", "joined_runs"]

_NAME, _FORMAT = "gate", 2
_STORED = "<f2"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSpec:
    """Size of a gate. It works on cells of ``cell_frames`` frames that begin at multiples of that number.

    Attributes
    ----------
    n_mels, width
        Bands per frame, channels inside.
    cell_frames
        Frames per estimate; every `LEVEL_STEP`-th of them is looked at.
    dilations
        One residual convolution over three cells each: the cell and those this many cells away.
    before_cells
        Cells before its own that an estimate depends on.
    """

    n_mels: int = 40
    width: int = 32
    cell_frames: int = 4
    dilations: tuple[int, ...] = (1, 2, 4, 8, 8)
    before_cells: int = 16

    @property
    def cell_rows(self) -> int:
        """Frames of a cell that are looked at."""
        return self.cell_frames // LEVEL_STEP

    @property
    def after_cells(self) -> int:
        """Cells behind its own that an estimate depends on."""
        return 1 + 2 * sum(self.dilations) - self.before_cells

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of the weights: first kernel and bias, three taps and bias per dilation, last kernel and bias."""
        n_inputs = self.cell_rows * self.n_mels
        taps = ((3, self.width, self.width), (self.width,)) * len(self.dilations)
        return ((2, n_inputs, self.width), (self.width,), *taps, (self.width,), ())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gate:
    """A gate, ready to run.

    Attributes
    ----------
    spec, weights
        Its size, and float32 arrays of ``spec.shapes``.
    threshold
        Cells estimated below it are not listened to.
    spread_frames
        A cell that passes lets the frames within this distance pass with it.
    least_score
        It was tuned to lose no event of this (calibrated) score or above.
    """

    spec: GateSpec
    weights: tuple[Floats, ...]
    threshold: float
    spread_frames: int
    least_score: float

    @property
    def before_frames(self) -> int:
        """Frames before a frame that decide whether it is listened to."""
        return self.spread_frames + (self.spec.before_cells + 1) * self.spec.cell_frames - 1

    @property
    def after_frames(self) -> int:
        """Frames behind a frame that decide whether it is listened to."""
        return self.spread_frames + (self.spec.after_cells + 1) * self.spec.cell_frames - 1

    def estimates(self, rows: Floats) -> Floats:
        """How high network and verifier could score, cell by cell (logit of the raw score).

        Parameters
        ----------
        rows
            float32, shape (n_cells · cell_rows, n_mels), level above the floor in units of 10 dB, of every
            `LEVEL_STEP`-th frame; the first begins a cell.

        Returns
        -------
        float32, shape (n_cells − before_cells − after_cells,)
        """
        cells = rows.reshape(-1, self.spec.cell_rows * self.spec.n_mels)
        first, bias, *blocks, last, last_bias = self.weights
        inner = cells[:-1] @ first[0]
        inner += cells[1:] @ first[1]
        inner += bias
        np.maximum(inner, 0, out=inner)
        for step, taps, bias in zip(self.spec.dilations, blocks[::2], blocks[1::2], strict=True):
            kept = inner[step:-step]
            mixed = kept @ taps[1]
            mixed += inner[: -2 * step] @ taps[0]
            mixed += inner[2 * step :] @ taps[2]
            mixed += bias
            mixed += kept
            inner = np.maximum(mixed, 0, out=mixed)
        return np.asarray(inner @ last + last_bias, np.float32)

    def passes(
        self, measured: Callable[[int, int], Floats], first_frame: int, end_frame: int
    ) -> npt.NDArray[np.bool_]:
        """Which frames the network has to listen to.

        Parameters
        ----------
        measured
            Gives every `LEVEL_STEP`-th frame between two frames of the recording; it is asked for frames
            within ``[first_frame − before_frames, end_frame + after_frames)``.

        Returns
        -------
        bool, shape (end_frame − first_frame,)
        """
        step, spread = self.spec.cell_frames, self.spread_frames
        first_cell, end_cell = (first_frame - spread) // step, -(-(end_frame + spread) // step)
        part = measured(
            (first_cell - self.spec.before_cells) * step, (end_cell + self.spec.after_cells) * step
        )
        open_frames = np.repeat(self.estimates(part) >= self.threshold, step)
        n_open = np.concatenate([[0], np.cumsum(open_frames)])
        at = np.arange(first_frame, end_frame) - first_cell * step
        return np.asarray(n_open[at + spread + 1] > n_open[at - spread], np.bool_)


def joined_runs(chosen: npt.NDArray[np.bool_], least_gap: int) -> list[tuple[int, int]]:
    """Half-open runs that cover all chosen places; gaps shorter than ``least_gap`` are covered too."""
    places = np.flatnonzero(chosen)
    if not len(places):
        return []
    cuts = np.flatnonzero(np.diff(places) > least_gap) + 1
    edges = np.concatenate([[0], cuts, [len(places)]])
    return [(int(places[first]), int(places[end - 1]) + 1) for first, end in pairwise(edges)]


def gate_to_metadata(gate: Gate) -> dict[str, str]:
    """Key and value for an ONNX file's metadata; weights are kept in half precision."""
    spec = gate.spec
    packed = b"".join(weight.astype(_STORED).tobytes() for weight in gate.weights)
    values = {
        "spec": {name: getattr(spec, name) for name in spec.__slots__},
        "weights": base64.b64encode(packed).decode("ascii"),
        "threshold": gate.threshold,
        "spread_frames": gate.spread_frames,
        "least_score": gate.least_score,
    }
    return part_to(_NAME, _FORMAT, values)


def gate_from_metadata(metadata: dict[str, str], source: str) -> Gate | None:
    """Inverse of `gate_to_metadata`; None for a file without a gate.

    Raises
    ------
    ModelError
        The gate is damaged or of another format.
    """
    return part_from(metadata, _NAME, _FORMAT, source, _gate_of)


def _gate_of(values: dict[str, Any]) -> Gate:
    spec = GateSpec(**values["spec"] | {"dilations": tuple(values["spec"]["dilations"])})
    packed = np.frombuffer(base64.b64decode(values["weights"]), _STORED).astype(np.float32)
    return Gate(
        spec=spec,
        weights=_unpacked(packed, spec),
        threshold=float(values["threshold"]),
        spread_frames=int(values["spread_frames"]),
        least_score=float(values["least_score"]),
    )


def _unpacked(packed: Floats, spec: GateSpec) -> tuple[Floats, ...]:
    ends = np.cumsum([int(np.prod(shape)) for shape in spec.shapes])
    if len(packed) != ends[-1]:
        raise ValueError(f"{len(packed)} weights instead of {ends[-1]}")
    parts = np.split(packed, ends[:-1])
    return tuple(part.reshape(shape) for part, shape in zip(parts, spec.shapes, strict=True))
