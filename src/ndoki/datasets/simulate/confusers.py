"""Sounds that a detector may take for a shot, by name."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ndoki.core.errors import ConfigError
from ndoki.core.types import Floats
from ndoki.datasets.simulate.animals import alarm_call, bee, frog, insect_onset
from ndoki.datasets.simulate.impulses import (
    branch_crack,
    buttress_drum,
    cable_knock,
    chop,
    double_knock,
    footsteps,
    fruit_fall,
    hollow_knock,
    raindrop,
    tick,
    tree_fall,
    woodpecker,
)
from ndoki.datasets.simulate.weather import thunder_far, thunder_near, wind_gust

__all__ = ["AT_THE_RECORDER", "CONFUSERS", "HOLLOW", "render_confuser"]

_MAKERS: dict[str, Callable[[np.random.Generator, int], npt.NDArray[np.float64]]] = {
    "alarm_call": alarm_call,
    "bee": bee,
    "branch_crack": branch_crack,
    "buttress_drum": buttress_drum,
    "cable_knock": cable_knock,
    "chop": chop,
    "double_knock": double_knock,
    "footsteps": footsteps,
    "frog": frog,
    "fruit_fall": fruit_fall,
    "insect_onset": insect_onset,
    "raindrop": raindrop,
    "thunder_far": thunder_far,
    "thunder_near": thunder_near,
    "tick": tick,
    "tree_fall": tree_fall,
    "wind_gust": wind_gust,
    "woodpecker": woodpecker,
}

CONFUSERS = tuple(_MAKERS)
"""What a simulated day may hold, every kind as often as any other."""

HOLLOW = "hollow_knock"
"""Beside them: `SimulationRanges.hollow_share` says how often training examples hold it."""

_ALL_MAKERS = _MAKERS | {HOLLOW: hollow_knock}

AT_THE_RECORDER = ("bee", "cable_knock", "raindrop", "tick", "wind_gust")
"""Kinds that arise at the recorder itself: no forest lies between, and none must be simulated."""


def render_confuser(kind: str, rng: np.random.Generator, rate_hz: int) -> Floats:
    """One look-alike as it sounds near its source (thunder: as it arrives).

    Parameters
    ----------
    kind
        One of `CONFUSERS`, or `HOLLOW`.
    rng, rate_hz
        Chance, and the sample rate of the result.

    Returns
    -------
    ndarray
        float32, shape (n,), 0.1 to 14 s, largest magnitude 1. The kinds not in `AT_THE_RECORDER` should pass
        through `ndoki.datasets.simulate.scene.send`, as shots do.

    Raises
    ------
    ConfigError
        If the kind is unknown.
    """
    if kind not in _ALL_MAKERS:
        raise ConfigError(f"confuser {kind!r} is unknown; known are {', '.join(_ALL_MAKERS)}")
    wave = _ALL_MAKERS[kind](rng, rate_hz)
    return np.asarray(wave / max(float(np.max(np.abs(wave))), 1e-12), np.float32)
