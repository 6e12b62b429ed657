"""Examples turned into frames once, then drawn from in every epoch and by every fold.

An example takes its shots and backgrounds from one *cell*: one fold of one split. A training that
leaves out a fold or a split leaves out whole cells, so nothing of what it is tested on was ever mixed
into what it saw, and one pool serves all trainings.
"""

import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ndoki.audio.resample import Resampler
from ndoki.core.grid import FrameGrid
from ndoki.core.types import Floats
from ndoki.datasets.example_spec import ExampleSpec, Material
from ndoki.datasets.examples import make_example
from ndoki.features.floor import FloorSpec, above_floor
from ndoki.features.mel import MelSpec, log_mel
from ndoki.training.targets import encode, label_row

__all__ = ["FRAME_STEP_DB", "Pool", "at_rate", "build_pool", "frames_of"]

FRAME_STEP_DB = 0.5
"""Frames are kept as int8 in steps of 0.5 dB: ±64 dB around the floor, an error of 0.14 dB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Frames and targets of many examples, end to end.

    Attributes
    ----------
    frames
        int8, shape (total_frames, n_mels), steps of 0.5 dB above the floor.
    onset, weight
        uint8, shape (total_frames,), targets × 255.
    shape
        uint8, shape (total_frames, 3), targets × 255.
    first_frames
        int64, shape (n_examples + 1,): example i is rows ``first_frames[i]`` to ``first_frames[i + 1]``.
    labels
        int8, shape (n_examples, n_labels): 1, 0, or −1 for unknown.
    cells
        int16, shape (n_examples,): which cell it was made from.
    """

    frames: npt.NDArray[np.int8]
    onset: npt.NDArray[np.uint8]
    weight: npt.NDArray[np.uint8]
    shape: npt.NDArray[np.uint8]
    first_frames: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int8]
    cells: npt.NDArray[np.int16]

    def __len__(self) -> int:
        """How many examples."""
        return len(self.cells)

    def save(self, path: Path) -> None:
        """Write as .npz, whole or not at all."""
        part = path.with_name(path.name + ".part.npz")
        np.savez(part, **{name: getattr(self, name) for name in self.__slots__})
        part.replace(path)

    @staticmethod
    def load(path: Path) -> "Pool":
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            return Pool(**{name: arrays[name] for name in Pool.__slots__})


@dataclass(frozen=True, slots=True)
class _InMemory:
    """Samples that are already there, behind the reader's interface."""

    samples: Floats

    def read(self, first_sample: int, end_sample: int, channel: int) -> Floats:
        """The one channel there is."""
        del channel
        return self.samples[first_sample:end_sample]


def at_rate(samples: Floats, rate_hz: int, grid: FrameGrid) -> Floats:
    """A short sound at a grid's rate, made by the very steps that inference takes."""
    n_out = grid.n_samples(len(samples), rate_hz)
    return Resampler(rate_hz, grid.rate_hz).read(_InMemory(samples), len(samples), 0, 0, n_out)


def frames_of(samples: Floats, rate_hz: int, mel: MelSpec, floor: FloorSpec) -> Floats:
    """Level above the floor of a short sound, made by the very steps that inference takes."""
    return above_floor(log_mel(at_rate(samples, rate_hz, mel.grid), mel), floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    first: int
    end: int
    seed: int
    materials: Sequence[Material]
    shares: npt.NDArray[np.float64]
    spec: ExampleSpec
    mel: MelSpec
    floor: FloorSpec


def _make(job: _Job) -> Pool:
    columns: dict[str, list[npt.NDArray[np.generic]]] = {
        name: [] for name in ("frames", "onset", "weight", "shape")
    }
    lengths, labels, cells = [0], [], []
    for i in range(job.first, job.end):
        rng = np.random.default_rng([job.seed, i])
        cell = int(rng.choice(len(job.materials), p=job.shares))
        example = make_example(job.materials[cell], job.spec, rng)
        above = frames_of(example.samples, example.rate_hz, job.mel, job.floor)
        target = encode(above, example.onsets, example.rate_hz, job.mel, example.unsure_samples)
        columns["frames"].append(np.clip(np.rint(above * (10.0 / FRAME_STEP_DB)), -127, 127).astype(np.int8))
        for name in ("onset", "weight", "shape"):
            columns[name].append(np.rint(getattr(target, name) * 255).astype(np.uint8))
        lengths.append(len(above))
        labels.append(label_row(example.labels))
        cells.append(cell)
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    return Pool(
        **joined,
        first_frames=np.cumsum(lengths),
        labels=np.asarray(labels, np.int8),
        cells=np.asarray(cells, np.int16),
    )


def _concatenated(parts: Sequence[Pool]) -> Pool:
    offsets = np.cumsum([0, *(part.first_frames[-1] for part in parts)])
    firsts = [part.first_frames[:-1] + offset for part, offset in zip(parts, offsets[:-1], strict=True)]
    names = ("frames", "onset", "weight", "shape", "labels", "cells")
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Pool(**joined, first_frames=np.concatenate([*firsts, offsets[-1:]]))


def build_pool(
    materials: Sequence[Material],
    *,
    n_examples: int,
    seed: int,
    spec: ExampleSpec,
    mel: MelSpec,
    floor: FloorSpec,
    n_processes: int = 1,
) -> Pool:
    """Make examples; example i depends on the seed and i alone, not on the number of processes.

    Parameters
    ----------
    materials
        One per cell. A cell is drawn in proportion to its shots and backgrounds.
    """
    sizes = np.array([len(m.shots) + len(m.backgrounds) for m in materials], np.float64)
    bounds = np.linspace(0, n_examples, max(1, n_examples // 200) + 1).astype(int)
    jobs = [
        _Job(
            first=int(first), end=int(end), seed=seed, materials=materials, shares=sizes / sizes.sum(),
            spec=spec, mel=mel, floor=floor,
        )
        for first, end in pairwise(bounds)
    ]  # fmt: skip
    if n_processes <= 1:
        return _concatenated([_make(job) for job in jobs])
    # Fork shares the sounds with the workers instead of sending them through a pipe with every job.
    global _SHARED
    _SHARED = jobs
    try:
        with multiprocessing.get_context("fork").Pool(n_processes) as pool:
            return _concatenated(pool.map(_make_shared, range(len(jobs)), chunksize=1))
    finally:
        _SHARED = []


_SHARED: Sequence[_Job] = []


def _make_shared(i: int) -> Pool:
    return _make(_SHARED[i])
