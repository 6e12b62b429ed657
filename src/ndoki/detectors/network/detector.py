"""Frame scores by a network in an ONNX file."""

import hashlib
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from ndoki.core.errors import ModelError
from ndoki.core.grid import FrameGrid
from ndoki.core.types import Analysis, Block, DetectorId, Floats, Proposals, ScoreTrack
from ndoki.detectors.network.card import Card, from_metadata
from ndoki.detectors.network.gate import Gate, gate_from_metadata, joined_runs
from ndoki.detectors.network.session import UNREADABLE, open_session
from ndoki.detectors.network.verifier import Verifier, verifier_from_metadata
from ndoki.features.floor import above_floor
from ndoki.features.mel import log_mel
from ndoki.features.shape import N_SHAPE, decode_shape

__all__ = ["SHIPPED", "NetworkDetector", "load_network", "shipped_bytes"]

SHIPPED = "gunshot.onnx"
_PROPOSAL_SCORE = 0.01
"""Frames below this score get no box: nobody asks for events that faint."""
_CHUNK_FRAMES = 2048
"""The network sees this many frames at a time: its layers then fit into a core's cache."""
_STEP_FRAMES = 32
"""Behind a gate, runs are lengthened to multiples of this: ONNX Runtime plans memory for each length."""


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
        self._input_name: str = session.get_inputs()[0].name
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
        """The network's own view, or its gate's, and that of the floor under it; or its verifier's."""
        return max(self._view_frames[0] + self.card.floor.reach_frames, self._close_up_frames[0])

    @property
    def context_after_frames(self) -> int:
        """The network's own view, or its gate's, and that of the floor under it; or its verifier's."""
        return max(self._view_frames[1] + self.card.floor.reach_frames, self._close_up_frames[1])

    @property
    def _close_up_frames(self) -> tuple[int, int]:
        return (0, 0) if self.verifier is None else self.verifier.spec.view.reach_frames(self.grid)

    @property
    def _view_frames(self) -> tuple[int, int]:
        before, after, gate = self.card.before_frames, self.card.after_frames, self._used_gate
        if gate is None:
            return before, after
        return max(before, gate.before_frames), max(after, gate.after_frames)

    def gated(self) -> "NetworkDetector":
        """The same network, but listening only where its gate lets sound pass; elsewhere scores are 0.

        Where it listens, scores are those without the gate. The gate is tuned for the first label alone.

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
        frames = self.frames_of(block)
        heard = self.heard(frames, block)
        outputs = self.outputs_of(frames, heard)
        n_labels = len(self.card.labels)
        scores = outputs[:, :n_labels]
        if heard is not None:
            # So that the verifier is not asked there; once more below, as a calibration need not keep 0.
            scores[~heard] = 0
        scores[:, 0] = self.calibrate(self.verified(scores[:, 0], block))
        if heard is not None:
            scores[~heard] = 0
        track = ScoreTrack(
            grid=self.grid,
            labels=self.card.labels,
            first_frame=block.first_frame,
            scores=np.ascontiguousarray(scores, np.float32),
        )
        return Analysis(track=track, proposals=self._proposals(track, outputs[:, n_labels:]))

    def frames_of(self, block: Block) -> Floats:
        """What the network and its gate are shown: levels above the floor, in units of 10 dB.

        Returns
        -------
        float32, shape (n_frames, n_mels)
            Frames ``[first − before, end + after)``, where before and after are the detector's context less
            the floor's reach. Where the file has none, the background goes on level.
        """
        above = above_floor(log_mel(block.samples, self.card.mel), self.card.floor)
        available_first = block.first_sample // self.grid.hop_samples
        before, after = self._view_frames
        first, end = block.first_frame - before, block.end_frame + after
        padded = np.zeros((end - first, above.shape[1]), np.float32)
        kept_first, kept_end = max(first, available_first), min(end, available_first + len(above))
        padded[kept_first - first : kept_end - first] = above[
            kept_first - available_first : kept_end - available_first
        ]
        return padded

    def outputs_of(self, frames: Floats, heard: npt.NDArray[np.bool_] | None = None) -> Floats:
        """The network's outputs for a block's own frames, uncalibrated; where not ``heard``, they may be 0.

        Parameters
        ----------
        frames
            What `frames_of` made of the block.
        heard
            What `heard` says of it; everything is when None.

        Returns
        -------
        float32, shape (n_own_frames, n_labels + 3), in [0, 1]
        """
        seen = self._within(frames, self.card.before_frames, self.card.after_frames)
        return self.run(seen) if heard is None else self._run_where(heard, seen)

    def _within(self, frames: Floats, before_frames: int, after_frames: int) -> Floats:
        """A block's own frames with less context than `frames_of` gives."""
        before, after = self._view_frames
        return frames[before - before_frames : len(frames) - after + after_frames]

    def heard(self, frames: Floats, block: Block) -> npt.NDArray[np.bool_] | None:
        """Which of a block's own frames the gate lets pass; None for a detector that hears everything.

        Parameters
        ----------
        frames
            What `frames_of` made of the block.
        """
        gate = self._used_gate
        if gate is None:
            return None
        view = self._within(frames, gate.before_frames, gate.after_frames)
        return gate.passes(view, block.first_frame, block.end_frame)

    def run(self, frames: Floats) -> Floats:
        """Outputs for all frames but the context; float32, shape (n, n_labels + 3), in [0, 1]."""
        context = self.card.before_frames + self.card.after_frames
        parts = [
            self._session.run(
                None, {self._input_name: frames[None, first : first + _CHUNK_FRAMES + context]}
            )[0][0]
            for first in range(0, len(frames) - context, _CHUNK_FRAMES)
        ]
        return np.concatenate(parts)

    def verified(self, raw: Floats, block: Block) -> Floats:
        """Raw onset scores of a block's own frames, corrected by the verifier where it is asked."""
        if self.verifier is None:
            return raw
        rows = np.flatnonzero(raw >= self.verifier.spec.least_score)
        if not len(rows):
            return raw
        places = [
            self.grid.centre_sample(block.first_frame + row, self.grid.rate_hz) for row in rows.tolist()
        ]
        corrected = raw.copy()
        logits = self.verifier.logits(block.samples, block.first_sample, places)
        corrected[rows] = self.verifier.joined(raw[rows], logits)
        return corrected

    def calibrate(self, raw: Floats) -> Floats:
        """Raw onset scores → calibrated ones, by the card's points; both in [0, 1]."""
        return np.interp(raw, self._raw, self._calibrated).astype(np.float32)

    def _run_where(self, heard: npt.NDArray[np.bool_], frames: Floats) -> Floats:
        """Outputs as of `run` where ``heard``; elsewhere they may be missing (0)."""
        context = self.card.before_frames + self.card.after_frames
        outputs = np.zeros((len(heard), len(self.card.labels) + N_SHAPE), np.float32)
        behind = np.zeros((_STEP_FRAMES, frames.shape[1]), np.float32)
        padded = np.concatenate([frames, behind])
        # To hear two runs by themselves costs their context twice; across a shorter gap they are one.
        for first, end in joined_runs(heard, context):
            n = -(-(end - first) // _STEP_FRAMES) * _STEP_FRAMES
            outputs[first:end] = self.run(padded[first : first + n + context])[: end - first]
        return outputs

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
        session = open_session(content)
    except OSError as error:
        raise ModelError(f"{source}: the model cannot be read ({error.strerror})") from error
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
