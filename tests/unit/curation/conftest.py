"""Shot-free sound for mining: a forest in which simulated shots stand for what a network wrongly reports."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

ONSETS_S = (5.0, 14.0, 23.0, 32.0)


@pytest.fixture(scope="session")
def looks_shot_free(forest: Callable[..., np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 40 s recording with something at 5, 14, 23 and 32 s that the shipped network takes for shots."""
    path = tmp_path_factory.mktemp("card") / "nn03a_20180817_060000.wav"
    soundfile.write(path, forest(40.0, ONSETS_S, snr_db=20.0), 8000, subtype="PCM_16")
    return path
