"""Does the sound of one shot tell a rifle from a shotgun? A network learns it; how often is it right?

Both are simulated, one shot each, at 300 to 2000 m, 3 to 30 dB over synthetic forests: those to learn from
with the simulator's preset TRAIN and near shots of split ``train``, those to be told with TEST and ``val``:
other guns in other forests. The network sees what the verifier sees (`ndoki.features.close_up`), at the true
onset, and is built like it. Right 50 times of 100 is chance. Intervals come from resampling shots.

Needs ../shared/data and the extra `train`; five minutes on two cores.
"""

import argparse
import math
import multiprocessing
import os
import platform
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from ndoki.cli.progress import show_tables
from ndoki.datasets.simulate.background import draw_forest_noise, forest_noise
from ndoki.datasets.simulate.cadence import log_uniform
from ndoki.datasets.simulate.measured import NearShots, load_near_shots
from ndoki.datasets.simulate.ranges import TEST, TRAIN, SimulationRanges
from ndoki.datasets.simulate.solo import solo
from ndoki.evaluation.bootstrap import interval_of
from ndoki.features.close_up import close_up
from ndoki.tables.summary import TextTable
from ndoki.training.pool import at_rate
from ndoki.training.verifier_network import VerifierNet
from ndoki.training.verifier_recipe import VerifierRecipe

HERE = Path(__file__).resolve().parent
RATE_HZ, LENGTH_S = 8000, 12.0
DISTANCES_M, SNRS_DB = (300.0, 2000.0), (3.0, 30.0)
BATCH, RATE, N_RESAMPLES = 96, 2e-3, 1000
RIFLE, SHOTGUN = (0.3, 0.7, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0)
"""Shares of automatic rifles, rifles, shotguns and pistols."""
RECIPE = VerifierRecipe()

Views = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


def shot(world: SimulationRanges, near_shots: NearShots, seed: int, index: int) -> Views:
    """A close-up of one shot: of a rifle where the number is even, of a shotgun where it is odd."""
    rng = np.random.default_rng([seed, index])
    forest = forest_noise(draw_forest_noise(rng, RATE_HZ, LENGTH_S), RATE_HZ, round(LENGTH_S * RATE_HZ))
    made = solo(
        rng,
        replace(
            world, weapon_shares=SHOTGUN if index % 2 else RIFLE, series_share=0.0, burst_shots=(1.0, 1.0)
        ),
        next(forest),
        RATE_HZ,
        distance_m=log_uniform(rng, DISTANCES_M),
        near_shots=near_shots,
        snr_db=rng.uniform(*SNRS_DB),
    )
    view = RECIPE.spec.view
    samples = at_rate(made.samples, RATE_HZ, view.mel.grid)
    return close_up(samples, 0, round(made.onset_samples[0] * view.mel.rate_hz / RATE_HZ), view)


def shots(world: SimulationRanges, near_shots: NearShots, seed: int, n: int) -> tuple[Views, Flags]:
    """Close-ups of n shots, and which are of shotguns."""
    with multiprocessing.get_context("fork").Pool() as pool:
        views = pool.map(partial(shot, world, near_shots, seed), range(n), chunksize=50)
    return np.stack(views), np.arange(n) % 2 == 1


def trained(views: Views, is_shotgun: Flags, n_steps: int) -> VerifierNet:
    """A network that tells shotguns from rifles."""
    torch.manual_seed(0)
    net, rng = VerifierNet(RECIPE), np.random.default_rng(0)
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=0.02)
    for step in range(n_steps):
        for group in optimiser.param_groups:
            group["lr"] = (
                RATE * min(1.0, 20 * (step + 1) / n_steps) * (1 + math.cos(math.pi * step / n_steps)) / 2
            )
        rows = rng.integers(0, len(views), BATCH)
        logits = net(torch.from_numpy(np.roll(views[rows], int(rng.integers(-3, 4)), axis=1)))
        target = torch.from_numpy(is_shotgun[rows].astype(np.float32))
        loss = functional.binary_cross_entropy_with_logits(logits, target)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return net.eval()


def row(name: str, net: VerifierNet, views: Views, is_shotgun: Flags) -> tuple[str, ...]:
    """How often it is right: of all, and of those of which it is surest."""
    with torch.no_grad():
        logits = np.concatenate(
            [net(torch.from_numpy(views[i : i + 256])).numpy() for i in range(0, len(views), 256)]
        )
    right = (logits > 0) == is_shotgun
    cells = []
    for share in (1.0, 0.8, 0.5):
        told = right[np.argsort(-np.abs(logits), kind="stable")[: round(share * len(right))]]
        rng = np.random.default_rng(0)
        drawn = np.array([told[rng.integers(0, len(told), len(told))].mean() for _ in range(N_RESAMPLES)])
        found = interval_of(float(told.mean()), drawn)
        cells.append(f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]")
    return (name, str(len(views)), *cells)


def main() -> int:
    """Simulate, train, tell, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shots", type=int, default=6000, help="to learn from")
    parser.add_argument("--told", type=int, default=1000, help="to be told, of each world")
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared/data")
    options = parser.parse_args()
    known, unknown = (load_near_shots(options.data, split) for split in ("train", "val"))
    net = trained(*shots(TRAIN, known, 1, options.shots), options.steps)
    rows = (
        row("guns and forests as learned from", net, *shots(TRAIN, known, 2, options.told)),
        row("other guns, other forests", net, *shots(TEST, unknown, 3, options.told)),
    )
    columns = ("", "shots", "right, of all", "of the surest 80 %", "of the surest half")
    print(f"{platform.machine()}, {options.shots} shots to learn from, {options.steps} steps")
    show_tables(
        [TextTable(title="Rifle against shotgun by the sound of one shot", columns=columns, rows=rows)]
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
