"""The gate as torch trains it, and the ONNX file that it becomes."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ndoki.detectors.network.gate import GateSpec
from ndoki.training.export import traced, without_names

__all__ = ["GateNet", "exported_gate"]


class GateNet(nn.Module):
    """Cells of frames → how high the network could score there; see `ndoki.detectors.network.gate.Gate`.

    All of it are convolutions in a row, which ONNX Runtime runs without turning anything round in between:
    what a residual convolution adds to is the one of its own weights that would hand it on.
    """

    def __init__(self, spec: GateSpec, start: float) -> None:
        super().__init__()
        self.spec = spec
        self.first = nn.Conv2d(spec.n_mels, spec.width, (1, 2 * spec.cell_rows), stride=(1, spec.cell_rows))
        self.blocks = nn.ModuleList(
            nn.Conv2d(spec.width, spec.width, (1, 3), dilation=(1, d)) for d in spec.dilations
        )
        self.last = nn.Conv2d(spec.width, 1, 1)
        here = torch.zeros(spec.width, spec.width, 1, 3)
        here[:, :, 0, 1] = torch.eye(spec.width)
        self.register_buffer("_here", here, persistent=False)
        nn.init.constant_(self.last.get_parameter("bias"), start)

    def forward(self, rows: Tensor) -> Tensor:
        """(batch, n_cells · cell_rows, n_mels) → (batch, n_cells − before_cells − after_cells)."""
        inner = torch.relu(self.first(rows.transpose(1, 2).unsqueeze(2)))
        for dilation, block in zip(self.spec.dilations, self.blocks, strict=True):
            weight, bias = block.get_parameter("weight"), block.get_parameter("bias")
            residual = weight + self.get_buffer("_here")
            inner = torch.relu(functional.conv2d(inner, residual, bias, dilation=(1, dilation)))
        estimates: Tensor = self.last(inner).flatten(1)
        return estimates


def exported_gate(net: GateNet) -> bytes:
    """Content of its ONNX file: input "rows" (batch, n_rows, n_mels), output "estimates" (batch, n_cells)."""
    spec = net.spec
    n_cells = 8 + spec.before_cells + spec.after_cells
    example = torch.zeros(1, n_cells * spec.cell_rows, spec.n_mels)
    sizes = {"rows": {0: "batch", 1: "n_rows"}, "estimates": {0: "batch", 1: "n_cells"}}
    return without_names(traced(net, example, sizes))
