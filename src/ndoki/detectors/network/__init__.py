"""The shipped network, run by ONNX Runtime."""
