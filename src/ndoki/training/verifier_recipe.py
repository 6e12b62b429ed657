"""What a verifier depends on, in one TOML file."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from ndoki.core.config import from_table, read_toml
from ndoki.core.errors import ConfigError
from ndoki.detectors.network.verifier import VerifierSpec
from ndoki.features.close_up import CloseUpSpec
from ndoki.training.recipe import (
    Recipe,
    check_kept_share,
    framed,
    read_recipe,
    refuse_keeping_nothing,
)

__all__ = ["VerifierLoop", "VerifierRecipe", "ViewsSpec", "read_verifier_recipe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewsSpec:
    """Which places in training examples a verifier learns from.

    Parameters
    ----------
    n_examples
        Examples, of some seconds each.
    most
        Places per example.
    least_score
        Places that the network scores below this are not taken, but for shots that it missed.
    easy_score, easy_share
        Of false alarms fainter than the one, only so many are taken: they are many, and the verifier is not
        asked about them.
    missed
        Shots that the network missed, per example.
    """

    n_examples: int = 60000
    most: int = 6
    least_score: float = 0.05
    easy_score: float = 0.15
    easy_share: float = 0.3
    missed: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierLoop:
    """Schedule of the training.

    Parameters
    ----------
    n_steps, batch_size
        Optimiser steps, and places in each.
    shot_share, hard_share
        Of a batch: shots, and false alarms of ``easy_score`` and more. The rest are easy ones.
    learning_rate, weight_decay, average_decay
        Of AdamW, and of the running average of the weights, which is what is exported.
    shift_frames
        Furthest that a view is moved in time: a detector's frame is not the onset.
    mask_share
        How often the highest bands of a view are hidden, or the lowest (recorders differ).
    dropout
        In front of the last layers.
    smoothing
        Targets are this far from 0 and 1.
    """

    n_steps: int = 5000
    batch_size: int = 96
    shot_share: float = 0.45
    hard_share: float = 0.35
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    average_decay: float = 0.998
    shift_frames: int = 3
    mask_share: float = 0.3
    dropout: float = 0.3
    smoothing: float = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierRecipe:
    """A complete recipe.

    Parameters
    ----------
    examples_of
        Recipe of the network, whose examples the verifier learns from too, drawn with another seed; in the
        file: ``examples_of = "other.toml"``.
    channels
        Of the four convolutions over time and frequency and the one over time; in no layer fewer than the
        base has, and as many where the file does not say.
    base
        Recipe whose verifier this one goes on from, with views of the same kind; in the file:
        ``continues = "other.toml"``.
    kept_share
        Share, in [0, 1), of the weights that it goes on from in those that come out; the rest is that of the
        weights at its end (`ndoki.training.between`).
    """

    examples_of: Recipe = field(default_factory=lambda: Recipe(name="gunshot"))
    seed: int = 4
    channels: tuple[int, ...] = (16, 32, 48, 64, 96)
    spec: VerifierSpec = field(default_factory=VerifierSpec)
    views: ViewsSpec = field(default_factory=ViewsSpec)
    loop: VerifierLoop = field(default_factory=VerifierLoop)
    base: "VerifierRecipe | None" = None
    kept_share: float = 0.0

    def __post_init__(self) -> None:
        check_kept_share(self.kept_share)
        if len(self.channels) != 5 or self.spec.view.n_frames % 16:
            raise ConfigError("a verifier has five numbers of channels, and views of a multiple of 16 frames")
        if self.base is None:
            return
        if _framed(self.base.spec.view) != _framed(self.spec.view):
            raise ConfigError("a recipe that continues another needs the same views")
        if any(own < others for own, others in zip(self.channels, self.base.channels, strict=True)):
            raise ConfigError("a recipe that continues another needs as many channels as that, or more")

    @property
    def views_digest(self) -> str:
        """SHA-256 over what the views depend on."""
        values = (self.examples_of.pool_digest, self.seed, asdict(self.spec.view), asdict(self.views))
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    @property
    def n_steps_before(self) -> int:
        """Steps of its bases on the very same views: this stage draws other batches from them."""
        if self.base is None or self.base.views_digest != self.views_digest:
            return 0
        return self.base.n_steps_before + self.base.loop.n_steps

    @property
    def digest(self) -> str:
        """SHA-256 over all values that the trained weights depend on."""
        values: tuple[object, ...] = (self.views_digest, self.channels, asdict(self.loop))
        if self.base is not None:
            values += (self.base.digest,)
        if self.kept_share:
            values += (self.kept_share,)
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _framed(view: CloseUpSpec) -> CloseUpSpec:
    return replace(view, mel=framed(view.mel))


def read_verifier_recipe(path: Path) -> VerifierRecipe:
    """Read a recipe.

    Raises
    ------
    ConfigError
        A file that cannot be read, an unknown key (the nearest known one is named), an impossible value.
    """
    table = read_toml(path)
    named = table.pop("examples_of", None)
    if named is None:
        raise ConfigError(f"{path}: the key 'examples_of' is missing; it names the recipe of the network")
    continued = table.pop("continues", None)
    recipe = from_table(VerifierRecipe, table, str(path))
    base = None
    if continued is None:
        refuse_keeping_nothing(path, recipe.kept_share)
    else:
        base = read_verifier_recipe(path.parent / str(continued))
        if "channels" not in table:
            recipe = replace(recipe, channels=base.channels)
    return replace(recipe, examples_of=read_recipe(path.parent / str(named)), base=base)
