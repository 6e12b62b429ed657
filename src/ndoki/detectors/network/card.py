"""What an ONNX file says of itself: everything besides the weights that changes a score."""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ndoki.core.errors import ModelError
from ndoki.features.floor import FloorSpec
from ndoki.features.mel import MelSpec

__all__ = ["Card", "from_metadata", "to_metadata"]

_KEY = "ndoki"
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The machine-readable half of a model card.

    Attributes
    ----------
    name
        Name of the detector.
    mel, floor
        How its input is made.
    labels
        Its score columns; the first is the onset of what it looks for.
    before_frames, after_frames
        Receptive field of the network on its input frames: before the first and behind the last frame of a
        step.
    step_frames
        Frames that the network answers for at a time; its steps begin at multiples of it.
    calibration
        Points (raw score, calibrated score), both rising; straight lines in between.
    operating_points
        Thresholds on the calibrated score by name.
    provenance
        What it was trained on and how: recipe, manifest digest, figures, licence, attribution.
    """

    name: str
    mel: MelSpec
    floor: FloorSpec
    labels: tuple[str, ...]
    before_frames: int
    after_frames: int
    step_frames: int = 1
    calibration: tuple[tuple[float, float], ...] = ((0.0, 0.0), (1.0, 1.0))
    operating_points: dict[str, float] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def uncalibrated(self) -> "Card":
        """The same, for a network whose scores are not what they were."""
        return replace(self, calibration=((0.0, 0.0), (1.0, 1.0)), operating_points={})


def to_metadata(card: Card) -> dict[str, str]:
    """Key and value for an ONNX file's metadata."""
    return {_KEY: json.dumps({"format": FORMAT, **asdict(card)}, sort_keys=True)}


def from_metadata(metadata: dict[str, str], source: str) -> Card:
    """Inverse of `to_metadata`.

    Raises
    ------
    ModelError
        The file carries no card, one of another format, or one with missing or impossible entries.
    """
    if _KEY not in metadata:
        raise ModelError(f"{source}: an ONNX file, but not one of Ndoki's (it has no 'ndoki' metadata)")
    try:
        values = dict(json.loads(metadata[_KEY]))
        if values.pop("format") != FORMAT:
            raise ModelError(
                f"{source}: written by another version of Ndoki; update Ndoki or export the model again"
            )
        values["mel"] = MelSpec(**values["mel"])
        values["floor"] = FloorSpec(**values["floor"])
        values["labels"] = tuple(values["labels"])
        values["calibration"] = tuple((float(x), float(y)) for x, y in values["calibration"])
        return Card(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{source}: its 'ndoki' metadata is damaged ({error}); take the file from its source again"
        ) from error
