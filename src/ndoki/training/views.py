"""Close-ups of what networks take for shots in training examples: what a verifier learns from.

A network that heard an example's sounds in its own training is surer of them than it will ever be in the
field, so each example is judged by the network of the fold that it was made from.
"""

import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ndoki.core.types import Floats
from ndoki.datasets.example_spec import Material
from ndoki.datasets.examples import make_example
from ndoki.detectors.network.detector import NetworkDetector
from ndoki.events.pick import peaks
from ndoki.features.close_up import close_up
from ndoki.features.floor import above_floor
from ndoki.features.mel import log_mel
from ndoki.training.pool import FRAME_STEP_DB, at_rate
from ndoki.training.targets import Targets, encode
from ndoki.training.verifier_recipe import VerifierRecipe, ViewsSpec

__all__ = ["Views", "build_views", "chosen_places"]

_PEAK_REACH_FRAMES = 3
_SAME_FRAMES, _CLOSE_FRAMES = 4, 8
"""A peak closer to a shot than the first is that shot; than the second, it is nothing to learn from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """Close-ups of places in examples.

    Attributes
    ----------
    view
        int8, shape (n, n_frames, n_mels), in steps of 0.5 dB.
    is_shot
        bool, shape (n,).
    score
        float32, shape (n,): what the network said of the place.
    cell
        int16, shape (n,): the cell that the example was made from.
    """

    view: npt.NDArray[np.int8]
    is_shot: npt.NDArray[np.bool_]
    score: Floats
    cell: npt.NDArray[np.int16]

    def __len__(self) -> int:
        """How many."""
        return len(self.is_shot)

    def save(self, folder: Path) -> None:
        """Write as a folder of arrays, whole or not at all; they can be read without being loaded."""
        part = folder.with_name(folder.name + ".part")
        part.mkdir(parents=True, exist_ok=True)
        for name in self.__slots__:
            np.save(part / f"{name}.npy", getattr(self, name))
        part.replace(folder)

    @staticmethod
    def load(folder: Path) -> "Views":
        """What `save` wrote; several trainings share one copy in memory."""
        return Views(**{name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in Views.__slots__})


def chosen_places(
    score: Floats, targets: Targets, spec: ViewsSpec, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Frames of an example that are worth a close-up, and whether a shot begins there.

    Parameters
    ----------
    score
        float32, shape (n_frames,): the network's raw onset scores.
    targets
        What it should have said.
    """
    shots = np.flatnonzero(targets.onset > 0.999)
    found: list[tuple[int, bool]] = []
    heard = peaks(score, spec.least_score, _PEAK_REACH_FRAMES)
    for frame in heard.tolist():
        apart = np.abs(shots - frame).min() if len(shots) else _CLOSE_FRAMES + 1
        if apart <= _SAME_FRAMES:
            found.append((frame, True))
        elif apart <= _CLOSE_FRAMES or targets.weight[frame] < 0.5:
            continue
        elif score[frame] >= spec.easy_score or rng.random() < spec.easy_share:
            found.append((frame, False))
    missed = [shot for shot in shots.tolist() if not (np.abs(heard - shot) <= _SAME_FRAMES).any()]
    found += [(shot, True) for shot in missed[: spec.missed]]
    if len(found) > spec.most:
        found = [found[i] for i in rng.permutation(len(found))[: spec.most]]
    return np.array([frame for frame, _ in found], np.int64), np.array([shot for _, shot in found], np.bool_)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """All that a process needs to make views of some examples."""

    materials: Sequence[Material]
    shares: npt.NDArray[np.float64]
    networks: Sequence[NetworkDetector]
    recipe: VerifierRecipe

    def of(self, bounds: tuple[int, int]) -> Views:
        view = self.recipe.spec.view
        none = Views(
            view=np.empty((0, view.n_frames, view.mel.n_mels), np.int8),
            is_shot=np.empty(0, np.bool_),
            score=np.empty(0, np.float32),
            cell=np.empty(0, np.int16),
        )
        return _joined([none, *self._each(*bounds)])

    def _each(self, first: int, end: int) -> Iterator[Views]:
        network, view = self.recipe.examples_of, self.recipe.spec.view
        for i in range(first, end):
            rng = np.random.default_rng([self.recipe.seed, i])
            cell = int(rng.choice(len(self.materials), p=self.shares))
            example = make_example(self.materials[cell], network.examples, rng)
            samples = at_rate(example.samples, example.rate_hz, network.mel.grid)
            above = above_floor(log_mel(samples, network.mel), network.floor)
            targets = encode(above, example.onsets, example.rate_hz, network.mel, example.unsure_samples)
            score = self.networks[cell % len(self.networks)].outputs_alone(above)[:, 0]
            frames, is_shot = chosen_places(score, targets, self.recipe.views, rng)
            if not len(frames):
                continue
            places = [network.mel.grid.centre_sample(frame, network.mel.rate_hz) for frame in frames.tolist()]
            views = np.stack([close_up(samples, 0, place, view) for place in places])
            yield Views(
                view=np.rint(views * np.float32(10 / FRAME_STEP_DB)).clip(-127, 127).astype(np.int8),
                is_shot=is_shot,
                score=score[frames],
                cell=np.full(len(frames), cell, np.int16),
            )


def build_views(
    materials: Sequence[Material],
    networks: Sequence[NetworkDetector],
    recipe: VerifierRecipe,
    *,
    n_processes: int = 1,
    part: int = 200,
) -> Views:
    """Views of places in examples; those of example i depend on the recipe, the networks and i alone.

    Parameters
    ----------
    materials
        One per cell.
    networks
        One per fold, without a verifier; one alone judges all examples.
    part
        Examples that a process makes at a time.
    """
    sizes = np.array([len(m.shots) + len(m.backgrounds) for m in materials], np.float64)
    n = recipe.views.n_examples
    bounds = list(pairwise([*range(0, n, part), n]))
    global _WORK
    _WORK = _Work(materials=materials, shares=sizes / sizes.sum(), networks=networks, recipe=recipe)
    try:
        if n_processes <= 1:
            parts = [_WORK.of(each) for each in bounds]
        else:
            # Fork shares sounds and networks with the workers instead of sending them through a pipe.
            with multiprocessing.get_context("fork").Pool(n_processes) as pool:
                parts = pool.map(_of_part, bounds, chunksize=1)
    finally:
        _WORK = None
    return _joined(parts)


def _joined(parts: Sequence[Views]) -> Views:
    columns = ([getattr(part, name) for part in parts] for name in Views.__slots__)
    return Views(**dict(zip(Views.__slots__, map(np.concatenate, columns), strict=True)))


_WORK: _Work | None = None


def _of_part(bounds: tuple[int, int]) -> Views:
    if _WORK is None:
        raise RuntimeError("a process that was not forked from build_views has nothing to work on")
    return _WORK.of(bounds)
