"""ONNX Runtime, as Ndoki uses it: one thread per session, quiet."""

import onnxruntime

__all__ = ["UNREADABLE", "open_session"]

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
