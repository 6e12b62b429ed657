"""A few matrix products, and their file."""

import numpy as np
import pytest

from ndoki.core.errors import ModelError
from ndoki.features.attack import N_INPUTS
from ndoki.firing.model import ShotModel, load_shot_model, read_shot_model, shot_model_bytes


def model(n_inputs: int = N_INPUTS) -> ShotModel:
    """1 − |first input|, by two rectified units."""
    weight = np.zeros((n_inputs, 2), np.float32)
    weight[0] = (1, -1)
    return ShotModel(
        weights=(weight, np.array([[-1], [-1]], np.float32)),
        biases=(np.zeros(2, np.float32), np.ones(1, np.float32)),
    )


def test_the_log_odds_by_hand():
    inputs = np.zeros((3, N_INPUTS), np.float32)
    inputs[:, 0] = (0.25, -0.5, 3.0)
    assert model().log_odds(inputs).tolist() == [0.75, 0.5, -2.0]


def test_a_file_gives_the_model_back():
    back = read_shot_model(shot_model_bytes(model()))
    for ours, theirs in zip(model().weights + model().biases, back.weights + back.biases, strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize(
    "data",
    [b"", b"no model", shot_model_bytes(model())[:-200], shot_model_bytes(model(N_INPUTS - 1))],
    ids=["empty", "text", "cut off", "other inputs"],
)
def test_what_is_no_model_is_refused(data):
    with pytest.raises(ModelError, match="install Ndoki again"):
        read_shot_model(data)


def test_the_shipped_model_takes_what_describes_a_frame():
    said = load_shot_model().log_odds(np.zeros((2, N_INPUTS), np.float32))
    assert said.shape == (2,)
    assert np.isfinite(said).all()
