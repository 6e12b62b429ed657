"""A recipe: everything that a trained detector depends on, in one TOML file."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ndoki.core.config import from_table, read_toml
from ndoki.core.errors import ConfigError
from ndoki.datasets.example_spec import ExampleSpec
from ndoki.datasets.simulate.ranges import SimulationRanges
from ndoki.features.floor import FloorSpec
from ndoki.features.mel import MelSpec
from ndoki.training.loop import LoopSpec
from ndoki.training.network import NetworkSpec
from ndoki.training.targets import LABELS

__all__ = [
    "MinedSpec",
    "PoolSpec",
    "Recipe",
    "check_kept_share",
    "framed",
    "read_recipe",
    "refuse_keeping_nothing",
]

_LATER = (
    "hollow_share",
    "low_cut_db_per_octave",
    "low_cut_hz",
    "low_cut_share",
    "regular_series_share",
    "struck_audible_m",
)
"""What the simulated world got after networks had learned in it. Where it is off, the world is the old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSpec:
    """How many examples are made, and what they are made of.

    Parameters
    ----------
    n_examples
        Examples in the pool.
    confusers_left_out
        Labels that are never used: a firework or an explosion, heard from afar, is the physics of a shot.
    field
        Whether recordings of the field are used, its shots and its backgrounds. Without them all shots are
        simulated, backgrounds are open recordings and synthetic forests, and there are no folds.
    open_share
        Share of all backgrounds drawn, beside the field's, that are open recordings, in [0, 1). They are few
        and long, and of other forests: without them a network forgets what a river sounds like.
    """

    n_examples: int = 24000
    confusers_left_out: tuple[str, ...] = ("explosion", "fireworks")
    field: bool = True
    open_share: float = 0.25

    def __post_init__(self) -> None:
        if not 0 <= self.open_share < 1:
            raise ConfigError(
                f"open_share = {self.open_share} of backgrounds: expected a number from 0 up to below 1"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class MinedSpec:
    """False alarms of earlier networks, from which to learn that they are none of a shot.

    Parameters
    ----------
    clips
        Lists that `ndoki mine` wrote, one per round; paths from the folder that the command runs in.
    share
        Share of all backgrounds drawn for examples that are mined clips, in [0, 1).
    """

    clips: tuple[str, ...] = ()
    share: float = 0.3

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1:
            raise ConfigError(f"share = {self.share} of mined clips: expected a number from 0 up to below 1")

    @property
    def paths(self) -> tuple[Path, ...]:
        """Where the lists lie."""
        return tuple(map(Path, self.clips))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A complete recipe.

    Parameters
    ----------
    name
        Name of the detector.
    seed
        Of every random draw.
    n_folds
        Folds for cross-validation; a group's fold follows from its name.
    base
        Recipe whose network this one goes on from; in the file: ``continues = "other.toml"``.
    kept_share
        Share, in [0, 1), of the weights that it goes on from in those that come out; the rest is that of the
        weights at its end (`ndoki.training.between`).
    """

    name: str
    seed: int = 1
    n_folds: int = 5
    mel: MelSpec = field(default_factory=MelSpec)
    floor: FloorSpec = field(default_factory=FloorSpec)
    network: NetworkSpec = field(default_factory=NetworkSpec)
    pool: PoolSpec = field(default_factory=PoolSpec)
    examples: ExampleSpec = field(default_factory=ExampleSpec)
    simulation: SimulationRanges = field(default_factory=SimulationRanges)
    loop: LoopSpec = field(default_factory=LoopSpec)
    mined: MinedSpec = field(default_factory=MinedSpec)
    base: "Recipe | None" = None
    kept_share: float = 0.0

    def __post_init__(self) -> None:
        check_kept_share(self.kept_share)
        if self.base is not None:
            self._check_goes_on_from(self.base)
        if self.network.n_mels != self.mel.n_mels:
            raise ConfigError(
                f"the network takes {self.network.n_mels} bands but the frames have {self.mel.n_mels}"
            )
        if self.network.n_labels != len(LABELS):
            raise ConfigError(f"the network must have one output per label: n_labels = {len(LABELS)}")

    def _check_goes_on_from(self, base: "Recipe") -> None:
        if (framed(base.mel), base.floor) != (framed(self.mel), self.floor):
            raise ConfigError("a recipe that continues another needs the same frames and floor")
        own, before = self.network, base.network
        as_wide = replace(own, width=before.width, front_channels=before.front_channels)
        channels = zip((*own.front_channels, own.width), (*before.front_channels, before.width), strict=True)
        if as_wide != before or any(now < then for now, then in channels):
            raise ConfigError("a recipe that continues another needs its network, or one with more channels")

    @property
    def digest(self) -> str:
        """SHA-256 over all values."""
        return _digest(_values(self))

    @property
    def pool_digest(self) -> str:
        """SHA-256 over the values that the pool depends on."""
        parts = ("seed", "n_folds", "mel", "floor", "pool", "examples", "simulation", "mined")
        return _digest({part: value for part, value in _values(self).items() if part in parts})


def framed(mel: MelSpec) -> MelSpec:
    """How frames are cut and bands lie: all but the power floor, from which loud sound looks the same."""
    return replace(mel, power_floor=MelSpec().power_floor)


def check_kept_share(kept_share: float) -> None:
    """Refuse a share of weights that cannot be kept.

    Raises
    ------
    ConfigError
        It is not in [0, 1).
    """
    if not 0 <= kept_share < 1:
        raise ConfigError(f"kept_share = {kept_share} of weights: expected a number from 0 up to below 1")


def refuse_keeping_nothing(path: Path, kept_share: float) -> None:
    """Refuse to keep a share of weights where a recipe goes on from none.

    Raises
    ------
    ConfigError
        There is such a share.
    """
    if kept_share:
        raise ConfigError(f"{path}: kept_share is of weights to go on from; name their recipe by 'continues'")


def _values(recipe: Recipe) -> dict[str, Any]:
    """All values, without what a recipe that mines or keeps nothing says of it, and `_LATER` where it is off.

    So the networks and examples of such a recipe are found again that were made before there was any of it.
    """
    off = asdict(SimulationRanges())
    values = part = asdict(recipe)
    while part is not None:
        if not part["mined"]["clips"]:
            del part["mined"]
        if not part["kept_share"]:
            del part["kept_share"]
        for name in _LATER:
            if part["simulation"][name] == off[name]:
                del part["simulation"][name]
        part = part["base"]
    return values


def _digest(values: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def read_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises
    ------
    ConfigError
        A file that cannot be read, an unknown key (the nearest known one is named), an impossible value.
    """
    table = read_toml(path)
    continued = table.pop("continues", None)
    recipe = from_table(Recipe, table, str(path))
    if continued is None:
        refuse_keeping_nothing(path, recipe.kept_share)
        return recipe
    return replace(recipe, base=read_recipe(path.parent / str(continued)))
