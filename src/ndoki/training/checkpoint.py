"""What a training keeps on disk so that it can go on, and the running average of its weights."""

import logging
from pathlib import Path
from typing import Any

import torch
from torch import nn

__all__ = ["finished_state", "follow", "keep", "resume"]

_log = logging.getLogger(__name__)


@torch.no_grad()
def follow(average: nn.Module, net: nn.Module, decay: float) -> None:
    """Move the average of the weights a step towards those of now."""
    for kept, new in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
        if kept.dtype.is_floating_point:
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)


def keep(
    path: Path | None,
    step: int,
    net: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
    **notes: Any,
) -> None:
    """Write the state after so many steps, whole or not at all; nothing where there is no path."""
    if path is None:
        return
    part = path.with_name(path.name + ".part")
    state = {"net": net.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict()}
    torch.save({"step": step, **state, **notes}, part)
    part.replace(path)


def resume(path: Path | None, net: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    """Take up what `keep` wrote, if anything; the number of steps that were done."""
    if path is None or not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    net.load_state_dict(state["net"])
    average.load_state_dict(state["average"])
    optimiser.load_state_dict(state["optimiser"])
    _log.info("going on from step %d of %s", state["step"], path)
    return int(state["step"])


def finished_state(path: Path | None, n_steps: int) -> dict[str, torch.Tensor] | None:
    """Averaged weights of a training that was kept at its end; None if there is none, or it is not done."""
    if path is None or not path.exists():
        return None
    state = torch.load(path, weights_only=True)
    average: dict[str, torch.Tensor] = state["average"]
    return average if state["step"] >= n_steps else None
