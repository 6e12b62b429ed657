"""The gate as torch trains it, and how it becomes a `Gate`."""

import torch
from torch import Tensor, nn

from ndoki.core.types import Floats
from ndoki.detectors.network.gate import GateSpec

__all__ = ["GateNet", "weights_of"]


class GateNet(nn.Module):
    """Cells of frames → how high the network could score there; see `ndoki.detectors.network.gate.Gate`."""

    def __init__(self, spec: GateSpec, start: float) -> None:
        super().__init__()
        self.spec = spec
        self.first = nn.Linear(2 * spec.cell_rows * spec.n_mels, spec.width)
        self.blocks = nn.ModuleList(nn.Conv1d(spec.width, spec.width, 3, dilation=d) for d in spec.dilations)
        self.last = nn.Linear(spec.width, 1)
        nn.init.constant_(self.last.bias, start)

    def forward(self, rows: Tensor) -> Tensor:
        """(batch, n_cells · cell_rows, n_mels) → (batch, n_cells − before_cells − after_cells)."""
        cells = rows.reshape(len(rows), -1, self.spec.cell_rows * self.spec.n_mels)
        inner = torch.relu(self.first(torch.cat([cells[:, :-1], cells[:, 1:]], dim=2))).transpose(1, 2)
        for dilation, block in zip(self.spec.dilations, self.blocks, strict=True):
            inner = torch.relu(block(inner) + inner[:, :, dilation:-dilation])
        estimates: Tensor = self.last(inner.transpose(1, 2)).squeeze(2)
        return estimates


def weights_of(net: GateNet) -> tuple[Floats, ...]:
    """Weights in the shapes of `GateSpec.shapes`, rounded to the half precision that a file keeps."""
    spec = net.spec
    first = net.first.weight.T.reshape(2, spec.cell_rows * spec.n_mels, spec.width)
    found = [first, net.first.bias]
    for index in range(len(spec.dilations)):
        block = net.blocks.get_submodule(f"{index}")
        found += [block.get_parameter("weight").permute(2, 1, 0), block.get_parameter("bias")]
    found += [net.last.weight[0], net.last.bias[0]]
    return tuple(weight.detach().half().float().contiguous().numpy() for weight in found)
