"""From a recipe to an ONNX file."""

import hashlib
import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from ndoki.core.config import from_table
from ndoki.core.errors import ConfigError
from ndoki.datasets.edition import EDITION
from ndoki.datasets.manifest import manifest_digest
from ndoki.detectors.network.card import Card
from ndoki.detectors.network.detector import NetworkDetector, load_network, network_from
from ndoki.training.between import between
from ndoki.training.export import export, with_card
from ndoki.training.grow import widened_network
from ndoki.training.loop import finished, some_frames, train_network
from ndoki.training.material import build_materials
from ndoki.training.network import STEP_FRAMES, GunshotNet
from ndoki.training.pool import Pool, build_pool
from ndoki.training.recipe import Recipe
from ndoki.training.reopen import reopened_network
from ndoki.training.targets import LABELS

__all__ = [
    "Start",
    "Workplace",
    "card_for",
    "checkpoint_of",
    "exported",
    "made",
    "make_pool",
    "mark",
    "network_of",
    "train_fold",
    "usable_examples",
]

_log = logging.getLogger(__name__)
_SOME_EXAMPLES = 200
"""Examples by which a file's normalisations are measured anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """Where data come from and where intermediate results are kept."""

    manifest: Path
    cache: Path
    n_processes: int = max(1, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Start:
    """A file whose network a training goes on from."""

    content: bytes
    detector: NetworkDetector

    @staticmethod
    def read(path: Path, recipe: Recipe) -> "Start":
        """Read it for a recipe.

        Raises
        ------
        ModelError
            It cannot be read, or is no network.
        ConfigError
            Its network is not of the recipe that ``recipe`` continues.
        """
        detector = load_network(path)
        told = detector.card.provenance.get("recipe")
        # Read as a recipe: what there was not yet when the card was written is off.
        made_by = None if told is None else from_table(Recipe, told, f"{path}: its recipe")
        if made_by is None or made_by != recipe.base:
            raise ConfigError("the network to go on from is not of the recipe that this one continues")
        return Start(content=path.read_bytes(), detector=detector)


def usable_examples(pool: Pool, recipe: Recipe, fold: int | None) -> npt.NDArray[np.int64]:
    """Examples to train on: all of split ``train``, or, for cross-validation, all but those of one fold."""
    if fold is None:
        return np.flatnonzero(pool.cells < recipe.n_folds)
    return np.flatnonzero(pool.cells % recipe.n_folds != fold)


def mark(recipe: Recipe) -> str:
    """Ending of a cached file's name: edition of examples, and mined clips of a recipe and of its bases."""
    lists: list[str] = []
    stage: Recipe | None = recipe
    while stage is not None:
        lists += [manifest_digest(path) for path in stage.mined.paths]
        stage = stage.base
    mined = f"-{hashlib.sha256(''.join(lists).encode()).hexdigest()[:8]}" if lists else ""
    return f"-e{EDITION}{mined}"


def make_pool(recipe: Recipe, place: Workplace) -> Pool:
    """The examples of a recipe: read from the cache, or made."""
    name = f"pool-{recipe.pool_digest[:12]}-{manifest_digest(place.manifest)[:12]}{mark(recipe)}.npz"
    path = place.cache / name
    if path.exists():
        _log.info("using the examples in %s", path)
        return Pool.load(path)
    _log.info("making %d examples", recipe.pool.n_examples)
    pool = build_pool(
        build_materials(recipe, place.manifest),
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


def made(recipe: Recipe, fold: int | None, place: Workplace, start: Start | None = None) -> bytes:
    """A recipe's network as an ONNX file's content, uncalibrated: trained, or read from the cache.

    Where the recipe says so, it lies between where the training began and where it ended.

    Parameters
    ----------
    start
        See `train_fold`. The file's verifier is kept.
    """
    if start is None:
        start = _start_of(recipe, fold, place)
    content = exported(network_of(recipe, fold, place, start), recipe, place, start)
    if start is None or not recipe.kept_share:
        return content
    return between(_as_wide(start, recipe, place), content, recipe.kept_share)


def _as_wide(start: Start, recipe: Recipe, place: Workplace) -> bytes:
    """Content of the file of the network that a recipe's training begins with."""
    if recipe.base is None or recipe.base.network == recipe.network:
        return start.content
    # What its normalisations are given drops out again in the file, so any frames will do.
    n_frames = recipe.network.before_frames + recipe.network.after_frames + STEP_FRAMES
    silence = torch.zeros(2, n_frames, recipe.network.n_mels)
    return exported(reopened_network(start.content, recipe, silence), recipe, place, start)


def _start_of(recipe: Recipe, fold: int | None, place: Workplace) -> Start | None:
    """The base of a recipe as a file, where weights between those of files are asked for."""
    base = recipe.base
    if base is None or not (recipe.kept_share or base.kept_share):
        return None
    content = made(base, fold, place)
    return Start(content=content, detector=network_from(content, f"the network before {recipe.name}"))


def train_fold(
    recipe: Recipe, pool: Pool, fold: int | None, place: Workplace, *, start: Start | None = None
) -> GunshotNet:
    """Train on all folds but one; with None, on the whole training split.

    Parameters
    ----------
    start
        The network of the recipe's base, to go on from; without it that network is read from the cache, or
        trained.
    """
    usable = usable_examples(pool, recipe, fold)
    start_from = None
    if start is not None:
        shown = some_frames(pool, usable, recipe.network, recipe.loop, n=_SOME_EXAMPLES, seed=recipe.seed)
        start_from = reopened_network(start.content, recipe, shown)
    elif recipe.base is not None:
        start_from = widened_network(network_of(recipe.base, fold, place), recipe)
    place.cache.mkdir(parents=True, exist_ok=True)
    return train_network(
        pool,
        usable,
        recipe.network,
        recipe.loop,
        seed=recipe.seed,
        checkpoint=checkpoint_of(recipe, fold, place, start),
        start_from=start_from,
    )


def network_of(recipe: Recipe, fold: int | None, place: Workplace, start: Start | None = None) -> GunshotNet:
    """The end of a recipe's training: read from the cache if it was trained to its end, or trained.

    One that never heard the field has no folds: it serves all.
    """
    if not recipe.pool.field:
        fold = None
    kept = finished(checkpoint_of(recipe, fold, place, start), recipe.network, recipe.loop)
    return kept or train_fold(recipe, make_pool(recipe, place), fold, place, start=start)


def checkpoint_of(recipe: Recipe, fold: int | None, place: Workplace, start: Start | None = None) -> Path:
    """Where the state of a training is kept; another recipe, fold, mined list or start has its own."""
    since = "" if start is None else f"-{start.detector.id.digest[:8]}"
    return place.cache / f"net-{'all' if fold is None else fold}-{recipe.digest[:12]}{mark(recipe)}{since}.pt"


def card_for(recipe: Recipe, place: Workplace, start: Start | None = None) -> Card:
    """A card without calibration; `ndoki.training.finish` fills that in.

    One that goes on from a file keeps that file's verifier, and names its recipe.
    """
    before = {} if start is None else start.detector.card.provenance
    kept = {"verifier": before["verifier"]} if "verifier" in before else {}
    mined = {"mined_sha256": [manifest_digest(path) for path in recipe.mined.paths]}
    return Card(
        name=recipe.name,
        mel=recipe.mel,
        floor=recipe.floor,
        labels=LABELS,
        before_frames=recipe.network.before_frames,
        after_frames=recipe.network.after_frames,
        step_frames=STEP_FRAMES,
        provenance={
            "recipe": json.loads(json.dumps(asdict(recipe))),
            "manifest_sha256": manifest_digest(place.manifest),
            **(mined if recipe.mined.clips else {}),
            **kept,
            "weights_licence": "CC BY 4.0; attribution in docs/models/ATTRIBUTION.md",
        },
    )


def exported(net: GunshotNet, recipe: Recipe, place: Workplace, start: Start | None = None) -> bytes:
    """The network as an ONNX file's content, uncalibrated; one that goes on from a file has its verifier."""
    card = card_for(recipe, place, start)
    content = export(net, card)
    return content if start is None else with_card(content, card, start.detector.verifier)
