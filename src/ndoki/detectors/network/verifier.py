"""A second opinion on what the network finds, from a close-up of the sound.

A cascade, as in P. Viola and M. Jones, Rapid object detection using a boosted cascade of simple features,
CVPR 2001: the network hears everything, cheaply and coarsely; the verifier hears the few places that the
network takes for a shot, in detail. Their logits are averaged.
"""

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import onnxruntime

from ndoki.core.types import Floats
from ndoki.detectors.network.part import part_from, part_to
from ndoki.detectors.network.session import open_session
from ndoki.features.close_up import CloseUpSpec, close_ups
from ndoki.features.mel import MelSpec

__all__ = ["Verifier", "VerifierSpec", "logit", "verifier_from_metadata", "verifier_to_metadata"]

_NAME, _FORMAT = "verifier", 1
_LEAST, _MOST = 1e-4, 1 - 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierSpec:
    """How a verifier is asked, and how far it is believed.

    Attributes
    ----------
    view
        What it is shown.
    least_score
        The network's raw score from which on it is asked.
    weight
        Of its logit; the rest, up to 1, is that of the network's.
    """

    view: CloseUpSpec = field(default_factory=CloseUpSpec)
    least_score: float = 0.3
    weight: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verifier:
    """A verifier, ready to run.

    Attributes
    ----------
    spec
        How it is asked.
    content
        Its ONNX file: input (batch, n_frames, n_mels), output (batch,) logits.
    session
        That file, open.
    """

    spec: VerifierSpec
    content: bytes
    session: onnxruntime.InferenceSession

    @staticmethod
    def opened(content: bytes, spec: VerifierSpec) -> "Verifier":
        """From the content of its ONNX file."""
        return Verifier(spec=spec, content=content, session=open_session(content))

    def logits(self, samples: Floats, first_sample: int, places: Sequence[int]) -> Floats:
        """How likely a shot begins at some places; see `ndoki.features.close_up.close_up`.

        Parameters
        ----------
        places
            Samples of the recording at the close-up's rate, ascending.
        """
        # One at a time: a sum's order, and so its last bit, may depend on what else is in a batch.
        views = close_ups(samples, first_sample, places, self.spec.view)
        found = [self.session.run(None, {"view": view[None]})[0][0] for view in views]
        return np.array(found, np.float32)

    def joined(self, score: Floats, logits: Floats) -> Floats:
        """The network's raw scores and the verifier's logits → raw scores; all float32, shape (n,)."""
        share = np.float32(self.spec.weight)
        both = (1 - share) * logit(score) + share * logits
        return np.asarray(1 / (1 + np.exp(-both)), np.float32)


def logit(score: Floats) -> Floats:
    """Log odds of scores, which are taken to lie between 0.0001 and 0.9999."""
    kept = np.clip(score, _LEAST, _MOST)
    return np.asarray(np.log(kept / (1 - kept)), np.float32)


def verifier_to_metadata(verifier: Verifier | None) -> dict[str, str]:
    """Key and value for an ONNX file's metadata; nothing for None."""
    if verifier is None:
        return {}
    network = base64.b64encode(verifier.content).decode("ascii")
    return part_to(_NAME, _FORMAT, {"spec": asdict(verifier.spec), "network": network})


def verifier_from_metadata(metadata: dict[str, str], source: str) -> Verifier | None:
    """Inverse of `verifier_to_metadata`; None for a file without a verifier.

    Raises
    ------
    ModelError
        The verifier is damaged or of another format.
    """
    return part_from(metadata, _NAME, _FORMAT, source, _verifier_of)


def _verifier_of(values: dict[str, Any]) -> Verifier:
    view = CloseUpSpec(**values["spec"]["view"] | {"mel": MelSpec(**values["spec"]["view"]["mel"])})
    spec = VerifierSpec(**values["spec"] | {"view": view})
    return Verifier.opened(base64.b64decode(values["network"]), spec)
