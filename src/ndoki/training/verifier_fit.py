"""From a network and a recipe to the same network with a verifier."""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ndoki.core.config import from_table
from ndoki.core.errors import ConfigError
from ndoki.datasets.manifest import manifest_digest
from ndoki.detectors.network.card import Card
from ndoki.detectors.network.detector import NetworkDetector, network_from
from ndoki.detectors.network.verifier import Verifier
from ndoki.training.between import between
from ndoki.training.grow import widened_verifier
from ndoki.training.material import build_materials
from ndoki.training.reopen import reopened_verifier
from ndoki.training.run import Workplace, made, mark
from ndoki.training.verifier_loop import finished_verifier, train_verifier
from ndoki.training.verifier_network import VerifierNet, exported_verifier
from ndoki.training.verifier_recipe import VerifierRecipe
from ndoki.training.views import Views, build_views

__all__ = ["card_with", "fit_verifier", "make_views"]

_log = logging.getLogger(__name__)
_SOME_VIEWS = 500
"""Views by which a file's normalisations are measured anew."""


def make_views(recipe: VerifierRecipe, networks: Sequence[NetworkDetector], place: Workplace) -> Views:
    """The views of a recipe: read from the cache, or made."""
    folder = place.cache / f"views-{recipe.views_digest[:12]}-{_named(recipe, networks, place)}"
    if not folder.exists():
        _log.info("making views of %d examples", recipe.views.n_examples)
        materials = build_materials(recipe.examples_of, place.manifest)
        place.cache.mkdir(parents=True, exist_ok=True)
        build_views(materials, networks, recipe, n_processes=place.n_processes).save(folder)
    _log.info("using the views in %s", folder)
    return Views.load(folder)


def _named(recipe: VerifierRecipe, networks: Sequence[NetworkDetector], place: Workplace) -> str:
    heard_by = "".join(network.id.digest[:4] for network in networks)
    return f"{manifest_digest(place.manifest)[:12]}{mark(recipe.examples_of)}-{heard_by}"


def _usable(views: Views, recipe: VerifierRecipe, fold: int | None) -> npt.NDArray[np.int64]:
    """Views to learn from; as `ndoki.training.run.usable_examples` says of examples."""
    network = recipe.examples_of
    if not network.pool.field:
        return np.arange(len(views))
    if fold is None:
        return np.flatnonzero(views.cell < network.n_folds)
    return np.flatnonzero(views.cell % network.n_folds != fold)


def fit_verifier(
    recipe: VerifierRecipe,
    networks: Sequence[NetworkDetector],
    fold: int | None,
    place: Workplace,
    *,
    start: NetworkDetector | None = None,
) -> Verifier:
    """Train a verifier for all folds but one; with None, for the whole training split.

    Parameters
    ----------
    networks
        Those of all folds, in order; or one, which then has learned from other examples of the same kinds.
    start
        One with the verifier of the recipe's base, to go on from; the base is trained where there is none.

    Raises
    ------
    ConfigError
        The number of networks is wrong, they take other frames than the recipe's, or ``start`` has no
        verifier, or another than the recipe's base.
    """
    network = recipe.examples_of
    if len(networks) not in {1, network.n_folds} or (len(networks) == 1 and network.pool.field):
        raise ConfigError(f"{len(networks)} network(s) for {network.n_folds} folds")
    if any((one.card.mel, one.card.floor) != (network.mel, network.floor) for one in networks):
        raise ConfigError("the networks take other frames than those of the recipe")
    begun = None if start is None else _verifier_to_go_on_from(start, recipe)
    return _fitted(recipe, networks, fold, place, begun)


def _fitted(
    recipe: VerifierRecipe,
    networks: Sequence[NetworkDetector],
    fold: int | None,
    place: Workplace,
    begun: Verifier | None = None,
) -> Verifier:
    """What a recipe's training ends with, or what lies between that and where it began."""
    base = recipe.base
    if begun is None and base is not None and (base.kept_share or recipe.kept_share):
        begun = _fitted(base, _heard_by(base, networks, place), fold, place)
    content = exported_verifier(_trained(recipe, networks, fold, place, begun), recipe)
    if begun is not None and recipe.kept_share:
        content = between(_as_wide(begun, recipe), content, recipe.kept_share)
    return Verifier.opened(content, recipe.spec)


def _as_wide(begun: Verifier, recipe: VerifierRecipe) -> bytes:
    """Content of the file of the verifier that a recipe's training begins with."""
    if recipe.base is None or recipe.base.channels == recipe.channels:
        return begun.content
    view = recipe.spec.view
    # What its normalisations are given drops out again in the file, so any views will do.
    silence = np.zeros((2, view.n_frames, view.mel.n_mels), np.int8)
    return exported_verifier(reopened_verifier(begun, recipe, silence), recipe)


def _trained(
    recipe: VerifierRecipe,
    networks: Sequence[NetworkDetector],
    fold: int | None,
    place: Workplace,
    begun: Verifier | None = None,
) -> VerifierNet:
    """The end of a recipe's training, from its base's or from a verifier; one that is done is only read.

    One that never heard the field has no folds: it serves all.
    """
    which = "all" if fold is None or not recipe.examples_of.pool.field else f"{fold}"
    since = "" if begun is None else f"-{hashlib.sha256(begun.content).hexdigest()[:8]}"
    name = f"verifier-{which}-{recipe.digest[:12]}-{_named(recipe, networks, place)}{since}.pt"
    checkpoint, base = place.cache / name, recipe.base
    kept = finished_verifier(checkpoint, recipe)
    if kept is not None:
        return kept
    start_from = None
    if begun is None and base is not None:
        start_from = widened_verifier(_trained(base, _heard_by(base, networks, place), fold, place), recipe)
    views = make_views(recipe, networks, place)
    usable = _usable(views, recipe, fold)
    if begun is not None:
        some = usable[:: max(1, len(usable) // _SOME_VIEWS)]
        start_from = reopened_verifier(begun, recipe, views.view[some])
    return train_verifier(views, usable, recipe, checkpoint=checkpoint, start_from=start_from)


def _verifier_to_go_on_from(start: NetworkDetector, recipe: VerifierRecipe) -> Verifier:
    told = start.card.provenance.get("verifier")
    # Read as a recipe: what there was not yet when the card was written is off.
    made_by = None if told is None else from_table(VerifierRecipe, told, "the verifier's recipe")
    if start.verifier is None or made_by is None or made_by != recipe.base:
        raise ConfigError("the network's verifier is not of the recipe that this one continues")
    return start.verifier


def _heard_by(
    base: VerifierRecipe, networks: Sequence[NetworkDetector], place: Workplace
) -> Sequence[NetworkDetector]:
    """Who says which places are worth a look: for a base without the field, a network without it."""
    network = base.examples_of
    if network.pool.field:
        return networks
    content = made(network, None, place)
    return [network_from(content, f"the network of {network.name}, which never heard the field")]


def as_json(recipe: VerifierRecipe) -> dict[str, Any]:
    """A recipe as a card holds it."""
    values: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return values


def card_with(card: Card, recipe: VerifierRecipe) -> Card:
    """A network's card without calibration, which names the verifier's recipe too."""
    provenance = card.provenance | {"verifier": as_json(recipe)}
    return replace(card.uncalibrated, provenance=provenance)
