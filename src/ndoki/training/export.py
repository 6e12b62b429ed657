"""A trained network → one ONNX file that carries all it needs to be run."""

import io
import warnings

import onnx
import torch
from torch import Tensor, nn

from ndoki.detectors.network.card import Card, to_metadata
from ndoki.detectors.network.gate import Gate, gate_to_metadata
from ndoki.detectors.network.verifier import Verifier, verifier_to_metadata
from ndoki.training.network import GunshotNet

__all__ = ["export", "traced", "with_card", "with_gate", "without_names"]


class _Scores(nn.Module):
    """The network with its logits turned into scores and shapes in [0, 1]."""

    def __init__(self, net: GunshotNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, frames: Tensor) -> Tensor:
        return torch.sigmoid(self.net(frames))


def export(net: GunshotNet, card: Card) -> bytes:
    """Content of the ONNX file: input (batch, frames, bands), output (batch, frames − context, outputs).

    The number of frames is a multiple of the network's step.
    """
    spec = net.spec
    example = torch.zeros(1, 64 + spec.before_frames + spec.after_frames, spec.n_mels)
    sizes = {"frames": {0: "batch", 1: "n_frames"}, "outputs": {0: "batch", 1: "n_frames_out"}}
    return with_card(traced(_Scores(net), example, sizes), card)


def traced(net: nn.Module, example: Tensor, sizes: dict[str, dict[int, str]]) -> bytes:
    """Content of the ONNX file of a network of one input and one output.

    Parameters
    ----------
    sizes
        Per name, first the input's and then the output's, the axes whose size is free.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The tracing exporter is deprecated in favour of one that needs onnxscript; it folds normalisation
        # into the convolutions and keeps sizes free, which is all that is needed.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.eval(),
            (example,),
            buffer,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=17,
            input_names=list(sizes)[:1],
            output_names=list(sizes)[1:],
            dynamic_axes=sizes,
        )
    return buffer.getvalue()


def with_card(content: bytes, card: Card, verifier: Verifier | None = None) -> bytes:
    """The same network with another card and verifier, and no gate: other scores make other events."""
    return _with_metadata(content, to_metadata(card) | verifier_to_metadata(verifier))


def with_gate(content: bytes, card: Card, gate: Gate, verifier: Verifier | None = None) -> bytes:
    """The same network, with its card and verifier, behind another gate."""
    return _with_metadata(
        content, to_metadata(card) | verifier_to_metadata(verifier) | gate_to_metadata(gate)
    )


def without_names(content: bytes) -> bytes:
    """The same network without any metadata."""
    return _with_metadata(content, {})


def _with_metadata(content: bytes, metadata: dict[str, str]) -> bytes:
    model = onnx.load_model_from_string(content)
    del model.metadata_props[:]
    if metadata:
        onnx.helper.set_model_props(model, metadata)
    # Names of the exporting machine's modules say nothing and would change the digest.
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    onnx.checker.check_model(model)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised
