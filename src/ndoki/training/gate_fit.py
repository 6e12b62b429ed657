"""A gate learns to foretell its network and verifier, and gets the threshold at which it loses nothing."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from ndoki.core.errors import ConfigError
from ndoki.core.sliding import highest_near
from ndoki.core.types import Floats
from ndoki.detectors.network.gate import Gate, GateSpec
from ndoki.events.pick import peaks
from ndoki.features.floor import LEVEL_STEP
from ndoki.training.gate_network import GateNet, exported_gate
from ndoki.training.gate_sound import Listened

__all__ = ["GateFit", "events_lost", "fit_gate", "least_score_for", "spread_estimates"]

_log = logging.getLogger(__name__)
_PEAK_REACH_FRAMES = 3
_CHUNK_CELLS = 1 << 14
_LOWEST_LOGIT, _START_LOGIT = -6.0, -3.0
_FAINT_SCORE = 0.01
"""Cells of at least this score are a third of what is learned from."""
_NEAR_LOGIT = 1.2
"""Cells less than this below the faintest of those are another third."""
_LEAST_SCORE = 0.3
_BELOW_LOWEST = 0.95
"""Of the lowest operating point: somebody may round it."""


def least_score_for(operating_points: Mapping[str, float]) -> float:
    """The faintest events that a gate is worth tuning for: a little below the lowest operating point.

    Fainter ones nobody is shown unless they ask for them, and each that has to pass costs sound that the
    network then listens to.

    Parameters
    ----------
    operating_points
        Thresholds by name; none for a network that was not calibrated, whose gate is tuned for 0.3 and more.
    """
    if not operating_points:
        return _LEAST_SCORE
    # Two digits, not two decimals: rounded up, it would lie above an operating point near 0.
    return float(f"{_BELOW_LOWEST * min(operating_points.values()):.2g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFit:
    """How a gate is trained and tuned.

    Attributes
    ----------
    spec
        Its size.
    spread_frames
        Frames that pass with a cell on either side.
    least_score
        Calibrated score of the faintest events that it is tuned for.
    lost_share
        Share of these events, in sound held out, that may lie below the threshold before the margin.
    margin
        How far the threshold then goes down, in logits of the raw score.
    n_steps, batch_size, n_cells, learning_rate, weight_decay, seed
        Optimiser steps; stretches per step, and their length; AdamW under one cycle; chance.
    miss_weight
        How much dearer it is to estimate too low than too high.
    """

    spec: GateSpec = field(default_factory=GateSpec)
    spread_frames: int = 8
    least_score: float = _LEAST_SCORE
    lost_share: float = 0.003
    margin: float = 0.2
    n_steps: int = 4000
    batch_size: int = 96
    n_cells: int = 64
    learning_rate: float = 5e-3
    weight_decay: float = 0.01
    seed: int = 0
    miss_weight: float = 4.0


def fit_gate(sound: Listened, held_out: Listened, fit: GateFit) -> Gate:
    """Train a gate on the detector's own logits, and tune it.

    Parameters
    ----------
    sound, held_out
        What it learns from, and what its threshold follows from: what a gate has learned it knows too well.

    Raises
    ------
    ConfigError
        The sound holds no event that the gate could be tuned for.
    """
    if not all((each.score >= fit.least_score).any() for each in (sound, held_out)):
        raise ConfigError(f"the training sound holds no event of score {fit.least_score} to tune a gate for")
    gate = Gate.opened(
        exported_gate(_trained(sound, fit)),
        fit.spec,
        threshold=-np.inf,
        spread_frames=fit.spread_frames,
        least_score=fit.least_score,
    )
    found = np.sort(_at_events(gate, held_out, fit.least_score))
    threshold = float(found[int(fit.lost_share * len(found))]) - fit.margin
    _log.info("%d events of %g or more; threshold %.3f", len(found), fit.least_score, threshold)
    return replace(gate, threshold=threshold)


def events_lost(gate: Gate, sound: Listened, least_score: float) -> tuple[int, int]:
    """How many events of a score or above the gate would lose, and how many there are."""
    found = _at_events(gate, sound, least_score)
    return int((found < gate.threshold).sum()), len(found)


def _at_events(gate: Gate, sound: Listened, least_score: float) -> Floats:
    return spread_estimates(gate, sound.rows)[peaks(sound.score, least_score, _PEAK_REACH_FRAMES)]


def spread_estimates(gate: Gate, rows: npt.NDArray[np.float16]) -> Floats:
    """For every frame, the highest threshold at which it would pass.

    Parameters
    ----------
    rows
        Shape (n, n_mels), every `LEVEL_STEP`-th frame, beginning with a cell.

    Returns
    -------
    float32, shape (n · LEVEL_STEP,); −inf at the ends, where the gate's view does not fit.
    """
    spec, n_cells = gate.spec, len(rows) // gate.spec.cell_rows
    context = spec.before_cells + spec.after_cells
    cells = np.full(n_cells, -np.inf, np.float32)
    for first in range(0, n_cells - context, _CHUNK_CELLS):
        end = min(first + _CHUNK_CELLS + context, n_cells)
        part = rows[first * spec.cell_rows : end * spec.cell_rows].astype(np.float32)
        cells[first + spec.before_cells : end - spec.after_cells] = gate.estimates(part)
    each = np.full(len(rows) * LEVEL_STEP, -np.inf, np.float32)
    each[: n_cells * spec.cell_frames] = np.repeat(cells, spec.cell_frames)
    return highest_near(each, gate.spread_frames)


def _trained(sound: Listened, fit: GateFit) -> GateNet:
    # Sums of one thread have one order: the gate is the same for any number of cores.
    torch.set_num_threads(1)
    torch.manual_seed(fit.seed)
    net = GateNet(fit.spec, _START_LOGIT)
    optimiser = torch.optim.AdamW(net.parameters(), fit.learning_rate, weight_decay=fit.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, fit.learning_rate, total_steps=fit.n_steps)
    stretches, average = _Stretches(sound, fit), 0.0
    for step in range(fit.n_steps):
        rows, target = stretches.draw()
        loss = _loss(net(rows), target, stretches.faint_logit, fit.miss_weight)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        average += (float(loss.detach()) - average) / min(step + 1, 100)
        if step % 500 == 499:
            _log.info("step %d of %d: loss %.4f", step + 1, fit.n_steps, average)
    return net


def _loss(estimate: Tensor, target: Tensor, faint_logit: float, miss_weight: float) -> Tensor:
    """Huber's loss, weighted to be exact where it matters; of a cell far below an event only that it is."""
    weight = 0.03 + torch.sigmoid(3.0 * (target - faint_logit - 0.2))
    weight = torch.where(estimate < target, weight * miss_weight, weight)
    is_false = (estimate > target) & (estimate > faint_logit - 0.2)
    weight = torch.where(is_false, weight.clamp(min=0.3), weight)
    wrong = functional.huber_loss(estimate, target, reduction="none", delta=2.0)
    return (weight * wrong).mean()


class _Stretches:
    """Stretches of sound, a third around faint and clear events, a third near them, a third anywhere."""

    def __init__(self, sound: Listened, fit: GateFit) -> None:
        step = fit.spec.cell_frames
        n_cells = len(sound.logit) // step
        self._rows, self._fit = sound.rows, fit
        self._target = np.maximum(sound.logit[: n_cells * step].reshape(-1, step).max(axis=1), _LOWEST_LOGIT)
        self._rng = np.random.default_rng(fit.seed)
        self.faint_logit = float(sound.logit[sound.score >= _FAINT_SCORE].min())
        above = self._target - self.faint_logit
        events, near = np.flatnonzero(above >= 0), np.flatnonzero((above < 0) & (above >= -_NEAR_LOGIT))
        self._chosen = (events, near if len(near) else events)
        self._last = n_cells - fit.n_cells - fit.spec.after_cells - 1

    def draw(self) -> tuple[Tensor, Tensor]:
        """Rows (batch, n_rows, n_mels) and the highest logit of each of their inner cells."""
        fit, spec, rng = self._fit, self._fit.spec, self._rng
        third = fit.batch_size // 3
        chosen = [rng.choice(cells, third) - rng.integers(0, fit.n_cells, third) for cells in self._chosen]
        chosen.append(rng.integers(0, self._last, fit.batch_size - 2 * third))
        firsts = np.clip(np.concatenate(chosen), spec.before_cells, self._last)
        length = (spec.before_cells + fit.n_cells + spec.after_cells) * spec.cell_rows
        begins = (firsts - spec.before_cells) * spec.cell_rows
        rows = np.stack([self._rows[begin : begin + length] for begin in begins])
        target = np.stack([self._target[first : first + fit.n_cells] for first in firsts])
        return torch.from_numpy(rows.astype(np.float32)), torch.from_numpy(target)
