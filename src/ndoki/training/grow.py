"""A verifier with more channels that answers as the one it has grown from, until it learns on.

What a network knows need not be learned again to make it wider (T. Chen, I. Goodfellow, J. Shlens, Net2Net:
accelerating learning via knowledge transfer, ICLR 2016). There channels are copied and their answers shared
out; here new ones begin at random and are not listened to, so that no two have to grow apart.
"""

import torch
from torch import nn

from ndoki.training.verifier_network import VerifierNet
from ndoki.training.verifier_recipe import VerifierRecipe

__all__ = ["grown"]


def grown(net: VerifierNet, recipe: VerifierRecipe) -> VerifierNet:
    """A network with the channels of a recipe; itself where it has as many.

    Old channels hear old ones as before and new ones with weight 0; new ones hear all with random weights,
    the same for the same recipe.

    Parameters
    ----------
    net
        In no layer it has more channels than the recipe says.

    Returns
    -------
    VerifierNet
        In evaluation mode; its answers are those of ``net``.
    """
    torch.manual_seed(recipe.seed)
    wide = VerifierNet(recipe).eval()
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
    return wide


def _layers(net: nn.Module) -> list[nn.Conv2d | nn.Linear | nn.BatchNorm2d]:
    return [one for one in net.modules() if isinstance(one, nn.Conv2d | nn.Linear | nn.BatchNorm2d)]
