"""Networks with more channels that answer as those they have grown from, until they learn on.

What a network knows need not be learned again to make it wider (T. Chen, I. Goodfellow, J. Shlens, Net2Net:
accelerating learning via knowledge transfer, ICLR 2016). There channels are copied and their answers shared
out; here new ones begin at random and are not listened to, so that no two have to grow apart.
"""

from typing import TypeVar

import torch
from torch import nn

from ndoki.training.network import GunshotNet
from ndoki.training.recipe import Recipe
from ndoki.training.verifier_network import VerifierNet
from ndoki.training.verifier_recipe import VerifierRecipe

__all__ = ["widened_network", "widened_verifier"]

_Net = TypeVar("_Net", bound=nn.Module)


def widened_network(net: GunshotNet, recipe: Recipe) -> GunshotNet:
    """A network with the channels of a recipe and the answers of another; that one where it has as many.

    Old channels hear old ones as before and new ones with weight 0; new ones hear all with random weights,
    the same for the same recipe.

    Parameters
    ----------
    net
        In no layer it has more channels than the recipe says.

    Returns
    -------
    GunshotNet
        In evaluation mode.
    """
    torch.manual_seed(recipe.seed)
    return _grown(net, GunshotNet(recipe.network))


def widened_verifier(net: VerifierNet, recipe: VerifierRecipe) -> VerifierNet:
    """As `widened_network`."""
    torch.manual_seed(recipe.seed)
    return _grown(net, VerifierNet(recipe))


def _grown(net: _Net, wide: _Net) -> _Net:
    if [one.shape for one in wide.parameters()] == [one.shape for one in net.parameters()]:
        return net
    with torch.no_grad():
        for old, new in zip(_layers(net), _layers(wide), strict=True):
            if isinstance(old, nn.BatchNorm2d):
                for name in ("weight", "bias", "running_mean", "running_var"):
                    getattr(new, name)[: old.num_features] = getattr(old, name)
                continue
            # A fully connected layer takes channel after channel, so old inputs come first there too.
            n_out, n_in = old.weight.shape[:2]
            new.weight[:n_out] = 0
            new.weight[:n_out, :n_in] = old.weight
            if old.bias is not None and new.bias is not None:
                new.bias[:n_out] = old.bias
    return wide.eval()


def _layers(net: nn.Module) -> list[nn.Conv2d | nn.Linear | nn.BatchNorm2d]:
    return [one for one in net.modules() if isinstance(one, nn.Conv2d | nn.Linear | nn.BatchNorm2d)]
