"""The network: a small fully convolutional detector over log-mel frames.

No layer pads in time. Given T frames it answers for ``T - before_frames - after_frames`` of them, so its
receptive field is exact, finite and the same at training and in the field. It looks twice as far behind
an onset as before it, because a forest answers a shot with a tail. From its first layer on it takes
`STEP_FRAMES` frames at a time, and answers for each of them: half the work, the same place of an onset.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ndoki.core.errors import ConfigError
from ndoki.features.shape import N_SHAPE

__all__ = ["SHAPE_OUTPUTS", "STEP_FRAMES", "GunshotNet", "NetworkSpec"]

SHAPE_OUTPUTS = N_SHAPE
"""Duration, lower and upper frequency of an event that begins at the frame, each in [0, 1]."""

STEP_FRAMES = 2
"""Frames that the network answers for at a time."""

_FRONT_FRAMES = 4
"""Frames to either side of a step that the two front convolutions see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """Size of the network.

    Parameters
    ----------
    n_mels
        Bands per frame.
    n_labels
        Score outputs: column 0 is the onset of a shot, the rest is the presence of each label.
    front_channels
        Channels of the two convolutions over time and frequency.
    width
        Channels of the temporal blocks.
    dilations
        One temporal block each; a block sees so many steps of `STEP_FRAMES` back, and so many and twice so
        many ahead.
    """

    n_mels: int = 40
    n_labels: int = 7
    front_channels: tuple[int, int] = (8, 16)
    width: int = 64
    dilations: tuple[int, ...] = (1, 2, 4, 8, 8)

    def __post_init__(self) -> None:
        if not self.dilations or min(self.dilations) < 1 or self.n_mels < 16:
            raise ConfigError("a network needs at least one dilation, all ≥ 1, and at least 16 mel bands")

    @property
    def before_frames(self) -> int:
        """Frames before the first frame of a step that the step's outputs depend on."""
        return _FRONT_FRAMES + STEP_FRAMES * sum(self.dilations)

    @property
    def after_frames(self) -> int:
        """Frames behind the last frame of a step that the step's outputs depend on."""
        return _FRONT_FRAMES + 2 * STEP_FRAMES * sum(self.dilations)


class TemporalBlock(nn.Module):
    """Residual block: a dilated depthwise convolution over (−1, 0, 1, 2) steps, then a mix of channels."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.depthwise = nn.Conv2d(width, width, (1, 4), dilation=(1, dilation), groups=width, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.pointwise = nn.Conv2d(width, width, 1)
        here = torch.tensor([0.0, 1.0, 0.0, 0.0]).expand(width, 1, 1, 4).clone()
        self.register_buffer("_here", here, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width, 1, T) → (batch, width, 1, T − 3·dilation)."""
        mixed: Tensor = self.pointwise(torch.relu(self.norm(self._filtered(x))))
        return self._kept(x) + mixed

    def _kept(self, x: Tensor) -> Tensor:
        """What ``pointwise`` adds to. In a file it is a convolution, as all that is around it.

        ONNX Runtime holds values in blocks of channels, in which it convolves several times faster, and would
        turn them back and forth around a slice.
        """
        if self.training:
            return x[..., self.dilation : -2 * self.dilation]
        here = self.get_buffer("_here")
        return functional.conv2d(x, here, dilation=(1, self.dilation), groups=len(here))

    def _filtered(self, x: Tensor) -> Tensor:
        """``depthwise`` of x. As four products in training: their gradients take a tenth of the time."""
        if not self.training:
            filtered: Tensor = self.depthwise(x)
            return filtered
        taps = self.depthwise.weight.to(x.dtype)
        n = x.shape[3] - 3 * self.dilation
        shifted = (x[..., k * self.dilation : k * self.dilation + n] for k in range(4))
        first, *others = (part * taps[:, 0, :, k, None] for k, part in enumerate(shifted))
        return sum(others, start=first)


class GunshotNet(nn.Module):
    """Log-mel frames above the floor → per-frame scores and event shapes."""

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        first, second = spec.front_channels
        self.front = nn.Sequential(
            nn.Conv2d(1, first, (5, 6), stride=(2, STEP_FRAMES), bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, stride=(2, 1), bias=False),
            nn.BatchNorm2d(second),
            nn.ReLU(),
        )
        n_rows = ((spec.n_mels - 5) // 2 + 1 - 3) // 2 + 1
        self.squeeze = nn.Sequential(
            nn.Conv2d(second, spec.width, (n_rows, 1), bias=False), nn.BatchNorm2d(spec.width), nn.ReLU()
        )
        self.blocks = nn.Sequential(*(TemporalBlock(spec.width, d) for d in spec.dilations))
        n_outputs = spec.n_labels + SHAPE_OUTPUTS
        self.head = nn.Conv2d(spec.width, STEP_FRAMES * n_outputs, 1)
        # Onsets are rare: start from a score of one in a thousand, or the first epochs only learn "no".
        with torch.no_grad():
            self.head.bias.view(STEP_FRAMES, n_outputs)[:, : spec.n_labels] = -4.0  # type: ignore[union-attr]

    def forward(self, frames: Tensor) -> Tensor:
        """Logits.

        Parameters
        ----------
        frames
            float32, shape (batch, T, n_mels), level above the floor in units of 10 dB; T is even.

        Returns
        -------
        float32, shape (batch, T − before_frames − after_frames, n_labels + 3)
        """
        x = self.squeeze(self.front(frames.transpose(1, 2).unsqueeze(1)))
        logits: Tensor = self.head(torch.relu(self.blocks(x))).squeeze(2).transpose(1, 2)
        return logits.reshape(logits.shape[0], -1, self.spec.n_labels + SHAPE_OUTPUTS)
