"""Frame scores by a network in an ONNX file."""

import hashlib
import math
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from ndoki.core.errors import ModelError
from ndoki.core.grid import FrameGrid
from ndoki.core.sliding import highest_near
from ndoki.core.types import Analysis, Block, DetectorId, Floats, Proposals, ScoreTrack
from ndoki.detectors.network.card import Card, from_metadata
from ndoki.detectors.network.gate import Gate, gate_from_metadata, joined_runs
from ndoki.detectors.network.levels import BlockLevels, widened
from ndoki.detectors.network.session import UNREADABLE, open_session, run_in_chunks
from ndoki.detectors.network.verifier import Verifier, verifier_from_metadata
from ndoki.features.floor import LEVEL_STEP
from ndoki.features.shape import N_SHAPE, decode_shape

__all__ = ["SHIPPED", "NetworkDetector", "load_network", "network_from", "shipped_bytes"]

SHIPPED = "gunshot.onnx"
_PROPOSAL_SCORE = 0.01
"""Frames below this score get no box: nobody asks for events that faint."""
_CHUNK_FRAMES = 2048
"""The network sees this many frames at a time: its layers then fit into a core's cache."""
_AROUND_S = 8.0
"""Around what is found behind a gate, this far, there is listened without it: as far as a burst is followed
(`ndoki.firing.near`)."""
_RUN_FRAMES = 32
"""Behind a gate, runs are lengthened to multiples of this."""
_MOST_BY_RUNS = 0.5
"""Where runs and their context are more than this share of a block, the whole block is heard at less cost."""


class NetworkDetector:
    """The network behind the `Detector` protocol.

    One session may be used by many threads; each runs its blocks on its own core.

    Attributes
    ----------
    card
        What its file says of it.
    gate
        The gate that its file holds; None where there is none. Only what `gated` returns uses it.
    verifier
        The verifier that its file holds; None where there is none.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        card: Card,
        digest: str,
        *,
        gate: Gate | None = None,
        verifier: Verifier | None = None,
        is_gated: bool = False,
    ) -> None:
        self._session = session
        self.card, self.gate, self.verifier = card, gate, verifier
        self._digest, self._used_gate = digest, gate if is_gated else None
        self._id = DetectorId(name=card.name, digest=f"{digest}-gated" if is_gated else digest)
        points = np.asarray(card.calibration, np.float32)
        self._raw, self._calibrated = points[:, 0], points[:, 1]

    @property
    def id(self) -> DetectorId:
        """Name, and the digest of the file; behind the gate, with a mark of it."""
        return self._id

    @property
    def grid(self) -> FrameGrid:
        """The mel frames' grid."""
        return self.card.mel.grid

    @property
    def labels(self) -> tuple[str, ...]:
        """Score columns."""
        return self.card.labels

    @property
    def context_before_frames(self) -> int:
        """The network's own view, or its gate's, and that of the floor under it; or its verifier's.

        Behind a gate, of what is found as far outside of a block as its frames are listened to for it.
        """
        return self._context(0)

    @property
    def context_after_frames(self) -> int:
        """As before a frame."""
        return self._context(1)

    def _context(self, side: int) -> int:
        inside = self.card.step_frames - 1
        seen = self._view_frames[side] + inside + self.card.floor.reach_frames
        return max(seen, self._close_up_frames[side]) + self._around_frames

    @property
    def _close_up_frames(self) -> tuple[int, int]:
        return (0, 0) if self.verifier is None else self.verifier.spec.view.reach_frames(self.grid)

    @property
    def _view_frames(self) -> tuple[int, int]:
        before, after, gate = self.card.before_frames, self.card.after_frames, self._used_gate
        if gate is None:
            return before, after
        return max(before, gate.before_frames), max(after, gate.after_frames)

    @property
    def _around_frames(self) -> int:
        """How far around what is found behind the gate the network listens without it; whole steps."""
        _, whole = self._steps(0, 0 if self._used_gate is None else self.grid.frames_in(_AROUND_S))
        return whole

    def gated(self) -> "NetworkDetector":
        """The same network, but listening only where its gate lets sound pass, and 8 s around what is found.

        Where it listens, scores are those without the gate; elsewhere they are 0. The gate is tuned for the
        first label alone.

        Raises
        ------
        ModelError
            The file holds no gate.
        """
        if self.gate is None:
            raise ModelError(f"{self.card.name}: its file holds no gate; make one by `ndoki gate`")
        return NetworkDetector(
            self._session, self.card, self._digest, gate=self.gate, verifier=self.verifier, is_gated=True
        )

    def analyse(self, block: Block) -> Analysis:
        """Score a block's own frames."""
        first_frame, end_frame = self._steps(block.first_frame, block.end_frame)
        whole = replace(block, first_frame=first_frame, end_frame=end_frame)
        gate = self._used_gate
        outputs = self._scored_behind(gate, whole) if gate else self._scored(self.levels_of(whole), None)
        own = slice(block.first_frame - first_frame, block.end_frame - first_frame)
        n_labels = len(self.card.labels)
        track = ScoreTrack(
            grid=self.grid,
            labels=self.card.labels,
            first_frame=block.first_frame,
            scores=np.ascontiguousarray(outputs[own, :n_labels]),
        )
        return Analysis(track=track, proposals=self._proposals(track, outputs[own, n_labels:]))

    def _scored(self, levels: BlockLevels, heard: npt.NDArray[np.bool_] | None) -> Floats:
        """Outputs of a block's own frames, verified and calibrated; 0 where not ``heard``."""
        outputs = self.outputs_of(levels, heard)
        rows = slice(None) if heard is None else np.flatnonzero(heard)
        # Empty elsewhere, so that the verifier is not asked there.
        scored = np.zeros_like(outputs)
        scored[rows] = outputs[rows]
        scored[rows, 0] = self.calibrate(self.verified(scored[:, 0], levels.block)[rows])
        return scored

    def _scored_behind(self, gate: Gate, whole: Block) -> Floats:
        """Outputs of a block's own frames where the gate lets sound pass, and around what is found there.

        How many shots a burst has is asked of faint scores beside sure ones, for which no gate is tuned. What
        is found just outside of the block counts as well, or frames would depend on where it ends.
        """
        around, (_, step) = self._around_frames, self._steps(0, 1)
        wide = widened(whole, around, step, self.grid)
        own = slice(whole.first_frame - wide.first_frame, whole.end_frame - wide.first_frame)
        levels = self.levels_of(wide)
        heard = gate.passes(levels.measured, wide.first_frame, wide.end_frame)
        outputs = self._scored(levels, heard)
        found = (outputs[:, 0] >= gate.least_score).reshape(-1, step).any(axis=1)
        if found.any():
            near = highest_near(np.asarray(found, np.float32), around // step)
            more = (np.repeat(near, step) > 0) & ~heard
            more[: own.start] = more[own.stop :] = False
            outputs += self._scored(levels, more)
        return outputs[own]

    def levels_of(self, block: Block) -> BlockLevels:
        """What the network and its gate are shown of a block."""
        return BlockLevels(block=block, mel=self.card.mel, floor=self.card.floor)

    def heard(self, levels: BlockLevels) -> npt.NDArray[np.bool_] | None:
        """Which of a block's own frames the gate lets pass; None for a detector that hears everything."""
        gate = self._used_gate
        if gate is None:
            return None
        return gate.passes(levels.measured, levels.block.first_frame, levels.block.end_frame)

    def outputs_of(self, levels: BlockLevels, heard: npt.NDArray[np.bool_] | None = None) -> Floats:
        """The network's outputs for a block's own frames, uncalibrated; where not ``heard``, they may be 0.

        Parameters
        ----------
        heard
            What `heard` says of the block; everything is when None.

        Returns
        -------
        float32, shape (n_own_frames, n_labels + 3), in [0, 1]
        """
        block = levels.block
        if heard is None:
            first, end = self._steps(block.first_frame, block.end_frame)
            outputs = self._run_on(levels, first, end)
            return outputs[block.first_frame - first :][: block.end_frame - block.first_frame]
        # To hear two runs by themselves costs their context twice; across a shorter gap they are one.
        context = self.card.before_frames + self.card.after_frames
        runs = joined_runs(heard, context)
        if sum(end - begin + context for begin, end in runs) > _MOST_BY_RUNS * len(heard):
            return self.outputs_of(levels)
        outputs = np.zeros((len(heard), len(self.card.labels) + N_SHAPE), np.float32)
        for begin, end in runs:
            first, _ = self._steps(block.first_frame + begin, block.first_frame + end)
            # ONNX Runtime plans memory for each length, so there are not many lengths.
            n = -(-(block.first_frame + end - first) // _RUN_FRAMES) * _RUN_FRAMES
            found = self._run_on(levels, first, first + n)
            outputs[begin:end] = found[block.first_frame + begin - first :][: end - begin]
        return outputs

    def _steps(self, first_frame: int, end_frame: int) -> tuple[int, int]:
        """Frames of a recording, grown to whole steps of the network and of the measured frames."""
        step = math.lcm(self.card.step_frames, LEVEL_STEP)
        return first_frame // step * step, -(-end_frame // step) * step

    def _run_on(self, levels: BlockLevels, first_frame: int, end_frame: int) -> Floats:
        """Outputs for frames of a block, whole steps, of which it need not hold all."""
        before, after = self.card.before_frames, self.card.after_frames
        first, end = self._steps(first_frame - before, end_frame + after)
        frames = levels.all(first, end)
        return self.run(frames[first_frame - before - first : end_frame + after - first])

    def outputs_alone(self, above: Floats) -> Floats:
        """The network's outputs for a whole recording, uncalibrated.

        Parameters
        ----------
        above
            float32, shape (n_frames, n_mels), level above the floor in units of 10 dB, from the
            recording's first frame on.

        Returns
        -------
        float32, shape (n_frames, n_labels + 3), in [0, 1]
        """
        behind = self.card.after_frames + -len(above) % self.card.step_frames
        return self.run(np.pad(above, ((self.card.before_frames, behind), (0, 0))))[: len(above)]

    def run(self, frames: Floats) -> Floats:
        """Outputs for all frames but the context; float32, shape (n, n_labels + 3), in [0, 1].

        There are whole steps of frames.
        """
        context = self.card.before_frames + self.card.after_frames
        return run_in_chunks(self._session, frames, context, _CHUNK_FRAMES)

    def verified(self, raw: Floats, block: Block) -> Floats:
        """Raw onset scores of a block's own frames, whole steps, corrected by the verifier where it is asked.

        It is asked once for all frames of a step of the network: about the one that scores highest.
        """
        if self.verifier is None:
            return raw
        rows = np.flatnonzero(raw >= self.verifier.spec.least_score)
        if not len(rows):
            return raw
        steps = (block.first_frame + rows) // self.card.step_frames
        firsts = np.flatnonzero(np.diff(steps, prepend=-1))
        n_rows = np.diff(firsts, append=len(rows))
        asked = [
            int(rows[first + np.argmax(raw[rows[first : first + n]])])
            for first, n in zip(firsts.tolist(), n_rows.tolist(), strict=True)
        ]
        places = [self.grid.centre_sample(block.first_frame + row, self.grid.rate_hz) for row in asked]
        corrected = raw.copy()
        logits = self.verifier.logits(block.samples, block.first_sample, places)
        corrected[rows] = self.verifier.joined(raw[rows], np.repeat(logits, n_rows))
        return corrected

    def calibrate(self, raw: Floats) -> Floats:
        """Raw onset scores → calibrated ones, by the card's points; both in [0, 1]."""
        return np.interp(raw, self._raw, self._calibrated).astype(np.float32)

    def _proposals(self, track: ScoreTrack, shape: Floats) -> Proposals:
        rows = np.flatnonzero(track.scores[:, 0] >= _PROPOSAL_SCORE)
        duration_s, low_hz, high_hz = decode_shape(shape[rows], self.card.mel)
        return Proposals(
            frame=rows + track.first_frame,
            duration_s=duration_s,
            low_hz=low_hz,
            high_hz=np.maximum(high_hz, low_hz + np.float32(20.0)),
            score=track.scores[rows, 0],
            label=np.zeros(len(rows), np.int16),
        )


def shipped_bytes() -> bytes:
    """The network that comes with Ndoki."""
    return files("ndoki").joinpath("models", SHIPPED).read_bytes()


def load_network(path: Path | None = None) -> NetworkDetector:
    """Open a network, the shipped one by default.

    Raises
    ------
    ModelError
        The file is missing, damaged, or not one of Ndoki's.
    """
    source = str(path) if path else f"the shipped {SHIPPED}"
    try:
        content = path.read_bytes() if path else shipped_bytes()
    except OSError as error:
        raise ModelError(f"{source}: the model cannot be read ({error.strerror})") from error
    return network_from(content, source)


def network_from(content: bytes, source: str) -> NetworkDetector:
    """Open a network from the content of its file; ``source`` names it in messages.

    Raises
    ------
    ModelError
        The content is damaged or not of one of Ndoki's networks.
    """
    try:
        session = open_session(content)
    except UNREADABLE as error:
        raise ModelError(
            f"{source}: not a readable ONNX model; give an .onnx file that `ndoki train` wrote"
        ) from error
    metadata = session.get_modelmeta().custom_metadata_map
    card = from_metadata(metadata, source)
    gate, verifier = gate_from_metadata(metadata, source), verifier_from_metadata(metadata, source)
    if verifier is not None and verifier.spec.view.mel.rate_hz != card.mel.rate_hz:
        raise ModelError(
            f"{source}: its verifier is for another sample rate; take the file from its source again"
        )
    digest = hashlib.sha256(content).hexdigest()
    return NetworkDetector(session, card, digest, gate=gate, verifier=verifier)
