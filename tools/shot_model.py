"""Train ``src/ndoki/models/shots.npz``: does a shot begin at this frame of 4 ms? Run by ``make shots``.

Learns from simulated firings (preset TRAIN, near shots, backgrounds and look-alikes of split ``train``):
bursts, series and single shots at 100 to 2500 m and −3 to 35 dB, six out of ten in forests with echoes, in
some of which no two shots have the same tail; and from look-alikes. Usage: ``.venv/bin/python
tools/shot_model.py [--out FILE]``
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ndoki.core.types import Floats
from ndoki.datasets.manifest import FIELD_LABEL, read_manifest
from ndoki.datasets.simulate.background import draw_forest_noise, forest_noise
from ndoki.datasets.simulate.cadence import log_uniform
from ndoki.datasets.simulate.confusers import AT_THE_RECORDER, CONFUSERS, render_confuser
from ndoki.datasets.simulate.draw import draw_forest
from ndoki.datasets.simulate.measured import NearShots, load_near_shots
from ndoki.datasets.simulate.ranges import TRAIN
from ndoki.datasets.simulate.recorded import read_at, recorded_noise
from ndoki.datasets.simulate.sending import send
from ndoki.datasets.simulate.solo import LEAD_S, solo
from ndoki.features.attack import N_INPUTS, STRENGTH
from ndoki.features.gabor import CELL_FRAMES, GABOR_GRID
from ndoki.firing.model import ShotModel, shot_model_bytes
from ndoki.firing.near import Listener

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
RATE_HZ = 8000
WORLD = replace(
    TRAIN,
    weapon_shares=(0.35, 0.25, 0.25, 0.15),
    burst_rate_hz=(7.0, 16.0),
    steady_burst_share=0.2,
    series_share=0.65,
    series_shots=(2.0, 7.0),
    series_gap_s=(0.15, 1.5),
    echo_share=0.6,
    tail_change=(0.0, 1.2),
)
LOOKALIKE_SHARE = 0.2
DISTANCE_M, SNR_DB = (100.0, 2500.0), (-3.0, 35.0)
LOOKALIKE_M, LOOKALIKE_S = (5.0, 400.0), 6.0
BEHIND_S, BEFORE_S = 2.0, 1.2
EXACT_FRAMES, NEAR_FRAMES, ECHO_FRAMES = 1, 4, 12
KEPT, KEPT_STRONG, STRONG = 0.05, 0.5, 1.0
HIDDEN = (128, 48)
FILES_AT_A_TIME = 6
CHUNK, BATCH, RATE = 250, 1024, 3e-3

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Recordings of split ``train``."""

    near_shots: NearShots
    backgrounds: tuple[tuple[Path, ...], ...]
    lookalikes: tuple[Path, ...]


def read_material(data: Path) -> Material:
    """What the scenes are made of."""
    clips = [clip for clip in read_manifest(data / "clips.csv") if clip.split == "train"]
    grounds = [clip for clip in clips if clip.kind == "background"]
    return Material(
        near_shots=load_near_shots(data, "train"),
        backgrounds=(
            tuple(clip.path for clip in grounds if clip.label != FIELD_LABEL),
            tuple(clip.path for clip in grounds if clip.label == FIELD_LABEL),
        ),
        lookalikes=tuple(clip.path for clip in clips if clip.kind == "confuser"),
    )


def background(rng: np.random.Generator, material: Material, length_s: float) -> Floats:
    """A synthetic forest, a recorded one, or one that fooled a trigger."""
    n, kind = round(length_s * RATE_HZ), int(rng.integers(3))
    if kind == 2:
        return next(forest_noise(draw_forest_noise(rng, RATE_HZ, length_s), RATE_HZ, n))
    level, seed = 10 ** (rng.uniform(-55, -35) / 20), int(rng.integers(2**62))
    return next(recorded_noise(material.backgrounds[kind], level, seed, RATE_HZ, n))


def firing(rng: np.random.Generator, material: Material) -> tuple[Floats, Places, Places]:
    """A firing over a background: samples, onsets, and arrivals of echoes in samples."""
    scene = solo(
        rng,
        WORLD,
        background(rng, material, LEAD_S + 8.0),
        RATE_HZ,
        distance_m=log_uniform(rng, DISTANCE_M),
        near_shots=material.near_shots,
        snr_db=rng.uniform(*SNR_DB),
    )
    onsets = np.asarray(scene.onset_samples)
    delays = np.round(np.asarray(scene.echo_delays_s) * RATE_HZ).astype(np.int64)
    return scene.samples, onsets, (onsets[:, None] + delays).ravel()


def lookalike(rng: np.random.Generator, material: Material) -> Floats:
    """A look-alike over a background, through a forest or at the recorder."""
    mixed = background(rng, material, LEAD_S + 8.0)
    if rng.random() < 0.5:
        wave = read_at(material.lookalikes[int(rng.integers(len(material.lookalikes)))], RATE_HZ)
    else:
        kind = CONFUSERS[int(rng.integers(len(CONFUSERS)))]
        wave = render_confuser(kind, rng, RATE_HZ)
        if kind not in AT_THE_RECORDER:
            distance_m = log_uniform(rng, LOOKALIKE_M)
            wave = send(wave, RATE_HZ, draw_forest(rng, WORLD, distance_m), distance_m)
    wave = wave[: round(LOOKALIKE_S * RATE_HZ)]
    loud = max(float(np.mean(np.square(wave[: 2 * RATE_HZ], dtype=np.float64))), 1e-12)
    gain = np.sqrt(10 ** (rng.uniform(*SNR_DB) / 10) * float(np.var(mixed)) / loud)
    at = round(LEAD_S * RATE_HZ)
    mixed[at : at + len(wave)] += wave * np.float32(gain)
    return np.clip(mixed, -1, 1)


class _Array:
    """Samples in memory, as `Listener` reads them."""

    def __init__(self, samples: Floats) -> None:
        self._samples = samples

    def read(self, first_sample: int, end_sample: int, channel: int) -> Floats:
        del channel
        return self._samples[first_sample:end_sample]


def example(seed: int, index: int, material: Material) -> tuple[Floats, Floats, Floats]:
    """Descriptions, labels and weights of the frames of one scene that are learned from."""
    rng = np.random.default_rng([seed, index])
    echoes = onsets = np.empty(0, np.int64)
    if rng.random() < LOOKALIKE_SHARE:
        samples = lookalike(rng, material)
    else:
        samples, onsets, echoes = firing(rng, material)
    listener = Listener(_Array(samples), len(samples), RATE_HZ, 0)
    last = onsets[-1] if len(onsets) else round((LEAD_S + 2.0) * RATE_HZ)
    first_cell, end_cell = (
        GABOR_GRID.frame_at(int(place), RATE_HZ) // CELL_FRAMES
        for place in ((LEAD_S - BEFORE_S) * RATE_HZ, last + BEHIND_S * RATE_HZ)
    )
    inputs = np.concatenate([listener.inputs(cell) for cell in range(first_cell, end_cell + 1)])
    frames = np.arange(len(inputs)) + first_cell * CELL_FRAMES
    kept, label, weight = chosen(frames, frames_of(onsets), frames_of(echoes), inputs[:, STRENGTH], rng)
    return inputs[kept], label[kept], weight[kept]


def frames_of(places: Places) -> Places:
    """Frames whose centres are nearest to some samples."""
    return np.array([GABOR_GRID.frame_at(int(place), RATE_HZ) for place in places], np.int64)


def chosen(
    frames: Places, onsets: Places, echoes: Places, strength: Floats, rng: np.random.Generator
) -> tuple[npt.NDArray[np.bool_], Floats, Floats]:
    """Which frames are learned from, their labels, and weights that undo the choice.

    All frames within 4 ms of an onset are positive; those up to 16 ms off are left out. Of the others, all
    that may be taken for an onset (an echo's arrival), half of those with a rise, and one in twenty of the
    rest.
    """
    apart = np.min(np.abs(frames[:, None] - onsets), axis=1, initial=1 << 30)
    behind_echo = frames[:, None] - echoes
    at_echo = ((behind_echo >= -NEAR_FRAMES) & (behind_echo <= ECHO_FRAMES)).any(axis=1)
    share = np.where(strength > STRONG, KEPT_STRONG, KEPT)
    share[at_echo | (apart <= EXACT_FRAMES)] = 1.0
    kept = (rng.random(len(frames)) < share) & ((apart <= EXACT_FRAMES) | (apart > NEAR_FRAMES))
    return kept, (apart <= EXACT_FRAMES).astype(np.float32), (1 / share).astype(np.float32)


def examples(n_scenes: int, seed: int, material: Material, cache: Path) -> Iterator[Path]:
    """Examples in files of `CHUNK` scenes, made where they are not there yet."""
    cache.mkdir(parents=True, exist_ok=True)
    for first in range(0, n_scenes, CHUNK):
        path = cache / f"{seed}-{first}.npz"
        if not path.exists():
            began = time.perf_counter()
            rows = [example(seed, index, material) for index in range(first, first + CHUNK)]
            inputs, label, weight = (np.concatenate(column) for column in zip(*rows, strict=True))
            with path.with_suffix(".part").open("wb") as file:
                np.savez(file, inputs=inputs.astype(np.float16), label=label, weight=weight)
            path.with_suffix(".part").rename(path)
            print(f"{path.name}: {len(label)} frames, {time.perf_counter() - began:.0f} s", flush=True)
        yield path


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Some examples, scaled."""

    inputs: torch.Tensor
    label: torch.Tensor
    weight: torch.Tensor

    def chosen(self, index: torch.Tensor) -> "Rows":
        """Some of these."""
        return Rows(inputs=self.inputs[index], label=self.label[index], weight=self.weight[index])


def read_rows(paths: Sequence[Path], mean: Floats, spread: Floats) -> Rows:
    """Read examples, and scale their inputs."""
    parts = [np.load(path) for path in paths]
    inputs = np.concatenate([part["inputs"] for part in parts]).astype(np.float32)
    return Rows(
        inputs=torch.from_numpy((inputs - mean) / spread),
        label=torch.from_numpy(np.concatenate([part["label"] for part in parts])),
        weight=torch.from_numpy(np.concatenate([part["weight"] for part in parts])),
    )


def loss_of(network: nn.Module, rows: Rows) -> torch.Tensor:
    """Weighted cross entropy in nats."""
    told = network(rows.inputs)[:, 0]
    losses = nn.functional.binary_cross_entropy_with_logits(told, rows.label, reduction="none")
    return (losses * rows.weight).sum() / rows.weight.sum()


def fitted(paths: list[Path], n_epochs: int, seed: int) -> ShotModel:
    """Train on all files but the last, which says how well it does; a few files are in memory at a time."""
    some = np.load(paths[0])["inputs"].astype(np.float32)
    mean, spread = some.mean(axis=0), some.std(axis=0) + np.float32(1e-3)
    held, learned = read_rows(paths[-1:], mean, spread), paths[:-1]
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    sizes = (N_INPUTS, *HIDDEN, 1)
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    network = nn.Sequential(*layers[:-1])
    n_steps = n_epochs * sum(-(-len(np.load(path)["label"]) // BATCH) for path in learned)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=n_steps)
    for epoch in range(n_epochs):
        order = rng.permutation(len(learned))
        for group in np.array_split(order, -(-len(order) // FILES_AT_A_TIME)):
            rows = read_rows([learned[i] for i in group], mean, spread)
            for index in torch.split(torch.from_numpy(rng.permutation(len(rows.label))), BATCH):
                loss = loss_of(network, rows.chosen(index))
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                schedule.step()
        with torch.no_grad():
            told = float(loss_of(network, held))
        print(f"epoch {epoch + 1}: {told:.4f} nats per frame on scenes not learned from", flush=True)
    parts = [np.load(path) for path in learned]
    positive = sum(float((part["label"] * part["weight"]).sum()) for part in parts)
    share = positive / sum(float(part["weight"].sum()) for part in parts)
    return exported(network, mean, spread, share)


def exported(network: nn.Sequential, mean: Floats, spread: Floats, share: float) -> ShotModel:
    """Plain weights: the scaling goes into the first layer, the share of onsets out of the last."""
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    weights = [layer.weight.detach().numpy().T.astype(np.float64) for layer in linear]
    biases = [layer.bias.detach().numpy().astype(np.float64) for layer in linear]
    weights[0] = weights[0] / spread[:, None]
    biases[0] = biases[0] - mean @ weights[0]
    biases[-1] = biases[-1] - np.log(share / (1 - share))
    return ShotModel(
        weights=tuple(one.astype(np.float32) for one in weights),
        biases=tuple(one.astype(np.float32) for one in biases),
    )


def main() -> int:
    """Simulate, describe, train, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=int, default=12000)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=16)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "shots")
    parser.add_argument("--out", type=Path, default=ROOT / "src" / "ndoki" / "models" / "shots.npz")
    options = parser.parse_args()
    torch.set_num_threads(1)
    paths = list(examples(options.scenes, options.seed, read_material(options.data), options.cache))
    options.out.write_bytes(shot_model_bytes(fitted(paths, options.epochs, options.seed)))
    print(f"wrote {options.out.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
