"""Networks with more channels that answer as those they have grown from, until they learn on.

What a network knows need not be learned again to make it wider (T. Chen, I. Goodfellow, J. Shlens, Net2Net:
accelerating learning via knowledge transfer, ICLR 2016). There channels are copied and their answers shared
out; here new ones begin at random and are not listened to, so that no two have to grow apart.
"""

from typing import TypeVar

import torch
from torch import nn

__all__ = ["grown"]

_Net = TypeVar("_Net", bound=nn.Module)


def grown(net: _Net, wide: _Net) -> _Net:
    """A network with the channels of a wide one and the answers of a narrow one.

    Old channels hear old ones as before and new ones with weight 0; new ones hear all with the weights that
    they have, which are random.

    Parameters
    ----------
    net
        In no layer it has more channels than ``wide``.
    wide
        As it was made; it is changed.

    Returns
    -------
    nn.Module
        ``wide`` in evaluation mode; ``net`` itself where both have as many channels.
    """
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
