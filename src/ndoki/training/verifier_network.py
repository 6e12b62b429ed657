"""The verifier as torch trains it, and the ONNX file that it becomes."""

import torch
from torch import Tensor, nn

from ndoki.training.export import traced, without_names
from ndoki.training.verifier_recipe import VerifierRecipe

__all__ = ["VerifierNet", "exported_verifier"]

_HIDDEN = 64


class VerifierNet(nn.Module):
    """A close-up → the logit of a shot at its place.

    Four convolutions halve time and frequency; then all frequencies are mixed per step of time, and all
    steps at once: where in the view something happens is what matters.
    """

    def __init__(self, recipe: VerifierRecipe) -> None:
        super().__init__()
        view, channels = recipe.spec.view, recipe.channels
        layers: list[nn.Module] = []
        n_in, n_rows = 1, view.mel.n_mels
        for n_out, size in zip(channels[:4], (5, 3, 3, 3), strict=True):
            layers += [
                nn.Conv2d(n_in, n_out, size, stride=2, padding=size // 2, bias=False),
                nn.BatchNorm2d(n_out),
                nn.ReLU(),
            ]
            n_in, n_rows = n_out, -(-n_rows // 2)
        self.front = nn.Sequential(*layers)
        self.mix = nn.Sequential(
            nn.Conv2d(n_in, channels[4], (3, n_rows), stride=(2, 1), padding=(1, 0), bias=False),
            nn.BatchNorm2d(channels[4]),
            nn.ReLU(),
        )
        n_steps = -(-(view.n_frames // 16) // 2)
        self.head = nn.Sequential(
            nn.Dropout(recipe.loop.dropout),
            nn.Linear(channels[4] * n_steps, _HIDDEN),
            nn.ReLU(),
            nn.Linear(_HIDDEN, 1),
        )

    def forward(self, view: Tensor) -> Tensor:
        """float32 (batch, n_frames, n_mels), in units of 10 dB → logits (batch,)."""
        x = self.mix(self.front(view.unsqueeze(1)))
        logits: Tensor = self.head(x.flatten(1))[:, 0]
        return logits


def exported_verifier(net: VerifierNet, recipe: VerifierRecipe) -> bytes:
    """Content of its ONNX file: input "view" (batch, n_frames, n_mels), output "logit" (batch,)."""
    view = recipe.spec.view
    example = torch.zeros(1, view.n_frames, view.mel.n_mels)
    return without_names(traced(net, example, {"view": {0: "batch"}, "logit": {0: "batch"}}))
