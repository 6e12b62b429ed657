"""A network's or a verifier's file → weights that learn on: who has the file needs no checkpoint.

In a file every batch normalisation is folded into its convolution (S. Ioffe and C. Szegedy, 2015, section
3.1). So each gets back the mean and variance of what it is given for some examples, and the scale and shift
that undo both: the answers stay, and training begins where the file is.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from ndoki.core.errors import ConfigError
from ndoki.detectors.network.verifier import Verifier
from ndoki.training.grow import widened_network, widened_verifier
from ndoki.training.network import GunshotNet
from ndoki.training.pool import FRAME_STEP_DB
from ndoki.training.recipe import Recipe
from ndoki.training.verifier_network import VerifierNet
from ndoki.training.verifier_recipe import VerifierRecipe

__all__ = ["reopened_network", "reopened_verifier", "stored_weights"]


def reopened_network(content: bytes, recipe: Recipe, frames: Tensor) -> GunshotNet:
    """The network of a file, with its normalisations as training needs them.

    Parameters
    ----------
    content
        The file's.
    recipe
        To go on by; it may have more channels than the file (`ndoki.training.grow`).
    frames
        float32, shape (n, n_frames, n_mels), in units of 10 dB: some hundred examples to be learned from.

    Returns
    -------
    GunshotNet
        In evaluation mode.

    Raises
    ------
    ConfigError
        The file's network has another shape than the network that the recipe continues, or than the recipe's
        where it continues none.
    """
    net = GunshotNet((recipe.base or recipe).network).eval()
    _reopen(net, content, frames, "network")
    return widened_network(net, recipe)


def reopened_verifier(verifier: Verifier, recipe: VerifierRecipe, views: npt.NDArray[np.int8]) -> VerifierNet:
    """The network of a verifier's file, with its normalisations as training needs them.

    Parameters
    ----------
    recipe
        To go on by; it may have more channels than the file (`ndoki.training.grow`).
    views
        int8, shape (n, n_frames, n_mels), in steps of 0.5 dB: some hundred of those to be learned from.

    Returns
    -------
    VerifierNet
        In evaluation mode.

    Raises
    ------
    ConfigError
        The file's verifier has another shape than the verifier that the recipe continues, or than the
        recipe's where it continues none.
    """
    channels = (recipe.base or recipe).channels
    net = VerifierNet(replace(recipe, channels=channels)).eval()
    view = torch.from_numpy(np.asarray(views)).float().mul_(FRAME_STEP_DB / 10.0)
    _reopen(net, verifier.content, view, "verifier")
    return widened_verifier(net, recipe)


def _reopen(net: nn.Module, content: bytes, shown: Tensor, what: str) -> None:
    model = onnx.load_model_from_string(content)
    stored = [torch.from_numpy(np.array(numpy_helper.to_array(one))) for one in stored_weights(model)]
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear)]
    if [layer.weight.shape for layer in layers] != [weights.shape for weights in stored[::2]]:
        raise ConfigError(f"the {what} to go on from has another shape than the recipe's")
    norms = [norm for norm in net.modules() if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)]
    folded: list[Tensor] = []
    with torch.no_grad():
        for layer, weights, bias in zip(layers, stored[::2], stored[1::2], strict=True):
            layer.weight.copy_(weights)
            if layer.bias is None:
                folded.append(bias)
            else:
                layer.bias.copy_(bias)
        # One after the other: what a normalisation is given depends on those before it.
        for norm, bias in zip(norms, folded, strict=True):
            _undo(norm, bias, _given(net, norm, shown))


def stored_weights(model: onnx.ModelProto) -> list[onnx.TensorProto]:
    """Weights and biases of a file's layers, in the order in which they are run: names are the exporter's.

    What has no bias hands its input on (`ndoki.training.network.TemporalBlock`).
    """
    stored = {one.name: one for one in model.graph.initializer}
    layers = [node for node in model.graph.node if node.op_type in {"Conv", "Gemm"}]
    return [stored[name] for layer in layers if len(layer.input) > 2 for name in layer.input[1:]]


def _given(net: nn.Module, norm: nn.Module, shown: Tensor) -> Tensor:
    """What a layer is given for some examples."""
    kept: list[Tensor] = []
    hook = norm.register_forward_pre_hook(lambda _, given: kept.append(given[0]))
    net(shown)
    hook.remove()
    return kept[0]


def _undo(norm: nn.BatchNorm1d | nn.BatchNorm2d, bias: Tensor, given: Tensor) -> None:
    """Let a normalisation add ``bias`` and do nothing else, by the statistics of what it is given."""
    every_other = [axis for axis in range(given.ndim) if axis != 1]
    variance, mean = torch.var_mean(given, dim=every_other)
    norm.running_mean, norm.running_var = mean, variance
    norm.weight.copy_(torch.sqrt(variance + norm.eps))
    norm.bias.copy_(bias + mean)
