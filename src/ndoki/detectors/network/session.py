"""ONNX Runtime, as Ndoki uses it: one thread per session, quiet."""

import numpy as np
import onnxruntime

from ndoki.core.types import Floats

__all__ = ["UNREADABLE", "open_session", "run_in_chunks"]

_state = onnxruntime.capi.onnxruntime_pybind11_state
UNREADABLE: tuple[type[Exception], ...] = (
    RuntimeError,
    ValueError,
    _state.InvalidProtobuf,
    _state.InvalidGraph,
    _state.InvalidArgument,
    _state.Fail,
    _state.NotImplemented,
)
"""ONNX Runtime's own exceptions share no base class but Exception."""


def open_session(content: bytes) -> onnxruntime.InferenceSession:
    """An ONNX file's content, ready to run; many threads may use it, each on its own core.

    Raises
    ------
    Exception
        One of `UNREADABLE`: the content is no ONNX file that can be run.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def run_in_chunks(
    session: onnxruntime.InferenceSession, frames: Floats, context: int, chunk_frames: int
) -> Floats:
    """Outputs for all frames but the context, made for some at a time.

    Parameters
    ----------
    frames
        float32, shape (context + n, n_mels).

    Returns
    -------
    float32, shape (n, n_outputs)
    """
    name = session.get_inputs()[0].name
    parts = [
        session.run(None, {name: frames[None, first : first + chunk_frames + context]})[0][0]
        for first in range(0, len(frames) - context, chunk_frames)
    ]
    return np.concatenate(parts)
