"""From a recipe to an ONNX file."""

import json
import logging
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ndoki.datasets.manifest import Sound, manifest_digest
from ndoki.detectors.network.card import Card
from ndoki.events.pick import peaks
from ndoki.training.export import export, network_scores
from ndoki.training.loop import train_network
from ndoki.training.material import OnsetFinder, build_materials, measured_onsets
from ndoki.training.network import GunshotNet
from ndoki.training.pool import Pool, build_pool, frames_of
from ndoki.training.recipe import Recipe
from ndoki.training.targets import LABELS

__all__ = [
    "Workplace",
    "card_for",
    "exported",
    "make_pool",
    "refined_onsets",
    "simulation_network",
    "train_fold",
    "usable_examples",
]

_log = logging.getLogger(__name__)
_REFINE_SCORE = 0.3
_APART_FRAMES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """Where data come from and where intermediate results are kept."""

    manifest: Path
    cache: Path
    n_processes: int = max(1, os.cpu_count() or 1)


def usable_examples(pool: Pool, recipe: Recipe, fold: int | None) -> npt.NDArray[np.int64]:
    """Examples to train on: all of split ``train``, or, for cross-validation, all but those of one fold."""
    if fold is None:
        return np.flatnonzero(pool.cells < recipe.n_folds)
    return np.flatnonzero(pool.cells % recipe.n_folds != fold)


def _pool(recipe: Recipe, place: Workplace, name: str, find: OnsetFinder) -> Pool:
    path = place.cache / f"pool-{name}-{recipe.pool_digest[:12]}-{manifest_digest(place.manifest)[:12]}.npz"
    if path.exists():
        _log.info("using the examples in %s", path)
        return Pool.load(path)
    _log.info("making %d examples", recipe.pool.n_examples)
    pool = build_pool(
        build_materials(recipe, place.manifest, find),
        n_examples=recipe.pool.n_examples,
        seed=recipe.seed,
        spec=recipe.examples,
        mel=recipe.mel,
        floor=recipe.floor,
        n_processes=place.n_processes,
    )
    place.cache.mkdir(parents=True, exist_ok=True)
    pool.save(path)
    return pool


def _simulated_only(recipe: Recipe) -> Recipe:
    """The same recipe without any real shot: what it learns cannot leak from one fold to another."""
    examples = replace(recipe.examples, real=0.0, pushed=0.0, simulated=recipe.examples.simulated + 0.4)
    pool = replace(recipe.pool, n_examples=max(1, recipe.pool.n_examples // 3))
    return replace(
        recipe, examples=examples, pool=pool, loop=replace(recipe.loop, n_steps=recipe.refine_steps)
    )


def refined_onsets(net: GunshotNet, recipe: Recipe) -> OnsetFinder:
    """Finds the measured onset of a sound, and every further one that a network is sure enough of."""
    measured = measured_onsets(recipe)
    grid = recipe.mel.grid

    def find(sound: Sound) -> tuple[int, ...]:
        first = measured(sound)[0]
        above = frames_of(sound.samples, sound.rate_hz, recipe.mel, recipe.floor)
        scores = network_scores(net, above)[:, 0]
        frames = peaks(np.ascontiguousarray(scores), _REFINE_SCORE, _APART_FRAMES)
        further = [grid.centre_sample(int(frame), sound.rate_hz) for frame in frames]
        apart = round(_APART_FRAMES * grid.hop_s * sound.rate_hz)
        return tuple(sorted([first, *(sample for sample in further if abs(sample - first) > apart)]))

    return find


def make_pool(recipe: Recipe, place: Workplace) -> Pool:
    """The examples of a recipe: read from the cache, or made.

    With ``refine_steps`` a first network, trained on simulated shots alone, looks for further shots in the
    real clips; without it each sound has the one onset that was measured.
    """
    if not recipe.refine_steps:
        return _pool(recipe, place, "measured", measured_onsets(recipe))
    net = simulation_network(recipe, place)
    return _pool(recipe, place, "refined", refined_onsets(net, recipe))


def simulation_network(recipe: Recipe, place: Workplace) -> GunshotNet:
    """A network that has never heard a real shot of the field."""
    simulated = _simulated_only(recipe)
    pool = _pool(simulated, place, "simulated", measured_onsets(recipe))
    return train_fold(simulated, pool, None, place)


def train_fold(recipe: Recipe, pool: Pool, fold: int | None, place: Workplace) -> GunshotNet:
    """Train on all folds but one; with None, on the whole training split."""
    place.cache.mkdir(parents=True, exist_ok=True)
    name = f"net-{'all' if fold is None else fold}-{recipe.digest[:12]}.pt"
    return train_network(
        pool,
        usable_examples(pool, recipe, fold),
        recipe.network,
        recipe.loop,
        seed=recipe.seed,
        checkpoint=place.cache / name,
    )


def card_for(recipe: Recipe, place: Workplace) -> Card:
    """A card without calibration; `ndoki.training.finish` fills that in."""
    return Card(
        name=recipe.name,
        mel=recipe.mel,
        floor=recipe.floor,
        labels=LABELS,
        before_frames=recipe.network.before_frames,
        after_frames=recipe.network.after_frames,
        provenance={
            "recipe": json.loads(json.dumps(asdict(recipe))),
            "manifest_sha256": manifest_digest(place.manifest),
            "weights_licence": "CC BY 4.0; attribution in docs/models/ATTRIBUTION.md",
        },
    )


def exported(net: GunshotNet, recipe: Recipe, place: Workplace) -> bytes:
    """The network as an ONNX file's content."""
    return export(net, card_for(recipe, place))
