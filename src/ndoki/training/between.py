"""Weights between those of two files: where a training began, and where it ended.

There lie weights that know what was learned last about as well as those of the end, and what they will only
meet elsewhere better than either (M. Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022;
P. Izmailov et al., Averaging weights leads to wider optima and better generalization, UAI 2018).
"""

import numpy as np
import onnx
from onnx import numpy_helper

from ndoki.core.errors import ConfigError
from ndoki.training.reopen import stored_weights

__all__ = ["between"]


def between(before: bytes, behind: bytes, kept_share: float) -> bytes:
    """Content of the ONNX file whose every weight is ``kept_share · before + (1 − kept_share) · behind``.

    In a file normalisations are part of the weights before them, so there are no others to measure anew.

    Parameters
    ----------
    before, behind
        Contents of two files that the same network was written to.
    kept_share
        In [0, 1].

    Raises
    ------
    ConfigError
        The files are of networks of different shapes.
    """
    model = onnx.load_model_from_string(behind)
    old, new = stored_weights(onnx.load_model_from_string(before)), stored_weights(model)
    if [one.dims for one in old] != [one.dims for one in new]:
        raise ConfigError("weights between those of two networks of different shapes were asked for")
    for one, other in zip(new, old, strict=True):
        kept, learned = numpy_helper.to_array(other), numpy_helper.to_array(one)
        mixed = kept_share * kept.astype(np.float64) + (1 - kept_share) * learned
        one.CopyFrom(numpy_helper.from_array(mixed.astype(learned.dtype), one.name))
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised
