"""The training loop: batches from a pool, a focal loss on onsets, averaged weights, checkpoints."""

import logging
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from ndoki.training.checkpoint import finished_state, follow, keep, resume
from ndoki.training.network import GunshotNet, NetworkSpec
from ndoki.training.pool import FRAME_STEP_DB, Pool
from ndoki.training.precision import knows_bfloat16

__all__ = ["LoopSpec", "finished", "some_frames", "train_network"]

_log = logging.getLogger(__name__)
_SHORT_FRAMES, _LONG_FRAMES = 256, 448


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSpec:
    """Schedule and loss.

    Parameters
    ----------
    n_steps, batch_size
        Optimiser steps, and examples in each.
    learning_rate, weight_decay
        Of AdamW; the rate warms up over 5 % of the steps and falls off as a half cosine.
    average_decay
        Decay of the running average of the weights, which is what is exported.
    label_weight, shape_weight
        Weight of the look-alike and the shape losses beside the onset loss.
    bfloat16
        Multiply in bfloat16 where torch thinks it safe, on processors that know it: twice as fast there.
    mask_share
        How often the lowest or the highest bands of an example are hidden (recorders differ).
    """

    n_steps: int = 1500
    batch_size: int = 48
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3
    average_decay: float = 0.998
    label_weight: float = 0.1
    shape_weight: float = 1.0
    bfloat16: bool = True
    mask_share: float = 0.25


@dataclass(slots=True)
class _Batch:
    frames: Tensor
    onset: Tensor
    weight: Tensor
    shape: Tensor
    labels: Tensor


def _draw(
    pool: Pool,
    chosen: npt.NDArray[np.int64],
    n_frames: int,
    net: NetworkSpec,
    spec: LoopSpec,
    rng: np.random.Generator,
) -> _Batch:
    """Crop each example to ``n_frames`` plus context; beyond an example's edges the background is level."""
    n, context = len(chosen), net.before_frames + net.after_frames
    frames = np.zeros((n, n_frames + context, net.n_mels), np.int8)
    onset, weight = np.zeros((n, n_frames), np.uint8), np.zeros((n, n_frames), np.uint8)
    shape = np.zeros((n, n_frames, 3), np.uint8)
    for row, i in enumerate(chosen):
        start, end = int(pool.first_frames[i]), int(pool.first_frames[i + 1])
        first = start + int(rng.integers(max(0, end - start - n_frames) + 1))
        last = min(end, first + n_frames)
        onset[row, : last - first] = pool.onset[first:last]
        weight[row, : last - first] = pool.weight[first:last]
        shape[row, : last - first] = pool.shape[first:last]
        seen_first = max(start, first - net.before_frames)
        seen = pool.frames[seen_first : min(end, first + n_frames + net.after_frames)]
        at = seen_first - (first - net.before_frames)
        frames[row, at : at + len(seen)] = seen
        if rng.random() < spec.mask_share:
            n_hidden = int(rng.integers(1, net.n_mels // 3))
            frames[
                row, :, slice(0, n_hidden // 3) if rng.random() < 0.5 else slice(net.n_mels - n_hidden, None)
            ] = 0
    return _Batch(
        frames=torch.from_numpy(frames).float().mul_(FRAME_STEP_DB / 10.0),
        onset=torch.from_numpy(onset).float().div_(255.0),
        weight=torch.from_numpy(weight).float().div_(255.0),
        shape=torch.from_numpy(shape).float().div_(255.0),
        labels=torch.from_numpy(pool.labels[chosen]).float(),
    )


def _batch_at(
    step: int, seed: int, pool: Pool, usable: npt.NDArray[np.int64], net: NetworkSpec, spec: LoopSpec
) -> _Batch:
    """Batch of a step, from the seed and the step alone, so that a resumed run repeats an unbroken one.

    Short and long examples come in batches of their own so that little is padded.
    """
    rng = np.random.default_rng([seed, step])
    short = np.diff(pool.first_frames)[usable] <= _SHORT_FRAMES
    take_short = rng.random() < short.mean()
    chosen = rng.choice(usable[short == take_short], spec.batch_size)
    return _draw(pool, chosen, _SHORT_FRAMES if take_short else _LONG_FRAMES, net, spec, rng)


def some_frames(
    pool: Pool, usable: npt.NDArray[np.int64], net: NetworkSpec, spec: LoopSpec, *, n: int, seed: int
) -> Tensor:
    """Frames of some examples as a training is given them.

    Returns
    -------
    float32, shape (n, n_frames, n_mels), in units of 10 dB
    """
    rng = np.random.default_rng(seed)
    return _draw(pool, rng.choice(usable, n), _SHORT_FRAMES, net, spec, rng).frames


def onset_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Penalty-reduced focal loss on peaks, per true onset (Zhou et al., Objects as Points, 2019, eq. 1).

    All of shape (batch, n_frames). ``target`` is 1 at an onset and falls off around it; frames near an
    onset are punished less for firing, in the fourth power of their distance from 1.
    """
    at_peak = (target > 0.999).float()
    log_p, log_not_p = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    p = torch.sigmoid(logits)
    positive = at_peak * (1 - p) ** 2 * log_p
    negative = (1 - at_peak) * (1 - target) ** 4 * p**2 * log_not_p
    n_onsets = (at_peak * weight).sum().clamp(min=8.0)
    return -((positive + negative) * weight).sum() / n_onsets


def _loss(outputs: Tensor, batch: _Batch, n_labels: int, spec: LoopSpec) -> tuple[Tensor, Tensor]:
    onset = onset_loss(outputs[:, :, 0], batch.onset, batch.weight)
    # A clip's label says that something is somewhere in it: judge the loudest tenth of its frames.
    n_top = max(1, outputs.shape[1] // 10)
    pooled = outputs[:, :, 1:n_labels].topk(n_top, dim=1).values.mean(dim=1)
    known = (batch.labels[:, 1:] >= 0).float()
    wrong = functional.binary_cross_entropy_with_logits(
        pooled, batch.labels[:, 1:].clamp(min=0), reduction="none"
    )
    labels = (wrong * known).sum() / known.sum().clamp(min=1.0)
    here = (batch.onset > 0.999).float().unsqueeze(2)
    off = functional.smooth_l1_loss(
        torch.sigmoid(outputs[:, :, n_labels:]), batch.shape, reduction="none", beta=0.1
    )
    shape = (off * here).sum() / here.sum().clamp(min=1.0)
    return onset + spec.label_weight * labels + spec.shape_weight * shape, onset


def _rate(step: int, spec: LoopSpec) -> float:
    warm = max(1, spec.n_steps // 20)
    if step < warm:
        return spec.learning_rate * (step + 1) / warm
    return spec.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, spec.n_steps - warm)))


def train_network(
    pool: Pool,
    usable: npt.NDArray[np.int64],
    net_spec: NetworkSpec,
    spec: LoopSpec,
    *,
    seed: int,
    checkpoint: Path | None = None,
    start_from: GunshotNet | None = None,
) -> GunshotNet:
    """Train on the examples ``usable`` of a pool; the same seed gives the same network to the bit.

    Parameters
    ----------
    checkpoint
        Where the state is kept every 100 steps. A run that finds one goes on from there.
    start_from
        Weights to begin with; random ones without.

    Returns
    -------
    GunshotNet
        In evaluation mode, with averaged weights.
    """
    # One thread: two trainings side by side are faster than one on two cores, and sums keep their order.
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    net, average = GunshotNet(net_spec), GunshotNet(net_spec)
    # Channels side by side in memory: the two front convolutions take a tenth less time.
    net.front.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if start_from is not None:
        net.load_state_dict(start_from.state_dict())
    average.load_state_dict(net.state_dict())
    optimiser = torch.optim.AdamW(net.parameters(), lr=spec.learning_rate, weight_decay=spec.weight_decay)
    first_step = resume(checkpoint, net, average, optimiser)
    net.train()
    began, shown = time.monotonic(), 0.0
    for step in range(first_step, spec.n_steps):
        for group in optimiser.param_groups:
            group["lr"] = _rate(step, spec)
        batch = _batch_at(step, seed, pool, usable, net_spec, spec)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=spec.bfloat16 and knows_bfloat16()):
            outputs = net(batch.frames)
        loss, onset = _loss(outputs.float(), batch, net_spec.n_labels, spec)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        follow(average, net, min(spec.average_decay, (step + 1) / (step + 10)))
        shown = onset.item() if step == first_step else 0.98 * shown + 0.02 * onset.item()
        if (step + 1) % 100 == 0:
            _log.info(
                "step %d of %d, onset loss %.3f, %.0f s",
                step + 1,
                spec.n_steps,
                shown,
                time.monotonic() - began,
            )
            notes = {"network": asdict(net_spec), "loop": asdict(spec)}
            keep(checkpoint, step + 1, net, average, optimiser, **notes)
    return average.eval()


def finished(checkpoint: Path, net_spec: NetworkSpec, spec: LoopSpec) -> GunshotNet | None:
    """The network that `train_network` returned, from its checkpoint; None if that is of an earlier step."""
    state = finished_state(checkpoint, spec.n_steps)
    if state is None:
        return None
    average = GunshotNet(net_spec)
    average.load_state_dict(state)
    return average.eval()
