"""Training of a verifier: batches of shots and false alarms, averaged weights, checkpoints."""

import logging
import math
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from ndoki.core.errors import ConfigError
from ndoki.training.checkpoint import finished_state, follow, keep, resume
from ndoki.training.pool import FRAME_STEP_DB
from ndoki.training.precision import knows_bfloat16
from ndoki.training.verifier_network import VerifierNet
from ndoki.training.verifier_recipe import VerifierLoop, VerifierRecipe
from ndoki.training.views import Views

__all__ = ["finished_verifier", "train_verifier"]

_log = logging.getLogger(__name__)
Places = npt.NDArray[np.int64]


def train_verifier(
    views: Views,
    usable: Places,
    recipe: VerifierRecipe,
    *,
    checkpoint: Path | None = None,
    start_from: VerifierNet | None = None,
) -> VerifierNet:
    """Train on some of the views; the same recipe gives the same network to the bit.

    Parameters
    ----------
    usable
        Numbers of the views that may be learned from.
    checkpoint
        Where the state is kept every 100 steps. A run that finds one goes on from there.
    start_from
        Weights to begin with; random ones without.

    Returns
    -------
    VerifierNet
        In evaluation mode, with averaged weights.

    Raises
    ------
    ConfigError
        There are no shots, or no false alarms, to learn from.
    """
    loop, kinds = recipe.loop, _kinds(views, usable, recipe)
    torch.set_num_threads(1)
    torch.manual_seed(recipe.seed)
    net, average = VerifierNet(recipe), VerifierNet(recipe)
    if start_from is not None:
        net.load_state_dict(start_from.state_dict())
    average.load_state_dict(net.state_dict())
    optimiser = torch.optim.AdamW(net.parameters(), lr=loop.learning_rate, weight_decay=loop.weight_decay)
    first_step = resume(checkpoint, net, average, optimiser)
    net.train()
    began, shown = time.monotonic(), 0.0
    for step in range(first_step, loop.n_steps):
        for group in optimiser.param_groups:
            group["lr"] = _rate(step, loop)
        drawn = recipe.n_steps_before + step
        view, target = _batch_at(drawn, views, kinds, recipe)
        # Dropout of a step must not depend on whether the run was stopped before it.
        torch.manual_seed(recipe.seed * 1_000_003 + drawn)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=knows_bfloat16()):
            logits = net(view)
        loss = functional.binary_cross_entropy_with_logits(logits.float(), target)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        follow(average, net, min(loop.average_decay, (step + 1) / (step + 10)))
        shown = loss.item() if step == first_step else 0.98 * shown + 0.02 * loss.item()
        if (step + 1) % 100 == 0:
            spent_s = time.monotonic() - began
            _log.info("step %d of %d, loss %.3f, %.0f s", step + 1, loop.n_steps, shown, spent_s)
            keep(checkpoint, step + 1, net, average, optimiser)
    return average.eval()


def finished_verifier(checkpoint: Path, recipe: VerifierRecipe) -> VerifierNet | None:
    """The network that `train_verifier` returned, from its checkpoint; None if that is of an earlier step."""
    state = finished_state(checkpoint, recipe.loop.n_steps)
    if state is None:
        return None
    net = VerifierNet(recipe)
    net.load_state_dict(state)
    return net.eval()


def _kinds(views: Views, usable: Places, recipe: VerifierRecipe) -> tuple[Places, Places, Places]:
    """Shots, hard and easy false alarms."""
    is_shot, is_hard = views.is_shot[usable], views.score[usable] >= recipe.views.easy_score
    shots, hard, easy = usable[is_shot], usable[~is_shot & is_hard], usable[~is_shot & ~is_hard]
    if not len(shots) or not len(hard):
        raise ConfigError(
            f"{len(shots)} shots and {len(hard)} false alarms to learn from; give [views] more n_examples"
        )
    return shots, hard, easy if len(easy) else hard


def _batch_at(
    step: int, views: Views, kinds: tuple[Places, Places, Places], recipe: VerifierRecipe
) -> tuple[Tensor, Tensor]:
    """Views and targets of a step, from the seed and the step alone."""
    loop = recipe.loop
    rng = np.random.default_rng([recipe.seed, step])
    n_shots, n_hard = round(loop.shot_share * loop.batch_size), round(loop.hard_share * loop.batch_size)
    sizes = (n_shots, n_hard, loop.batch_size - n_shots - n_hard)
    chosen = np.concatenate([rng.choice(kind, n) for kind, n in zip(kinds, sizes, strict=True)])
    view = views.view[np.sort(chosen)]
    n_mels = view.shape[2]
    for row in range(len(view)):
        shift = int(rng.integers(-loop.shift_frames, loop.shift_frames + 1))
        view[row] = np.roll(view[row], shift, axis=0)
        if rng.random() < loop.mask_share:
            n_hidden = int(rng.integers(1, n_mels // 3))
            is_high = rng.random() < 0.75
            view[row, :, slice(n_mels - n_hidden, None) if is_high else slice(0, n_hidden // 3)] = 0
    target = views.is_shot[np.sort(chosen)].astype(np.float32)
    target = loop.smoothing + (1 - 2 * loop.smoothing) * target
    return torch.from_numpy(view).float().mul_(FRAME_STEP_DB / 10.0), torch.from_numpy(target)


def _rate(step: int, loop: VerifierLoop) -> float:
    warm = max(1, loop.n_steps // 20)
    rise = min(1.0, (step + 1) / warm)
    return loop.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * step / loop.n_steps))
