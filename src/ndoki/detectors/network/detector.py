"""Frame scores by a network in an ONNX file."""

import hashlib
from importlib.resources import files
from pathlib import Path

import numpy as np
import onnxruntime

from ndoki.core.errors import ModelError
from ndoki.core.grid import FrameGrid
from ndoki.core.types import Analysis, Block, DetectorId, Floats, Proposals, ScoreTrack
from ndoki.detectors.network.card import Card, from_metadata
from ndoki.features.floor import above_floor
from ndoki.features.mel import log_mel
from ndoki.features.shape import decode_shape

_state = onnxruntime.capi.onnxruntime_pybind11_state
_UNREADABLE: tuple[type[Exception], ...] = (
    RuntimeError,
    ValueError,
    _state.InvalidProtobuf,
    _state.InvalidGraph,
    _state.InvalidArgument,
    _state.Fail,
    _state.NotImplemented,
)
"""ONNX Runtime's own exceptions share no base class but Exception."""

__all__ = ["SHIPPED", "NetworkDetector", "load_network", "shipped_bytes"]

SHIPPED = "gunshot.onnx"
_PROPOSAL_SCORE = 0.01
"""Frames below this score get no box: nobody asks for events that faint."""
_CHUNK_FRAMES = 2048
"""The network sees this many frames at a time: its layers then fit into a core's cache."""


class NetworkDetector:
    """The network behind the `Detector` protocol.

    One session may be used by many threads; each runs its blocks on its own core.
    """

    def __init__(self, session: onnxruntime.InferenceSession, card: Card, digest: str) -> None:
        self._session = session
        self._input_name: str = session.get_inputs()[0].name
        self.card = card
        self._id = DetectorId(name=card.name, digest=digest)
        points = np.asarray(card.calibration, np.float32)
        self._raw, self._calibrated = points[:, 0], points[:, 1]

    @property
    def id(self) -> DetectorId:
        """Name, and the digest of the file."""
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
        """The network's own view and that of the floor under it."""
        return self.card.before_frames + self.card.floor.reach_frames

    @property
    def context_after_frames(self) -> int:
        """The network's own view and that of the floor under it."""
        return self.card.after_frames + self.card.floor.reach_frames

    def analyse(self, block: Block) -> Analysis:
        """Score a block's own frames."""
        above = above_floor(log_mel(block.samples, self.card.mel), self.card.floor)
        outputs = self.run(self._with_context(above, block))
        n_labels = len(self.card.labels)
        scores = outputs[:, :n_labels]
        scores[:, 0] = np.interp(scores[:, 0], self._raw, self._calibrated)
        track = ScoreTrack(
            grid=self.grid,
            labels=self.card.labels,
            first_frame=block.first_frame,
            scores=np.ascontiguousarray(scores, np.float32),
        )
        return Analysis(track=track, proposals=self._proposals(track, outputs[:, n_labels:]))

    def _with_context(self, above: Floats, block: Block) -> Floats:
        """Frames ``[first − before, end + after)``; where the file has none, the background goes on level."""
        available_first = block.first_sample // self.grid.hop_samples
        first = block.first_frame - self.card.before_frames
        end = block.end_frame + self.card.after_frames
        padded = np.zeros((end - first, above.shape[1]), np.float32)
        kept_first, kept_end = max(first, available_first), min(end, available_first + len(above))
        padded[kept_first - first : kept_end - first] = above[
            kept_first - available_first : kept_end - available_first
        ]
        return padded

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
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        content = path.read_bytes() if path else shipped_bytes()
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except OSError as error:
        raise ModelError(f"{source}: the model cannot be read ({error.strerror})") from error
    except _UNREADABLE as error:
        raise ModelError(
            f"{source}: not a readable ONNX model; give an .onnx file that `ndoki train` wrote"
        ) from error
    card = from_metadata(session.get_modelmeta().custom_metadata_map, source)
    return NetworkDetector(session, card, hashlib.sha256(content).hexdigest())
