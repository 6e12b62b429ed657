"""Description of a frame → evidence that a shot begins there, by a small network of plain matrix products."""

import io
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from zipfile import BadZipFile

import numpy as np

from ndoki.core.errors import ModelError
from ndoki.core.types import Floats
from ndoki.features.attack import N_INPUTS

__all__ = ["SHIPPED", "ShotModel", "load_shot_model", "read_shot_model", "shot_model_bytes"]

SHIPPED = "shots.npz"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShotModel:
    """A network of fully connected layers with rectified units.

    Attributes
    ----------
    weights, biases
        float32, per layer (n_in, n_out) and (n_out,); the first takes `ndoki.features.attack.N_INPUTS`
        numbers, the last gives one.
    """

    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]

    def log_odds(self, inputs: Floats) -> Floats:
        """Evidence per frame.

        Parameters
        ----------
        inputs
            float32, shape (n, `ndoki.features.attack.N_INPUTS`).

        Returns
        -------
        float32, shape (n,)
            Natural logarithm of how much likelier this is where a shot begins than where none does.
        """
        values = inputs
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = values @ weight + bias
            if i + 1 < len(self.weights):
                values = np.maximum(values, np.float32(0))
        return np.asarray(values[:, 0], np.float32)


def shot_model_bytes(model: ShotModel) -> bytes:
    """The model as an ``npz`` file."""
    buffer = io.BytesIO()
    layers = enumerate(zip(model.weights, model.biases, strict=True))
    arrays = {name: value for i, (w, b) in layers for name, value in ((f"weight{i}", w), (f"bias{i}", b))}
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def read_shot_model(data: bytes) -> ShotModel:
    """The model that `shot_model_bytes` wrote.

    Raises
    ------
    ModelError
        The bytes are no such file, or its model takes other numbers than `N_INPUTS`.
    """
    try:
        with np.load(io.BytesIO(data)) as found:
            n = len(found.files) // 2
            weights = tuple(found[f"weight{i}"] for i in range(n))
            biases = tuple(found[f"bias{i}"] for i in range(n))
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise ModelError(f"the model of shots cannot be read ({error}); install Ndoki again") from error
    if not weights or len(weights[0]) != N_INPUTS:
        raise ModelError(f"the model of shots does not take {N_INPUTS} numbers; install Ndoki again")
    return ShotModel(weights=weights, biases=biases)


@lru_cache(maxsize=1)
def load_shot_model() -> ShotModel:
    """The model that comes with Ndoki.

    Raises
    ------
    ModelError
        Its file is missing or damaged.
    """
    try:
        data = files("ndoki").joinpath("models", SHIPPED).read_bytes()
    except OSError as error:
        raise ModelError(f"the shipped {SHIPPED} cannot be read ({error}); install Ndoki again") from error
    return read_shot_model(data)
