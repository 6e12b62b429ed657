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
import onnxruntime

from ndoki.core.types import Floats
from ndoki.detectors.network.part import part_from, part_to
from ndoki.detectors.network.session import open_session
from ndoki.features.floor import LEVEL_STEP

__all__ = ["Gate", "GateSpec", "gate_from_metadata", "gate_to_metadata", "joined_runs"]

_NAME, _FORMAT = "gate", 3
_CHUNK_CELLS = 2048
"""Cells that are estimated at a time: enough to be fast, and few enough for a core's cache."""


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gate:
    """A gate, ready to run.

    Attributes
    ----------
    spec
        Its size.
    content
        Its ONNX file: input (batch, n_cells · cell_rows, n_mels), output (batch, n_cells − before_cells −
        after_cells).
    session
        That file, open.
    threshold
        Cells estimated below it are not listened to.
    spread_frames
        A cell that passes lets the frames within this distance pass with it.
    least_score
        It was tuned to lose no event of this (calibrated) score or above.
    """

    spec: GateSpec
    content: bytes
    session: onnxruntime.InferenceSession
    threshold: float
    spread_frames: int
    least_score: float

    @staticmethod
    def opened(
        content: bytes, spec: GateSpec, *, threshold: float, spread_frames: int, least_score: float
    ) -> "Gate":
        """From the content of its ONNX file."""
        return Gate(
            spec=spec,
            content=content,
            session=open_session(content),
            threshold=threshold,
            spread_frames=spread_frames,
            least_score=least_score,
        )

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
        n_rows, context = self.spec.cell_rows, self.spec.before_cells + self.spec.after_cells
        n_cells = len(rows) // n_rows - context
        found = [
            self.session.run(
                None, {"rows": rows[None, first * n_rows : (first + _CHUNK_CELLS + context) * n_rows]}
            )[0][0]
            for first in range(0, n_cells, _CHUNK_CELLS)
        ]
        return np.concatenate(found)

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
    """Key and value for an ONNX file's metadata."""
    spec = gate.spec
    values = {
        "spec": {name: getattr(spec, name) for name in spec.__slots__},
        "network": base64.b64encode(gate.content).decode("ascii"),
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
    return Gate.opened(
        base64.b64decode(values["network"]),
        GateSpec(**values["spec"] | {"dilations": tuple(values["spec"]["dilations"])}),
        threshold=float(values["threshold"]),
        spread_frames=int(values["spread_frames"]),
        least_score=float(values["least_score"]),
    )
